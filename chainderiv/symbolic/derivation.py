"""Derivation: a gradient as an ordered list of factors, never one nested expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sympy

from chainderiv import symbols
from chainderiv.errors import BadValue, TooDeep, unknown_name
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.factor import Factor, a_by, symbol_of, through
from chainderiv.symbolic.lazy import Lazy
from chainderiv.symbolic.nesting import nested
from chainderiv.symbolic.replacement import checked_index, checked_replacement
from chainderiv.symbolic.steps import Step, steps_to
from chainderiv.symbolic.style import PAGE, PLAIN, Style
from chainderiv.symbols import Expr, Quotient, gradient

if TYPE_CHECKING:
    from chainderiv.kinds import Progress
    from chainderiv.logsign import LogSign

SUBSTITUTE_DEPTH = 30


@dataclass(frozen=True)
class Derivation:
    """∂C/∂θ of a chain as ordered factors; θ = b_k gives φ'(z_k), w_{k+1}, φ'(z_{k+1}), …, φ'(z_L), ∂C/∂a_L.

    For θ = w_k the input a_{k-1} stands before them; θ = z_k has the factors of b_k, because z_k moves as b_k does. For
    θ = a_k they begin at w_{k+1}, for θ = x, which is a_0, at w_1. In a residual chain each pair w_l, φ'(z_l) behind
    the first φ' is one factor, 1 + w_l φ'(z_l).

    Attributes
    ----------
    chain : Chain.
    wrt : Parameter.
    replaced : tuple of (index, expression). Factors that `replace` has put in the place of the derived ones.
    of : Parameter a_m or z_m of ∂a_m/∂θ or ∂z_m/∂θ; None of a gradient of C.

    Source: Nielsen (2015), chapter 5, the expression for ∂C/∂b_1.

    Examples
    --------
    >>> from chainderiv import derive
    >>> print(derive(Chain(depth=4), "b1"))
    ∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄
    >>> print(derive(Chain(depth=3, residual=True), "b1"))
    ∂C/∂b₁ = σ'(z₁) · (1 + w₂ σ'(z₂)) · (1 + w₃ σ'(z₃)) · ∂C/∂a₃
    >>> print(derive(Chain(depth=4), "a2"))
    ∂C/∂a₂ = w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄
    """

    chain: Chain
    wrt: Parameter
    replaced: tuple[tuple[int, Expr], ...] = ()
    of: Parameter | None = None

    @property
    def named(self) -> str:
        """The parameter's name, 'b1'; of ∂a_4/∂b_1 it is 'a4/b1'."""
        return str(self.wrt) if self.of is None else f"{self.of}/{self.wrt}"

    @property
    def symbol(self) -> Expr:
        """∂C/∂θ, or ∂a_m/∂θ, as a symbol of its own."""
        return gradient(self.wrt.symbol) if self.of is None else Quotient(self.of.symbol, self.wrt.symbol)

    @property
    def as_gradient(self) -> Derivation:
        """∂a_m/∂θ as the gradient of a chain of m layers whose cost is a_m; one of C as it is."""
        return self if self.of is None else Derivation(self.chain.until(self.of), self.wrt, self.replaced)

    @property
    def start(self) -> int:
        """k, the first layer whose φ' is a factor."""
        return self.wrt.start

    @property
    def places(self) -> Sequence[Factor]:
        """What stands at each index, in the order of the factors."""
        per_link = 1 if self.chain.residual else 2
        through = len(a_by(self.wrt)) + per_link * (self._last - self.wrt.layer)
        # behind the layers stands ∂C/∂a_L; and z_m lies before the last φ'
        return Lazy(through + (self.of is None) - self._before_phi, self._place)

    @property
    def factors(self) -> Sequence[Expr]:
        """The factors as SymPy objects; φ' and ∂C/∂a_L are symbols of their own."""
        return Lazy(len(self.places), self._factor)

    @property
    def links(self) -> Sequence[Expr]:
        """w_l φ'(z_l), or 1 + w_l φ'(z_l) of a residual chain, for each layer between θ and the output."""
        first = self.wrt.layer + 1

        def link(index: int) -> Expr:
            return sympy.Mul(*map(self.symbol_of, through(self.chain, first + index)))

        return Lazy(max(self._last - first + 1 - self._before_phi, 0), link)

    @property
    def _last(self) -> int:
        return self.chain.depth if self.of is None else self.of.layer

    @property
    def _before_phi(self) -> bool:
        return self.of is not None and self.of.kind == "z"

    @property
    def cancelled(self) -> Expr | None:
        """The factor φ'(z_L) where the cost cancels it (cross-entropy after a sigmoid), else None."""
        last = len(self.factors) - 2
        touched = {k for k, _ in self.replaced} & {last, last + 1}
        cancels = self.of is None and last >= 0 and not touched and self.chain.output_rest is not None
        return self.factors[last] if cancels else None

    @property
    def surviving(self) -> Sequence[Expr]:
        """The factors that remain after the cost has cancelled what it cancels; the last is then a_L - y."""
        if self.cancelled is None:
            return self.factors
        last, rest = len(self.factors) - 2, self.symbol_of(Factor("rest", self.chain.depth))
        return Lazy(last + 1, lambda k: rest if k == last else self._factor(k))

    @property
    def assignments(self) -> Sequence[tuple[Expr, Expr]]:
        """The layer equations in order, at any depth, as (z_1, w_1 x + b_1), (a_1, φ(z_1)), (z_2, …)."""
        return Lazy(2 * self._last - self._before_phi, lambda k: self.chain.equations(k // 2 + 1)[k % 2])

    @property
    def steps(self) -> Sequence[Step]:
        """BP1 at the output, BP2 once per layer down to θ, and BP3 or BP4 (or the input's equation) at the end.

        Raises BadValue for ∂a_m/∂θ, to which they do not lead.
        """
        if self.of is not None:
            raise BadValue(
                f"{self.named} has no steps BP1 to BP4, which lead to gradients of C; its factors are the chain rule, "
                "a layer each"
            )
        return steps_to(self.chain, self.wrt)

    def replace(self, index: int, expression: Any) -> Derivation:
        """This derivation with one factor replaced: a deliberate error, which the checker must catch.

        Raises BadValue when the index or the expression is none.
        """
        place = checked_index("factor", index, len(self.factors))
        new = checked_replacement(expression, self.chain)
        return Derivation(self.chain, self.wrt, tuple(sorted({**dict(self.replaced), place: new}.items())), self.of)

    def substitute(self) -> Expr:
        """The gradient as one nested expression in x, y, w_l, b_l, unevaluated; raises TooDeep above depth 30.

        Its parts are shared, so it is quickly made; an activation that names z twice (relu, gelu) still makes 2^L
        terms of it in print.
        """
        if self.chain.depth > SUBSTITUTE_DEPTH:
            raise TooDeep(
                f"a nested expression of depth {self.chain.depth} is refused above {SUBSTITUTE_DEPTH}; "
                "use .assignments or .to('numpy'), which serve at any depth"
            )
        values: dict[Expr, Expr] = {}
        for name, expression in self.assignments:
            values[name] = nested(expression, values)
        return sympy.Mul(*(nested(self._unfolded(factor), values) for factor in self.factors), evaluate=False)

    def at(
        self,
        *,
        w: Any,
        b: Any = None,
        z: Any = None,
        x: float = 0.5,
        y: float = 0.0,
        progress: Progress | None = None,
    ) -> tuple[LogSign, ...]:
        """Every factor's value, in the order of `factors`.

        Parameters
        ----------
        w : number or L of them; likewise either b or z (z pins every pre-activation: b_l = z_l - w_l a_{l-1}).
        x, y : input and target.
        progress : called with (layers done, layers in all), anew where more digits are needed.

        Examples
        --------
        >>> from chainderiv import derive
        >>> values = derive(Chain(depth=4), "b1").at(w=100, z=0)
        >>> [f"{v.to_float():.4g}" for v in values]
        ['0.25', '100', '0.25', '100', '0.25', '100', '0.25', '0.5']
        """
        from chainderiv.logsign import LogSign  # loads NumPy
        from chainderiv.symbolic.referee import factor_values

        replaced = dict(self.replaced)
        items = [replaced.get(k, place) for k, place in enumerate(self.places)]
        values = factor_values(self.chain, items, w=w, b=b, z=z, x=x, y=y, progress=progress)
        return tuple(LogSign.of(*value) for value in values)

    def line(self, step: Step, target: str = "unicode") -> str:
        """One of the steps as a line of 'unicode', 'text' or 'latex': its name, equation and reason.

        Raises UnknownName for another target.

        >>> from chainderiv import derive
        >>> d = derive(Chain(depth=2), "b1")
        >>> print(d.line(d.steps[1]))
        BP2: δ₁ = w₂ · σ'(z₁) · δ₂    (z₂ = w₂ φ(z₁) + b₂)
        """
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
        r"""The derivation in a printed form, or as a program.

        Parameters
        ----------
        target : 'unicode', 'text', 'latex', 'markdown' or 'mathml'; 'numpy', 'c', 'javascript' or 'glsl'.
        form : 'factors'; 'product', with ∏ over the links; 'elided', with the first and the last of the links.
        spelled : whether φ' and ∂C/∂a_L are written out, as σ(z_l)(1 - σ(z_l)) and a_L - y.
        where : whether lines follow that say what z_l, a_l, φ and C are.
        width : of a line of LaTeX, in pt at 10 pt letters, that the rows of the equation keep to: 345 as article has
            it, 246 in two columns; None for one long row.
        symbols : names of your own for w, b, z, a, x, y, C, phi, and L for the depth, such as {"w": "theta"}.
        standalone : whether the LaTeX is a whole document.
        surviving : whether of what is left after the cost has cancelled what it cancels.

        Raises
        ------
        UnknownName
            For a target or form that is none.
        BadValue
            For a keyword that the target has no use for, and a program that cannot be written (of a replaced factor).

        Examples
        --------
        >>> from chainderiv import derive
        >>> d = derive(Chain(depth=9), "b1")
        >>> print(d.to("unicode", form="product", spelled=True))
        ∂C/∂b₁ = σ(z₁)(1 - σ(z₁)) · ∏ₗ₌₂⁹ (wₗ σ(zₗ)(1 - σ(zₗ))) · (a₉ - y)
        >>> print(d.to("latex", form="elided", symbols={"w": "theta", "C": "J"}))
        \frac{\partial J}{\partial b_{1}} = \sigma'(z_{1}) \cdot \theta_{2} \, \sigma'(z_{2}) \, \cdots \, \theta_{9} \,
        \sigma'(z_{9}) \cdot \frac{\partial J}{\partial a_{9}}
        """
        from chainderiv.symbolic.targets import PROGRAMS, TARGETS, style_for

        if target not in TARGETS:
            raise unknown_name("target", target, TARGETS)
        style = style_for(target, Style(form, spelled, where, width, symbols, standalone, surviving))
        if target not in PROGRAMS:
            return self._written(target, style)
        if self.replaced:
            raise BadValue("a derivation with a replaced factor has no program; print the one that was derived")
        return PROGRAMS[target](self.as_gradient.chain, self.wrt)

    def shown(self, form: str, surviving: bool = False, elide: bool = True) -> str:
        """The equation in a form that is no program, elided in its middle where it is long.

        surviving : whether of what is left after the cost has cancelled what it cancels.
        """
        return self._written(form, Style(surviving=surviving), elide)

    def __str__(self) -> str:
        """The Unicode form, elided in its middle above 24 layers; to('unicode') has it whole."""
        return self.shown("unicode")

    def _repr_latex_(self) -> str | None:
        try:
            return f"$\\displaystyle {self._both('latex')}$"
        except BadValue:  # a letter that LaTeX lacks: MathML or text is shown in its place
            return None

    def _repr_html_(self) -> str:
        return self._both("mathml")

    def _both(self, target: str) -> str:
        """The factors, and what survives of them where the cost cancels something."""
        sides = (False,) if self.cancelled is None else (False, True)
        return self._sides(target, PLAIN, sides, elide=True)

    def _written(self, target: str, style: Style, elide: bool = False) -> str:
        return self._sides(target, style, (style.surviving,), elide)

    def _sides(self, target: str, style: Style, sides: Sequence[bool], elide: bool) -> str:
        """The equation, with the factors as derived (False), those that survive (True), or both in turn."""
        from chainderiv.symbolic.notation.equations import equation

        if self.of is None and self.start > self.chain.depth:  # else it would read ∂C/∂a_L = ∂C/∂a_L
            style = replace(style, spelled=True)
        rows = [[[self._row(surviving)]] for surviving in sides]
        of_cost, first = self.of is None, self.start + 1
        return equation(self.chain, self.symbol, rows, target, elide, style=style, first=first, of_cost=of_cost)

    def _row(self, surviving: bool) -> tuple[Sequence[Factor], Sequence[Expr] | None]:
        """The places, and what stands there where something was replaced."""
        places = self.places
        if not surviving or self.cancelled is None:
            return places, self.factors if self.replaced else None
        rest, last = Factor("rest", self.chain.depth), len(places) - 2
        kept = Lazy(last + 1, lambda k: rest if k == last else places[k])
        return kept, self.surviving if self.replaced else None

    def _place(self, index: int) -> Factor:
        before = a_by(self.wrt)
        if index < len(before):
            return before[index]
        link, part = divmod(index - len(before), 1 if self.chain.residual else 2)
        layer = self.wrt.layer + 1 + link
        if layer > self.chain.depth:
            return Factor("slope", self.chain.depth)
        return through(self.chain, layer)[part]

    def _factor(self, index: int) -> Expr:
        replaced = dict(self.replaced)
        return replaced[index] if index in replaced else self.symbol_of(self._place(index))

    def symbol_of(self, place: Factor) -> Expr:
        """The SymPy object that stands at a place before any replacement."""
        return symbol_of(self.chain, place)

    def _unfolded(self, factor: Expr) -> Expr:
        """A factor with φ' and ∂C/∂a written out in z_l, a_L and y."""
        phi, slope = self.chain.activation, self.chain.cost.slope
        factor = factor.replace(symbols.PhiPrime, lambda _, z: phi(symbols.layer_of(z)).derivative.subs(symbols.z, z))
        return factor.replace(symbols.CostSlope, lambda name, a, y: slope.subs(symbols.a, a))
