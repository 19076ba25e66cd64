"""Exact mathematics of chains and layers: SymPy alone, no NumPy and no floating point."""
