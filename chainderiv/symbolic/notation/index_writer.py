"""Writes an expression in index or matrix form: each kind of symbol by a rule of its own, in any of the four forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import sympy

from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.notation.markup import FORMS, Latex, MathML
from chainderiv.symbolic.notation.scripts import Form
from chainderiv.symbols import Expr

if TYPE_CHECKING:
    from chainderiv.symbolic.full_width.layers import LayerDerivation

# what stands where in a product; a sum last, because it reaches to the product's end
_RANKS = {"w": 1, "a": 2, "PhiPrime": 3, "Phi": 3, "Add": 4, "log": 5, "exp": 5, "delta": 6, "CostSlope": 7,
          "KroneckerDelta": 8, "Partial": 9, "Sum": 10}  # fmt: skip


class Writer:
    """Writes an expression of a derivation in one form; `rules` says how, by the name of its class."""

    def __init__(self, derivation: LayerDerivation, form: Form) -> None:
        self.derivation, self.form = derivation, form

    def write(self, e: Expr) -> str:
        """An expression by the rule of its class, or of the nearest class that has one."""
        for kind in type(e).__mro__:
            if rule := RULES.get(kind.__name__):
                return rule(self, e)
        return _other(self, e)

    def inner(self, e: Expr) -> str:
        """As a factor: a sum of terms in brackets."""
        needs = e.is_Add or isinstance(e, sympy.MatAdd) or (e.is_number and e.is_negative)
        return self.form.bracketed(self.write(e)) if needs else self.write(e)

    def marked(self, name: str, above: Any = "", *below: Any) -> str:
        """A symbol with its layer and its indices, set apart by commas where one has two digits."""
        marks = [str(index) for index in below]
        joined = ("," if any(len(mark) > 1 and mark.isdigit() for mark in marks) else "").join(marks)
        return self.form.marked(name, str(above).replace(" ", ""), joined.replace(" ", ""))

    def neuron(self, at: Expr) -> str:
        """The name of φ_l: that of the output at L, and of the hidden layers where they share one."""
        d = self.derivation
        number = d.depth if at == indexed.last else int(at) if at.is_Integer else None
        found = d.hidden[0] if number is None else d.activation(number)
        shared = number is not None or len(d.hidden) == 1
        return self.form.neuron(found) if found is not None and shared else self.marked("phi", "", at)

    def joined(self, factors: Sequence[Expr]) -> str:
        """Factors in the order in which they are read."""
        ranked = sorted(factors, key=_rank)
        early = [self.form.bracketed(self.write(f)) if isinstance(f, sympy.Sum) else self.inner(f) for f in ranked[:-1]]
        return self.form.times.join([*early, self.inner(ranked[-1])])


def _rank(factor: Expr) -> tuple[int, str]:
    name = str(factor.base) if isinstance(factor, sympy.Indexed) else type(factor).__name__
    return _RANKS.get(name, 0 if factor.is_number else 2), str(factor)


def _product(writer: Writer, e: Expr) -> str:
    form = writer.form
    if e.as_coeff_Mul()[0].is_negative:
        rest = -e
        return form.sign + (form.bracketed(writer.write(rest)) if rest.is_Add else writer.write(rest))
    above, below = sympy.fraction(e)
    if below == 1:
        return writer.joined(sympy.Mul.make_args(above)) if above.is_Mul else writer.write(above)
    parts = [_part(writer, above), _part(writer, below)]
    return form.fraction(*parts)


def _part(writer: Writer, e: Expr) -> str:
    """What stands above or below a fraction's line."""
    needs = writer.form.linear and (e.is_Add or e.is_Mul or isinstance(e, sympy.Sum))
    return writer.form.bracketed(writer.write(e)) if needs else writer.write(e)


def _terms(writer: Writer, e: Expr) -> str:
    signed = [(bool(term.as_coeff_Mul()[0].is_negative), term) for term in e.args]
    ranked = sorted(signed, key=lambda s: (s[0], not s[1].has(sympy.Sum), str(s[1])))
    return _summed(writer, ranked)


def _matrix_terms(writer: Writer, e: Expr) -> str:
    signed = [(isinstance(t, sympy.MatMul) and bool(t.args[0].is_number and t.args[0].is_negative), t) for t in e.args]
    return _summed(writer, sorted(signed, key=lambda s: s[0]))


def _summed(writer: Writer, signed: Sequence[tuple[bool, Expr]]) -> str:
    (negative, first), *rest = signed
    text = writer.write(first)
    for negative, term in rest:
        text += writer.form.minus + writer.write(-term) if negative else writer.form.plus + writer.write(term)
    return text


