"""Sockets, keys and the loop.  What can be decided without them is decided in the core."""
