"""Operators that no reader hands on, whatever file they come from, each with its cure."""

from __future__ import annotations

import re

from chainderiv.errors import BadValue
from chainderiv.given import shown

RECURRENT = re.compile(r"(?:bidirectional)?(lstm|gru|rnn|simplernn|convlstm\dd)(?:_?cell)?", re.IGNORECASE)
LOOPS = re.compile(r"Loop|Scan|SequenceMap|while_loop|map_impl")
SEQUENCES = re.compile(r"Sequence\w*|SplitToSequence|ConcatFromSequence|Optional\w*")
QUANTISED = re.compile(
    r"\w*[Qq]uantize\w*|QLinear\w+|\w+Integer|\w*NBits\w*|QAttention|QEmbed\w*|QGemm|QOrdered\w*|\w*Bnb4|quantized_\w+"
)


def require_followed(model: str, operator: str, where: str) -> None:
    """Raise BadValue for an operator that would have to be run, is quantised or recurrent.

    >>> require_followed("speech.onnx", "LSTM", "decoder")
    Traceback (most recent call last):
    ...
    chainderiv.errors.BadValue: speech.onnx holds LSTM at 'decoder', a recurrent cell, which is not followed: give the
    layers before or behind it
    """
    for kinds, what in (
        (RECURRENT, "a recurrent cell, which is not followed: give the layers before or behind it"),
        (LOOPS, "a loop, which is not run: export the model with its loops unrolled, or give the loop's body"),
        (SEQUENCES, "a sequence of tensors, which is not followed: export the model without it"),
        (QUANTISED, "quantised, whose gradient is 0 nearly everywhere: give the model in float32, before quantisation"),
    ):
        if kinds.fullmatch(operator):
            raise BadValue(f"{model} holds {operator} at {shown(where)}, {what}")
