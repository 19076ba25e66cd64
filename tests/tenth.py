"""The tenth of the slow tests that CI runs: drawn anew with each seed, and the same again with the same one."""

from hashlib import blake2b


def is_drawn(name, seed):
    """Whether a test is in the tenth that a seed draws, in any process and whatever else is selected."""
    return place(name, seed) % 10 == 0


def place(name, seed):
    """A number by which names come in an order of the seed's own."""
    return int.from_bytes(blake2b(f"{seed} {name}".encode(), digest_size=8).digest())
