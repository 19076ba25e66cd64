"""verify(chain, function): code of someone else's, honest or not."""

import math

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.checking.verification import METHODS
from chainderiv.errors import BadValue
from tests.kinds import slow

STEP = ("complex step",)
SLOPES = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a**2, "identity": lambda a: 1.0}
VALUES = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "identity": lambda z: z}


def plain_code(name, wrt="b1", times=1.0, slope=None, kind=np.float64):
    """Backpropagation as it is taught: φ' from a_l, a running product from the output on."""

    def f(w, b, x, y):
        w, b, a = w.astype(kind), b.astype(kind), [kind(x)]
        for weight, bias in zip(w, b, strict=True):
            a.append(VALUES[name](weight * a[-1] + bias))
        delta = a[-1] - kind(y)
        first = int(wrt[1:])
        for k in range(len(w), first - 1, -1):
            delta = delta * (slope or SLOPES[name])(a[k]) * (w[k - 1] if k > first else kind(1))
        return delta * kind(times) * (a[first - 1] if wrt[0] == "w" else kind(1))

    return f


def judges_at(depth):
    """mpmath takes seconds where a chain is deep."""
    return STEP if depth >= 100 else METHODS


@pytest.mark.parametrize("depth", [1, slow(2), 4, slow(24), slow(100), 200])
@pytest.mark.parametrize("name", VALUES)
def test_honest_plain_code_passes_at_any_depth_that_floats_hold(name, depth):
    chain = cd.Chain(depth, name)
    for wrt in ("b1", f"w{depth}"):
        found = cd.verify(chain, plain_code(name, wrt), wrt=wrt, points=40, methods=judges_at(depth))
        assert found.passed, (wrt, found.diagnosis)
        assert found.judged > 30


@pytest.mark.parametrize("depth", [slow(1), 4, slow(24), slow(100), 200])
@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("off", [1e-7, slow(-1e-7), slow(1e-3)])
def test_an_error_of_a_ten_millionth_does_not(name, depth, off):
    code = plain_code(name, times=1 + off)
    found = cd.verify(cd.Chain(depth, name), code, points=40, methods=judges_at(depth))
    assert not found.passed
    assert found.diagnosis.endswith("times the gradient at every judged point")


@pytest.mark.parametrize("name", ["gelu", "softplus", "elu", "silu"])
def test_plain_code_of_other_neurons_passes(name):
    def normal(z):
        return (1 + math.erf(z / math.sqrt(2))) / 2

    def density(z):
        return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    def s(z):
        return 1 / (1 + math.exp(-z))

    value, slope = {
        "gelu": (lambda z: z * normal(z), lambda z: normal(z) + z * density(z)),
        "softplus": (lambda z: math.log(1 + math.exp(z)), s),
        "elu": (lambda z: z if z > 0 else math.exp(z) - 1, lambda z: 1.0 if z > 0 else math.exp(z)),
        "silu": (lambda z: z * s(z), lambda z: s(z) * (1 + z * (1 - s(z)))),
    }[name]

    def f(w, b, x, y, times=1.0):
        a, product = x, times
        for k, (weight, bias) in enumerate(zip(w, b, strict=True)):
            z = weight * a + bias
            a, product = value(z), product * slope(z) * (weight if k else 1.0)
        return product * (a - y)

    assert cd.verify(cd.Chain(4, name), f).passed
    assert not cd.verify(cd.Chain(4, name), lambda *at: f(*at, times=1 + 1e-7)).passed


def test_digits_that_plain_code_loses_where_it_saturates_are_said_to_be_rounding():
    found = cd.verify(cd.Chain(200, "tanh"), plain_code("tanh"), methods=STEP)
    assert found.passed
    assert "loses digits" in found.diagnosis
    assert "that is rounding" in found.diagnosis
    assert cd.verify(cd.Chain(4), plain_code("sigmoid")).diagnosis is None


def test_a_wrong_slope_and_a_wrong_neuron_are_named():
    chain = cd.Chain(4, "tanh")
    wrong = cd.verify(chain, plain_code("tanh", slope=lambda a: a * (1 - a)))
    assert not wrong.passed
    assert wrong.diagnosis == "a_l (1 − a_l) stands where φ'(z_l) belongs, at every layer"
    other = cd.verify(chain, plain_code("sigmoid"))
    assert other.diagnosis == "it is the gradient of Chain(depth=4, activation='sigmoid', cost='quadratic')"
    assert cd.verify(chain, plain_code("tanh", "b2")).diagnosis == "it is ∂C/∂b₂"
    assert cd.verify(chain, plain_code("tanh", times=-1.0)).diagnosis == "its sign is wrong at every judged point"