def _power(writer: Writer, e: Expr) -> str:
    if e.exp.is_negative:
        return _product(writer, e)
    atomic = isinstance(e.base, sympy.Indexed | sympy.Symbol) and not isinstance(e.base, sympy.Indexed)
    base = writer.write(e.base) if atomic else writer.form.bracketed(writer.write(e.base))
    return writer.form.power(base, writer.write(e.exp))


def _sum(writer: Writer, e: Expr) -> str:
    index, _, upper = e.limits[0]
    body = Writer(writer.derivation, writer.form.inside_sum()).inner(e.function)
    return writer.form.sum(str(index), writer.write(upper), body)


def _symbol_with_layer(writer: Writer, e: Expr) -> str:
    name = str(e.base)
    if name == "n":
        return writer.marked("n", "", e.indices[0])
    if name == "y":
        return writer.marked("y", "", *e.indices)
    return writer.marked(name, *e.indices)


def _matrix_product(writer: Writer, e: Expr) -> str:
    factors = list(e.args)
    sign = writer.form.sign if factors[0] == -1 else ""
    return sign + writer.form.within.join(writer.inner(f) for f in factors[bool(sign) :])


def _diagonal(writer: Writer, e: Expr) -> str:
    vector = e.args[0]
    if getattr(vector, "kind", "") == "prime":
        return writer.form.diagonal(writer.marked("z", vector.layer))
    return writer.form.applied(writer.form.letter("diag"), writer.write(vector))


def _array(writer: Writer, e: Expr) -> str:
    form, at = writer.form, e.layer
    if e.kind == "slope":
        return form.slope()
    if e.kind == "y":
        return form.letter("y")
    if e.kind.startswith("of "):
        return form.partial(form.letter("C"), writer.marked(e.kind.removeprefix("of "), at))
    if e.kind == "prime":
        return form.applied(form.primed(writer.neuron(at)), writer.marked("z", at))
    return writer.marked(e.kind, at)


def _number(writer: Writer, e: Expr) -> str:
    if e.is_negative:
        return writer.form.sign + writer.write(-e)
    return writer.form.number(str(e)) if e.is_Integer else writer.form.fraction(*map(writer.write, (e.p, e.q)))


def _other(writer: Writer, e: Expr) -> str:
    """What no rule knows, such as a branch in a cost of one's own: SymPy writes it around our symbols."""
    if isinstance(writer.form, MathML):
        return writer.form.plain(Writer(writer.derivation, FORMS["unicode"]).write(e))
    names = {symbol: sympy.Symbol(writer.write(symbol)) for symbol in e.atoms(sympy.Indexed)}
    if isinstance(writer.form, Latex):
        return str(sympy.latex(e.xreplace(names), symbol_names={s: s.name for s in names.values()}))
    return str(e.xreplace(names))


def _at(z: Expr) -> Expr:
    return z.indices[0]


RULES: dict[str, Callable[[Writer, Any], str]] = {
    "int": lambda writer, e: writer.form.number(str(e)),
    "Rational": _number,
    "Symbol": lambda writer, e: writer.form.letter(e.name),
    "Indexed": _symbol_with_layer,
    "Mul": _product,
    "Add": _terms,
    "Pow": _power,
    "Sum": _sum,
    "log": lambda writer, e: writer.form.applied(writer.form.letter("log"), writer.write(e.args[0])),
    "exp": lambda writer, e: writer.form.applied(writer.form.letter("exp"), writer.write(e.args[0])),
    "KroneckerDelta": lambda writer, e: writer.marked("delta", "", *e.args),
    "Phi": lambda writer, e: writer.form.applied(writer.neuron(_at(e.args[0])), writer.write(e.args[0])),
    "PhiPrime": lambda writer, e: writer.form.applied(
        writer.form.primed(writer.neuron(_at(e.args[1]))), writer.write(e.args[1])
    ),
    "CostSlope": lambda writer, e: writer.form.partial(writer.form.letter("C"), writer.write(e.args[1])),
    "Gradient": lambda writer, e: writer.form.partial(writer.form.letter("C"), writer.write(e.args[0])),
    "Partial": lambda writer, e: writer.form.partial(*map(writer.write, e.args)),
    "LayerArray": _array,
    "DiagMatrix": _diagonal,
    "MatAdd": _matrix_terms,
    "MatMul": _matrix_product,
    "Transpose": lambda writer, e: writer.form.transposed(writer.form.bracketed(writer.write(e.args[0]))),
}
