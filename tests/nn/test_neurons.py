"""The compiled neurons and ends of networks, number by number, against their formulas in arbitrary precision.

The referee works at 700 digits: 1 - tanh²(300) is 0 at 250 of them. Where |z| is 10,000 it takes 5000.
"""

from functools import cache, lru_cache
from itertools import product

import mpmath
import numpy as np
import pytest
import sympy
from numba import njit

from chainderiv.compiling.emit import NotCompilable
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cost as find_cost
from chainderiv.functions.lookup import neuron as look_up
from chainderiv.functions.precise import precise, working_digits
from chainderiv.nn.compiled.neurons import ending_function, hidden_function
from chainderiv.nn.network import Network
from chainderiv.nn.output_layer import OutputLayer
from chainderiv.nn.training import engines
from chainderiv.nn.training.training import train
from chainderiv.symbols import a, y, z
from tests.kinds import FOUR, KINDS, costly

DTYPES = {name: np.dtype(name) for name in ("float32", "float64")}
SPREAD = [
    1e-300,
    1e-20,
    1e-8,
    1e-3,
    0.3,
    0.7,
    1.0,
    1.3,
    2.0,
    5.5,
    9.9,
    17.0,
    36.9,
    45.0,
    88.0,
    104.0,
    355.0,
    700.0,
    745.5,
    1e4,
]
OWN = {
    "swish": "z/(1+exp(-1.5*z))",
    "hard sigmoid": "Max(0, Min(1, (z+1)/2))",
    "cubic": "where(z < 0, 0, z**3/(1+z**2))",
    "narrow": "log(1+exp(2*z))/2",
    "wide": "atan(z/3) + tanh(z)/4",
    "wave": "z + sin(z)/2",
    "inverse sinh": "asinh(z)",
    "decimal": "z/3 + log10(1+z**2)/2",
    "root": "cbrt(1+z**2)",
    "cardinal": "sinc(z) + z/2",
}


@lru_cache
def neuron(name):
    return Activation.from_formula(name, OWN[name]) if name in OWN else look_up(name)


def points(activation, dtype):
    """A spread of z, both signs, 0, every kink and its neighbours, as dtype holds them."""
    kinks = [float(k) for k in activation.kinks]
    beside = [f(k) for k in kinks for f in (lambda k: np.nextafter(k, -9), lambda k: np.nextafter(k, 9))]
    whole = np.array([*SPREAD, *(-v for v in SPREAD), 0.0, *kinks, *beside]).astype(dtype)
    return np.unique(whole)  # float32 has no 1e-300


@cache
def in_precision(expression, point):
    """What a formula in z is at a number, as an mpf that has the digits of any float64."""
    with working_digits(5000 if abs(point) > 1000 else 700):
        return mpmath.mpf(precise(expression, z)(mpmath.mpf(point)))


def ulps(got, want, dtype, size=None):
    """How far got is from want, in units of the dtype's rounding of want, or of a larger size; below normal numbers,
    of the smallest of them."""
    limits = np.finfo(dtype)
    if abs(want) > float(limits.max):
        return 0.0 if got == np.sign(float(mpmath.sign(want))) * np.inf else np.inf
    if not np.isfinite(got):
        return np.inf
    scale = max(abs(want) if size is None else size, mpmath.mpf(float(limits.tiny)))
    return float(abs(mpmath.mpf(float(got)) - want) / (float(limits.eps) * scale))


@njit
def call_hidden(hidden, z, a, slope):
    hidden(z, a, slope)


@njit
def call_ending(ending, z, y, a, delta, n, pitch):
    ending(z, y, a, delta, n, pitch)


def hidden_at(activation, at):
    """φ and φ' as the compiled neuron gives them."""
    a, slope = np.full_like(at, 7), np.full_like(at, 7)
    call_hidden(hidden_function(activation, at.dtype), at, a, slope)
    return a, slope


