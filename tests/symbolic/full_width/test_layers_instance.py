"""Proof by instance: BP1 to BP4 written out for small networks against SymPy's own derivative of the whole cost."""

import random
from functools import lru_cache

import mpmath
import pytest
import sympy

from chainderiv.functions.cost import LOG_LIKELIHOOD
from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.full_width.backward_steps import cost_slope
from chainderiv.symbolic.full_width.index_algebra import sum_out
from chainderiv.symbolic.full_width.indexed import a, delta, j, k, last, layer, phi_prime, total, w, z
from chainderiv.symbolic.full_width.layers import derive_layers
from tests.kinds import costly, slow

CASES = {
    "sigmoid, cross-entropy": ((2, 3, 2), "sigmoid", "cross_entropy"),
    "sigmoid, quadratic": ((2, 2, 3), "sigmoid", "quadratic"),
    "sigmoid, log-likelihood": ((2, 3, 3), "sigmoid", "log_likelihood"),
    "tanh, cross-entropy": ((3, 2, 3, 2), "tanh", "cross_entropy"),
    "tanh, log-likelihood": ((1, 2, 1, 2, 2), "tanh", "log_likelihood"),
    "tanh, quadratic, depth 4": ((1, 2, 1, 2, 2), "tanh", "quadratic"),
    "relu, quadratic": ((2, 3, 2), "relu", "quadratic"),
    "relu, log-likelihood": ((2, 2, 3), "relu", "log_likelihood"),
    "softplus, cross-entropy": ((1, 2, 2, 1, 2), "softplus", "cross_entropy"),
    "softplus, quadratic, sigmoid output": ((2, 3, 2), "softplus", "quadratic", "sigmoid"),
    "mixed, cross-entropy": ((2, 2, 2, 2), ("relu", "tanh"), "cross_entropy"),
    "mixed, quadratic": ((2, 2, 1, 2, 2), ("elu", "softplus", "sigmoid"), "quadratic", "tanh"),
    "mixed, log-likelihood": ((2, 2, 2, 2), ("softsign", "gelu"), "log_likelihood"),
    "depth 1, cross-entropy": ((3, 2), "tanh", "cross_entropy"),
    "depth 1, log-likelihood": ((3, 3), "tanh", "log_likelihood"),
    "width 1": ((1, 1, 1, 1), "sigmoid", "quadratic"),
}


# what the mpmath printer of SymPy has no name for
NAMES = [{"normal_cdf": mpmath.ncdf}, "mpmath"]


def point(derivation, seed=0, ones=False):
    """A rational number for every symbol of the cost; targets in (0, 1), of the sum 1 on request."""
    rng, sizes = random.Random(seed), derivation.sizes
    drawn = {p.symbol: sympy.Rational(rng.choice((-1, 1)) * rng.randrange(20, 90), 64) for p in derivation.parameters}
    inputs = {f"x_{i}": sympy.Rational(i + 2, 3 + 2 * i) for i in range(1, sizes[0] + 1)}
    targets = {f"y_{i}": sympy.Rational(i + 1, 3 + 2 * i) for i in range(1, sizes[-1] + 1)}
    share = sum(targets.values()) if ones else 1
    named = inputs | {name: value / share for name, value in targets.items()}
    return drawn | {sympy.Symbol(name, real=True): value for name, value in named.items()}


def compiled(expressions, symbols):
    """point, digits -> the values of the expressions, which share what they have in common."""
    function = sympy.lambdify(list(symbols), expressions, modules=NAMES, cse=True)

    def values(at, digits):
        with mpmath.workdps(digits):
            return list(function(*(mpmath.mpf(at[s].p) / at[s].q for s in symbols)))

    return values


def differing(got, want, at):
    """The places at which got is not want, to 50 digits of the value itself; both are functions of point and digits.

    The digits are doubled until all that is wanted stands to 55 digits, so that no cancellation hides behind them.
    """
    digits, before = 60, want(at, 60)
    while True:
        digits *= 2
        assert digits < 4000, "what is wanted does not settle"
        correct = want(at, digits)
        with mpmath.workdps(digits):
            if all(abs(a - b) <= abs(b) * mpmath.mpf(10) ** -55 for a, b in zip(before, correct, strict=True)):
                break
        before = correct
    with mpmath.workdps(digits):
        pairs = zip(got(at, digits), correct, strict=True)
        return [i for i, (g, w) in enumerate(pairs) if not abs(g - w) <= abs(w) * mpmath.mpf(10) ** -50]


@lru_cache
def problem(sizes, activation, cost, output=None):
    """A network and SymPy's own derivative of its explicit cost by every weight and bias."""
    hidden = activation if isinstance(activation, str) else list(activation)
    derivation = derive_layers(list(sizes), hidden, cost, output)
    whole = derivation.cost_expression()
    return derivation, compiled([whole.diff(p.symbol) for p in derivation.parameters], point(derivation))


