"""A network as a ladder: points are what was measured, steps join them, and nothing lies on anything."""

import math
from functools import cache

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.view.networks.ladder import SLOPES, WEIGHTS
from tests.kinds import slow
from tests.models.sound import STARTS, arrays
from tests.view.collisions import collisions


def sick(what, layer, depth=8):
    made = arrays(np.random.default_rng(0), [30] * (depth + 1), STARTS["He, relu"][1])
    if what == "bias":
        made[f"b{layer}"] -= 100
    else:
        made[f"W{layer}"] *= 100
    return cd.diagnose(made, activation="relu", output="identity")


SHOWN = {
    "vanishing": lambda: cd.diagnose(cd.Network([64, *[30] * 8, 10])),
    "a layer × 100": lambda: sick("weights", 4),
    "a dead layer": lambda: sick("bias", 5),
    "healthy and deep": lambda: cd.diagnose(cd.Network([64, *[50] * 59, 10], "relu", "log_likelihood", init="he")),
    "beyond float64": lambda: cd.diagnose(cd.Network([8, *[8] * 600, 3])),
    "one layer": lambda: cd.diagnose({"W": np.eye(3)}, activation="tanh"),
}
SHOWN = {name: cache(made) for name, made in SHOWN.items()}  # 600 layers take seconds


def line(ax, gid):
    (found,) = [one for one in ax.lines if one.get_gid() == gid]
    return np.asarray(found.get_ydata(), float)


def steps(ax, gid):
    return [c.get_segments() for c in ax.collections if isinstance(c, LineCollection) and c.get_gid() == gid]


def test_points_are_the_norms_over_the_last_layers():
    d = SHOWN["vanishing"]()
    logs = np.array([one.log10_norm_delta for one in d.layers])
    np.testing.assert_allclose(line(cd.plot_diagnosis(d), "measured"), logs - logs[-1], atol=1e-12)


def test_steps_lead_from_each_point_to_the_next_by_weights_and_then_by_slopes():
    d = SHOWN["a layer × 100"]()
    ax = cd.plot_diagnosis(d)
    points = line(ax, "measured")
    (weights,), (slopes,) = steps(ax, WEIGHTS), steps(ax, SLOPES)
    for number, (weight, slope) in enumerate(zip(weights, slopes, strict=True), 1):
        (x, start), (middle, top) = weight
        assert (x, middle) == (number + 1, number + 0.5)
        assert start == pytest.approx(points[number], abs=1e-12)
        assert top - start == pytest.approx(math.log10(d.layers[number].weight_part), abs=1e-12)
        assert slope[0] == pytest.approx((middle, top), abs=1e-10)
        assert slope[1] == pytest.approx((number, points[number - 1]), abs=1e-12)


def test_the_line_adds_up_what_is_predicted_and_the_band_widens_downwards():
    d = SHOWN["vanishing"]()
    ax = cd.plot_diagnosis(d)
    steps_up = [
        math.log10(above.weight_predicted * one.slope_predicted)
        for one, above in zip(d.layers[:-1], d.layers[1:], strict=True)
    ]
    wanted = [*np.cumsum(steps_up[::-1])[::-1], 0.0]
    np.testing.assert_allclose(line(ax, "predicted"), wanted, atol=1e-12)
    (band,) = [c for c in ax.collections if c.get_gid() == "band"]
    corners = band.get_paths()[0].vertices
    heights = [np.ptp(corners[corners[:, 0] == k, 1]) for k in range(1, len(d.layers) + 1)]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == 0


def test_the_layer_to_blame_has_a_stripe_and_zeros_are_crosses():
    d = SHOWN["a dead layer"]()
    ax = cd.plot_diagnosis(d)
    (stripe,) = [patch for patch in ax.patches if patch.get_gid() == "culprit"]
    assert stripe.get_x() + stripe.get_width() / 2 == 5
    (zeros,) = [one for one in ax.lines if one.get_gid() == "zero"]
    assert list(zeros.get_xdata()) == [1, 2, 3, 4, 5, 6, 7]
    assert set(zeros.get_ydata()) == {ax.get_ylim()[0]}
    assert not [patch for patch in cd.plot_diagnosis(SHOWN["vanishing"]()).patches if patch.get_gid() == "culprit"]


@pytest.mark.parametrize("name", SHOWN)
def test_all_that_is_drawn_lies_within_the_axis(name):
    ax = cd.plot_diagnosis(SHOWN[name]())
    low, high = ax.get_ylim()
    seen = line(ax, "measured")
    seen = seen[np.isfinite(seen)]
    assert low < seen.min() <= seen.max() < high


@pytest.mark.parametrize("dark", [False, slow(True)])
@pytest.mark.parametrize("size", [(2.8, 2.4), slow(((3.4, 2.8),)), slow(((6, 4.2),)), (12, 5)])
@pytest.mark.parametrize("name", SHOWN)
def test_nothing_lies_over_anything_else(name, size, dark):
    figure = Figure(figsize=size)
    cd.plot_diagnosis(SHOWN[name](), figure.add_subplot(), dark)
    assert collisions(figure) == []


@pytest.mark.parametrize(("given", "says"), [
    ({"diagnosis": None}, "diagnosis is None"), ({"legend": 1}, "legend is 1"), ({"title": 3}, "title is 3"),
    ({"ax": "ax"}, "ax is 'ax'"),
])  # fmt: skip
def test_what_is_none_is_refused(given, says):
    with pytest.raises(BadValue, match=says):
        cd.plot_diagnosis(**{"diagnosis": SHOWN["one layer"](), **given})


def test_a_files_name_is_set_as_it_stands_whatever_it_is_called(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "$x_{$.npz"
    np.savez(path, **{f"W{k}": rng.normal(size=(5, 5)) for k in (1, 2)})
    d = cd.diagnose(path, activation="tanh")
    assert cd.plot_diagnosis(d).get_title().replace("\n", " ") == d.headline.replace("$", r"\$")
    d.save(tmp_path / "LADDER.PNG")
    assert (tmp_path / "LADDER.PNG").read_bytes().startswith(b"\x89PNG")


def test_steps_are_named_for_what_makes_them():
    net = cd.Network([20, 30, 30, 10], "sigmoid", rng=1)
    d = cd.diagnose(net)
    ax = cd.plot_diagnosis(d)
    by_name = {c.get_label(): c for c in ax.collections if isinstance(c, LineCollection)}
    # from right to left: by the weights of a layer, and then by the slopes of the one below
    for name, part in (("a step by weights", d.layers[2].weight_part), ("a step by slopes", d.layers[1].slope_part)):
        (right, low), (left, high) = max(by_name[name].get_segments(), key=lambda ends: ends[0][0])
        assert (right, left) == ((3, 2.5) if name.endswith("weights") else (2.5, 2))
        assert high - low == pytest.approx(math.log10(part), rel=1e-9)
    shown = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"a step by weights", "a step by slopes", "measured", "predicted, 5 to 95 %"} == set(shown)


def test_steps_that_go_up_and_down_again_stay_within_the_axis():
    net = cd.Network([20, 30, 30, 30, 10], "sigmoid", rng=1)
    for weight in net.weights:
        weight *= 5  # which the slopes take back: the points lie on one height, and the steps between them above
    ax = cd.plot_diagnosis(cd.diagnose(net))
    heights = [y for c in ax.collections if isinstance(c, LineCollection) for line in c.get_segments() for _, y in line]
    low, high = ax.get_ylim()
    assert low < min(heights) < max(heights) < high
