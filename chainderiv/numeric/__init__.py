"""Numbers from formulas."""
