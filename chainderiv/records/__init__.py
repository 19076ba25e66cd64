"""What was measured of a training, in memory, on disk and back; trains nothing."""
