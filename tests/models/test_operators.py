"""Each operator's way back against finite differences of its way forward."""

import itertools

import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.models.operators.slopes import NEURONS
from chainderiv.models.operators.table import RULES
from chainderiv.models.passes import backward
from chainderiv.models.scaled import plus, scaled

from .cases import CASES, Case, draw, image

STEP, AGREES = 0.02, 1e-8


def by_differences(case, k):
    """∂(Σ c·y)/∂x_k by central differences, extrapolated four times to h = 0 (Richardson)."""
    cotangents, given = case.cotangents(), case.inputs[k]
    found = np.empty(given.shape)
    for place in np.ndindex(given.shape):
        if np.isinf(given[place]):  # a mask, which cannot be moved
            found[place] = 0.0
            continue

        def at(h, place=place):
            moved = given.copy()
            moved[place] += h
            inputs = tuple(moved if n == k else x for n, x in enumerate(case.inputs))
            return sum(float(np.sum(c * y)) for c, y in zip(cotangents, case.outputs(inputs), strict=True))

        row = [(at(h) - at(-h)) / (2 * h) for h in (STEP, STEP / 2, STEP / 4, STEP / 8)]
        for order in (4.0, 16.0, 64.0):
            row = [(order * b - a) / (order - 1) for a, b in itertools.pairwise(row)]
        found[place] = row[0]
    return found


def disagreement(got, want):
    """The largest difference over the largest entry."""
    return float(np.max(np.abs(got - want)) / np.max(np.abs(want)))


@pytest.mark.parametrize("name", CASES)
def test_the_way_back_is_the_derivative_of_the_way_forward(name):
    case = CASES[name]
    gradients = case.gradients()
    assert gradients, name
    for k, got in gradients.items():
        assert got.shape == case.inputs[k].shape
        assert disagreement(got, by_differences(case, k)) < AGREES, (name, k)


@pytest.mark.parametrize("off", [1 + 1e-6, -1.0, 0.0])
def test_a_planted_error_in_a_way_back_is_found(off):
    case = CASES["gelu"]
    assert not disagreement(off * case.gradients()[0], by_differences(case, 0)) < AGREES


def test_every_operator_that_passes_a_gradient_stands_in_the_table():
    passing = {name for name, rule in RULES.items() if rule.backward is not None}
    assert passing - {case.operator for case in CASES.values()} == {"Activation"}  # ONNX does not have it


def test_a_neuron_of_ones_own_passes_its_derivative():
    mine = Activation.from_formula("mine", "z*exp(-z**2)")
    case = Case("Activation", (draw(3, 4),), {"activation": mine})
    assert disagreement(case.gradients()[0], by_differences(case, 0)) < AGREES
    with pytest.raises(BadValue, match="give an Activation"):
        Case("Activation", (draw(3, 4),), {"activation": "tanh"}).outputs()


FAR = -3000  # powers of two below what float64 holds


def ones_at(case, place):
    """Cotangents that are 0 but for a 1 at one end, 0 or -1, of every output of floats."""
    made = {f"y{k}": np.zeros(y.shape) for k, y in enumerate(case.outputs()) if y.dtype.kind == "f"}
    for cotangent in made.values():
        cotangent.reshape(-1)[place] = 1.0
    return made


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.operator not in NEURONS or n in ("sigmoid", "relu")])
def test_what_lies_beyond_float64_below_the_largest_passes_back_beside_it(name):
    case, (first, last) = CASES[name], (ones_at(CASES[name], place) for place in (0, -1))
    passed = case.passed()
    both = {k: plus(scaled(c), scaled(last[k], FAR)) if c.size > 1 else scaled(c) for k, c in first.items()}
    alone, beside, together = backward(passed, first), backward(passed, last), backward(passed, both)
    for k in case.moving:
        large, small, found = alone[f"x{k}"], beside[f"x{k}"].shifted(FAR), together[f"x{k}"]
        free = ~large.nonzero & (max(c.size for c in first.values()) > 1)
        np.testing.assert_array_equal(found.to_log_sign().sign[free], small.to_log_sign().sign[free])
        np.testing.assert_allclose(found.ln_abs()[free], small.ln_abs()[free], rtol=1e-13)
        np.testing.assert_allclose(found.ln_abs()[~free], large.ln_abs()[~free], rtol=1e-12, atol=1e-12)


