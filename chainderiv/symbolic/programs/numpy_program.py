"""A gradient as a program in NumPy: the layers in a loop, so one length at any depth."""

from __future__ import annotations

from typing import Any

from sympy.printing.numpy import SciPyPrinter

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.elementary import BY_HEAD, spelled_out
from chainderiv.symbolic.chain import Chain, Parameter, neurons, runs
from chainderiv.symbolic.programs import program_parts as parts
from chainderiv.symbols import Expr, a, y, z


class _Program(SciPyPrinter):
    def _print_Function(self, expr: Any) -> str:
        row = BY_HEAD.get(type(expr))
        if row is None or not row.numpy:
            return str(super()._print_Function(expr))
        return f"{row.numpy}({', '.join(map(self._print, expr.args))})"

    def _print_not_supported(self, expr: Any) -> str:
        raise BadValue(f"{expr} is beyond the target 'numpy'; give an activation in the functions of NumPy and SciPy")


def numpy_program(chain: Chain, wrt: Parameter) -> str:
    """A Python module whose `gradient(w, b, x, y)` gives the sign and the natural logarithm of |∂C/∂θ|.

    w and b hold one number per layer. Raises BadValue for an activation with a function that NumPy and SciPy lack.
    """
    body = "\n".join(
        parts.lines_of(
            "a, z, factors = x, 0.0, []",
            "for layer, neuron in enumerate(LAYERS, start=1):",
            parts.indented("\n".join(_layer(chain, wrt)), 4),
            _slope(chain, wrt),
        )
    )
    names = [f"neuron_{number}" for number, _ in enumerate(neurons(chain), start=1)]
    classes = "\n\n".join(map(_neuron, names, neurons(chain), [body] * len(names)))
    stretches = ", ".join(f"({names[index]}, {length})" for length, index in runs(chain))
    return f'''"""∂C/∂{wrt} of a {parts.summary(chain)}.

For activations that stay within float64's range.
"""
import numpy
import scipy.special


{classes}

LAYERS = [neuron for neuron, length in [{stretches}] for _ in range(length)]


@numpy.errstate(all="ignore")  # every branch of a formula is computed, and then one is selected
def gradient(w, b, x, y):
    """(sign, log|∂C/∂{wrt}|); w and b hold one number per layer."""
{parts.indented(body, 4)}
    sign = numpy.prod([s for s, _ in factors])
    log = numpy.sum([l for _, l in factors])
    return (0.0 if log == -numpy.inf else float(sign)), float(log)
'''


def _neuron(name: str, activation: Activation, body: str) -> str:
    lines = [f"class {name}:  # {parts.label(activation.name)}"]
    for quantity, form in parts.quantities(activation).items():
        if f".{quantity}(" in body:
            lines += ["    @staticmethod", f"    def {quantity}(z):", f"        return {_print(form)}", ""]
    return "\n".join(lines)


def _layer(chain: Chain, wrt: Parameter) -> list[str]:
    """The lines for one layer: what stands before the first φ', the layer equations, and the layer's factors."""
    return parts.lines_of(
        _head(chain, wrt),
        "z = w[layer - 1] * a + b[layer - 1]",
        f"a = {'a + ' if chain.residual else ''}neuron.value(z)",
        _residual_factors(wrt) if chain.residual else _factors(chain, wrt),
    )


def _head(chain: Chain, wrt: Parameter) -> list[str]:
    kind, start, residual = wrt.kind, wrt.start, chain.residual
    if kind in "bz" or (wrt.is_activation and residual):
        return []
    factor = _plain("a" if kind == "w" else "w[layer - 1]")
    before = [f"    factors.append({factor})"]
    if kind == "w" and start > 1 and not residual:
        before = [f"    before = LAYERS[{start - 2}]", f"    factors.append({_stable('before', 'value')})"]
    return [f"if layer == {start}:", *before]


def _factors(chain: Chain, wrt: Parameter) -> list[str]:
    counts = " and layer < len(LAYERS)" if parts.cancelled(chain, wrt) else ""
    return [
        f"if layer > {wrt.start}:",
        f"    factors.append({_plain('w[layer - 1]')})",
        f"if layer >= {wrt.start}{counts}:",
        f"    factors.append({_stable('neuron', 'derivative')})",
    ]


def _residual_factors(wrt: Parameter) -> list[str]:
    first = wrt.start + (not wrt.is_activation)
    link = [
        f"if layer >= {first}:",
        "    m = w[layer - 1] * neuron.derivative(z)",
        "    log = numpy.log1p(m) if m > -0.5 else numpy.log(abs(1 + m))",
        "    factors.append((numpy.sign(1 + m), log))",
    ]
    prime = [f"if layer == {wrt.start}:", f"    factors.append({_stable('neuron', 'derivative')})"]
    return link if wrt.is_activation else [*prime, *link]


def _slope(chain: Chain, wrt: Parameter) -> list[str]:
    """The lines for ∂C/∂a_L (times φ'(z_L) where the cost cancels it)."""
    rest = parts.beside_the_miss(chain, wrt)
    beside = [] if rest == 1 else [f"rest = {_print(rest)}", f"factors.append({_plain('rest')})"]
    return [*(_miss(chain) if parts.misses(chain, wrt) else []), *beside]


def _miss(chain: Chain) -> list[str]:
    """The lines for a_L - y.

    It comes from z_L near the limits of φ, and as a logarithm at a limit or at 0, where it underflows.
    """
    lines, miss, word = [], "a - y", "if"
    for gap in parts.gaps(chain):
        lines += [f"{word} y == {gap.limit}:", f"    factors.append(({float(gap.sign)}, {_print(gap.log)}))"]
        word = "elif"
        near = f"{float(gap.sign)} * ({_print(gap.value)}) - (y - {gap.limit})"
        miss = f"({near} if abs(y - {gap.limit}) <= {gap.near} else {miss})"
    if not chain.residual:
        lines += [f"{word} y == 0:", f"    factors.append({_stable('neuron', 'value')})"]
    lines += ["else:"] if lines else []
    return lines + [
        ("    " if lines else "") + line for line in (f"miss = {miss}", f"factors.append({_plain('miss')})")
    ]


def _plain(value: str) -> str:
    """The (sign, logarithm) of a number."""
    return f"(numpy.sign({value}), numpy.log(abs({value})))"


def _stable(neuron: str, quantity: str) -> str:
    """The (sign, logarithm) of φ or φ': either may underflow, while its logarithm is still finite."""
    return f"(numpy.copysign(1.0, {neuron}.{quantity}_sign(z)), {neuron}.log_abs_{quantity}(z))"


def _print(expression: Expr) -> str:
    assert expression.free_symbols <= {z, a, y}
    spelled = spelled_out(expression, lambda row: not row.numpy)
    return str(_Program({"fully_qualified_modules": True}).doprint(spelled))
