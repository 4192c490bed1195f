"""The one-machine stack; never deployed."""
