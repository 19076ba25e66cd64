"""derive(chain, ("b1", "w2")) -> SecondDerivation: ∂²C/∂θ∂η as a sum of products, each linear in the depth.

With θ of layer i ≤ j, the layer of η, a bend of φ at a layer, or of the cost, is felt by both:

    ∂²C/∂θ∂η = Σ_{l=j}^{L} ∂z_l/∂θ · φ''(z_l) · ∂z_l/∂η · ∂C/∂a_l  +  ∂a_L/∂θ · ∂²C/∂a_L² · ∂a_L/∂η
               [ + ∂a_{j-1}/∂θ · φ'(z_j) · ∂C/∂a_j  for η = w_j, i < j, whose input θ moves ].

Where the cost cancels φ'(z_L), the last two of φ'' and ∂²C/∂a_L² join to ∂z_L/∂θ · φ'(z_L) · ∂z_L/∂η times the
derivative of what is left, as 1 of a_L - y. (Bishop 1992, exact calculation of the Hessian matrix.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainderiv.errors import BadValue, unknown_name
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.factor import Factor, a_by, symbol_of, through, z_by
from chainderiv.symbolic.lazy import Lazy
from chainderiv.symbolic.replacement import checked_index, checked_replacement
from chainderiv.symbolic.steps import Step, steps_to
from chainderiv.symbolic.style import PAGE, PLAIN, Style
from chainderiv.symbolic.term import Term
from chainderiv.symbols import Expr, gradient

if TYPE_CHECKING:
    from chainderiv.kinds import Progress
    from chainderiv.logsign import LogSign

Places = list[Factor]
Groups = tuple[tuple[Factor, ...], ...]
A_LINE_EACH = {"unicode": "\n    + ", "text": "\n    + "}  # between the terms of a sum that is shown


@dataclass(frozen=True)
class SecondDerivation:
    """∂²C/∂θ∂η of a chain as a sum of products.

    Attributes
    ----------
    chain : Chain.
    wrt : the two Parameters, the earlier layer first.
    replaced : tuple of ((term, index), expression). Factors that `replace` has put in the place of the derived ones.

    Examples
    --------
    >>> from chainderiv import derive
    >>> print(derive(Chain(depth=2), ("b1", "b2")))
    ∂²C/∂b₁∂b₂ = (σ'(z₁) · w₂) · σ''(z₂) · ∂C/∂a₂ + (σ'(z₁) · w₂ σ'(z₂)) · ∂²C/∂a₂² · σ'(z₂)
    >>> print(derive(Chain(depth=2, cost="cross_entropy"), ("b1", "b2")).surviving[0].factors)
    (sigmoid'(z_1), w_2, sigmoid'(z_2))
    """

    chain: Chain
    wrt: tuple[Parameter, Parameter]
    replaced: tuple[tuple[tuple[int, int], Expr], ...] = ()

    @property
    def named(self) -> str:
        """The parameters' names, 'b1,w2'."""
        return ",".join(map(str, self.wrt))

    @property
    def terms(self) -> Sequence[Term]:
        """The terms as derived: the input's, if there is one, one per layer from j on, and the cost's."""
        return Lazy(self._moves_input + self._layers + 1, self._term)

    @property
    def cancelled(self) -> Expr | None:
        """The factor φ'(z_L) where the cost cancels it, else None."""
        cancels = self.chain.output_rest is not None and not self.replaced
        return symbol_of(self.chain, Factor("prime", self.chain.depth)) if cancels else None

    @property
    def surviving(self) -> Sequence[Term]:
        """The terms that remain after the cost has cancelled φ'(z_L); all of them where it cancels nothing."""
        if self.cancelled is None:
            return self.terms
        return Lazy(self._moves_input + self._layers, self._survivor)

    @property
    def steps(self) -> Sequence[Step]:
        """The steps to ∂C/∂η; the terms are what the product rule makes of it when θ moves."""
        return steps_to(self.chain, self.wrt[1])

    def replace(self, term: int, index: int, expression: Any) -> SecondDerivation:
        """This derivation with one factor of one term replaced: a deliberate error, which the checker must catch.

        Raises BadValue when term, index or expression is none.
        """
        where = checked_index("term", term, len(self.terms))
        place = where, checked_index("factor", index, len(self.terms[where].factors))
        new = checked_replacement(expression, self.chain)
        return SecondDerivation(self.chain, self.wrt, tuple(sorted({**dict(self.replaced), place: new}.items())))

    def at(
        self,
        *,
        w: Any,
        b: Any = None,
        z: Any = None,
        x: float = 0.5,
        y: float = 0.0,
        progress: Progress | None = None,
    ) -> tuple[tuple[LogSign, ...], ...]:
        """The value of every factor of every term, in the order of `terms`; w, b, z, x and y as in Derivation.at."""
        from chainderiv.logsign import LogSign  # loads NumPy
        from chainderiv.symbolic.referee import term_values

        terms = term_values(self.chain, self.terms, w=w, b=b, z=z, x=x, y=y, progress=progress)
        return tuple(tuple(LogSign.of(*value) for value in values) for values in terms)

    def line(self, step: Step, target: str = "unicode") -> str:
        """One of the steps as a line of 'unicode', 'text' or 'latex', as Derivation.line."""
        from chainderiv.symbolic.notation import equations

        return equations.step(self.chain, step, target)

    def to(
        self,
        target: str,
        *,
        form: str = "factors",
        spelled: bool = False,
        where: bool = False,
        width: float | None = PAGE,
        symbols: Mapping[str, str] | None = None,
        standalone: bool = False,
        surviving: bool = False,
    ) -> str:
        """The whole sum as 'unicode', 'text', 'latex', 'markdown' or 'mathml'; the keywords are those of Derivation.to.

        Raises UnknownName, and BadValue for a program.

        >>> from chainderiv import derive
        >>> print(derive(Chain(depth=1), ("b1", "b1")).to("unicode", spelled=True))
        ∂²C/∂b₁² = σ(z₁)(1 - σ(z₁))(1 - 2 σ(z₁)) · (a₁ - y) + σ(z₁)(1 - σ(z₁)) · σ(z₁)(1 - σ(z₁))
        """
        from chainderiv.symbolic.targets import FORMULAS, TARGETS, style_for

        if target not in TARGETS:
            raise unknown_name("target", target, FORMULAS)
        if target not in FORMULAS:
            pair = ", ".join(repr(str(p)) for p in self.wrt)
            raise BadValue(
                f"a second derivative is given the target {target!r}, and has no program; give one of "
                f"{', '.join(FORMULAS)}, or call evaluate(chain, …, wrt=({pair}))"
            )
        style = style_for(target, Style(form, spelled, where, width, symbols, standalone, surviving))
        return self._written([self.surviving if surviving else self.terms], target, elide=False, style=style)

    def shown(self, form: str, surviving: bool = False) -> str:
        """The sum in a form, a term on each line of text, elided in its middle where it is long.

        surviving : whether of what is left after the cost has cancelled what it cancels.
        """
        return self._written([self.surviving if surviving else self.terms], form, between=A_LINE_EACH.get(str(form)))

    def __str__(self) -> str:
        """The Unicode form, elided in its middle where it is long; to('unicode') has it whole."""
        return self._written([self.terms], "unicode")

    def _repr_latex_(self) -> str | None:
        try:
            return f"$\\displaystyle {self._written(self._sides, 'latex')}$"
        except BadValue:  # a letter that LaTeX lacks: MathML or text is shown in its place
            return None

    def _repr_html_(self) -> str:
        return self._written(self._sides, "mathml")

    def _written(
        self,
        sides: Sequence[Sequence[Term]],
        form: str,
        elide: bool = True,
        between: str | None = None,
        style: Style = PLAIN,
    ) -> str:
        from chainderiv.symbolic.notation.equations import equation

        sums = [Lazy(len(terms), lambda k, terms=terms: terms[k].rows) for terms in sides]
        left = gradient(*(p.symbol for p in self.wrt))
        return equation(self.chain, left, sums, form, elide, between, style)

    @property
    def _sides(self) -> list[Sequence[Term]]:
        """The terms, and what survives of them where the cost cancels something."""
        return [self.terms] if self.cancelled is None else [self.terms, self.surviving]

    @property
    def _moves_input(self) -> bool:
        """Whether θ moves a_{j-1}, the factor of ∂C/∂w_j."""
        early, late = self.wrt
        return late.kind == "w" and early.layer < late.layer

    @property
    def _layers(self) -> int:
        return self.chain.depth - self.wrt[1].start + 1

    def _term(self, index: int) -> Term:
        changed = {k: e for (term, k), e in self.replaced if term == index}
        return Term(self.chain, self._groups(index), changed)

    def _groups(self, index: int) -> Groups:
        early, late = self.wrt
        if self._moves_input:
            if index == 0:
                onward = [Factor("prime", late.layer), *self._onward(late.layer)]
                return _filled(self._of_a(early, late.layer - 1), onward)
            index -= 1
        layer = late.start + index
        if layer > self.chain.depth:
            return _filled(
                self._of_a(early, self.chain.depth), [Factor("bend", self.chain.depth)], self._of_a(late, layer - 1)
            )
        return _filled(self._of_z(early, layer), [Factor("curve", layer)], self._of_z(late, layer), self._onward(layer))

    def _survivor(self, index: int) -> Term:
        depth = self.chain.depth
        if index == self._moves_input + self._layers - 1:
            early, late = self.wrt
            slope = Factor("rest_slope", depth)
            last = [] if symbol_of(self.chain, slope) == 1 else [slope]
            groups = _filled(self._of_z(early, depth), [Factor("prime", depth)], self._of_z(late, depth), last)
        else:
            # φ'(z_L) and ∂C/∂a_L end the last group together
            *before, onward = self._groups(index)
            groups = *before, (*onward[:-2], Factor("rest", depth))
        return Term(self.chain, groups)

    def _of_z(self, parameter: Parameter, layer: int) -> Places:
        """∂z_l/∂θ, l at least θ's own layer."""
        if layer == parameter.layer:
            return z_by(parameter)
        return [*self._of_a(parameter, layer - 1), Factor("weight", layer)]

    def _of_a(self, parameter: Parameter, layer: int) -> Places:
        """∂a_l/∂θ, l at least θ's own layer (a_0 = x)."""
        between = range(parameter.layer + 1, layer + 1)
        return a_by(parameter) + [place for m in between for place in through(self.chain, m)]

    def _onward(self, layer: int) -> Places:
        """∂C/∂a_l."""
        links = [place for m in range(layer + 1, self.chain.depth + 1) for place in through(self.chain, m)]
        return [*links, Factor("slope", self.chain.depth)]


def _filled(*groups: Places) -> Groups:
    """The groups that hold anything: ∂z_l/∂b_l is 1."""
    return tuple(tuple(group) for group in groups if group)
