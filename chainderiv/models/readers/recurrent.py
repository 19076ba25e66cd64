"""Recurrent cells, told by the names and shapes of their weights: they are refused by their own name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from chainderiv.errors import BadValue
from chainderiv.given import shown

# torch's weight_hh_l0, Keras' recurrent_kernel, ONNX' R, and w_hh or U as people write it
_RECURRENT = re.compile(r"(?:^|[^a-z])(?:recurrent_kernel|(?:weight|w|kernel)_?hh)(?:$|[^a-z])", re.IGNORECASE)
_CELL = re.compile(r"(?:^|[^a-z])(lstm|gru|rnn)", re.IGNORECASE)
GATES = {1: "RNN", 3: "GRU", 4: "LSTM"}


def require_no_recurrence(model: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise BadValue for weights that a recurrent cell has, and say which cell.

    >>> require_no_recurrence("g2p.npz", {"enc_w_hh": (768, 256)})
    Traceback (most recent call last):
    ...
    chainderiv.errors.BadValue: g2p.npz holds a GRU ('enc_w_hh' of 3 gates), which is not followed: give the layers
    before or behind it
    """
    for name, shape in shapes.items():
        if _RECURRENT.search(name):
            told = _CELL.search(name)
            gates = max(shape) // min(shape) if len(shape) == 2 and min(shape) > 0 else 0
            cell = GATES.get(gates) or (told[1].upper() if told else "recurrent cell")
            counted = f" of {gates} gates" if gates in (3, 4) else ""
            raise BadValue(
                f"{model} holds {'an' if cell[0] in 'LR' and cell != 'recurrent cell' else 'a'} {cell} "
                f"({shown(name)}{counted}), which is not followed: give the layers before or behind it"
            )
