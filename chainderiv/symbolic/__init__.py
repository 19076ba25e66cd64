"""Exact mathematics (SymPy alone; no NumPy)."""
