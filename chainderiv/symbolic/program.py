"""Derivation -> a NumPy program: loops over the layers, stable forms, the same length at any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy.printing.numpy import SciPyPrinter

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import cancels
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
    return f'''"""∂C/∂{derivation.wrt} of a chain of depth {chain.depth}, cost {chain.cost.name}."""
import numpy
import scipy.special


{functions}

LAYERS = [{layers}]{repeat}


def gradient(w, b, x, y):
    """(sign, log|∂C/∂{derivation.wrt}|); w and b hold one number per layer."""
    sign, log, a = 1.0, 0.0, x
    for layer, neuron in enumerate(LAYERS, start=1):
        before, z = a, w[layer - 1] * a + b[layer - 1]
        a = neuron.value(z)
        if layer < {derivation.start}:
            continue
{_indent(_first_layer(derivation), 8)}
        if layer > {derivation.start}:
            sign, log = sign * numpy.sign(w[layer - 1]), log + numpy.log(abs(w[layer - 1]))
        if {not _cancelled(derivation)} or layer < len(LAYERS):
            # copysign: φ' may underflow to a signed zero whose logarithm is still finite
            sign = sign * numpy.copysign(1.0, neuron.derivative(z))
            log = log + neuron.log_abs_derivative(z)
    slope = {_slope(derivation)}
    log = log + numpy.log(abs(slope))
    return (0.0 if log == -numpy.inf else float(sign * numpy.sign(slope))), float(log)
'''


def _activation(name: str, activation: Activation) -> str:
    forms = {
        "value": activation.stable_value,
        "derivative": activation.stable_derivative,
        "log_abs_derivative": activation.log_abs_derivative,
    }
    lines = [f"class {name}:  # {' '.join(activation.name.split())}"]
    for quantity, form in forms.items():
        lines += ["    @staticmethod", f"    def {quantity}(z):", f"        return {_print(form)}", ""]
    return "\n".join(lines)


def _first_layer(derivation: Derivation) -> str:
    if derivation.wrt.kind == "b":
        return "# ∂z/∂b = 1: the product begins with φ'"
    factor = "before" if derivation.wrt.kind == "w" else "w[0]"
    return f"if layer == {derivation.start}:\n    sign, log = numpy.sign({factor}), numpy.log(abs({factor}))"


def _slope(derivation: Derivation) -> str:
    """∂C/∂a_L (times φ'(z_L) where the cost cancels it), with a_L - y from z_L near the limits of φ."""
    output = derivation.chain.activation(derivation.chain.depth)
    miss = "a - y"
    for limit, gap in ((output.upper, output.stable.below_upper), (output.lower, output.stable.above_lower)):
        if limit is not None and limit != 0:
            difference = f"-({_print(gap)})" if limit == output.upper else _print(gap)
            miss = f"({difference} - (y - {limit}) if abs(y - {limit}) <= {abs(limit) / 2!s} else {miss})"
    if _cancelled(derivation):
        return miss
    factor = (derivation.chain.cost.slope / (a - y)).simplify()
    return miss if factor == 1 else f"{miss} * ({_print(factor)})"


def _cancelled(derivation: Derivation) -> bool:
    return cancels(derivation.chain.activation(derivation.chain.depth), derivation.chain.cost)


def _print(expression: Any) -> str:
    assert expression.free_symbols <= {z, a, y}
    return str(_Program({"fully_qualified_modules": True}).doprint(expression))


def _indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())