@pytest.mark.parametrize("function", [plain_code("sigmoid"), lambda w, b, x, y: 0.0], ids=["honest", "zero"])
def test_a_gradient_that_floats_do_not_hold_is_neither_passed_nor_judged(function):
    found = cd.verify(cd.Chain(400), function)
    assert not found.passed
    assert found.judged == 0
    assert found.worst is None
    assert "too near the end" in found.diagnosis
    assert all(row.passed is None for row in found.rows)


def test_a_zero_that_plain_code_underflows_to_fails_where_the_gradient_is_a_float():
    found = cd.verify(cd.Chain(200), lambda w, b, x, y: 0.0, points=20, methods=STEP)
    assert not found.passed
    assert found.judged > 10
    assert "it is 0 at" in found.diagnosis


def test_a_function_of_mpmath_or_a_logsign_is_judged_beyond_float64():
    chain = cd.Chain(300)

    def precise(w, b, x, y, times=1):
        with mp.workdps(30):
            a, product = mp.mpf(x), mp.mpf(times)
            for k, (weight, bias) in enumerate(zip(w, b, strict=True)):
                a = 1 / (1 + mp.exp(-(mp.mpf(float(weight)) * a + mp.mpf(float(bias)))))
                product *= a * (1 - a) * (mp.mpf(float(weight)) if k else 1)
            return product * (a - mp.mpf(y))

    found = cd.verify(chain, precise, points=3, methods=STEP)
    assert found.passed
    assert found.worst.log10_largest < -320
    assert not cd.verify(chain, lambda *at: precise(*at, times=1 + 1e-9), points=3, methods=STEP).passed

    def as_log(w, b, x, y):
        return cd.evaluate(chain, w, b, x=x, y=y, wrt="b1")

    assert cd.verify(chain, as_log, points=3, methods=STEP).passed
    assert not cd.verify(chain, lambda *at: -as_log(*at), points=3, methods=STEP).passed


def test_code_in_float32_is_judged_by_its_own_digits():
    chain = cd.Chain(3, "sigmoid")
    assert cd.verify(chain, plain_code("sigmoid", kind=np.float32)).passed
    assert not cd.verify(chain, plain_code("sigmoid", kind=np.float32, times=1.001)).passed
    deep = cd.verify(cd.Chain(40), plain_code("sigmoid", kind=np.float32))
    assert not deep.passed
    assert deep.judged == 0


def test_a_function_that_fails_at_points_is_told_so():
    def root(w, b, x, y):
        return math.sqrt(x)

    found = cd.verify(cd.Chain(2), root, points=20)
    assert not found.passed
    assert "ValueError" in found.diagnosis
    assert "points (" in found.diagnosis
    for function in (lambda w, b, x, y: 1 / 0, lambda w, b, x, y: float("nan"), lambda w, b, x, y: math.inf):
        found = cd.verify(cd.Chain(2), function, points=5)
        assert not found.passed
        assert found.diagnosis.startswith("it has no finite real value at 5 of 5 judged points (")


@pytest.mark.parametrize(("function", "said"), [
    (lambda w, b: 1.0, "raises TypeError"), (lambda w, b, x, y: w[7], "raises IndexError"),
    (lambda w, b, x, y: w, r"returns shape \(3,\)"), (lambda w, b, x, y: None, "returns None"),
    (lambda w, b, x, y: "3", "returns '3'"), (lambda w, b, x, y: 1j, "returns 1j"),
    (lambda w, b, x, y: w.nothing, "raises AttributeError"), (lambda w, b, x, y: True, "returns True"),
])  # fmt: skip
def test_what_is_no_function_of_w_b_x_and_y_is_refused_in_one_line(function, said):
    with pytest.raises(BadValue, match=said) as caught:
        cd.verify(cd.Chain(3), function, points=3)
    assert "\n" not in str(caught.value)


def test_a_function_is_given_arrays_of_its_own():
    def greedy(w, b, x, y):
        value = plain_code("sigmoid")(w, b, x, y)
        w[:], b[:] = 0.0, 0.0
        return value

    assert cd.verify(cd.Chain(3), greedy, points=10).passed
    seen = []
    cd.verify(cd.Chain(3), lambda w, b, x, y: seen.append((w.shape, b.shape, type(x), type(y))) or 1.0, points=2)
    assert seen == [((3,), (3,), float, float)] * 2


def test_a_one_element_array_and_other_libraries_numbers_are_numbers():
    class Tensor:
        def __init__(self, value):
            self.value = value

        def detach(self):
            return self

        def numpy(self, force):
            assert force
            return np.asarray(self.value)

    right = plain_code("sigmoid")
    for wrap in (lambda v: np.array([v]), Tensor, lambda v: np.array(v)):
        assert cd.verify(cd.Chain(2), lambda *at, wrap=wrap: wrap(right(*at)), points=5).passed
