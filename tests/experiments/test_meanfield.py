"""Predictions laid on networks that are drawn: what is measured, what is said of it, and what is kept."""

import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from chainderiv.errors import BadValue, UnknownName
from chainderiv.experiments import published, slopes as slopes_of
from chainderiv.experiments.catalogue import REPRODUCTIONS, reproduce
from chainderiv.experiments.drawn import Drawn, all_drawn
from chainderiv.experiments.growth import Cell
from chainderiv.experiments.layers import Layers
from chainderiv.experiments.meanfield import EXPERIMENTS
from chainderiv.experiments.runs import Source, Training
from chainderiv.experiments.setup import Setup
from chainderiv.experiments.slopes import Slopes, Width, points
from tests.backpropagation import mean_bias_gradients
from tests.theory.test_width import draw, input_of

DIGITS = Source("digits")
SETUP = Setup(DIGITS, seeds=200, depths=(1, 2))


@lru_cache
def layers():
    return EXPERIMENTS["layers"].run(SETUP)


def said(name, found, setup=SETUP):
    return " ".join(EXPERIMENTS[name].reading(found, setup))


def test_what_is_measured_of_a_drawn_network_is_the_norm_of_its_mean_gradient():
    wanted = Drawn(Training((64, 9, 8, 10)), 3)
    part = DIGITS.load().train.first(1000)
    logs = wanted.log_norms(DIGITS)
    assert logs.shape == (3, 2)
    for seed, row in enumerate(logs):
        net = replace(wanted.kind, seed=seed).network()
        means = mean_bias_gradients(part.images, np.eye(10)[part.labels], net.weights, net.biases)
        np.testing.assert_allclose(row, [np.log(np.linalg.norm(g)) for g in means[:-1]], rtol=1e-10)


def test_slopes_are_measured_as_a_second_program_draws_and_measures_them(monkeypatch):
    monkeypatch.setattr(slopes_of, "WIDTHS", {20: Width(4, 4.0)})
    monkeypatch.setattr(slopes_of, "POINTS", ((1.5, 0.2),))
    (cell,) = EXPERIMENTS["slopes"].run(Setup(DIGITS, seeds=100)).cells
    assert cell.logs.shape == (400, 4)
    other = draw("tanh", 1.5, 0.2, input_of("tanh", 1.5, 0.2), 20, 4, 4000, 7)
    apart = np.hypot(cell.error, other.slopes.std() / np.sqrt(4000))
    assert abs(cell.mean - other.slopes.mean()) < 3.5 * apart
    spread = cell.logs[:, 0].std() / other.logs[:, 0].std()
    assert abs(spread - 1) < 3.5 / np.sqrt(2 * 400)


def test_the_nine_points_are_three_of_each_phase(monkeypatch):
    monkeypatch.setattr(slopes_of, "WIDTHS", {4: Width(2, 1.0)})
    cells = EXPERIMENTS["slopes"].run(Setup(DIGITS, seeds=2)).cells
    assert [cell.phase for cell in cells] == ["ordered"] * 3 + ["critical"] * 3 + ["chaotic"] * 3
    assert [(cell.sigma_w, cell.sigma_b) for cell in cells] == points()


def test_nothing_speaks_against_what_is_predicted_of_the_digits_and_the_bands_hold_nine_of_ten():
    found = layers()
    assert "3 of 3 mean logarithms lie within 3 standard errors" in said("layers", found)
    assert "points 9 of 9 do" in said("layers", found)
    assert "Nothing speaks against the prediction." in said("layers", found)
    share = np.concatenate([found.inside(hidden) for hidden in (1, 2)])
    assert np.abs(share - 0.9).max() < 3.5 * np.sqrt(0.9 * 0.1 / 200)


@pytest.mark.parametrize("wrong", ["shifted", "too wide"])
def test_a_wrong_prediction_is_said_to_disagree(wrong):
    found = layers()
    told = found.predicted[2]
    if wrong == "shifted":  # by a tenth, in the second layer alone
        off = np.array([0.0, 0.1])
        planted = replace(told, mean_log=told.mean_log + off, log_points=told.log_points + off[:, None])
    else:
        planted = replace(told, log_points=2 * told.log_points - told.log_points[:, 1:2], sd_log=2 * told.sd_log)
    text = said("layers", Layers(found.logs, found.predicted | {2: planted}, found.wide))
    assert "Nothing speaks against" not in text
    if wrong == "shifted":
        assert "2 of 3 mean logarithms lie within 3" in text
        assert re.search(
            r"The prediction disagrees: the mean of hidden layer 2 of 2 by \d+\.\d, \d of the points\.", text
        )
    else:
        assert "3 of 3 mean logarithms lie within 3" in text
        assert re.search(r"The prediction disagrees: \d of the points\.", text)


