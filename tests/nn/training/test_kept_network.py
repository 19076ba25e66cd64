"""A trained network comes back from the folder of its run."""

import json

import numpy as np
import pytest

from chainderiv.errors import BadValue, DataError
from chainderiv.functions.activation import Activation
from chainderiv.nn.network import Network
from chainderiv.nn.training.kept_network import load_network
from chainderiv.nn.training.training import train

OWN = Activation.from_formula("swish", "z/(1+exp(-1.5*z))")
NETWORKS = {
    "sigmoid": Network([6, 5, 3], rng=1),
    "own formula": Network([6, 5, 5, 3], OWN, rng=1, residual=True),
    "softmax, float32": Network([6, 5, 3], "relu", "log_likelihood", init="he", dtype="float32"),
    "own output": Network([6, 5, 3], "tanh", "quadratic", output=OWN),
    "a generator": Network([6, 5, 3], rng=np.random.default_rng(4)),
}


@pytest.mark.parametrize("case", NETWORKS)
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_the_network_that_comes_back_is_the_one_that_was_trained(tiny, tmp_path, case, engine):
    net = NETWORKS[case].copy()
    before = net.output(tiny.test.images)
    train(net, tiny, 3, learning_rate=0.05, engine=engine, folder=tmp_path)
    kept = load_network(tmp_path)
    assert (repr(kept), kept.dtype) == (repr(net), net.dtype)
    np.testing.assert_array_equal(kept.output(tiny.test.images), net.output(tiny.test.images))
    assert not np.array_equal(before, net.output(tiny.test.images))


def test_a_formula_that_took_the_name_of_a_known_one_stays_itself(tiny, tmp_path):
    train(Network([6, 5, 3], Activation.from_formula("tanh", "tanh(2*z)")), tiny, 1, folder=tmp_path)
    assert load_network(tmp_path).activation.formula != Network([6, 3], "tanh").activation.formula


@pytest.mark.parametrize("damage", ["run.json", "weights.npz"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_a_damaged_folder_gets_one_line(tiny, tmp_path, damage, content):
    train(Network([6, 5, 3]), tiny, 1, folder=tmp_path)
    if content is None:
        (tmp_path / damage).unlink()
    else:
        (tmp_path / damage).write_bytes(content)
    with pytest.raises(DataError, match="holds no whole training run") as caught:
        load_network(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_formula_that_no_text_states_is_refused_with_its_text(tiny, tmp_path):
    train(Network([6, 5, 3]), tiny, 1, folder=tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    run["settings"]["activation_formula"] = "__import__('os')"
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises(BadValue, match="__import__"):
        load_network(tmp_path)
