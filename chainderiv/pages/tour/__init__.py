"""The tour: one page with the formula, the map, the verification and a training."""
