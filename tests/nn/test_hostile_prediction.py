"""predict() on whatever neuron, cost, output and start there is: numbers that hang together, or one line."""

import itertools
import warnings

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, ChainderivError

ONE = cd.Split(np.full((1, 4), 0.7), np.array([0]))
ENDS = [("quadratic", None), ("quadratic", "identity"), ("cross_entropy", None), ("quadratic", "sigmoid"),
        ("quadratic", "relu"), ("quadratic", "relu2"), ("log_likelihood", None)]  # fmt: skip
STARTS = [
    "nielsen",
    "he",
    "large",
    "critical",
    "orthogonal",
    cd.Gaussian(1.2, 0.5),
    cd.Gaussian(0.01),
    cd.Gaussian(1e4, 1),
]
FORMULAS = ["exp(z)", "z^3", "sqrt(abs(z))", "where(z>1,z,0)", "sin(10*z)", "exp(z*z/4)", "exp(z*z/9)", "z^9",
            "1e-200*z", "1e200*tanh(z)", "tanh(1000*z)", "z+sign(z)", "log(1+z^2)", "cbrt(z)",
            "exp(exp(z))", "abs(z)^1.5", "max(z-3,0)", "z^2", "z*exp(z*z/50)", "sin(100*z)/100"]  # fmt: skip


def faults(told):
    """What in a prediction is no number, or out of order."""
    known = [told.mean_log, told.sd_log, told.sd_log_ratio, told.median, told.band, told.ratios, told.ratio_band]
    found = {
        "NaN": any(np.isnan(one).any() for one in known),
        "infinite logarithm": not all(np.isfinite(one).all() for one in known[:3]),
        "negative spread": (told.sd_log < 0).any() or (told.sd_log_ratio < 0).any(),
        "ratio": not ((told.ratio_band[:, 0] <= told.ratios) & (told.ratios <= told.ratio_band[:, 1])).all(),
        "band": not ((told.band[:, 0] <= told.median) & (told.median <= told.band[:, 1])).all(),
    }
    return [name for name, holds in found.items() if holds]


def tried(neuron, cost, output, init, sizes, data, residual):
    """The faults of what is told; none where it is refused in one line. A warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            told = cd.predict(sizes, neuron, cost, output, init, data=data, residual=residual)
        except ChainderivError as e:
            cured = "\n" not in str(e) and ("give " in str(e) or "use " in str(e))
            return [] if cured else [f"no cure in one line: {e}"]
        str(told)
    return faults(told)


def attack(neuron, ends, starts, sizes, data):
    return {
        (end, str(init), tuple(size), residual): found
        for end, init, size, residual in itertools.product(ends, starts, sizes, (False, True))
        if (found := tried(neuron, *end, init, size, data, residual))
    }


def formula(text):
    return cd.Activation.from_formula("f", text)


@pytest.mark.parametrize("text", ["exp(z)", "sqrt(abs(z))", "where(z>1,z,0)"])
def test_a_hostile_formula_is_predicted_or_refused_in_one_line(text):
    assert attack(formula(text), ENDS[:3], STARTS[1:3], [[4, 12, 12, 3]], ONE) == {}


@pytest.mark.slow
@pytest.mark.parametrize("text", [*FORMULAS, *cd.ACTIVATIONS])
def test_every_neuron_is_predicted_or_refused_in_one_line(text):
    phi = text if text in cd.ACTIVATIONS else formula(text)
    assert attack(phi, ENDS[:2], STARTS[1:3], [[4, 12, 12, 3]], ONE) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sqrt(abs(z))", "infinite"),
        ("exp(z*z/4)", "infinite"),
        ("where(z>1,z,0)", "jumps at z = 1"),
        ("exp(exp(z))", "infinite"),
        ("z^9", "smaller weights"),
        ("1e-200*z", "slopes of 1e-200 at most, whose squares leave float64"),
    ],
)
def test_means_that_do_not_exist_are_refused_and_not_cut_off_where_the_nodes_end(text, said):
    with pytest.raises(BadValue, match=said):
        cd.predict([4, 50, 50, 3], formula(text), "quadratic", "identity", cd.Gaussian(1.5, 0.5), data=ONE)


@pytest.mark.parametrize("name", ["relu2", "exp(z)"])
def test_lengths_that_explode_are_refused_by_our_own_error(name):
    phi = name if name in cd.ACTIVATIONS else formula(name)
    with pytest.raises(BadValue, match="give smaller weights"):
        cd.predict([4, *[20] * 9, 3], phi, "quadratic", "identity", "large", data=ONE)


def test_the_judge_of_a_prediction_sees_a_planted_fault():
    told = cd.predict([4, 20, 20, 3], "tanh", data=ONE)
    assert faults(told) == []
    told.band[0] = told.band[0, ::-1]
    told.mean_log[1] = np.inf
    assert faults(told) == ["infinite logarithm", "band"]
