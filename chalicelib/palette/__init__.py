"""The types of nodes as a canvas shows them."""
