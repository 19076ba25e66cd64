"""Activation: one defining formula φ(z); φ', log|φ'|, kinks and parity follow from it.

Formulas only: arrays are made of them in chainderiv.compiling.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import mpmath
import sympy
from flint import arb, fmpq

from chainderiv.errors import BadValue
from chainderiv.functions.branches import Branches, by_branch, height, log_of_size, pieces
from chainderiv.functions.domain import gap
from chainderiv.functions.enclosing import ball
from chainderiv.functions.intervals import Unenclosed, working_bits
from chainderiv.functions.precise import precise, working_digits
from chainderiv.functions.rounding import rounding
from chainderiv.functions.simplified import simplified
from chainderiv.functions.stable import Stable
from chainderiv.symbols import Expr, z

MOST_NESTED = 64  # operations: what is derived of them grows with the cube
EVERYWHERE = "give a formula that is real and finite at every z"
DISGUISED = 2**11  # bits that do not tell a slope from 0
_PROBES = ("-2.71", "-0.37", "0.41", "3.14")


@dataclass(frozen=True)
class Activation:
    """A neuron's φ: one formula in z, from which everything else follows.

    Parameters
    ----------
    name : str. How the catalogue and the command line call it.
    formula : SymPy expression in chainderiv.z. At a kink the branch that the formula states there holds.
    symbol : str. Its letter in Unicode print (σ for the sigmoid); by default the name.
    latex : str. The same in LaTeX.
    stable : Stable. Rewritings that keep digits; by default none.
    found : bool. Whether the rewritings were found by machine (`from_formula`): then their rounding is analysed at
        every point, where stated ones are vouched for.

    Raises
    ------
    BadValue
        When the formula is not an expression in z alone.

    Examples
    --------
    >>> from chainderiv import z
    >>> import sympy
    >>> Activation("swish", z / (1 + sympy.exp(-2 * z))).derivative.subs(z, 0)
    1/2
    """

    name: str
    formula: Expr
    symbol: str = ""
    latex: str = ""
    stable: Stable = field(default=Stable(), repr=False)
    found: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise BadValue(f"activation name is {self.name!r}; give a word")
        for what, text in (("name", self.name), ("symbol", self.symbol), ("latex", self.latex)):
            if isinstance(text, str) and text and text.splitlines() != [text]:
                raise BadValue(f"activation {what} is {text!r}, which breaks a line; give it without the break")
        if not isinstance(self.formula, sympy.Expr) or not self.formula.free_symbols <= {z}:
            raise BadValue(
                f"activation {self.name!r} is given as {self.formula!r}; give a SymPy expression in chainderiv.z alone"
            )
        if not self.formula.has(z):
            raise BadValue(
                f"activation {self.name!r} is the constant {self.formula}, and its gradient 0; give one in z"
            )

    @classmethod
    def from_formula(cls, name: str, text: str, *, symbol: str = "", latex: str = "") -> Activation:
        """The neuron that a text states, such as "z/(1+exp(-1.5*z))"; stable rewritings are looked for by machine.

        The text is read by `parse_formula`, which says what it may hold, and never executed.

        Raises
        ------
        BadValue
            For a text that is no such formula, with the position of the fault, or one that cannot be evaluated.

        Examples
        --------
        >>> from chainderiv import z
        >>> f = Activation.from_formula("swish1", "z/(1+exp(-1.5*z))")
        >>> f.kinks, f.parity, f.derivative.subs(z, 0)
        ((), None, 1/2)
        """
        from chainderiv.functions.formula import parse_formula
        from chainderiv.functions.stabilise import stable_forms

        plain = cls(name, parse_formula(text), symbol, latex)
        plain.require_usable()
        if (wrong := gap(plain.formula)) is not None:
            raise BadValue(f"activation {name!r} ({plain.formula}) is no neuron: {wrong}; {EVERYWHERE}")
        forms = stable_forms(plain.formula)
        return plain if forms is None else replace(plain, stable=forms, found=True)

    @cached_property
    def branches(self) -> Branches:
        """The formula taken apart where it changes its branch."""
        return Branches(self.formula)

    @property
    def branched(self) -> Expr:
        """The formula with Max, Min, sign, Heaviside and Abs as branches."""
        return self.branches.value

    @property
    def derivative(self) -> Expr:
        """φ'(z), as SymPy derives it from the formula."""
        return self.branches.derivative

    @property
    def breaks(self) -> tuple[Expr, ...]:
        """Every z at which the formula changes its branch."""
        return self.branches.breaks

    @property
    def kinks(self) -> tuple[Expr, ...]:
        """The breaks at which φ or φ' jumps; φ' there is what the formula's own branch says.

        >>> from chainderiv import ACTIVATIONS
        >>> [ACTIVATIONS[name].kinks for name in ("relu", "softsign", "sigmoid")]
        [(0,), (), ()]
        """
        return self.branches.kinks

    @cached_property
    def value_rounding(self) -> Expr | None:
        """The rounding of φ(z) in units of ε where no stated form vouches for it, else None."""
        return rounding(self.stable_value) if self.found or self.stable.log_abs_derivative is None else None

    @cached_property
    def derivative_rounding(self) -> Expr | None:
        """The rounding of φ'(z) in units of ε where log|φ'| is taken of it, else None."""
        return rounding(self.stable_derivative) if self.stable.log_abs_derivative is None else None

    @cached_property
    def log_derivative_rounding(self) -> Expr | None:
        """The rounding of log|φ'(z)| in units of ε where its form was found by machine, else None."""
        form = self.stable.log_abs_derivative
        return rounding(form) if self.found and form is not None else None

    @property
    def vouched(self) -> bool:
        """Whether the digits of φ' hold everywhere: a stated stable logarithm, or slopes that are plain numbers."""
        stated = self.stable.log_abs_derivative is not None and not self.found
        return stated or self.piecewise_linear

    @cached_property
    def piecewise_linear(self) -> bool:
        """Whether φ' is a plain number on every branch."""
        return all(value.is_number for value, _ in pieces(self.stable_derivative))

    def require_usable(self) -> None:
        """Raise BadValue for a formula that has no real value or derivative on the way, or that cannot be evaluated."""
        if (nested := height(self.formula)) > MOST_NESTED:
            raise BadValue(
                f"activation {self.name!r} has {nested} operations within one another, and would take too long; "
                f"give at most {MOST_NESTED}: write polynomials as sums of powers"
            )
        if self.derivative == 0 or self._is_a_zero_in_disguise():
            raise BadValue(
                f"activation {self.name!r} ({self.formula}) has the slope 0 everywhere, and so has every gradient; "
                "give one that slopes"
            )
        advice = "give a real formula that is differentiable but for kinks, from SymPy's elementary functions"
        try:
            with working_digits(30):
                # of the constant π itself, a number is made by the sign before it
                values = [+precise(f, z)(mpmath.mpf(p)) for f in (self.formula, self.derivative) for p in _PROBES]
            real = all(isinstance(v, int | mpmath.mpf) and not mpmath.isnan(v) for v in values)
            _ = self.breaks
        except OverflowError as e:
            raise BadValue(
                f"activation {self.name!r} ({self.formula}) is beyond every number that can be computed at an ordinary "
                "z; give one with fewer exponentials within one another"
            ) from e
        except (TypeError, ValueError, NameError, KeyError, AttributeError, NotImplementedError, ArithmeticError) as e:
            raise BadValue(f"activation {self.name!r} ({self.formula}) cannot be evaluated; {advice}") from e
        if not real:
            wrong = gap(self.formula) or "it is not real everywhere"
            raise BadValue(f"activation {self.name!r} ({self.formula}) is no neuron: {wrong}; {EVERYWHERE}")

    def _is_a_zero_in_disguise(self) -> bool:
        """Whether no ball tells φ' from 0: sin(2z) - 2 sin(z) cos(z). What underflows is no 0 in one."""
        try:
            with working_bits(DISGUISED):
                slopes = [ball(self.derivative, arb(fmpq(*float(p).as_integer_ratio()))) for p in _PROBES]
        except Unenclosed:
            return False
        return all(slope.contains(0) and slope.is_finite() and slope.rad() > 0 for slope in slopes)

    @cached_property
    def stable_value(self) -> Expr:
        """φ(z) in the form that keeps its digits."""
        return self.branched if self.stable.value is None else self.stable.value

    @cached_property
    def stable_derivative(self) -> Expr:
        """φ'(z) in the form that keeps its digits."""
        return self.derivative if self.stable.derivative is None else self.stable.derivative

    @cached_property
    def log_abs_derivative(self) -> Expr:
        """log|φ'(z)|, natural."""
        stated = self.stable.log_abs_derivative
        return log_of_size(self.stable_derivative) if stated is None else stated

    @cached_property
    def log_abs_value(self) -> Expr:
        """log|φ(z)|, natural."""
        stated = self.stable.log_abs_value
        return log_of_size(self.stable_value) if stated is None else stated

    @cached_property
    def second_derivative(self) -> Expr:
        """φ''(z), of the form of φ' that keeps its digits."""
        return sympy.diff(self.stable_derivative, z)

    @cached_property
    def curvature(self) -> Expr | None:
        """φ''(z)/φ'(z) = d log|φ'|/dz where a stable logarithm is stated, else None (take the quotient)."""
        stated = self.stable.log_abs_derivative
        return None if stated is None else sympy.diff(stated, z)

    @cached_property
    def states_zero_slope(self) -> Expr:
        """1 on the branches whose φ' is the number 0, else 0: elsewhere a computed 0 is an underflow."""
        return by_branch(lambda slope: sympy.Integer(slope == 0), self.stable_derivative)

    @cached_property
    def lower(self) -> Expr | None:
        """lim φ at -∞ where the formula approaches it with a stated stable gap, else None."""
        return self._limit(self.stable.above_lower, -1)

    @cached_property
    def upper(self) -> Expr | None:
        """lim φ at +∞ where the formula approaches it with a stated stable gap, else None."""
        return self._limit(self.stable.below_upper, 1)

    def _limit(self, gap: Expr | None, side: int) -> Expr | None:
        if gap is None:
            return None
        constant = self.formula + side * gap
        limit = simplified(constant.subs(z, 0))
        if limit.has(sympy.Function):  # erf(300) + exp(-90000) erfcx(300): SymPy knows of no such number that it is 1
            from chainderiv.functions.stabilise import limit_of

            found = limit_of(self.formula, side)
            limit = limit if found is None else found
        with working_digits(50):
            off = [abs(precise(constant - limit, z)(mpmath.mpf(p))) for p in _PROBES]
        if max(off) > 1e-40:
            raise BadValue(
                f"activation {self.name!r} states a gap to its limit that is no such gap; mend its Stable form"
            )
        return limit

    @cached_property
    def log_above_lower(self) -> Expr | None:
        """log(φ - lim φ at -∞), so that it lives on where the gap underflows."""
        return _log_of(self.stable.above_lower)

    @cached_property
    def log_below_upper(self) -> Expr | None:
        """log(lim φ at +∞ - φ), so that it lives on where the gap underflows."""
        return _log_of(self.stable.below_upper)

    @cached_property
    def parity(self) -> str | None:
        """'odd', 'even' or None, judged to 40 digits at a spread of z and beside every break."""
        phi, near = precise(self.formula, z), sympy.Rational(1, 10**6)
        spread = [sympy.Rational(p) for p in (*_PROBES, "0.003", "11.7", "40.3")]
        beside = [p + side * near for p in self.breaks for side in (-1, 1)]
        with working_digits(100):
            points = [abs(mpmath.mpf(sympy.N(p, 100))) for p in (*spread, *beside)]
            pairs = [(phi(-p), phi(p)) for p in points]
            for parity, sign in (("odd", -1), ("even", 1)):
                if all(abs(left - sign * right) <= mpmath.mpf(10) ** -40 * abs(right) for left, right in pairs):
                    return parity
        return None

    def leaves_unit_interval(self) -> bool:
        """Whether φ takes a value outside (0, 1), judged at 400 digits on a spread of |z| <= 64."""
        phi = precise(self.formula, z)
        with working_digits(400):
            spread = [s * mpmath.mpf(2) ** k for k in range(-20, 7) for s in (-1, 1)]
            return not all(0 < phi(point) < 1 for point in [mpmath.mpf(0), *spread])


def _log_of(positive: Expr | None) -> Expr | None:
    """The logarithm of a positive expression, products taken apart within each branch."""
    return None if positive is None else by_branch(lambda e: sympy.expand_log(sympy.log(e), force=True), positive)
