"""The command `stepgraph`: the API for people at a terminal. It speaks HTTP to the API and imports nothing of it."""
