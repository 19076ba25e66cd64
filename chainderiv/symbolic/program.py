"""Derivation -> a NumPy program: loops over the layers, stable forms, the same length at any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
from sympy.printing.numpy import SciPyPrinter

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import cancelled_slope, cancels
from chainderiv.symbols import a, y, z

if TYPE_CHECKING:
    from chainderiv.symbolic.derivation import Derivation


class _Program(SciPyPrinter):
    def _print_normal_cdf(self, expr: Any) -> str:
        return f"scipy.special.ndtr({self._print(expr.args[0])})"

    def _print_erfcx(self, expr: Any) -> str:
        return f"scipy.special.erfcx({self._print(expr.args[0])})"


def numpy_program(derivation: Derivation) -> str:
    """A Python module whose `gradient(w, b, x, y)` gives the sign and the natural logarithm of |∂C/∂θ|.

    w and b hold one number per layer. Raises BadValue for a derivation with a replaced factor.
    """
    if derivation.replaced:
        raise BadValue("a derivation with a replaced factor has no program; print the one that was derived")
    chain = derivation.chain
    names = {f: f"neuron_{number}" for number, f in enumerate(dict.fromkeys(chain.activations), start=1)}
    functions = "\n\n".join(_activation(name, f) for f, name in names.items())
    layers = ", ".join(names[f] for f in chain.activations)
    repeat = f" * {chain.depth}" if len(chain.activations) == 1 else ""
    return f'''"""∂C/∂{derivation.wrt} of a chain of depth {chain.depth}, cost {chain.cost.name}.

For activations that stay within float64's range.
"""
import numpy
import scipy.special


{functions}

LAYERS = [{layers}]{repeat}


@numpy.errstate(all="ignore")  # every branch of a formula is computed, and then one is selected
def gradient(w, b, x, y):
    """(sign, log|∂C/∂{derivation.wrt}|); w and b hold one number per layer."""
    a, factors, before = x, [], (numpy.sign(x), numpy.log(abs(x)))
    for layer, neuron in enumerate(LAYERS, start=1):
        z = w[layer - 1] * a + b[layer - 1]
        a = neuron.value(z)
{_indent(_first_factor(derivation), 8)}
        if layer > {derivation.start}:
            factors.append((numpy.sign(w[layer - 1]), numpy.log(abs(w[layer - 1]))))
        if layer >= {derivation.start} and {_counts(derivation)}:
            # copysign: φ' may underflow to a signed zero whose logarithm is still finite
            factors.append((numpy.copysign(1.0, neuron.derivative(z)), neuron.log_abs_derivative(z)))
        before = numpy.copysign(1.0, a), neuron.log_abs_value(z)
{_indent(_slope(derivation), 4)}
    sign = numpy.prod([s for s, _ in factors])
    log = sum(l for _, l in factors)
    return (0.0 if log == -numpy.inf else float(sign)), float(log)
'''


def _activation(name: str, activation: Activation) -> str:
    forms = {
        "value": activation.stable_value,
        "derivative": activation.stable_derivative,
        "log_abs_derivative": activation.log_abs_derivative,
        "log_abs_value": activation.log_abs_value,
    }
    lines = [f"class {name}:  # {' '.join(activation.name.split())}"]
    for quantity, form in forms.items():
        lines += ["    @staticmethod", f"    def {quantity}(z):", f"        return {_print(form)}", ""]
    return "\n".join(lines)


def _first_factor(derivation: Derivation) -> str:
    if derivation.wrt.kind == "b":
        return "# ∂z/∂b = 1: the product begins with φ'"
    factor = "before" if derivation.wrt.kind == "w" else "(numpy.sign(w[0]), numpy.log(abs(w[0])))"
    return f"if layer == {derivation.start}:\n    factors.append({factor})"


def _counts(derivation: Derivation) -> str:
    """Whether φ' of the layer is a factor: not the output's, where the cost cancels it."""
    return "layer < len(LAYERS)" if _cancelled(derivation) else "True"


def _slope(derivation: Derivation) -> str:
    """The lines for ∂C/∂a_L (times φ'(z_L) where the cost cancels it).

    a_L - y comes from z_L near the limits of φ, and as a logarithm at a limit or at 0, where it underflows.
    """
    output = derivation.chain.activation(derivation.chain.depth)
    lines, miss, word = [], "a - y", "if"
    for limit, gap, log_gap, sign in (
        (output.upper, output.stable.below_upper, output.log_below_upper, "-1.0"),
        (output.lower, output.stable.above_lower, output.log_above_lower, "1.0"),
    ):
        if limit is None or not limit.is_Integer:
            continue
        lines += [f"{word} y == {limit}:", f"    factors.append(({sign}, {_print(log_gap)}))"]
        word = "elif"
        if limit != 0:
            near = f"{sign} * ({_print(gap)}) - (y - {limit})"
            miss = f"({near} if abs(y - {limit}) <= {float(abs(limit) / 2)} else {miss})"
    if word == "if" or output.lower != 0:
        lines += [f"{word} y == 0:", "    factors.append(before)"]
    lines += [
        "else:",
        f"    miss = {miss}",
        "    factors.append((numpy.sign(miss), numpy.log(abs(miss))))",
    ]
    rest = _beside_the_miss(derivation)
    if rest != 1:
        lines += [f"rest = {_print(rest)}", "factors.append((numpy.sign(rest), numpy.log(abs(rest))))"]
    return "\n".join(lines)


def _beside_the_miss(derivation: Derivation) -> Any:
    """What ∂C/∂a_L has beside a_L - y, after a cancellation."""
    chain = derivation.chain
    cancelled = cancelled_slope(chain.activation(chain.depth), chain.cost)
    factors = cancelled if cancelled is not None else chain.cost.factors
    rest = sympy.Integer(1)
    for leading, root, power in factors:
        if root is None:
            rest *= leading
        elif root == y:
            rest *= leading**power * (a - y) ** (power - 1)
        else:
            rest *= (leading * (a - root)) ** power
    return rest


def _cancelled(derivation: Derivation) -> bool:
    return cancels(derivation.chain.activation(derivation.chain.depth), derivation.chain.cost)


def _print(expression: Any) -> str:
    assert expression.free_symbols <= {z, a, y}
    return str(_Program({"fully_qualified_modules": True}).doprint(expression))


def _indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())
