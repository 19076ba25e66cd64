"""The gradient in random networks of a given width: what is sure in the limit, and the spread around it."""
