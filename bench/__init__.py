"""How fast the one-machine stack is: `python -m bench` prints one JSON line a figure."""
