"""What the explorer tells of wide layers: the package's own predictions and measurements, judged by other ways to them."""

import importlib
import json
import math
from itertools import product

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.pages.explorer import full_width as wide
from chainderiv.theory.critical import critical_sigma_w
from tests.backpropagation import mean_bias_gradients

HALF = 0.5 + 1e-9  # of the last part that is kept


@pytest.fixture(scope="module")
def made():
    data = cd.load_data("digits")
    return wide.full_width([cd.ACTIVATIONS["sigmoid"]], data, depths=[2], seeds=2, starts=["nielsen", "large"])


@pytest.fixture(scope="module")
def shipped():
    return wide.shipped()


def cells(shipped):
    """Every (neuron, start, hidden layers) that is predicted."""
    for neuron in shipped["neurons"].values():
        for start, hidden in product(neuron["starts"], map(str, shipped["depths"])):
            found = neuron["starts"][start]
            if "refused" not in found and found["predicted"][hidden] is not None:
                yield found["predicted"][hidden], found["measured"][hidden], found["doubts"][hidden]


def norms_by_hand(start, seed):
    """log₁₀ ‖∂C/∂b_l‖ of the hidden layers by BP1 to BP3, on the first 1000 digits."""
    images, labels = (getattr(cd.load_data("digits").train, name)[:1000] for name in ("images", "labels"))
    net = cd.Network([64, 100, 100, 10], init=start, rng=seed)
    found = mean_bias_gradients(images.astype(float), np.eye(10)[labels], net.weights, net.biases)
    return [math.log10(np.linalg.norm(one)) for one in found[:-1]]


@pytest.mark.parametrize("start", ["nielsen", "large"])
def test_what_is_measured_is_what_back_propagation_by_hand_gives(made, start):
    rows = made["neurons"]["sigmoid"]["starts"][start]["measured"]["2"]
    assert len(rows) == 2
    for seed, row in enumerate(rows):
        for got, want in zip(row, norms_by_hand(start, seed), strict=True):
            assert abs(got - wide.NORM_PARTS * want) <= HALF
    other = norms_by_hand(start, 1)
    assert any(abs(got - wide.NORM_PARTS * want) > HALF for got, want in zip(rows[0], other, strict=True))


def test_what_is_predicted_is_low_median_and_high_of_each_layer(made):
    data = cd.load_data("digits")
    want = cd.predict([64, 100, 100, 10], init="nielsen", data=data).log_points / math.log(10)
    rows = made["neurons"]["sigmoid"]["starts"]["nielsen"]["predicted"]["2"]
    assert np.all(np.abs(np.array(rows) - wide.NORM_PARTS * want.T) <= HALF)


def test_a_phase_diagram_is_what_iterating_each_point_gives(made):
    axes = [cd.Axis(one["start"], one["stop"], one["count"], scale="log" if one["log"] else "linear").values
            for one in (made["axes"]["sigma_w"], made["axes"]["sigma_b"])]  # fmt: skip
    rows = made["neurons"]["sigmoid"]["phase"]["chi_1"]
    for i, k in ((0, 0), (12, 10), (30, 20), (36, 5)):
        field = cd.mean_field("sigmoid", axes[0][i], axes[1][k])
        assert abs(rows[k][i] - wide.CHI_PARTS * math.log10(field.chi_1)) <= HALF
    (piece,) = made["neurons"]["sigmoid"]["phase"]["line"]
    for w, b in (piece[0], piece[len(piece) // 2], piece[-1]):
        assert w == pytest.approx(critical_sigma_w("sigmoid", b), rel=1e-3)  # four digits are kept


def test_what_is_shipped_is_whole_and_small(shipped):
    size = len(json.dumps(shipped, separators=(",", ":")).encode())
    assert size < 200_000
    assert (tuple(shipped["neurons"]), tuple(shipped["depths"])) == (wide.NEURONS, wide.DEPTHS)
    for name, neuron in shipped["neurons"].items():
        assert tuple(neuron["starts"]) == wide.STARTS
        for start, found in neuron["starts"].items():
            if "refused" in found:
                with pytest.raises(BadValue):
                    cd.Network([9, 9, 9], name, init=start)
                continue
            for hidden in shipped["depths"]:
                rows = found["measured"][str(hidden)]
                assert [len(row) for row in rows] == [hidden] * shipped["seeds"]
                assert found["predicted"][str(hidden)] or found["doubts"][str(hidden)]


def share_in_bands(shipped, moved=0):
    """Of the measured norms, where the theory trusts its numbers, how many lie in the predicted band."""
    inside = [low <= norm + moved <= high
              for (lows, _, highs), measured, doubts in cells(shipped) if not doubts
              for row in measured for low, norm, high in zip(lows, row, highs, strict=True)]  # fmt: skip
    assert len(inside) > 3000
    return np.mean(inside)


def test_nine_in_ten_measured_norms_lie_in_the_band_that_is_shipped(shipped):
    assert 0.84 < share_in_bands(shipped) < 0.97  # each seed is the same noise at every start
    assert share_in_bands(shipped, moved=15) < 0.84


def test_what_is_shipped_says_what_made_it_and_is_what_that_makes(shipped, mnist):
    module, _, name = shipped["made_by"].split(";")[0].removeprefix("from ").partition(" import ")
    assert getattr(importlib.import_module(module), name) is wide.save_full_width
    again = wide.full_width([cd.ACTIVATIONS["tanh"]], mnist, depths=[3], starts=["nielsen"])
    told = again.keys() - {"neurons", "depths", "about"}
    assert {what: again[what] for what in told} == {what: shipped[what] for what in told}
    for what, found in again["neurons"]["tanh"]["starts"]["nielsen"].items():
        kept = shipped["neurons"]["tanh"]["starts"]["nielsen"][what]
        assert found == ({"3": kept["3"]} if isinstance(kept, dict) else kept), what


def test_a_start_that_no_network_has_is_told_with_the_reason():
    found = wide.full_width([cd.ACTIVATIONS["gelu"]], cd.load_data("digits"), depths=[1], starts=["critical"])
    assert "signals leave" in found["neurons"]["gelu"]["starts"]["critical"]["refused"]


def test_a_slope_of_0_is_told_apart_from_one_that_is_not_known(monkeypatch):
    first, *_ = wide._phase(cd.ACTIVATIONS["relu2"])[
        "chi_1"
    ]  # without biases lengths shrink to 0, and slopes with them
    assert first[0] == "zero"
    assert cd.mean_field("relu2", wide.SIGMA_W.start, 0).chi_1 == 0
    monkeypatch.setattr(wide, "SIGMA_W", cd.Axis(math.sqrt(2), 2, 2))  # at √2 gelu's lengths grow too slowly to tell
    *_, last = wide._phase(cd.ACTIVATIONS["gelu"])["chi_1"]
    assert last[0] is None
    assert last[1] > 0
