"""A trained network comes back from the folder of its run."""

import json

import numpy as np
import pytest
import sympy

from chainderiv.cli import main
from chainderiv.errors import BadValue, DataError
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.kept_network import load_network
from chainderiv.nn.training.training import train
from chainderiv.symbols import z

BRANCHED = "where(z > 0, z, z/10)"
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


def test_one_without_the_stable_forms_of_its_name_is_not_the_catalogue_s(tiny, tmp_path):
    bare = Activation("tanh", ACTIVATIONS["tanh"].formula)
    train(Network([6, 5, 3], bare, output=bare, cost="quadratic"), tiny, 1, folder=tmp_path)
    assert load_network(tmp_path).activation == load_network(tmp_path).output_activation == bare != ACTIVATIONS["tanh"]


def as_before(folder):
    """Make a run one that was kept when the name and the formula were all that was said of a neuron."""
    run = json.loads((folder / "run.json").read_text())
    assert run["settings"].pop("activation_described") is not None
    run["settings"].pop("output_described")
    (folder / "run.json").write_text(json.dumps(run))
    return run["settings"]


@pytest.mark.parametrize(("activation", "formula"), [
    ("relu", "Piecewise((z, z > 0), (0, True))"), ("gelu", "z*normal_cdf(z)"),
    (OWN, "z/(1 + exp(-3*z/2))"),
    (Activation.from_formula(BRANCHED, BRANCHED), "Piecewise((z, z > 0), (z/10, True))"),
])  # fmt: skip
def test_a_run_of_before_is_loaded_and_gone_on_with(tiny, tmp_path, activation, formula):
    def start():
        return Network([6, 5, 3], activation, "quadratic", rng=3)

    train(start(), tiny, 1, learning_rate=0.05, folder=tmp_path)
    assert as_before(tmp_path)["activation_formula"] == formula
    assert load_network(tmp_path).activation == start().activation
    train(net := start(), tiny, 2, learning_rate=0.05, folder=tmp_path, resume=True)
    train(whole := start(), tiny, 2, learning_rate=0.05)
    for one in (net, load_network(tmp_path)):
        np.testing.assert_array_equal(one.output(tiny.test.images), whole.output(tiny.test.images))
    described = json.loads((tmp_path / "run.json").read_text())["settings"]["output_described"]
    assert ("exact" in described) == (activation not in ACTIVATIONS)


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


@pytest.mark.parametrize("described", [3, [], {"exact": {}}, {"exact": {"formula": ["eval", "z"], "stable": {}}}])
def test_a_damaged_description_gets_one_line(tiny, tmp_path, described):
    train(Network([6, 5, 3], OWN), tiny, 1, folder=tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    run["settings"]["activation_described"] = described
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises((BadValue, DataError)) as caught:
        load_network(tmp_path)
    assert "\n" not in str(caught.value)


class Bump(sympy.Function):
    """exp(-t²), which NumPy and mpmath can compute and no description can hold."""

    nargs, is_real = 1, True

    def fdiff(self, argindex=1):
        return -2 * self.args[0] * self

    def _numpycode(self, printer):
        return f"exp(-({printer._print(self.args[0])})**2)"

    _mpmathcode = _numpycode


def test_what_could_not_be_loaded_is_refused_before_training_and_only_where_it_would_be_kept(tiny, tmp_path):
    def net():
        return Network([6, 5, 3], Activation("bump", z + Bump(z)))

    with pytest.raises(BadValue, match="activation 'bump' .* cannot be kept on disk") as caught:
        train(net(), tiny, 1, engine="numpy", folder=tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert train(net(), tiny, 1, engine="numpy").epochs == 1


def test_the_command_line_s_formula_with_a_branch_is_loaded(tmp_path):
    options = f"train --dataset digits --epochs 1 --out {tmp_path / 'run'} --activation".split()
    assert main([*options, BRANCHED]) == 0
    kept = load_network(tmp_path / "run")
    assert kept.activation == Activation.from_formula(BRANCHED, BRANCHED, symbol="φ", latex=r"\varphi")
    assert np.isfinite(kept.output(load_data("digits").test.images)).all()
