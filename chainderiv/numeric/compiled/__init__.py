"""The compiled engine: a kernel generated from an activation's formulas, and the walk over the layers around it."""
