"""Backpropagation at full width by index algebra; layers.py is the face; how symbols are written is in notation/."""
