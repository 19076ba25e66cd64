"""A graph passed forwards and backwards: the value of every tensor in float64, and the gradient of every one as Scaled.

    passed = forward(graph, {"x": x})              # passed.values[name]: an array; passed.output: the first output's
    gradients = backward(passed, {passed.graph.outputs[0]: cotangent})      # or backward(passed, cotangent)
    gradients["fc1.weight"].ln_norm()              # ln ‖∂C/∂W‖₂, whatever its size
    stages(passed, gradients)                      # in stages.py: where it grows and shrinks

What is not followed: `passed.not_followed` and `gradients.not_followed` name each operator and where it stands; what
needs it has no value, or no gradient, and asking for it is a BadValue.

Both ways are loops over the nodes, thousands of which do no harm. Memory: the values of all tensors and the gradients
of all floats that the output depends on, each once, in float64; at most MOST_BYTES of values and as much of gradients,
and MOST_OF_ONE for one tensor, beside what one operator needs at work.
The way forward is in floats: an activation that underflows is 0 here too, as it is where the network runs. The way
back is linear, and its arrays have an exponent for each band of 500 powers of two (Scaled), so that an entry is 0 only
where it is. Network's way back (nn/wide_backward) has an exponent for every entry, since there single images are asked
for, which lie apart by more. Two are better than one: Network's takes 1.3 to 1.8 times as long for the same gradients
(plain networks of 4 to 62 layers), and every operator here would need a wide way of its own.
"""

from __future__ import annotations

from chainderiv.models.backwards import backward, backward_through, through_one
from chainderiv.models.forwards import forward
from chainderiv.models.passed import MOST_BYTES, Gradients, NotFollowed, Passed, described, until_not_followed

__all__ = [
    "MOST_BYTES",
    "Gradients",
    "NotFollowed",
    "Passed",
    "backward",
    "backward_through",
    "described",
    "forward",
    "through_one",
    "until_not_followed",
]
