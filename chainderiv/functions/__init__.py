"""What a neuron and a cost are: one defining formula each."""
