"""One module per command: `declare` states its options, `run` calls the package and prints or saves; no mathematics."""
