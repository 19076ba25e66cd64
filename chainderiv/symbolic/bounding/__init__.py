"""What stands behind bounds: critical points isolated with proof, exact numbers, roots; symbolic.bounds is the face."""