def ending_at(last, at, targets, pitch):
    """a_L and δ_L of rows of outputs; what stands behind a row must not matter, and must be 0 behind its results."""
    rows, n = at.shape
    wide = [np.full((rows, pitch), 1e30, at.dtype), np.zeros((rows, pitch), at.dtype)]
    wide[0][:, :n], wide[1][:, :n] = at, targets
    a, delta = np.full(rows * pitch, 7, at.dtype), np.full(rows * pitch, 7, at.dtype)
    call_ending(ending_function(last, at.dtype), wide[0].ravel(), wide[1].ravel(), a, delta, n, pitch)
    a, delta = a.reshape(rows, pitch), delta.reshape(rows, pitch)
    assert not a[:, n:].any()
    assert not delta[:, n:].any()
    return a[:, :n], delta[:, :n]


# a float32 is the rounding of what was computed in float64; a float64 has the errors of a few operations
ALLOWED = {"float32": 0.51, "float64": 8.0}
ROUNDED = (
    "gelu",
    "swish",
)  # their exponentials are of z²/2 and 1.5 z: rounded, and so larger or smaller by |log φ'| ulps


def rounded(activation, want):
    """By how much more than ALLOWED a number may be off."""
    return 1 + float(abs(mpmath.log(abs(want)))) / 8 if activation.name in ROUNDED and want else 1


def assert_near(got, want, name, size=None, allowed=1.0):
    """Within the ulps that are allowed; below e^-708 the exponential stays what it is there, times |z| and the like."""
    lowest = mpmath.mpf("1e-307") if name == "float64" else 0
    if abs(want) < lowest:
        assert abs(got) < 1e-302
    else:
        off = ulps(got, want, DTYPES[name], size)
        assert off <= ALLOWED[name] * allowed, (off, got, want)


@pytest.mark.parametrize(
    ("name", "dtype"),
    costly(
        product([*KINDS, *OWN], DTYPES),
        quick=[
            *product(FOUR, ["float64"]),
            ("gelu", "float32"),
            ("swish", "float64"),
            ("cubic", "float64"),
            ("decimal", "float32"),
        ],
    ),
)
def test_value_and_slope_are_the_formula_s_to_a_few_ulps_at_a_spread_of_z(name, dtype):
    activation = neuron(name)
    at = points(activation, DTYPES[dtype])
    assert len(at) > 36
    values, slopes = hidden_at(activation, at)
    for point, value, slope in zip(map(float, at), values, slopes, strict=True):
        for got, expression in ((value, activation.formula), (slope, activation.derivative)):
            want = in_precision(expression, point)
            assert_near(got, want, dtype, allowed=rounded(activation, want) if dtype == "float64" else 1)


@pytest.mark.parametrize(("name", "count"), [
    ("relu", 1), ("leaky_relu", 1), ("elu", 0), ("selu", 1), ("hard sigmoid", 2),  # elu' is 1 from either side
])  # fmt: skip
def test_at_a_kink_the_slope_is_the_branch_s_that_the_formula_states(name, count):
    activation = neuron(name)
    assert len(activation.kinks) == count
    for kink in map(float, activation.kinks):
        at = np.array([kink])
        _, slope = hidden_at(activation, at)
        beside = [hidden_at(activation, np.array([kink + side]))[1][0] for side in (-1e-9, 1e-9)]
        assert beside[0] != pytest.approx(beside[1])
        assert slope[0] in (pytest.approx(beside[0]), pytest.approx(beside[1]))
        assert slope[0] == float(in_precision(activation.derivative, kink))


def test_a_value_that_is_off_by_ten_ulps_or_not_a_number_is_caught():
    for name, dtype in DTYPES.items():
        want = in_precision(neuron("tanh").formula, 0.3)
        right = dtype.type(want)
        assert_near(right, want, name)
        for wrong in (right * dtype.type(1 + 10 * np.finfo(dtype).eps), dtype.type(np.nan), dtype.type(np.inf), -right):
            with pytest.raises(AssertionError):
                assert_near(wrong, want, name)
    with pytest.raises(AssertionError):
        assert_near(np.float64(1e-300), mpmath.mpf("1e-310"), "float64")
    with pytest.raises(AssertionError):
        assert_near(np.float32(3e38), mpmath.mpf("1e39"), "float32")


def test_what_overflows_is_infinite():
    square = Activation("square", z**2)
    values, slopes = hidden_at(square, np.array([-1e200, 1e200]))
    np.testing.assert_array_equal(values, [np.inf, np.inf])
    np.testing.assert_array_equal(slopes, [-2e200, 2e200])
    assert hidden_at(square, np.array([1e30], np.float32))[0][0] == np.inf


