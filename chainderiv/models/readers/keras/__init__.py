"""Keras' files: a configuration and weights, of which a graph is made without the model being loaded."""
