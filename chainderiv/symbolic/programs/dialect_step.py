"""One layer's step of a walk: from z to φ(z) and to φ'(z) or its logarithm, what these share worked out once.

A graphics processor in software works out both sides of every branch. So where a branch begins at z = 0 its sides are
written in |z|, and what both hold, an e^-|z| as a rule, stands before them.
"""

from __future__ import annotations

from functools import lru_cache

import sympy
from sympy.codegen.cfunctions import log1p

from chainderiv.functions.branches import by_branch
from chainderiv.functions.elementary import spelled_out
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.programs import program_parts as parts
from chainderiv.symbolic.programs.dialect import Dialect
from chainderiv.symbolic.programs.dialect_printer import DialectPrinter, numbered
from chainderiv.symbols import Expr, erfcx, normal_cdf, z

_SIZE = sympy.Symbol("size", nonnegative=True)  # |z|
_RIGHT, _LEFT = (z > 0, z >= 0), (z < 0, z <= 0)


class _Choice(sympy.Function):
    """A branch: its condition, as a symbol, and the two values, of which others may share parts."""

    nargs = 3


class _StepPrinter(DialectPrinter):
    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self.conditions: dict[Expr, Expr] = {}  # by their symbols

    def _print__Choice(self, expr: Expr) -> str:
        when, one, other = expr.args
        return f"(({self._print(self.conditions[when])}) ? ({self._print(one)}) : ({self._print(other)}))"

    def _print_erfcx(self, expr: Expr) -> str:
        name = "erfcx_positive" if expr.args[0].is_nonnegative else "erfcx"
        return f"{name}({self._print(expr.args[0])})"


def step(chain: Chain, dialect: Dialect) -> str:
    """The statements that make `phi` and `log_prime` (log|φ'|) of z, and `turn`, which has the sign of φ'.

    In a residual chain they make `phi` and `prime`, φ' itself; where φ' is never negative there is no `turn`.
    Raises BadValue for what the language cannot say.

    >>> from chainderiv.symbolic.programs.dialect import JAVASCRIPT
    >>> print(step(Chain(3), JAVASCRIPT))
    let size = Math.abs(z);
    let t1 = Math.exp(-size);
    let t2 = 1.0/(t1 + 1.0);
    let phi = ((z >= 0.0) ? (t2) : (t1*t2));
    let log_prime = -size - 2.0*Math.log1p(t1);
    """
    printer = _StepPrinter(dialect)
    forms = {name: _prepared(form, printer) for name, form in _wanted(chain, dialect).items()}
    shared, rest = sympy.cse(list(forms.values()), symbols=sympy.numbered_symbols("t", start=1))
    lines = [(str(name), printer.text(form)) for name, form in [*shared, *zip(forms, rest, strict=True)]]
    if any(form.has(_SIZE) for form in forms.values()):
        lines.insert(0, (str(_SIZE), f"{printer.functions['Abs']}(z)"))
    return "\n".join(f"{dialect.let} {name} = {text};" for name, text in lines)


def _wanted(chain: Chain, dialect: Dialect) -> dict[str, Expr]:
    found = parts.quantities(chain.activation(1))
    if chain.residual:
        return {"phi": found["value"], "prime": found["derivative"]}
    log_prime = found["log_abs_derivative"]
    made = {"phi": found["value"], "log_prime": by_branch(_plain_log, log_prime) if dialect.single else log_prime}
    return made if found["derivative_sign"] == 1 else {**made, "turn": found["derivative_sign"]}


def _plain_log(form: Expr) -> Expr:
    """A logarithm that is added to others, where it is near 0: its last digits are lost in their sum."""
    terms = (u.replace(log1p, lambda v: sympy.log(1 + v)) for u in sympy.Add.make_args(form))
    return sympy.Add(*terms)


def _prepared(form: Expr, printer: _StepPrinter) -> Expr:
    form = spelled_out(form, lambda row: row.name not in printer.functions)
    printer.require_known(form)
    form = _in_size(form.replace(normal_cdf, _spelled_cdf))
    return _chosen(numbered(form), printer)


def _spelled_cdf(u: Expr) -> Expr:
    tail = sympy.exp(-(u**2) / 2) * erfcx(sympy.Abs(u) / sympy.sqrt(2)) / 2
    return sympy.Piecewise((1 - tail, u > 0), (tail, True))


@lru_cache(maxsize=512)  # both languages ask for the same
def _in_size(form: Expr) -> Expr:
    """A form whose branches at z = 0 are written in |z|."""
    if isinstance(form, sympy.Piecewise):
        (one, when), *others = form.args
        if len(others) == 1 and when in _RIGHT + _LEFT:
            sign = 1 if when in _RIGHT else -1
            (other, _) = others[0]
            sides = _in_size(one).xreplace({z: sign * _SIZE}), _in_size(other).xreplace({z: -sign * _SIZE})
            return sympy.Piecewise((sides[0], when), (sides[1], True))
        return sympy.Piecewise(*((_in_size(value), when) for value, when in form.args))
    if isinstance(form, sympy.Abs) and form.args[0] == z:
        return _SIZE
    return form.func(*map(_in_size, form.args)) if form.args and form.has(z) else form


def _chosen(form: Expr, printer: _StepPrinter) -> Expr:
    """A form whose branches are choices: SymPy finds what they share with one another."""
    if not form.has(sympy.Piecewise):
        return form
    if not isinstance(form, sympy.Piecewise):
        return form.func(*(_chosen(u, printer) for u in form.args))
    *branches, (last, _) = form.args
    found = _chosen(last, printer)
    for value, when in reversed(branches):
        name = sympy.Symbol(f"when_{sympy.srepr(when)}")
        printer.conditions[name] = when
        found = _Choice(name, _chosen(value, printer), found)
    return found
