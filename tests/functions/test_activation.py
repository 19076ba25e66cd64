"""What follows from a formula: kinks and their convention, breaks, parity, published constants, refusals."""

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadValue, ChainderivError, UnknownName
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.lookup import neuron
from chainderiv.functions.precise import precise
from chainderiv.symbols import a, x, z
from tests.kinds import slow


def slope_at(name, point):
    return float(array_functions(neuron(name)).derivative(point))


def test_the_catalogue_has_these_names():
    assert set(ACTIVATIONS) == {
        "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "softsign", "gelu", "silu", "mish", "arctan",
        "identity", "prelu", "celu", "relu6", "relu2", "hardtanh", "hardsigmoid", "hardswish", "softshrink", "tanhshrink",
        "logsigmoid", "squareplus", "quick_gelu", "gelu_tanh", "snake",
    }  # fmt: skip
    assert all(name == f.name for name, f in ACTIVATIONS.items())


HALF = sympy.Rational(1, 2)
KINKS = {
    "relu": (0,), "leaky_relu": (0,), "selu": (0,), "prelu": (0,), "relu6": (0, 6), "hardtanh": (-1, 1),
    "hardsigmoid": (-3, 3), "hardswish": (-3, 3), "softshrink": (-HALF, HALF),
}  # fmt: skip
SMOOTH_BREAKS = {"elu": (0,), "celu": (0,), "softsign": (0,), "relu2": (0,)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kinks_are_where_the_slope_jumps_and_nowhere_else(name):
    assert neuron(name).kinks == KINKS.get(name, ())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_breaks_are_where_the_formula_changes_its_branch(name):
    assert neuron(name).breaks == (KINKS | SMOOTH_BREAKS).get(name, ())


@pytest.mark.parametrize(("formula", "breaks", "kinks"), [
    (sympy.Max(z, 1), (1,), (1,)),
    (sympy.Abs(z + 2), (-2,), (-2,)),
    (z * sympy.Abs(z), (0,), ()),
    (sympy.Piecewise((-1, z < -1), (1, z > 1), (z, True)), (-1, 1), (-1, 1)),
    (sympy.Heaviside(z - 3, 0), (3,), (3,)),
    (z**3, (), ()),
])  # fmt: skip
def test_breaks_and_kinks_of_formulas_outside_the_catalogue(formula, breaks, kinks):
    f = cd.Activation("mine", formula)
    assert (f.breaks, f.kinks) == (breaks, kinks)


@pytest.mark.parametrize(("name", "at_zero"), [
    ("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0), ("selu", 1.0507009873554805 * 1.6732632423543772),
])  # fmt: skip
def test_the_convention_at_zero_is_the_left_branch(name, at_zero):
    assert slope_at(name, 0.0) == pytest.approx(at_zero, rel=1e-15)
    assert slope_at(name, -0.0) == slope_at(name, 0.0)


def test_relu_prime_of_zero_is_zero_in_every_form():
    f = array_functions(neuron("relu"))
    assert f.derivative(0.0) == 0
    assert f.log_abs_derivative(0.0) == -np.inf
    assert precise(neuron("relu").derivative, z)(mp.mpf(0)) == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_parity_is_the_value_s_own(name):
    odd = {"tanh", "softsign", "arctan", "identity", "hardtanh", "softshrink", "tanhshrink"}
    assert neuron(name).parity == ("odd" if name in odd else None)
    f = array_functions(neuron(name)).value
    points = np.linspace(0.1, 5, 30)
    assert np.array_equal(f(points), -f(-points)) == (name in odd)


def test_an_even_formula_is_even():
    assert cd.Activation("square", z**2).parity == "even"


def test_sigmoid_prime_is_at_most_a_quarter_and_that_at_zero():
    assert neuron("sigmoid").derivative.subs(z, 0) == sympy.Rational(1, 4)
    slopes = array_functions(neuron("sigmoid")).derivative(np.linspace(-20, 20, 100_001))
    assert slopes.max() == 0.25
    assert np.flatnonzero(slopes == 0.25).tolist() == [50_000]


def test_selu_has_the_published_constants_and_fixes_zero_mean_and_unit_variance():
    lam, alpha = 1.0507009873554805, 1.6732632423543772
    f = neuron("selu").formula
    assert float(f.subs(z, 1)) == lam
    assert float(sympy.N(-f.subs(z, -1000), 30)) == pytest.approx(lam * alpha, rel=1e-15)
    selu, (node, weight) = array_functions(neuron("selu")).value, np.polynomial.legendre.leggauss(200)
    # Gauss-Legendre on either side of the kink, to |z| = 12
    points = np.concatenate([6 * node - 6, 6 * node + 6])
    mass = 6 * np.tile(weight, 2) * np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)
    assert (selu(points) * mass).sum() == pytest.approx(0, abs=1e-13)
    assert (selu(points) ** 2 * mass).sum() == pytest.approx(1, rel=1e-13)


def test_leaky_relu_leaks_a_hundredth():
    assert slope_at("leaky_relu", -3.0) == 0.01


@pytest.mark.parametrize("formula", [x, z + a, "z**2", None, 3.5])
def test_a_formula_that_is_no_expression_in_z_alone_is_refused(formula):
    with pytest.raises(BadValue, match="give a SymPy expression in chainderiv.z alone"):
        cd.Activation("wrong", formula)


@pytest.mark.parametrize(
    ("given", "near"), [("sigmod", "sigmoid"), ("Ssigmoid", "sigmoid"), ("leakyrleu", "leaky_relu")]
)
def test_an_unknown_name_is_answered_with_the_nearest(given, near):
    with pytest.raises(UnknownName, match=f"did you mean '{near}'") as caught:
        neuron(given)
    assert all(name in str(caught.value) for name in ACTIVATIONS)


@pytest.mark.parametrize("given", [None, 3, ["relu"], "xyzzy"])
def test_what_is_no_name_at_all_is_refused_in_one_line(given):
    with pytest.raises(ChainderivError) as caught:
        neuron(given)
    assert "\n" not in str(caught.value)
    assert repr(given) in str(caught.value)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_only_the_sigmoid_stays_within_the_unit_interval(name):
    assert neuron(name).leaves_unit_interval() == (name != "sigmoid")


@pytest.mark.parametrize("engine", ["numpy", "mpmath", slow("numba")])
@pytest.mark.parametrize(
    ("text", "at", "slope"),
    [
        ("Max(0,z)", 0, 0), ("(z+Abs(z))/2", 0, 0), ("z*Heaviside(z)", 0, 0), ("-Min(0,-z)", 0, 0),
        ("Max(0,-z)", 0, 0), ("(Abs(z)-z)/2", 0, 0), ("Min(0,z)", 0, 0), ("(z-Abs(z))/2", 0, 0), ("Abs(z)", 0, -1),
        ("Max(-1,Min(1,z))", 1, 0), ("Min(1,Max(-1,z))", 1, 0), ("(Abs(z+1)-Abs(z-1))/2", 1, 0),
        ("Max(-1,Min(1,z))", -1, 0), ("Min(1,Max(-1,z))", -1, 0), ("(Abs(z+1)-Abs(z-1))/2", -1, 0),
        ("Max(z,2*z)", 0, 1), ("1.5*z+Abs(z)/2", 0, 1), ("Min(z,2*z)", 0, 1), ("Max(-z,z)", 0, -1),
        ("Abs(z**2-1)", 1, -2), ("Max(z**2-1,1-z**2)", 1, -2), ("Abs(z**2-1)", -1, -2), ("Max(z**2-1,1-z**2)", -1, -2),
        ("where(z>0,z,0)", 0, 0), ("where(z>=0,z,0)", 0, 1),
    ],
)  # fmt: skip
def test_the_slope_at_a_kink_is_the_flatter_one_however_it_is_spelt_but_where_a_branch_states_it(
    text, at, slope, engine
):
    """By hand."""
    f = cd.Activation.from_formula("own", text)
    chain = cd.Chain(1, f)
    assert f.derivative.subs(z, at) == slope
    got = cd.evaluate(chain, 1.0, z=float(at), y=-5.0, engine=engine)
    value = float(f.formula.subs(z, at))
    assert got.to_float() == pytest.approx(slope * (value + 5.0), rel=1e-14)


@pytest.mark.parametrize(
    ("text", "kinks"),
    [
        ("where(z>0,z**1.5,0)", ()), ("where(z>0,z**1.01,0)", ()), ("where(z>1,(z-1)**1.5,0)", ()),
        ("where(z>0,z**1.5+z,0)", (0,)), ("where(z>0,z**0.3,0)", (0,)), ("cbrt(z)", (0,)), ("cbrt(z)**4", ()),
        ("Abs(z)**1.5", ()), ("z*Abs(z)", ()), ("Max(0,z)**2", ()), ("sqrt(Abs(z))", (0,)),
    ],
)  # fmt: skip
def test_a_kink_is_where_the_slope_jumps_and_not_where_it_is_steep(text, kinks):
    assert cd.Activation.from_formula("own", text).kinks == kinks
