"""Backpropagation at full width, by index algebra; chainderiv.symbolic.layers is its face."""