def test_the_ratio_to_the_next_layer_is_judged_beside_that_of_endless_width():
    found = layers()
    assert found.ratios.link == pytest.approx(np.exp(np.mean(found.logs[2][:, 0] - found.logs[2][:, 1])))
    assert found.ratios.predicted.link == pytest.approx(found.predicted[2].ratios[0])
    assert "ratio to the next layer" in said("layers", found)
    assert "it speaks against neither." in said("layers", found)
    assert "it refutes the second." in said("layers", replace(found, wide=0.3))
    one = Layers({1: found.logs[1]}, {1: found.predicted[1]}, found.wide)
    assert "ratio to the next layer" not in said("layers", one)


def test_published_norms_are_counted_where_the_data_are_theirs_alone(monkeypatch):
    assert "published" not in said("layers", layers())
    monkeypatch.setattr(published, "DATA", "digits")
    low, high = layers().predicted[2].band.T
    inside = sum(a <= norm <= b for norm, a, b in zip(published.START_NORMS[2], low, high, strict=True))
    assert f"{inside} of the 2 published norms lie in the predicted bands." in said("layers", layers())


def test_a_doubt_of_the_prediction_is_on_the_page():
    found = layers()
    doubted = replace(found.predicted[2], doubts=("the layers are odd",))
    assert "Not trusted: the layers are odd." in said(
        "layers", Layers(found.logs, found.predicted | {2: doubted}, found.wide)
    )
    assert "Not trusted" not in said("layers", found)


def cell(mean, predicted, endless, width=30, networks=100):
    """A cell whose slopes have that mean, and a standard error of 0.01."""
    noise = np.resize([1.0, -1.0], networks) * 0.01 * np.sqrt(networks - 1)
    logs = np.stack([mean + noise, np.zeros(networks)], axis=1)
    return Cell(1.0, 0.1, "ordered", width, logs, predicted, endless, logs[:, 0].std(ddof=1))


def test_deviations_and_sums_of_squares_are_those_of_the_cells():
    found = Slopes((cell(0.5, 0.51, 0.5), cell(0.5, 0.53, 0.46), cell(0.5, 0.5, 0.5, 100)))
    np.testing.assert_allclose([c.off("predicted") for c in found.cells], [-1, -3, 0], atol=1e-9)
    first = found.verdict("predicted", 30)
    assert (first.beyond, first.of) == (0, 2)
    assert (first.largest, first.squares) == pytest.approx((3.0, 10.0))
    assert first.rare == pytest.approx(-2 * np.log(1e-3))  # of two degrees of freedom, P(Σz² > s) is exp(-s/2)
    assert first.holds
    other = found.verdict("endless", 30)
    assert (other.beyond, other.holds) == (1, False)
    assert found.verdict("endless").of == 3


def test_many_small_deviations_are_refuted_by_their_sum():
    found = Slopes(tuple(cell(0.5, 0.47, 0.5) for _ in range(5)))
    assert found.verdict("predicted").beyond == 0
    assert not found.verdict("predicted").holds


def test_a_prediction_that_is_no_number_is_refuted():
    found = Slopes((cell(0.5, float("nan"), 0.5), cell(0.5, 0.5, 0.5)))
    assert found.verdict("predicted").beyond == 1
    assert not found.verdict("predicted").holds
    assert "refuted at width 30" in EXPERIMENTS["slopes"].reading(found, SETUP)[0]


def test_the_reading_names_what_is_refuted_and_where_whichever_theory_it_is():
    good, bad = cell(0.5, 0.5, 0.5), cell(0.5, 0.5, 0.5, 100)
    ours, endless, _ = EXPERIMENTS["slopes"].reading(Slopes((good, replace(bad, endless=0.9))), SETUP)
    assert ours.endswith("nothing speaks against it.")
    assert "refuted at width 100 (Σz² = 1600.0); at width 30 (Σz² = 0.0) nothing speaks against it." in endless
    ours, endless, _ = EXPERIMENTS["slopes"].reading(Slopes((replace(good, predicted=0.9), bad)), SETUP)
    assert "refuted at width 30 (Σz² = 1600.0); at width 100" in ours
    assert endless.endswith("nothing speaks against it.")
    both = Slopes((replace(good, predicted=0.9), replace(bad, predicted=0.1)))
    assert (
        EXPERIMENTS["slopes"]
        .reading(both, SETUP)[0]
        .endswith("refuted at width 30 (Σz² = 1600.0) and 100 (Σz² = 1600.0).")
    )


