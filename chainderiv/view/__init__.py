"""Figures: results in, Axes out; no page, no file but a picture, no result of its own."""
