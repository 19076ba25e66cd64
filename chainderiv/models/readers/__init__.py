"""Readers: a file or a live model becomes a graph of operators, and nothing in it is executed."""
