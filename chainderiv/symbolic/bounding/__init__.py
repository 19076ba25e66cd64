"""What a link can do: suprema, crossings, intervals, each proved; bounds.py is the face."""
