"""What a derivation is printed as: a formula in one of four forms, or a program."""

from __future__ import annotations

from collections.abc import Callable

from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.notation.forms import FORMS
from chainderiv.symbolic.programs.dialect import GLSL, JAVASCRIPT, C
from chainderiv.symbolic.programs.dialect_program import dialect_program
from chainderiv.symbolic.programs.numpy_program import numpy_program

# each raises BadValue for an activation with a function that the language lacks
PROGRAMS: dict[str, Callable[[Chain, Parameter], str]] = {
    # a module whose gradient(w, b, x, y) gives the sign and the logarithm; w and b hold one number per layer
    "numpy": numpy_program,
    # a C99 file with void gradient(w, b, x, y, *sign, *log_abs)
    "c": lambda chain, wrt: dialect_program(chain, wrt, C),
    # a function gradient(w, b, x, y) that returns [sign, log]
    "javascript": lambda chain, wrt: dialect_program(chain, wrt, JAVASCRIPT),
    # a fragment shader of GLSL ES 3.00, of 6 digits: vec2 gradient(w, b, x, y), one w and one b for all layers, its map
    "glsl": lambda chain, wrt: dialect_program(chain, wrt, GLSL),
}
FORMULAS = tuple(FORMS)
TARGETS = (*FORMULAS, *PROGRAMS)