def live_point(derivation, want, ones=False):
    """A point where most gradients are not 0: relu shuts neurons off, and a 0 judges nothing."""
    for seed in range(200):
        at = point(derivation, seed, ones)
        judged = sum(v != 0 for v in want(at, 20))
        if judged >= 0.75 * len(derivation.parameters):
            return at
    raise AssertionError("no point judges most parameters")


def wrong_parameters(derivation, want, cancel=False):
    """The parameters whose gradient by BP1 to BP4 is not SymPy's derivative of the cost."""
    at = live_point(derivation, want, ones=cancel)
    got = compiled([derivation.gradient(p, cancel) for p in derivation.parameters], at)
    return [str(derivation.parameters[i]) for i in differing(got, want, at)]


DEEP = {"tanh, log-likelihood", "softplus, cross-entropy", "mixed, cross-entropy", "mixed, log-likelihood"}  # or long


@pytest.mark.parametrize("case", costly(CASES, quick=CASES.keys() - DEEP))
def test_every_weight_and_bias_has_the_derivative_of_the_explicit_cost(case):
    assert wrong_parameters(*problem(*CASES[case])) == []


@pytest.mark.parametrize("case", [slow(c) if c in DEEP else c for c in CASES if "cross" in c or "log" in c])
def test_after_the_cancellation_the_gradients_are_the_same_where_targets_sum_to_one(case):
    assert wrong_parameters(*problem(*CASES[case]), cancel=True) == []


def test_softmax_needs_targets_that_sum_to_one_for_its_short_form_and_for_nothing_else():
    derivation, want = problem(*CASES["sigmoid, log-likelihood"])
    at = point(derivation)
    long, short = ([derivation.gradient(p, cancel) for p in derivation.parameters] for cancel in (False, True))
    assert differing(compiled(long, at), want, at) == []
    assert len(differing(compiled(short, at), want, at)) == len(short)


def test_a_difference_simplifies_to_zero_where_sympy_can_see_it():
    derivation = derive_layers([2, 2], "identity", "quadratic")
    for p in derivation.parameters:
        assert sympy.expand((derivation.cost_expression().diff(p.symbol) - derivation.gradient(p)).doit()) == 0
    derivation = derive_layers([1, 1, 1], "sigmoid", "cross_entropy")
    for p in derivation.parameters:
        assert sympy.simplify(derivation.cost_expression().diff(p.symbol) - derivation.gradient(p)) == 0


def planted(derivation, name, change):
    """A derivation with one equation's right side replaced."""
    left, right = derivation.equations[name]
    broken = dict(derivation.equations) | {name: (left, change(right))}
    derivation.__dict__["equations"] = broken
    return derivation


def jacobian_with(change):
    whole = sum_out(total(slope(k) * change, k, last), {j: indexed.n[last]})
    return lambda _: whole


def slope(row):
    return cost_slope(LOG_LIKELIHOOD, last, row)


A, KRONECKER = a, sympy.KroneckerDelta(j, k)
ERRORS = {
    "W instead of its transpose": (
        "sigmoid", "cross_entropy", "BP2",
        lambda right: right.xreplace({w[layer + 1, k, j]: w[layer + 1, j, k]}),
    ),
    "no derivative in BP2": (
        "tanh", "quadratic", "BP2", lambda right: right / phi_prime(z[layer, j]),
    ),
    "no derivative in BP1": ("tanh", "quadratic", "BP1", lambda right: right / phi_prime(z[last, j])),
    "the derivative of the next layer": (
        "tanh", "quadratic", "BP2",
        lambda right: right.xreplace({z[layer, j]: z[layer + 1, j]}),
    ),
    "indices of BP4 swapped": (
        "sigmoid", "log_likelihood", "BP4", lambda _: A[layer - 1, j] * delta[layer, k],
    ),
    "the activation of the same layer": ("tanh", "quadratic", "BP4", lambda _: A[layer, k] * delta[layer, j]),
    "a softmax without its cross terms": (
        "tanh", "log_likelihood", "BP1", jacobian_with(A[last, k] * (1 - A[last, k]) * KRONECKER),
    ),
    "a softmax with the wrong sign": (
        "tanh", "log_likelihood", "BP1", jacobian_with(A[last, k] * (KRONECKER + A[last, j])),
    ),
    "0.1 % in BP1": ("sigmoid", "cross_entropy", "BP1", lambda right: sympy.Rational(1001, 1000) * right),
    "0.1 % in BP2": ("relu", "quadratic", "BP2", lambda right: sympy.Rational(1001, 1000) * right),
    "0.1 % in BP3": ("sigmoid", "cross_entropy", "BP3", lambda right: sympy.Rational(1001, 1000) * right),
    "0.1 % in BP4": ("softplus", "cross_entropy", "BP4", lambda right: sympy.Rational(1001, 1000) * right),
    "the wrong sign": ("softplus", "quadratic", "BP2", lambda right: -right),
}  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
def test_a_planted_error_is_caught(error):
    name, cost, equation, change = ERRORS[error]
    # square layers: a wrong index is then no index out of range
    sizes = (2, 2, 2)
    derivation = planted(derive_layers(sizes, name, cost), equation, change)
    assert wrong_parameters(derivation, problem(sizes, name, cost)[1])