def steps():
    """Operators that pass no gradient, at work, and what ONNX says that they make."""
    x, n = np.array([[3.0, -1.0, 3.0], [0.0, 5.0, 2.0]]), np.array([[1, 6, 5], [12, 0, 7]])
    return {
        "hardmax": (Case("Hardmax", (x,)), [[1, 0, 0], [0, 1, 0]]),
        "hardmax of old": (Case("Hardmax", (x,), {"axis": 0}, opset=11), [[0, 0, 0], [0, 1, 0]]),
        "argmax of the last": (Case("ArgMax", (x,), {"axis": 1, "select_last_index": 1}), [[2], [1]]),
        "argmin": (Case("ArgMin", (x,), {"axis": -1, "keepdims": 0}), [1, 0]),
        "eye": (Case("EyeLike", (x,), {"k": 1}), [[0, 1, 0], [0, 0, 1]]),
        "eye of a kind": (Case("EyeLike", (n,), {"dtype": 7, "k": -1}), [[0, 0, 0], [1, 0, 0]]),
        "shift": (Case("BitShift", (n.astype("u4"), np.array([2], "u4")), {"direction": "RIGHT"}), [[0, 1, 1], [3, 0, 1]]),
        "and": (Case("BitwiseAnd", (n, np.array(6))), [[0, 6, 4], [4, 0, 6]]),
        "or": (Case("BitwiseOr", (n, np.array(8))), [[9, 14, 13], [12, 8, 15]]),
        "xor": (Case("BitwiseXor", (n, np.array(1))), [[0, 7, 4], [13, 1, 6]]),
        "not": (Case("BitwiseNot", (n,)), [[-2, -7, -6], [-13, -1, -8]]),
        "one hot": (Case("OneHot", (np.array([1, -1]), np.array(3), np.array([0.5, 2.0]))), [[0.5, 2, 0.5], [0.5, 0.5, 2]]),
        "one hot of a place that is none": (Case("OneHot", (np.array([3, -4]), np.array(3), np.array([0, 1]))), [[0, 0, 0]] * 2),
        "infinite": (Case("IsInf", (np.array([np.inf, -np.inf, np.nan]),), {"detect_negative": 0}), [True, False, False]),
        "range": (Case("Range", (np.array(3), np.array(-2), np.array(-2))), [3, 1, -1]),
        "range of floats": (Case("Range", (np.array(0.5), np.array(2.0), np.array(0.5))), [0.5, 1.0, 1.5]),
        "non-zero": (Case("NonZero", (x,)), [[0, 0, 0, 1, 1], [0, 1, 2, 1, 2]]),
    }  # fmt: skip


@pytest.mark.parametrize("name", steps())
def test_what_passes_no_gradient_makes_what_onnx_says(name):
    case, want = steps()[name]
    (found,) = case.outputs()
    assert found.tolist() == want
    assert RULES[case.operator].backward is None


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (Case("ScatterND", (draw(4), np.array([[1]]), draw(1)), {"reduction": "mul"}), "multiplies what was there"),
        (Case("Attention", (draw(1, 1, 2, 2),) * 3, {"left_window_size": 1}, opset=25), "a window"),
        (Case("Attention", (draw(1, 1, 2, 2),) * 3, opset=23, results=4), "scores are handed on"),
        (Case("GridSample", (draw(1, 1, 3, 3), 0.5 * draw(1, 2, 2, 2)), {"mode": "cubic"}, opset=20), "it is cubic"),
        (Case("Resize", (draw(1, 3), None, np.array([1.0, 2.0])), {"coordinate_transformation_mode": "tf_crop_and_resize"}), "tf_crop"),
        (Case("MaxPool", (image,), {"kernel_shape": [2, 2], "storage_order": 1}, results=2), "counted by columns"),
        (Case("CumProd", (draw(3), np.array(0)), opset=26), "no rule follows it"),
    ],
)  # fmt: skip
def test_a_use_that_is_not_followed_is_refused_by_name(case, why):
    with pytest.raises(BadValue, match=f"{case.operator} at 'y0': .*{why}"):
        case.outputs()
