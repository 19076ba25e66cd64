"""Maps on disk and back: tiles, what a map says of itself, exports; computes no gradient."""
