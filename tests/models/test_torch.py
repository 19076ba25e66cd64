"""The operators against what torch's autograd made of them in float64: stored answers, and torch itself where it is."""

import os

import numpy as np
import pytest

from .by_torch import ANSWERS, answers, stored
from .cases import CASES

EPS = np.finfo(float).eps
STORED = stored()
AGREES = 64 * EPS  # of the largest entry


def ours(name):
    case = CASES[name]
    found = {f"{name}/y{k}": y for k, y in enumerate(case.outputs())}
    return found | {f"{name}/x{k}": g for k, g in case.gradients().items()}


def disagreements(stored, mine):
    """Key -> the largest difference over the largest entry, where it is too large."""
    off = {k: float(np.max(np.abs(mine[k] - want)) / np.max(np.abs(want))) for k, want in stored.items()}
    return {k: d for k, d in off.items() if not d < AGREES}


@pytest.mark.parametrize("name", sorted({key.rpartition("/")[0] for key in STORED}))
def test_values_and_gradients_are_torchs_to_the_last_digits(name):
    mine = ours(name)
    stored = {key: value for key, value in STORED.items() if key.rpartition("/")[0] == name}
    assert {k: v.shape for k, v in stored.items()} == {k: mine[k].shape for k in stored}
    assert any("/x" in key for key in stored)
    assert disagreements(stored, mine) == {}


def test_a_planted_error_of_a_billionth_is_found():
    key = "gelu/x0"
    assert disagreements({key: STORED[key]}, {key: ours("gelu")[key] * (1 + 1e-9)}).keys() == {key}


def test_most_of_the_table_is_answered_and_the_file_is_small():
    assert len({key.rpartition("/")[0] for key in STORED}) >= 0.75 * len(CASES)
    assert os.path.getsize(ANSWERS) < 100_000


def test_what_is_stored_is_what_torch_says_today():
    pytest.importorskip("torch", reason="torch is not installed; the stored answers stand for it")
    today = answers()
    assert today.keys() == STORED.keys()
    assert disagreements(STORED, today) == {}
