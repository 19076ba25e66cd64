"""Who else maps: each file holds one way, as a good user of that library or language would write it.

A peer is a function of a Map that returns a Run: what is to be timed, from axes or points in memory to new arrays of
sign and logarithm, or of the gradient alone.
"""
