"""Activations of every make, each made when it is asked for: what can be kept of one is tried on all of them."""

from dataclasses import replace
from functools import lru_cache, partial

import sympy
from sympy import Abs, And, E, Float, Max, Min, Mul, Or, Piecewise, Rational, exp, log, pi, sqrt
from sympy.codegen.cfunctions import expm1, log1p

from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.heads import cbrt, log10, sinc
from chainderiv.functions.stabilise import stable_forms
from chainderiv.functions.stable import Stable
from chainderiv.symbols import erfcx, normal_cdf, z
from tests.formulas import FORMULAS

BRANCHED = {
    "one branch": "where(z > 0, z, z/10)",
    "branches in branches": "where(z > 1, log(z) + 1, where(z < -1, z/3, z)) + 0.25*z",
    "clipped": "Max(-1, Min(1, z)) + 0.01*z",
    "steps and sizes": "z*Heaviside(z) + Abs(z - 1)/7",
    "branches at a root": "Max(0.1*z, z*sigmoid(1.702*z))",
}
# what a Stable of one's own can hold that no text states: products that are not multiplied out, a Float in it
SLOPE = Mul(2, sympy.Add(1, 1 / (1 + Abs(z)) ** 2, evaluate=False), evaluate=False) / Float("4.0000000000000000001", 30)
OBJECTS = {
    "normal distribution": z * normal_cdf(Rational(3, 2) * z),
    "erfcx and its like": erfcx(Abs(z)) + expm1(-Abs(z)) + log1p(z**2) + z,
    "a Float": z / (1 + exp(-Float(1.7020000000000002) * z)),
    "a Float of 30 digits": z + Float("0.1234567890123456789012345678", 30) * sympy.tanh(z),
    "Rationals": Rational(10**17 + 1, 3**30) * z + (2**53 + 1) * sympy.tanh(z) / 2**54,
    "constants": (E * z + exp(-pi) * sympy.sin(z) + sympy.GoldenRatio) / sqrt(2) ** pi,
    "not multiplied out": Mul(Rational(1, 2), sympy.Add(z, sympy.tanh(z), evaluate=False), evaluate=False),
    "several conditions": Piecewise(
        (z, And(z > -1, z < 1)), (z / 3, Or(z >= 5, z < -3)), (sympy.sign(z) * sqrt(Abs(z)), True)
    ),
    "least and greatest": Max(z / 10, Min(z, 6, 3 + z / 2)),
    "powers": 3 ** -Abs(z) + Abs(z) ** Rational(5, 3) / 2,
    "heads of ours": sinc(2 * z + 1) / 3 + cbrt(z - 1) * log10(2 + z**2),
    "another distribution": z * sympy.erfc(-z),
}


def _found(formula):
    forms = stable_forms(formula)
    return Activation("own", formula, "φ", r"\varphi", forms or Stable(), forms is not None)


MAKERS = {
    **{name: partial(ACTIVATIONS.get, name) for name in ACTIVATIONS},
    **{f"{name}, found": partial(_found, case.formula) for name, case in FORMULAS.items()},
    **{name: partial(Activation.from_formula, text, text, symbol="φ") for name, text in BRANCHED.items()},
    **{name: partial(Activation, "own", formula) for name, formula in OBJECTS.items()},
    "a catalogue's without its forms": partial(Activation, "tanh", ACTIVATIONS["tanh"].formula),
    "a catalogue's under another name": partial(replace, ACTIVATIONS["gelu"], name="my gelu", symbol="γ"),
    "a Stable of one's own": partial(
        Activation, "half", (z + z / (1 + Abs(z))) / 2,
        stable=Stable(derivative=SLOPE, log_abs_derivative=log(Abs(SLOPE, evaluate=False), evaluate=False)),
    ),
    "forms that were found, and are vouched for": lambda: replace(_found(FORMULAS["log cosh"].formula), found=False),
}  # fmt: skip


@lru_cache
def made(name):
    return MAKERS[name]()


def exactly(one, other):
    """Whether two are one to the last digit and bracket; SymPy's == lets a Float's precision pass."""
    return one == other and _spelled(one) == _spelled(other)


def _spelled(activation):
    return [sympy.srepr(e) for e in (activation.formula, *vars(activation.stable).values())]