# ---- ends

TARGETS = [0.0, 1.0, 0.3]
ENDS = [("sigmoid", "cross_entropy"), *((name, "quadratic") for name in [*KINDS, "swish", "hard sigmoid"])]


def delta_of(activation, cost, point, target):
    """∂C/∂z_L = φ'(z) · ∂C/∂a at a = φ(z), and the size of what a - y is a difference of, times the rest."""
    at, slope = in_precision(activation.formula, point), in_precision(activation.derivative, point)
    with working_digits(700):
        want = slope * precise(sympy.diff(cost.formula, a), a, y)(at, mpmath.mpf(target))
        # beside a limit of φ that is an exact number, a - y is known to its digits
        exact = target in LIMITS.get(activation.name, ())
        away = abs(at - target)
        return want, None if exact or not away else abs(want) * (abs(at) + target) / away


LIMITS = {
    "sigmoid": (0.0, 1.0), "tanh": (1.0,), "softsign": (1.0,), "softplus": (0.0,), "relu": (0.0,), "identity": (0.0,),
    "leaky_relu": (0.0,), "elu": (0.0,), "selu": (0.0,), "gelu": (0.0,), "silu": (0.0,), "mish": (0.0,),
    "arctan": (0.0,), "swish": (0.0,),
}  # fmt: skip


@pytest.mark.parametrize("dtype", costly(DTYPES, quick=["float64"]))
@pytest.mark.parametrize(("name", "cost"), costly(ENDS))
def test_outputs_and_their_deltas_are_the_formulas_to_a_few_ulps(cost, name, dtype):
    activation, at_cost = neuron(name), find_cost(cost)
    at = points(activation, DTYPES[dtype])
    at = at[np.abs(at) < 1e3][::2].copy()
    rows = np.repeat(at[:, None], len(TARGETS), axis=1)
    targets = np.broadcast_to(np.array(TARGETS, DTYPES[dtype]), rows.shape)
    values, deltas = ending_at(OutputLayer(activation, at_cost), rows, targets, pitch=8)
    for row, point in enumerate(map(float, at)):
        for k in range(len(TARGETS)):
            want, size = delta_of(activation, at_cost, point, float(targets[row, k]))
            assert_near(deltas[row, k], want, dtype, size, 2 * rounded(activation, want) if dtype == "float64" else 1)
        assert (values[row] == values[row, 0]).all()
    same, _ = hidden_at(activation, at)  # which the tests above have judged
    np.testing.assert_array_equal(values[:, 0], same)


def test_a_delta_with_a_sigmoid_s_slope_too_many_is_caught():
    want, _ = delta_of(neuron("sigmoid"), find_cost("cross_entropy"), 1.3, 1.0)
    quadratic = OutputLayer(neuron("sigmoid"), find_cost("quadratic"))
    _, [[delta]] = ending_at(quadratic, np.array([[1.3]]), np.array([[1.0]]), 4)
    with pytest.raises(AssertionError):
        assert_near(delta, want, "float64")


SOFTMAX = OutputLayer(None, find_cost("log_likelihood"))
ROWS = np.array(
    [
        [0, 0, 0, 0, 0], [1, 2, 3, 4, 5], [-1, 0.5, 0.25, -2, 1e-300], [700, -700, 0, 3, 699], [1e4, -1e4, 9990, 0, 1],
        [-1e4, -1e4, -1e4, -1e4, -1e4], [300.5, 300.25, 300, 299, -80.125], [-700, -699, -701.5, -745, -650], [0, 60, 0, 0, 0],
        [1e-300, -1e-300, 0, 0, 1e-8], [87.25, -15.75, 0.1, 50.3, 86.1],
    ]
)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_and_its_deltas_are_right_for_extreme_outputs(dtype):
    """δ_k = a_k - y_k for one-hot y; at the label it is minus the sum of the others, which keeps its digits."""
    rows = ROWS.astype(DTYPES[dtype])
    for label in range(5):
        targets = np.zeros_like(rows)
        targets[:, label] = 1
        values, deltas = ending_at(SOFTMAX, rows, targets, pitch=16)
        for row, value, delta in zip(rows, values, deltas, strict=True):
            with working_digits(60):
                e = [mpmath.exp(mpmath.mpf(float(v)) - mpmath.mpf(float(max(row)))) for v in row]
                want = [v / mpmath.fsum(e) for v in e]
                missed = mpmath.fsum(v for k, v in enumerate(want) if k != label)
            for k in range(5):
                # z_k - max z is rounded in float64, and e to that power by as many units as it is large
                more = 1 + float(max(row)) - float(row[k]) if dtype == "float64" else 1
                assert_near(value[k], want[k], dtype, allowed=more)
                if k != label:
                    assert_near(delta[k], want[k], dtype, allowed=more)
            largest = max(float(max(row)) - float(v) for k, v in enumerate(row) if k != label and want[k] > 1e-307)
            # a sum of four numbers that were rounded
            assert_near(delta[label], -missed, dtype, allowed=8 + (largest if dtype == "float64" else 0))


