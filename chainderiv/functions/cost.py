"""Cost: one defining formula C(a, y) of an output a and its target y; ∂C/∂a follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import sympy

from chainderiv.errors import CostDomain, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.symbols import Expr, a, y


@dataclass(frozen=True)
class Cost:
    """A cost C(a, y), summed over the outputs of a full-width network.

    Parameters
    ----------
    name : str.
    formula : SymPy expression in chainderiv.a and chainderiv.y.
    softmax : bool. Whether it is defined on softmax outputs, which exist at full width only.

    Examples
    --------
    >>> from chainderiv import a, y
    >>> Cost("squares", (a - y) ** 2 / 2).slope
    a - y
    """

    name: str
    formula: Expr
    softmax: bool = False

    @cached_property
    def slope(self) -> Expr:
        """∂C/∂a, factored."""
        return sympy.factor(sympy.diff(self.formula, a))

    @cached_property
    def second(self) -> Expr:
        """∂²C/∂a², a sum of products of powers of a - y and a - number."""
        return sympy.diff(self.formula, a, 2)

    @cached_property
    def factors(self) -> tuple[tuple[Expr, Expr, Expr], ...]:
        """∂C/∂a as factors (c, t, p), each (c (a - t))^p with t = y or a number; a plain number is (c, None, 1).

        Raises CostDomain for a slope that is no such product: a - t is what keeps its digits.
        """
        return self.factors_of(self.slope)

    def factors_of(self, product: Expr) -> tuple[tuple[Expr, Expr, Expr], ...]:
        """The same of another product in a and y."""
        return tuple(self._factor(power) for power in sympy.Mul.make_args(product))

    def _factor(self, power: Expr) -> tuple[Expr, Expr, Expr]:
        base, exponent = power.as_base_exp()
        if power.is_number:
            return power, None, sympy.Integer(1)
        leading = sympy.diff(base, a)
        root = None if not leading.is_number or leading == 0 else sympy.expand(a - base / leading)
        if root is None or not exponent.is_number or not (root == y or root.is_number):
            raise CostDomain(
                f"cost {self.name!r} has the slope {self.slope}, no product of powers of a - y and a - number; "
                "give a cost such as (a - y)**2/2"
            )
        return leading, root, exponent

    def require_chain_output(self, output: Activation, residual: bool = False) -> None:
        """Raise CostDomain, with the cure, where a chain's single output can leave what the cost is defined on."""
        if self.softmax:
            raise CostDomain(
                f"cost {self.name!r} is defined on softmax outputs, and the softmax of one output is 1; "
                "use cross_entropy in a chain, or a full-width Network"
            )
        _ = self.factors  # raises for a slope that cannot be taken apart
        if not self.formula.has(sympy.log(a), sympy.log(1 - a)):
            return
        if residual:
            raise CostDomain(
                f"cost {self.name!r} is defined on outputs in (0, 1), which a_L = a_(L-1) + φ(z_L) of a residual chain "
                "leaves; use quadratic, or layers that are not residual"
            )
        if output.leaves_unit_interval():
            raise CostDomain(
                f"cost {self.name!r} is defined on outputs in (0, 1), which {output.name!r} leaves; "
                "end the chain in a sigmoid (one activation per layer, or --output sigmoid) or use quadratic"
            )


QUADRATIC = Cost("quadratic", (a - y) ** 2 / 2)
CROSS_ENTROPY = Cost("cross_entropy", -y * sympy.log(a) - (1 - y) * sympy.log(1 - a))
LOG_LIKELIHOOD = Cost("log_likelihood", -y * sympy.log(a), softmax=True)

COSTS: dict[str, Cost] = {c.name: c for c in (QUADRATIC, CROSS_ENTROPY, LOG_LIKELIHOOD)}


def cost(given: str | Cost) -> Cost:
    """The Cost of that name, or the Cost itself; raises UnknownName."""
    if isinstance(given, Cost):
        return given
    if not isinstance(given, str) or given not in COSTS:
        raise unknown_name("cost", given, COSTS)
    return COSTS[given]


@lru_cache(maxsize=256)
def cancelled_product(output: Activation, at: Cost) -> Expr | None:
    """φ'(z_L) ∂C/∂a_L as a function of a and y where the cost cancels φ', else None.

    >>> from chainderiv.functions.lookup import neuron
    >>> cancelled_product(neuron("sigmoid"), cost("cross_entropy"))
    a - y
    """
    denominator = sympy.denom(at.slope)
    if not denominator.has(a):
        return None
    ratio = sympy.simplify(output.derivative / denominator.subs(a, output.formula))
    return sympy.numer(at.slope) * ratio if ratio.is_number else None


@lru_cache(maxsize=256)
def cancelled_slope(output: Activation, at: Cost) -> tuple[tuple[Expr, Expr, Expr], ...] | None:
    """The factors of φ'(z_L) ∂C/∂a_L where the cost cancels φ', else None.

    >>> from chainderiv.functions.lookup import neuron
    >>> cancelled_slope(neuron("sigmoid"), cost("cross_entropy"))
    ((1, y, 1),)
    """
    product = cancelled_product(output, at)
    return None if product is None else at.factors_of(product)


def cancels(output: Activation, at: Cost) -> bool:
    """Whether φ'(z_L) cancels against the denominator of ∂C/∂a_L, as σ' does against a(1 - a).

    >>> from chainderiv.functions.lookup import neuron
    >>> cancels(neuron("sigmoid"), cost("cross_entropy")), cancels(neuron("sigmoid"), cost("quadratic"))
    (True, False)
    """
    return cancelled_product(output, at) is not None
