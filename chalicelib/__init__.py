"""All that is deployed besides app.py."""
