"""One neuron of each kind: what compiles, trains or runs a program of a neuron is tried on these, what is cheap on all.

What is costly even so is tried on FOUR at each change, and on the others among the slow tests: a bounded neuron with a
limit that is 0, one that is odd, one with a kink and a side at rest, and one whose slope changes its sign.
"""

import pytest

KINDS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign", "gelu", "silu", "mish", "arctan",
    "identity",
)  # fmt: skip
FOUR = ("sigmoid", "tanh", "relu", "gelu")


def costly(cases, quick=FOUR):
    """Cases to parametrize with, slow but for those that are, or begin with, one of the quick ones."""
    cases = list(cases)
    first = [case[0] if isinstance(case, tuple) else case for case in cases]
    assert quick is FOUR or all(one in first or one in cases for one in quick)
    return [case if case in quick or name in quick else slow(case) for name, case in zip(first, cases, strict=True)]


def slow(case):
    """A case to parametrize with that makes a test one of the slow."""
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
