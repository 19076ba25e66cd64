"""derive(chain, wrt) -> Derivation: a gradient as an ordered list of factors, never one nested expression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, overload

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair

from chainderiv import symbols
from chainderiv.errors import BadValue, TooDeep
from chainderiv.functions.activation import Expr
from chainderiv.functions.cost import cancels
from chainderiv.logsign import LogSign
from chainderiv.symbolic import printing
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.replacement import require_known

SUBSTITUTE_DEPTH = 30


@dataclass(frozen=True)
class Factor:
    """The place of a factor: kind 'activation' a_l, 'weight' w_l, 'prime' φ'(z_l) or 'slope' ∂C/∂a_L; its layer."""

    kind: str
    layer: int


@dataclass(frozen=True)
class Step:
    """One named step of the argument: its equation as (left, right) and a line of reason."""

    name: str
    left: Expr
    right: Expr
    reason: str


class Lazy(Sequence[Any]):
    """A sequence whose items are made when they are asked for, so that depth costs nothing before it is read."""

    def __init__(self, length: int, item: Any) -> None:
        self._length, self._item = length, item

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self._item(i) for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(f"index {index} of {self._length} items; give one from 0 to {self._length - 1}")
        return self._item(range(self._length)[index])

    def __iter__(self) -> Iterator[Any]:
        return map(self._item, range(self._length))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # equal to lists, so no more hashable than they are

    def __repr__(self) -> str:
        return repr(list(self)) if len(self) <= 64 else f"[{self[0]!r}, …, {self[-1]!r}] ({len(self)} items)"


