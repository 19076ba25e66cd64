"""|z| <= 1e4, dense: around 0, where the functions turn, and out to where they saturate."""

import numpy as np


def spread():
    """About 700 points, ascending: -1e4, ±1e-12, 0 and 1e4 among them."""
    rng = np.random.default_rng(7)
    sizes = np.concatenate([np.geomspace(1e-12, 1e4, 129), rng.uniform(0, 40, 100), rng.uniform(0, 1e4, 60), [700.0, 709.5,
                            710.0, 745.0, 746.0, 1e4, 1.0, 0.5]])  # fmt: skip
    # the zeros of φ' of gelu, silu and mish, and where their φ' passes 1, are among what is drawn more densely here
    middle = np.linspace(-4, 4, 161)
    return np.unique(np.concatenate([-sizes, sizes, middle, [0.0]]))


SPREAD = spread()
