"""One gradient at given points: orbit, product, conditioning; no grid, no file."""
