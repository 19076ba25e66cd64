"""Training compiled from the formulas of the neuron and the cost; chainderiv.nn.network is its oracle."""
