"""Data that fit a network."""

from __future__ import annotations

from chainderiv.errors import BadShape, BadValue
from chainderiv.kinds import Array
from chainderiv.nn.checks import image_rows, target_rows
from chainderiv.nn.data.data import Split
from chainderiv.nn.network import Network


def fitting(net: Network, part: Split, name: str) -> tuple[Array, Array]:
    """The images (n, n_0) and targets (n, n_L) of a part, of the network's dtype; raises BadShape or BadValue."""
    try:
        rows = image_rows(part.images, net.sizes[0], net.dtype)
        return rows, target_rows(part.labels, len(rows), net.sizes[-1], net.dtype)
    except (BadShape, BadValue) as e:
        raise type(e)(f"the {name} data do not fit {net!r}: {e}") from e
