"""A gradient as a program in C, JavaScript or GLSL: one template, the same length at any depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from string import Template

from chainderiv.symbolic.chain import Chain, Parameter, runs
from chainderiv.symbolic.programs import program_parts as parts
from chainderiv.symbolic.programs.dialect import Dialect
from chainderiv.symbolic.programs.dialect_functions import helpers_called
from chainderiv.symbolic.programs.dialect_neuron import call, functions_called, mixed, turn
from chainderiv.symbolic.programs.dialect_printer import DialectPrinter

ADD = """\
if (term <= $nothing) {
    s = 0.0;
} else {  // what rounding loses is added up beside the sum (Neumaier 1974)
    $let next = sum + term;
    lost += $abs(sum) >= $abs(term) ? (sum - next) + term : (term - next) + sum;
    sum = next;
}"""
END = """\
$let total = sum + lost + ends;
if (ends <= $nothing) {
    s = 0.0;
}
if (s == 0.0 && total == total) {  // not where total is NaN
    s = 0.0;  // and no -0
    total = $lowest;
}"""
_LINK = """\
$let m = $weight*{derivative};
term = m > -0.5 ? $log1p(m) : $log($abs(1.0 + m));
s = m < -1.0 ? -s : s;"""
_ADVANCE = """\
while (layer > last[run]) {
    run++;
}
neuron = kind[run];"""


@dataclass(frozen=True)
class Words:
    """What a body calls the depth L, and the first layer k that θ acts on."""

    depth: str
    start: str


def dialect_program(chain: Chain, wrt: Parameter, dialect: Dialect) -> str:
    """The program whose `gradient` gives the sign and the natural logarithm of |∂C/∂θ|.

    Raises BadValue for a formula that the language cannot say.
    """
    printer = DialectPrinter(dialect)
    words = Words(str(chain.depth), str(wrt.start))
    body = Template(_body(chain, wrt, printer, words)).substitute(dialect.words)
    functions = functions_called(body, chain, printer)
    helpers = helpers_called(body + "".join(functions), dialect)
    return dialect.whole.format(
        summary=parts.summary(chain),
        wrt=wrt,
        depth=chain.depth,
        functions=parts.indented("\n".join([*helpers, *functions]), 4 if dialect.inside else 0),
        body=parts.indented(body, 4),
    )


def _body(chain: Chain, wrt: Parameter, printer: DialectPrinter, words: Words) -> str:
    loop = parts.lines_of(
        head(chain, wrt, words),
        _ADVANCE if mixed(chain) else None,
        "z = $weight*a + $bias;",
        f"a = {'a + ' if chain.residual else ''}{call(chain, 'value')};",
        when(f"layer < {words.start}", ["continue;"]) if wrt.start > 1 else None,
        "$let term = 0.0;",
        residual_term(chain, wrt, words) if chain.residual else term(chain, wrt, words),
        ADD,
    )
    program = parts.lines_of(
        "$let a = x, z = 0.0, s = 1.0, sum = 0.0, lost = 0.0, ends = 0.0;",
        _tables(chain, printer.dialect) if mixed(chain) else None,
        f"for ($count layer = 1; layer <= {words.depth}; layer++) {{",
        parts.indented("\n".join(loop), 4),
        "}",
        slope(chain, wrt, printer),
        END,
    )
    return "\n".join(program)


def _tables(chain: Chain, dialect: Dialect) -> list[str]:
    """The last layer of each stretch of layers with one neuron, and which neuron that is."""
    lengths, kinds = zip(*runs(chain), strict=True)
    columns = {"last": list(accumulate(lengths)), "kind": kinds}
    tables = [
        dialect.table.format(name=name, size=len(column), items=", ".join(map(str, column)))
        for name, column in columns.items()
    ]
    return [*tables, "$count run = 0, neuron = 0;"]


def head(chain: Chain, wrt: Parameter, words: Words) -> str | None:
    """What stands before the first φ': a_{k-1} for w_k, w_1 for x; before the layer moves z and a on."""
    kind, start = wrt.kind, wrt.start
    lines: list[str | None]
    if kind in "bz" or (wrt.is_activation and chain.residual):
        return None
    if kind == "w" and start > 1 and not chain.residual:
        lines = [f"ends = {call(chain, 'log_abs_value')};", turn(chain, "value_sign")]
    else:
        lines = [*factor("ends", "a" if kind == "w" else "$weight")]
    return when(f"layer == {words.start}", lines)


def term(chain: Chain, wrt: Parameter, words: Words) -> list[str]:
    """log|w_l φ'(z_l)|, without w_l at the first layer and without φ'(z_L) where the cost cancels it."""
    prime = [f"term += {call(chain, 'log_abs_derivative')};", turn(chain, "derivative_sign")]
    return parts.lines_of(
        when(f"layer > {words.start}", factor("term", "$weight")),
        when(f"layer < {words.depth}", prime) if parts.cancelled(chain, wrt) else parts.lines_of(*prime),
    )


def residual_term(chain: Chain, wrt: Parameter, words: Words) -> list[str]:
    """log|1 + w_l φ'(z_l)|, and log|φ'(z_k)| at the layer of θ."""
    link = _LINK.replace("{derivative}", call(chain, "derivative"))
    if wrt.is_activation:
        return link.splitlines()
    prime = [f"term = {call(chain, 'log_abs_derivative')};", turn(chain, "derivative_sign")]
    return (when(f"layer == {words.start}", prime) + " else " + _block(link.splitlines())).splitlines()


def slope(chain: Chain, wrt: Parameter, printer: DialectPrinter) -> list[str]:
    """∂C/∂a_L (times φ'(z_L) where the cost cancels it)."""
    rest = parts.beside_the_miss(chain, wrt)
    printer.require_known(rest)
    beside = [f"$let rest = {printer.text(rest)};", *factor("ends", "rest", "+=")]
    return parts.lines_of(
        _miss(chain, printer) if parts.misses(chain, wrt) else None,
        beside if rest != 1 else None,
    )


def _miss(chain: Chain, printer: DialectPrinter) -> str | list[str]:
    """a_L - y.

    It comes from z_L near the limits of φ, and as a logarithm at a limit or at 0, where it underflows.
    """
    miss, cases = "a - y", []
    for gap in parts.gaps(chain):
        limit = printer.text(gap.limit)
        turned = "s = -s;" if gap.sign < 0 else None
        cases.append(when(f"y == {limit}", [f"ends += log_{gap.name}(z);", turned]))
        near = f"{'-' if gap.sign < 0 else ''}{gap.name}(z) - (y - ({limit}))"
        miss = f"$abs(y - ({limit})) <= {gap.near!r} ? {near} : ({miss})"
    if not chain.residual:
        value = [f"ends += {call(chain, 'log_abs_value')};", turn(chain, "value_sign")]
        cases.append(when("y == 0.0", value))
    plain = [f"$let miss = {miss};", *factor("ends", "miss", "+=")]
    return " else ".join([*cases, _block(plain)]) if cases else plain


def factor(log: str, value: str, becomes: str = "=") -> list[str]:
    """The lines that take a plain number into a logarithm and into the sign."""
    return [f"{log} {becomes} $log($abs({value}));", f"s = {value} < 0.0 ? -s : s;"]


def when(condition: str, lines: Sequence[str | None]) -> str:
    """An `if` with its block."""
    return f"if ({condition}) {_block(lines)}"


def _block(lines: Sequence[str | None]) -> str:
    return "{\n" + parts.indented("\n".join(parts.lines_of(*lines)), 4) + "\n}"
