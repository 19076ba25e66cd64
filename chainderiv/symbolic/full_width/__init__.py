"""Backpropagation at full width by index algebra; layers.py is the face, and how it is written is in notation/."""
