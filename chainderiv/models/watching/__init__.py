"""Watching: what the gradients of a network's parameters are while somebody else's program trains it."""