def test_softmax_of_targets_that_are_no_labels():
    rows, targets = np.array([[0.5, -1.0, 2.0], [1.0, 1.0, 1.0]]), np.array([[0.2, 0.3, 0.5], [1.0, 1.0, 0.0]])
    values, deltas = ending_at(SOFTMAX, rows, targets, pitch=4)
    e = np.exp(rows)
    np.testing.assert_allclose(values, e / e.sum(axis=1, keepdims=True), rtol=1e-14)
    np.testing.assert_allclose(deltas, values * targets.sum(axis=1, keepdims=True) - targets, rtol=0, atol=4e-16)


def test_a_row_of_one_output_under_softmax_is_1_and_moves_nowhere():
    values, deltas = ending_at(SOFTMAX, np.array([[-700.0], [3.0]]), np.ones((2, 1)), pitch=4)
    np.testing.assert_array_equal(values, 1)
    np.testing.assert_array_equal(deltas, 0)


# ---- what has no compiled form

ROOT = Activation("root", sympy.Piecewise((z ** sympy.Rational(1, 3), z > 0), (z / 9, True)))
GAMMA = Activation("gamma", sympy.loggamma(z**2 + 1))
STEEP = Cost("steep", (a - y) ** sympy.Rational(10, 3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [ROOT, GAMMA], ids=lambda f: f.name)
def test_a_formula_without_compiled_form_is_refused_as_hidden_neuron_and_as_output(activation, dtype):
    with pytest.raises(NotCompilable, match="use engine='numpy'"):
        hidden_function(activation, DTYPES[dtype])
    with pytest.raises(NotCompilable, match="use engine='numpy'"):
        ending_function(OutputLayer(activation, find_cost("quadratic")), DTYPES[dtype])


def test_a_cost_without_compiled_form_is_refused():
    with pytest.raises(NotCompilable, match="cost 'steep' is beyond the compiled engine"):
        ending_function(OutputLayer(neuron("sigmoid"), STEEP), DTYPES["float64"])


def test_where_a_formula_is_not_compilable_numpy_trains_and_numba_refuses(tiny, monkeypatch):
    monkeypatch.setattr(engines, "WORTH_COMPILING", 0.0)
    records = {name: train(Network([6, 4, 3], f), tiny, 1) for name, f in {"root": ROOT, "tanh": "tanh"}.items()}
    assert {name: record.settings["engine"] for name, record in records.items()} == {"root": "numpy", "tanh": "numba"}
    assert records["root"].training_cost[1] < records["root"].training_cost[0]
    with pytest.raises(NotCompilable, match="use engine='numpy'"):
        train(Network([6, 4, 3], ROOT), tiny, 1, engine="numba")


@pytest.mark.parametrize(
    "name",
    costly(
        ['a "quoted" \\ name', '"""', "z/(1+exp(-1.5*z))", "σ; import os", "{0}{missing}"],
        quick=['"""', "{0}{missing}"],
    ),
)
def test_a_neuron_s_name_is_no_code(name):
    values, _ = hidden_at(Activation(name, sympy.tanh(z)), np.array([0.5]))
    assert values[0] == pytest.approx(np.tanh(0.5), rel=1e-15)
    ends = OutputLayer(Activation(name, sympy.tanh(z)), find_cost("quadratic"))
    outputs, _ = ending_at(ends, np.array([[0.5]]), np.zeros((1, 1)), 4)
    assert outputs[0, 0] == values[0]