def test_what_is_drawn_is_kept_and_read_again_and_a_damaged_file_is_drawn_again(tmp_path, monkeypatch):
    setup = Setup(DIGITS, folder=tmp_path)
    wanted = [Drawn(Training((64, 5, 10)), 4), Drawn(Training((20, 6, 10), 0, "tanh", "quadratic"), 3, 0.5)]
    first = all_drawn(setup, wanted)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    taken = []
    monkeypatch.setattr(Drawn, "log_norms", counting(taken, Drawn.log_norms))
    for got, want in zip(all_drawn(setup, wanted), first, strict=True):
        np.testing.assert_array_equal(got, want)
    assert taken == []
    for file, damage in zip(sorted(tmp_path.glob("*.npz")), (b"", b"PK\x03\x04 torn"), strict=True):
        file.write_bytes(damage)
    for got, want in zip(all_drawn(setup, wanted), first, strict=True):
        np.testing.assert_array_equal(got, want)
    assert len(taken) == 2


def counting(taken, function):
    def counted(self, *args):
        taken.append(self)
        return function(self, *args)

    return counted


def test_other_networks_other_counts_and_other_inputs_have_other_files():
    kind = Training((20, 6, 10), 0, "tanh", "quadratic")
    several = [Drawn(kind, 3, 0.5), Drawn(kind, 4, 0.5), Drawn(kind, 3, 0.25), Drawn(replace(kind, init="he"), 3, 0.5)]
    several += [Drawn(Training((64, 6, 10)), 3)]
    assert len({one.file(DIGITS) for one in several}) == len(several)
    few = Source("digits", training_images=300)
    assert several[-1].file(few) != several[-1].file(DIGITS)


def test_progress_counts_the_kinds_of_networks(monkeypatch):
    monkeypatch.setattr(slopes_of, "WIDTHS", {4: Width(2, 1.0)})
    monkeypatch.setattr(slopes_of, "POINTS", slopes_of.POINTS[:2])
    reports = []
    setup = Setup(DIGITS, seeds=2, depths=(1, 2), workers=1)
    found = reproduce(setup, ["slopes", "layers"], lambda *each: reports.append(each), source="meanfield")
    assert list(found) == ["layers", "slopes"]
    assert [each for each in reports if each[0] == "layers"] == [("layers", k, 2) for k in range(3)]
    assert [each for each in reports if each[0] == "slopes"] == [("slopes", k, 2) for k in range(3)]


def test_names_of_another_reproduction_are_refused():
    with pytest.raises(UnknownName, match="did you mean 'slopes'"):
        reproduce(SETUP, ["slope"], source="meanfield")
    with pytest.raises(UnknownName, match="experiment 'bars'"):
        reproduce(SETUP, ["bars"], source="meanfield")
    with pytest.raises(UnknownName, match="did you mean 'meanfield'"):
        reproduce(SETUP, source="meanfeld")
    with pytest.raises(BadValue, match="setup is None"):
        reproduce(None, source="meanfield")
    assert list(REPRODUCTIONS) == ["nielsen5", "meanfield"]


def test_a_wrong_width_correction_is_refuted_by_what_is_measured_and_the_right_one_is_not(monkeypatch):
    """½ log χ₁ in the place of the prediction, at width 30: the reading must say that it disagrees."""
    monkeypatch.setattr(slopes_of, "WIDTHS", {30: Width(6, 3.0)})
    monkeypatch.setattr(slopes_of, "POINTS", ((2.0, 0.3), (3.0, 0.5)))
    found = EXPERIMENTS["slopes"].run(SETUP)
    assert found.verdict("predicted").holds
    assert not found.verdict("endless").holds
    planted = Slopes(tuple(replace(c, predicted=c.endless) for c in found.cells))
    assert "refuted at width 30" in EXPERIMENTS["slopes"].reading(planted, SETUP)[0]
