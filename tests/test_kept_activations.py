"""Whatever can be trained or mapped can be read back: from its description, a training's folder and a map on disk."""

import json

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.functions.described import describe, read
from chainderiv.maps.sweep import Sweep
from chainderiv.nn.data.data import Data, Split
from chainderiv.nn.network import Network
from chainderiv.nn.training.kept_network import load_network
from chainderiv.nn.training.training import train
from tests.activations import MAKERS, exactly, made
from tests.kinds import FOUR, costly

MAP = {"w": cd.Axis(-2, 2, 5), "b": cd.Axis(-1, 1, 3), "x": 0.3, "engine": "numpy"}


# of the ways to make an activation, beside the catalogue's, those whose forms need not be found
FEW = ["branches in branches", "a Float of 30 digits", "not multiplied out", "a catalogue's without its forms",
       "a Stable of one's own"]  # fmt: skip


def few():
    rng = np.random.default_rng(3)
    images, labels = rng.uniform(0, 1, (30, 6)).astype(np.float32), rng.integers(3, size=30)
    return Data("few", *[Split(images[at : at + 10], labels[at : at + 10]) for at in (0, 10, 20)], classes=3)


@pytest.mark.parametrize("name", costly(MAKERS, quick=[*FOUR, *FEW]))
def test_it_is_the_same_from_its_description_a_training_and_a_map(tmp_path, name):
    activation, data = made(name), few()
    assert exactly(read(json.loads(json.dumps(describe(activation)))), activation)

    net = Network([6, 4, 3], activation, "quadratic", output=activation, rng=1)
    train(net, data, 1, learning_rate=0.01, engine="numpy", folder=tmp_path / "run")
    kept = load_network(tmp_path / "run")
    assert exactly(kept.activation, activation)
    assert exactly(kept.output_activation, activation)
    assert kept.output(data.test.images).tobytes() == net.output(data.test.images).tobytes()

    stored = cd.sweep(cd.Chain(3, activation), out=tmp_path / "map.zarr", **MAP)
    opened = Sweep.open(tmp_path / "map.zarr")
    (tied,) = opened.derivation.chain.activations
    assert exactly(tied, activation)
    assert opened.log_abs.tobytes() == stored.log_abs.tobytes()
    assert cd.sweep(opened.derivation.chain, out=tmp_path / "map.zarr", **MAP).readings.store.computed == 0
