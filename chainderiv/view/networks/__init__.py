"""Figures of trained networks: norms and accuracy over epochs and depth."""
