"""What a derivation is printed as: a formula in one of five forms, or a program; and what may be asked of each."""

from __future__ import annotations

from collections.abc import Callable

from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.programs.dialect import GLSL, JAVASCRIPT, C
from chainderiv.symbolic.programs.dialect_program import dialect_program
from chainderiv.symbolic.programs.numpy_program import numpy_program
from chainderiv.symbolic.style import Style

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
OF_A_LINE = ("form", "spelled", "where", "symbols", "surviving")
# the keywords that each form has a use for; a program has none
FORMULAS = {
    "unicode": OF_A_LINE,
    "text": OF_A_LINE,
    "latex": (*OF_A_LINE, "width", "standalone"),
    "mathml": ("form", "symbols", "surviving"),
    "markdown": (*OF_A_LINE, "width"),
}
TARGETS = (*FORMULAS, *PROGRAMS)


def style_for(target: str, style: Style) -> Style:
    """The style, if the target has a use for all of it; raises BadValue."""
    style.require(target, FORMULAS.get(target, ()))
    return style
