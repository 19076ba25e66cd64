"""The rules of index and matrix form: sums, products and powers of symbols with several indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sympy

from chainderiv.symbolic.notation.forms import FORMS
from chainderiv.symbolic.notation.writer import SYMBOLS, Rule, Writer, Written, around
from chainderiv.symbols import Expr

# what stands where in a product; a sum last, because it reaches to the product's end
_ORDER = ("w", "a", "Phi PhiPrime", "Add", "log exp", "delta", "CostSlope", "KroneckerDelta", "Partial", "Sum")
_RANKS = {name: rank for rank, names in enumerate(_ORDER, start=1) for name in names.split()}


def marked(writer: Writer, name: str, above: Any = "", *below: Any) -> str:
    """A symbol with its layer and its indices, set apart by commas where one has two digits."""
    marks = [str(index) for index in below]
    joined = ("," if any(len(mark) > 1 and mark.isdigit() for mark in marks) else "").join(marks)
    return writer.form.marked(name, str(above).replace(" ", ""), joined.replace(" ", ""))


def inner(writer: Writer, e: Expr) -> str:
    """As a factor: a sum of terms in brackets."""
    needs = e.is_Add or isinstance(e, sympy.MatAdd) or (e.is_number and e.is_negative)
    return _bracketed(writer, e) if needs else writer.write(e)


def _bracketed(writer: Writer, e: Expr) -> str:
    return writer.form.bracketed(writer.write(e))


def _joined(writer: Writer, factors: Sequence[Expr]) -> str:
    """Factors in the order in which they are read."""
    *early, last = sorted(factors, key=_rank)
    written = [(_bracketed if isinstance(f, sympy.Sum) else inner)(writer, f) for f in early]
    return writer.form.times.join([*written, inner(writer, last)])


def _rank(factor: Expr) -> tuple[int, str]:
    name = str(factor.base) if isinstance(factor, sympy.Indexed) else type(factor).__name__
    return _RANKS.get(name, 0 if factor.is_number else 2), str(factor)


def _product(writer: Writer, e: Expr) -> str:
    if e.as_coeff_Mul()[0].is_negative:
        return writer.form.sign + (_bracketed if (-e).is_Add else Writer.write)(writer, -e)
    above, below = sympy.fraction(e)
    if below == 1:
        return _joined(writer, sympy.Mul.make_args(above)) if above.is_Mul else writer.write(above)
    return writer.form.fraction(_part(writer, above), _part(writer, below))


def _part(writer: Writer, e: Expr) -> str:
    """What stands above or below a fraction's line."""
    needs = not writer.form.markup and (e.is_Add or e.is_Mul or isinstance(e, sympy.Sum))
    return _bracketed(writer, e) if needs else writer.write(e)


def _terms(writer: Writer, e: Expr) -> str:
    signed = [(bool(term.as_coeff_Mul()[0].is_negative), term) for term in e.args]
    return _summed(writer, sorted(signed, key=lambda s: (s[0], not s[1].has(sympy.Sum), str(s[1]))))


def _matrix_terms(writer: Writer, e: Expr) -> str:
    signed = [(isinstance(t, sympy.MatMul) and bool(t.args[0].is_number and t.args[0].is_negative), t) for t in e.args]
    return _summed(writer, sorted(signed, key=lambda s: s[0]))


def _summed(writer: Writer, signed: Sequence[tuple[bool, Expr]]) -> str:
    (_, first), *rest = signed
    text = writer.write(first)
    for negative, term in rest:
        text += writer.form.minus + writer.write(-term) if negative else writer.form.plus + writer.write(term)
    return text


def _power(writer: Writer, e: Expr) -> str:
    if e.exp.is_negative:
        return _product(writer, e)
    base = writer.write(e.base) if isinstance(e.base, sympy.Symbol) else _bracketed(writer, e.base)
    return writer.form.power(base, writer.write(e.exp))


def _sum(writer: Writer, e: Expr) -> str:
    index, _, upper = e.limits[0]
    close = replace(writer.form, times=writer.form.within)
    return writer.form.sum(str(index), writer.write(upper), inner(replace(writer, form=close), e.function))


def _indexed(writer: Writer, e: Expr) -> str:
    name = str(e.base)
    # y and n have no layer above
    return marked(writer, name, *([""] if name in "ny" else []), *e.indices)


def _matrix_product(writer: Writer, e: Expr) -> str:
    factors = list(e.args)
    sign = writer.form.sign if factors[0] == -1 else ""
    return sign + writer.form.within.join(inner(writer, f) for f in factors[bool(sign) :])


def _diagonal(writer: Writer, e: Expr) -> str:
    vector = e.args[0]
    if getattr(vector, "kind", "") == "prime":
        return writer.form.diagonal(marked(writer, "z", vector.layer))
    return writer.form.applied(writer.form.letter("diag"), writer.write(vector))


def _array(writer: Writer, e: Expr) -> str:
    form, at = writer.form, e.layer
    if e.kind == "slope":
        return form.slope
    if e.kind == "y":
        return form.letter("y")
    if e.kind.startswith("of "):
        return _partial(writer, form.letter("C"), marked(writer, e.kind.removeprefix("of "), at))
    if e.kind == "prime":
        return form.applied(form.primed(writer.neuron(at), 1), marked(writer, "z", at))
    return marked(writer, e.kind, at)


def _partial(writer: Writer, above: str, below: str) -> str:
    return writer.form.fraction(writer.form.partial(above), writer.form.partial(below))


def _number(writer: Writer, e: Expr) -> str:
    if e.is_negative:
        return writer.form.sign + writer.write(-e)
    return writer.form.number(str(e)) if e.is_Integer else writer.form.fraction(*map(writer.write, (e.p, e.q)))


def _function(writer: Writer, e: Expr) -> str:
    return writer.form.applied(writer.form.letter(type(e).__name__), writer.write(e.args[0]))


def _other(writer: Writer, e: Expr) -> str:
    """What no rule knows, such as a branch in a cost of one's own: SymPy writes it around our symbols."""
    if writer.form.markup == "mathml":
        return writer.form.plain(replace(writer, form=FORMS["unicode"]).write(e))
    return around(writer, e.xreplace({symbol: Written(writer.write(symbol)) for symbol in e.atoms(sympy.Indexed)}))


RULES: dict[str, Rule] = {
    **SYMBOLS,
    "Basic": _other,
    "int": lambda writer, e: writer.form.number(str(e)),
    "Rational": _number,
    "Indexed": _indexed,
    "Mul": _product,
    "Add": _terms,
    "Pow": _power,
    "Sum": _sum,
    "log": _function,
    "exp": _function,
    "KroneckerDelta": lambda writer, e: marked(writer, "delta", "", *e.args),
    "Phi": lambda writer, e: writer.form.applied(writer.neuron(e.args[0].indices[0]), writer.write(e.args[0])),
    "Partial": lambda writer, e: _partial(writer, *map(writer.write, e.args)),
    "LayerArray": _array,
    "DiagMatrix": _diagonal,
    "MatAdd": _matrix_terms,
    "MatMul": _matrix_product,
    "Transpose": lambda writer, e: writer.form.transposed(_bracketed(writer, e.args[0])),
}
