"""φ' in two parts: their product is φ', whatever the formula, and their bend its logarithmic derivative."""

from functools import cache, partial

import mpmath
import pytest
import sympy

from chainderiv.compiling.emit import Lines, NotCompilable, folded
from chainderiv.compiling.fractions import as_fractions
from chainderiv.compiling.parts import slope_parts, value_parts
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.precise import precise
from chainderiv.symbols import z
from tests import plain
from tests.kinds import KINDS

POINTS = ("-300.5", "-31.7", "-2.3", "-0.6", "-0.01", "0.02", "0.9", "1.7", "8.25", "45", "290")
OWN = {
    "swish": partial(Activation.from_formula, "swish", "z/(1+exp(-1.5*z))"),
    "bump": partial(Activation.from_formula, "bump", "z*exp(-z**2)"),
    "plain tanh": partial(Activation, "plain tanh", sympy.tanh(z)),
}
ALL = [*KINDS, *OWN]


@cache
def neuron(name):
    """Found when a test first asks: a formula of one's own takes a second."""
    return OWN[name]() if name in OWN else ACTIVATIONS[name]


def at(expression, point):
    return precise(expression, z)(mpmath.mpf(point))


@pytest.mark.parametrize("name", ALL)
def test_the_two_parts_of_a_slope_multiply_to_it(name):
    phi = neuron(name)
    parts = slope_parts(phi)
    with mpmath.workdps(400):
        for point in POINTS:
            want = at(phi.derivative, point)
            for got in (at(parts.rest, point) * mpmath.exp(at(parts.exponent, point)), at(parts.whole, point)):
                # selu's published constants are rounded to 40 digits where a logarithm states them
                assert abs(got - want) <= abs(want) * mpmath.mpf(10) ** -36, point


@pytest.mark.parametrize("name", [n for n, phi in ACTIVATIONS.items() if phi.stable.log_abs_value is not None])
def test_the_two_parts_of_a_value_multiply_to_it_and_the_exponent_holds_what_underflows(name):
    parts = value_parts(ACTIVATIONS[name])
    with mpmath.workdps(400):
        for point in POINTS:
            # 1 + tanh of gelu_tanh needs 800,000 digits at -300.5; as it is written out there it does not
            want = plain.PHI[name](mpmath.mpf(point))
            rest, exponent = at(parts.rest, point), at(parts.exponent, point)
            assert abs(rest * mpmath.exp(exponent) - want) <= abs(want) * mpmath.mpf(10) ** -36, point
            # these keep log1p of an exponential on the side where it is small, down to e^-700
            least = abs(want) if name in ("softplus", "logsigmoid") else mpmath.mpf("1e-6")
            assert least <= abs(rest) < 1e6, point
            slope = plain.phi_prime(name, mpmath.mpf(point))
            assert abs(at(parts.bend, point) * want - slope) <= mpmath.mpf(10) ** -36 * max(abs(want), abs(slope)), (
                point
            )


@pytest.mark.parametrize("name", ALL)
def test_the_bend_is_the_slope_of_the_logarithm(name):
    phi = neuron(name)
    bend = slope_parts(phi).bend
    judged = 0
    with mpmath.workdps(400):
        for point in POINTS:
            first, second = at(phi.derivative, point), at(sympy.diff(phi.derivative, z), point)
            if first == 0:
                continue
            assert abs(at(bend, point) * first - second) <= mpmath.mpf(10) ** -36 * max(abs(first), abs(second)), point
            judged += 1
    assert judged >= 5


def test_a_saturated_slope_leaves_a_rest_of_ordinary_size():
    rest = slope_parts(ACTIVATIONS["sigmoid"]).rest
    with mpmath.workdps(30):
        assert all(mpmath.mpf("0.25") <= at(rest, p) <= 1 for p in POINTS)


def test_both_sides_of_a_choice_by_sign_share_their_exponential():
    sigmoid = ACTIVATIONS["sigmoid"]
    lines = Lines()
    for expression in (sigmoid.stable_value, slope_parts(sigmoid).rest, slope_parts(sigmoid).whole):
        lines.name_of(folded(expression))
    assert sum("exp_down(" in line for line in lines.lines) == 1
    assert sum("1.0/" in line for line in lines.lines) == 1


@pytest.mark.parametrize(
    "expression", [sympy.gamma(z), z ** sympy.Rational(1, 3), sympy.exp(z) ** sympy.pi * z**sympy.pi]
)
def test_what_has_no_instruction_is_refused(expression):
    with pytest.raises(NotCompilable, match="numpy"):
        Lines().name_of(expression)


@pytest.mark.parametrize(("name", "divisions"), [("sigmoid", 1), ("tanh", 1), ("silu", 3), ("softplus", 1)])
def test_a_fraction_serves_where_an_exponential_stands_in_sigmoids_alone(name, divisions):
    phi = ACTIVATIONS[name]
    parts = slope_parts(phi)
    expressions = [folded(e) for e in (phi.stable_value, parts.rest, parts.whole, parts.bend)]
    lines = Lines(as_fractions(expressions))
    for expression in expressions:
        lines.name_of(expression)
    assert any("_fraction(" in line for line in lines.lines) == (name in ("sigmoid", "tanh"))
    assert any("exp_down(" in line for line in lines.lines) == (name in ("silu", "softplus"))
    assert sum("1.0/" in line for line in lines.lines) == divisions
