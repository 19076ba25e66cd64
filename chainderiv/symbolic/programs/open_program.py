"""A gradient's walk whose depth and layer are left open, for a page that asks for one after the other and for maps.

Where a_l is a_(l-2) to the last bit, the links from there on are those two again and again, and are taken together:
most orbits of a map settle so within some 30 layers.

In 64 bits these are numbers that are read. In 32 bits they are colours: no sign is needed, nothing is added up beside
the sum, and a zero is a logarithm below all others, for a graphics processor in software takes both sides of a branch.
"""

from __future__ import annotations

from string import Template

from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.programs import program_parts as parts
from chainderiv.symbolic.programs.dialect import Dialect
from chainderiv.symbolic.programs.dialect_neuron import call, turn
from chainderiv.symbolic.programs.dialect_printer import DialectPrinter
from chainderiv.symbolic.programs.dialect_program import ADD, END, Words, head, slope, when

STEP = "{{step}}"  # where the neuron's own statements go
_OPEN = Words("depth", "start")
_BEGIN = """\
$let a = x, z = 0.0, s = 1.0, sum = 0.0, lost = 0.0, ends = 0.0, term = 0.0, pairs = 0.0, pair = 0.0;
$let links = 0.0, largest = $lowest, through = pinned ? 0.0 : $weight;
$let a_1 = x, a_2 = x, term_1 = 0.0, s_1 = 1.0, s_2 = 1.0, z_start = 0.0;  // one and two layers ago, and at the start
for ($count layer = 1; layer <= depth; layer++) {"""
_REMEMBER = "a_2 = a_1, a_1 = a, term_1 = term, s_2 = s_1, s_1 = s;"
_LINKS = """\
if (layer > 1) {
    links += term;
    largest = term > largest ? term : largest;
}"""
_LOG = "(m > -0.5 ? $log1p(m) : $log($abs(1.0 + m)))"
# 1 + w φ'(z) is no exact 0 where it is rounded to one
_LINK = "term = m == -1.0 ? $undefined : {log};"
_ADD_SINGLE = "sum += {counted} ? term : 0.0;"
_END_SINGLE = "$let total = sum + ends;"
_SETTLED = """\
$count left = (depth - 1 - layer) >> 1;
if (left > 0 && a == a_2 && layer > start + 1) {
    pairs = $number(left);
    pair = term + term_1;
    s = s != s_2 && (left & 1) == 1 ? -s : s;
    layer += 2*left;
}"""
_WEIGHTS = """\
$let log_w = $log($abs($weight));
links += $number(depth - 1)*log_w;
largest += log_w;
$count weights = {count};
if (weights > 0) {
    ends += $number(weights)*log_w;
    s = $weight < 0.0 && (weights & 1) == 1 ? -s : s;
}"""


def open_body(chain: Chain, wrt: Parameter, dialect: Dialect) -> str:
    """The statements for every depth L and every first layer k that θ acts on, k = 1 or not as in the chain given.

    They take w, b, x, y, depth, start (k), and pinned, by which b is the z_l of all layers; they leave the sign s and
    the logarithm total, the sum of the links' logarithms and the largest of these. The chain has one neuron, and the
    statements of `step` go where {{step}} stands. Raises BadValue for a formula that the language cannot say.

    >>> from chainderiv.symbolic.programs.dialect import JAVASCRIPT
    >>> chain = Chain(depth=3)
    >>> "layer <= depth" in open_body(chain, chain.parameter("b2"), JAVASCRIPT)
    True
    """
    loop = parts.lines_of(
        _REMEMBER,
        None if wrt.is_activation else head(chain, wrt, _OPEN),
        "z = through*a + $bias;",
        STEP,
        *(_residual(dialect) if chain.residual else ["a = phi;", "term = log_prime;"]),
        _LINKS,
        _added(chain, wrt, dialect),
        "z_start = layer == start ? z : z_start;" if _has_slope(chain, wrt) else None,
        _SETTLED,
    )
    program = parts.lines_of(
        _BEGIN,
        parts.indented("\n".join(loop), 4),
        "}",
        "links += pairs*pair;",
        "ends += pairs*pair;",
        None if chain.residual else _WEIGHTS.replace("{count}", _weights(wrt)),
        _slope_at_start(chain) if _has_slope(chain, wrt) else None,
        slope(chain, wrt, DialectPrinter(dialect)),
        _END_SINGLE if dialect.single else END,
    )
    return Template("\n".join(program)).substitute(dialect.words)


def _weights(wrt: Parameter) -> str:
    """How many weights the gradient holds: of ∂C/∂a_k every one belongs to a link, the first one too."""
    return "depth - start + 1" if wrt.is_activation else "depth - start"


def _residual(dialect: Dialect) -> list[str]:
    # what the sum rounds away keeps its sign, which says on what side of the boundary a point is
    log = "($abs(m) < 0.0003 ? m : $log($abs(1.0 + m)))" if dialect.single else _LOG
    return ["a = a + phi;", "$let m = $weight*prime;", _LINK.replace("{log}", log)]


def _added(chain: Chain, wrt: Parameter, dialect: Dialect) -> str:
    counted = _counted(chain, wrt)
    return _ADD_SINGLE.replace("{counted}", counted) if dialect.single else when(counted, [_turned(chain), ADD])


def _counted(chain: Chain, wrt: Parameter) -> str:
    """At which layers the term is one of the gradient's: 1 + w φ'(z) or φ'(z), whose weights are taken together."""
    if chain.residual:
        return "layer >= start" if wrt.is_activation else "layer > start"
    return "layer >= start && layer < depth" if parts.cancelled(chain, wrt) else "layer >= start"


def _turned(chain: Chain) -> str | None:
    if chain.residual:
        return "s = m < -1.0 ? -s : s;"
    return "s = turn < 0.0 ? -s : s;" if turn(chain, "derivative_sign") else None


def _has_slope(chain: Chain, wrt: Parameter) -> bool:
    """Whether φ'(z_k) stands beside links that are 1 + w φ'(z)."""
    return chain.residual and not wrt.is_activation


def _slope_at_start(chain: Chain) -> str:
    lines = parts.lines_of(f"ends += {call(chain, 'log_abs_derivative')};", turn(chain, "derivative_sign"))
    return "\n".join(lines).replace("(z)", "(z_start)")