@dataclass(frozen=True)
class Derivation:
    """∂C/∂θ of a chain as ordered factors; θ = b_k gives φ'(z_k), w_{k+1}, φ'(z_{k+1}), …, φ'(z_L), ∂C/∂a_L.

    For θ = w_k the input a_{k-1} stands before them, for θ = x the factor w_1.

    Attributes
    ----------
    chain : Chain.
    wrt : Parameter.
    replaced : tuple of (index, expression). Factors that `replace` has put in the place of the derived ones.

    Source: Nielsen (2015), chapter 5, the expression for ∂C/∂b_1.

    Examples
    --------
    >>> print(derive(Chain(depth=4), "b1"))
    ∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄
    """

    chain: Chain
    wrt: Parameter
    replaced: tuple[tuple[int, Expr], ...] = ()

    @property
    def start(self) -> int:
        """k, the first layer whose φ' is a factor."""
        return max(self.wrt.layer, 1)

    @property
    def places(self) -> Sequence[Factor]:
        """What stands at each index, in the order of the factors."""
        head = 0 if self.wrt.kind == "b" else 1
        return Lazy(head + 2 * (self.chain.depth - self.start + 1), self._place)

    @property
    def factors(self) -> Sequence[Expr]:
        """The factors as SymPy objects; φ' and ∂C/∂a_L are symbols of their own."""
        return Lazy(len(self.places), self._factor)

    @property
    def links(self) -> Sequence[Expr]:
        """w_l φ'(z_l) for each layer between θ and the output."""
        first = self.start + (self.wrt.kind != "x")
        return Lazy(self.chain.depth - first + 1, partial(self._link_from, first))

    @property
    def cancelled(self) -> Expr | None:
        """The factor φ'(z_L) where the cost cancels it (cross-entropy after a sigmoid), else None."""
        last = len(self.factors) - 2
        touched = {k for k, _ in self.replaced} & {last, last + 1}
        output = self.chain.activation(self.chain.depth)
        return self.factors[last] if not touched and cancels(output, self.chain.cost) else None

    @property
    def surviving(self) -> Sequence[Expr]:
        """The factors that remain after the cost has cancelled what it cancels; the last is then a_L - y."""
        if self.cancelled is None:
            return self.factors
        return Lazy(len(self.factors) - 1, self._survivor)

    @property
    def assignments(self) -> Sequence[tuple[Expr, Expr]]:
        """The layer equations in order, at any depth, as (z_1, w_1 x + b_1), (a_1, φ(z_1)), (z_2, …)."""
        return Lazy(2 * self.chain.depth, self._assignment)

    @property
    def steps(self) -> Sequence[Step]:
        """BP1 at the output, BP2 once per layer down to θ, and BP3 or BP4 (or the input's equation) at the end."""
        return Lazy(self.chain.depth - self.start + 2, self._step)

    def replace(self, index: int, expression: Any) -> Derivation:
        """This derivation with one factor replaced: a deliberate error, which the checker must catch.

        Raises BadValue when the index or the expression is none.
        """
        count = len(self.factors)
        if isinstance(index, bool) or not isinstance(index, int) or not -count <= index < count:
            raise BadValue(f"factor {index!r} does not exist; give an index from 0 to {count - 1}")
        try:
            new = sympy.sympify(expression, strict=True)
        except sympy.SympifyError as e:
            raise BadValue(f"factor {expression!r} is no SymPy expression or number; give one") from e
        require_known(new, self.chain)
        return Derivation(self.chain, self.wrt, tuple(sorted({**dict(self.replaced), index % count: new}.items())))

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
            values[name] = _nested(expression, values)
        return sympy.Mul(*(_nested(self._unfolded(factor), values) for factor in self.factors), evaluate=False)

    def at(self, *, w: Any, b: Any = None, z: Any = None, x: float = 0.5, y: float = 0.0) -> tuple[LogSign, ...]:
        """Every factor's value, in the order of `factors`.

        Parameters
        ----------
        w : number or L of them; likewise either b or z (z pins every pre-activation: b_l = z_l - w_l a_{l-1}).
        x, y : input and target.

        Examples
        --------
        >>> values = derive(Chain(depth=4), "b1").at(w=100, z=0)
        >>> [f"{v.to_float():.4g}" for v in values]
        ['0.25', '100', '0.25', '100', '0.25', '100', '0.25', '0.5']
        """
        from chainderiv.symbolic.referee import factor_values

        return factor_values(self, w=w, b=b, z=z, x=x, y=y)

    def to(self, target: str) -> str:
        """The derivation in a printed form: 'unicode', 'text', 'latex', 'mathml' or 'numpy'; raises UnknownName."""
        return printing.to(self, target)

    def __str__(self) -> str:
        """The Unicode form, elided in its middle above 24 layers; to('unicode') has it whole."""
        return printing.equation(self, "unicode", elide=True)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {printing.latex(self, elide=True)}$"

    def _repr_html_(self) -> str:
        return printing.mathml(self, elide=True)

    def _place(self, index: int) -> Factor:
        if self.wrt.kind != "b":
            if index == 0:
                return Factor("weight", 1) if self.wrt.kind == "x" else Factor("activation", self.start - 1)
            index -= 1
        layer = self.start + (index + 1) // 2
        if index % 2 == 0:
            return Factor("prime", layer)
        return Factor("weight", layer) if layer <= self.chain.depth else Factor("slope", self.chain.depth)

    def _factor(self, index: int) -> Expr:
        for k, expression in self.replaced:
            if k == index:
                return expression
        return self.symbol_of(self._place(index))

    def symbol_of(self, place: Factor) -> Expr:
        """The SymPy object that stands at a place before any replacement."""
        layer = place.layer
        if place.kind == "activation":
            return symbols.activation(layer)
        if place.kind == "weight":
            return symbols.weight(layer)
        if place.kind == "slope":
            name = sympy.Symbol(self.chain.cost.name)
            return symbols.CostSlope(name, symbols.activation(layer), symbols.y)
        return symbols.PhiPrime(sympy.Symbol(self.chain.activation(layer).name), symbols.pre_activation(layer))

    def _link_from(self, first: int, index: int) -> Expr:
        return symbols.weight(first + index) * self.symbol_of(Factor("prime", first + index))

    def _survivor(self, index: int) -> Expr:
        output = symbols.activation(self.chain.depth)
        return output - symbols.y if index == len(self.factors) - 2 else self.factors[index]

    def _assignment(self, index: int) -> tuple[Expr, Expr]:
        return self.chain.equations(index // 2 + 1)[index % 2]

    def _unfolded(self, factor: Expr) -> Expr:
        """A factor with φ' and ∂C/∂a written out in z_l, a_L and y."""
        phi, slope = self.chain.activation, self.chain.cost.slope
        factor = factor.replace(symbols.PhiPrime, lambda _, z: phi(symbols.layer_of(z)).derivative.subs(symbols.z, z))
        return factor.replace(symbols.CostSlope, lambda name, a, y: slope.subs(symbols.a, a))

    def _step(self, index: int) -> Step:
        layer = self.chain.depth - index
        if index == 0:
            prime, slope = self.symbol_of(Factor("prime", layer)), self.symbol_of(Factor("slope", layer))
            return Step(
                "BP1", symbols.delta(layer), prime * slope, "definition of δ_L and the chain rule at a_L = φ(z_L)"
            )
        if layer >= self.start:
            prime = self.symbol_of(Factor("prime", layer))
            right = prime * symbols.weight(layer + 1) * symbols.delta(layer + 1)
            reason = f"z_{layer + 1} = w_{layer + 1} φ(z_{layer}) + b_{layer + 1}"
            return Step("BP2", symbols.delta(layer), right, reason)
        return self._last_step()

    def _last_step(self) -> Step:
        k, left = self.start, symbols.gradient(self.wrt.symbol)
        if self.wrt.kind == "b":
            return Step("BP3", left, symbols.delta(k), f"∂z_{k}/∂b_{k} = 1")
        if self.wrt.kind == "w":
            return Step("BP4", left, symbols.activation(k - 1) * symbols.delta(k), f"∂z_{k}/∂w_{k} = a_{k - 1}")
        return Step("input", left, symbols.weight(1) * symbols.delta(1), "∂z_1/∂x = w_1")


def _nested(expression: Expr, values: dict[Expr, Expr]) -> Expr:
    """xreplace without evaluation: SymPy would walk the whole tree at every layer, and relu's doubles with each."""
    if expression in values:
        return values[expression]
    if not expression.args or not expression.free_symbols & values.keys():
        return expression
    arguments = [_nested(e, values) for e in expression.args]
    if isinstance(expression, sympy.Piecewise | ExprCondPair):
        # even unevaluated, their constructors fold every nested branch into the conditions: 2^L of them
        return sympy.Basic.__new__(expression.func, *arguments)
    return expression.func(*arguments, evaluate=False)


def derive(chain: Chain, wrt: str | Parameter = "b1") -> Derivation:
    """∂C/∂b_l, ∂C/∂w_l or ∂C/∂x of a chain; raises BadValue for a parameter that it does not have.

    >>> derive(Chain(depth=2), "w2").factors
    [a_1, PhiPrime(sigmoid, z_2), CostSlope(quadratic, a_2, y)]
    """
    if not isinstance(chain, Chain):
        raise BadValue(f"chain is {chain!r}; give a Chain")
    return Derivation(chain, chain.parameter(wrt))


@dataclass(frozen=True)
class Comparison:
    """Two gradients of one chain: what they share, and first/second as the product of what stands between.

    Attributes
    ----------
    first, second : Derivation, of biases, the earlier layer first.
    common : the factors that both have.
    between : the factors whose product is first/second.
    """

    first: Derivation
    second: Derivation
    common: Sequence[Expr]
    between: Sequence[Expr]

    def __str__(self) -> str:
        return printing.comparison(self)


def compare(chain: Chain, first: str = "b1", second: str = "b2") -> Comparison:
    """∂C/∂b_j against ∂C/∂b_k, j < k: the ratio is φ'(z_j) w_{j+1} φ'(z_{j+1}) … w_k.

    Raises BadValue when the two are not biases of different layers.

    >>> print(compare(Chain(depth=4), "b1", "b3"))
    ∂C/∂b₁ = [ σ'(z₁) · w₂ σ'(z₂) · w₃ ] · ∂C/∂b₃
    """
    parameters = sorted({chain.parameter(first), chain.parameter(second)})
    if len(parameters) != 2 or any(p.kind != "b" for p in parameters):
        raise BadValue(f"compare is given {first!r} and {second!r}; give the biases of two layers, as b1 and b3")
    early, late = (derive(chain, p) for p in parameters)
    between = len(early.factors) - len(late.factors)
    return Comparison(early, late, late.factors, early.factors[:between])
