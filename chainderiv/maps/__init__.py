"""A gradient over a grid: axes, plans, sweeps, regimes; the numbers come from numeric/, the colours are not here."""
