"""What a neuron and a cost are: one defining formula each, and what follows from it alone; no layer, no NumPy."""
