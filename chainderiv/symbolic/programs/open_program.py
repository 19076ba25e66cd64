"""A gradient's walk whose depth and layer are left open, for a page that asks for one after the other and for maps.

Where a_l is a_(l-2) to the last bit, the links from there on are those two again and again, and are taken together:
most orbits of a map settle so within some 30 layers.
"""

from __future__ import annotations

from string import Template

from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.programs import program_parts as parts
from chainderiv.symbolic.programs.dialect import Dialect
from chainderiv.symbolic.programs.dialect_neuron import call
from chainderiv.symbolic.programs.dialect_printer import DialectPrinter
from chainderiv.symbolic.programs.dialect_program import ADD, END, Words, head, residual_term, slope, term, when

_OPEN = Words("depth", "start")
# of ∂C/∂a_k every weight belongs to a link, the first one too
_OF_ACTIVATION = Words("depth", "start - 1")
_BEGIN = """\
$let a = x, z = 0.0, s = 1.0, sum = 0.0, lost = 0.0, ends = 0.0;
$let largest = $lowest;
$let a_1 = x, a_2 = x, z_1 = 0.0, s_1 = 1.0, s_2 = 1.0;  // one and two layers ago
for ($count layer = 1; layer <= depth; layer++) {"""
_REMEMBER = "a_2 = a_1, a_1 = a, z_1 = z, s_2 = s_1, s_1 = s;"
_LARGEST = "largest = term > largest ? term : largest;"
_SETTLED = """\
if (a == a_2 && layer > start + 1) {
    $count pairs = (depth - 1 - layer) >> 1;
    if (pairs > 0) {
        $let pair = {pair};
        if (pair <= $nothing) {
            s = 0.0;
        } else {
            sum += $number(pairs)*pair;
        }
        s = s != s_2 && (pairs & 1) == 1 ? -s : s;
        layer += 2*pairs;
    }
}"""


def open_body(chain: Chain, wrt: Parameter, dialect: Dialect) -> str:
    """The statements for every depth L and every first layer k that θ acts on, k = 1 or not as in the chain given.

    They take w, b, x, y, depth, start (k), and pinned, by which b is the z_l of all layers; they leave the sign s, the
    logarithm total, and largest, the largest of the logarithms that make it up but the end's. The chain has one neuron.
    Raises BadValue for a formula that the language cannot say.

    >>> from chainderiv.symbolic.programs.dialect import JAVASCRIPT
    >>> chain = Chain(depth=3)
    >>> "layer <= depth" in open_body(chain, chain.parameter("b2"), JAVASCRIPT)
    True
    """
    loop = parts.lines_of(
        _REMEMBER,
        None if wrt.is_activation else head(chain, wrt, _OPEN),
        "z = pinned ? $bias : $weight*a + $bias;",
        f"a = {'a + ' if chain.residual else ''}{call(chain, 'value')};",
        when("layer < start", ["continue;"]) if wrt.start > 1 else None,
        "$let term = 0.0;",
        residual_term(chain, wrt, _OPEN)
        if chain.residual
        else term(chain, wrt, _OF_ACTIVATION if wrt.is_activation else _OPEN),
        _LARGEST,
        ADD,
        _SETTLED.replace("{pair}", _pair(chain)),
    )
    program = parts.lines_of(
        _BEGIN,
        parts.indented("\n".join(loop), 4),
        "}",
        slope(chain, wrt, DialectPrinter(dialect)),
        END,
    )
    return Template("\n".join(program)).substitute(dialect.words)


def _pair(chain: Chain) -> str:
    """The logarithm of the present link and the one before it."""
    if chain.residual:
        return "$log($abs(1.0 + $weight*derivative(z))) + $log($abs(1.0 + $weight*derivative(z_1)))"
    return "2.0*$log($abs($weight)) + log_abs_derivative(z) + log_abs_derivative(z_1)"
