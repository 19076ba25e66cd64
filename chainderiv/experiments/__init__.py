"""Published experiments: each file named after one asks one question over many seeds, draws and tells it; no page."""
