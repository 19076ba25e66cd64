"""The operators against what torch's autograd made of them in float64: stored answers, and torch itself where it is."""

import os

import numpy as np
import pytest

from chainderiv.models.passes import backward, forward

from .by_torch import ANSWERS, answers, drawn, network_answers, stored
from .cases import CASES

EPS = np.finfo(float).eps
DRAWN = drawn()
STORED = {key: value for key, value in stored().items() if key.partition("/")[0] not in DRAWN}
NETWORKS = {key: value for key, value in stored().items() if key.partition("/")[0] in DRAWN}
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


def ln_norms(name):
    graph, x, cotangent = DRAWN[name]
    gradients = backward(forward(graph, {"x": x}), cotangent)
    return {f"{name}/{tensor}": gradient.ln_norm() for tensor, gradient in gradients.items()}


def unlike(stored, mine):
    """Tensor -> |Δln| over max(1, |ln|), where it is too large."""
    off = {k: abs(mine[k] - float(want)) / max(1.0, abs(float(want))) for k, want in stored.items()}
    return {k: d for k, d in off.items() if not d <= 1e-12}


@pytest.mark.parametrize("name", DRAWN)
def test_every_tensor_of_a_network_has_the_gradient_that_autograd_gives(name):
    want = {key: value for key, value in NETWORKS.items() if key.partition("/")[0] == name}
    mine = ln_norms(name)
    missing = {key for key in mine.keys() - want.keys() if not key.startswith(f"{name}/c") and "w" not in key}
    assert want.keys() <= mine.keys()
    assert missing == set()
    assert len(want) > 20
    assert unlike(want, mine) == {}


def test_an_error_of_a_billionth_in_a_networks_tensor_is_found():
    mine = ln_norms("transformer")
    mine["transformer/t40"] += 1e-9
    assert unlike({k: v for k, v in NETWORKS.items() if k in mine}, mine).keys() == {"transformer/t40"}


def test_most_of_the_table_is_answered_and_the_file_is_small():
    assert len({key.rpartition("/")[0] for key in STORED}) >= 0.75 * len(CASES)
    assert os.path.getsize(ANSWERS) < 100_000


def test_what_is_stored_is_what_torch_says_today():
    pytest.importorskip("torch", reason="torch is not installed; the stored answers stand for it")
    today, networks = answers(), network_answers()
    assert today.keys() == STORED.keys()
    assert disagreements(STORED, today) == {}
    assert networks.keys() == NETWORKS.keys()
    assert unlike(NETWORKS, {key: float(value) for key, value in networks.items()}) == {}
