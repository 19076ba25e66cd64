"""Chains of one neuron a layer with random weights: products of random links."""
