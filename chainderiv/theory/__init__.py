"""Random weights: what is expected of wide networks and of random chains before one is drawn; nothing is sampled."""
