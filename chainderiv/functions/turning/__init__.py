"""Where two expressions meet: every zero of their difference, proved, and the branches that follow; no text is read."""
