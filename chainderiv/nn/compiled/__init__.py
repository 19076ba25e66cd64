"""Training compiled from the formulas of neuron and cost; nn/network.py is its oracle, and nothing else asks for it."""
