"""The functions of z that a C, JavaScript or GLSL program calls: φ, φ', their signs and logarithms, and the gaps."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import sympy

from chainderiv.functions.elementary import spelled_out
from chainderiv.symbolic.chain import Chain, neurons
from chainderiv.symbolic.programs import program_parts as parts
from chainderiv.symbolic.programs.dialect import Dialect
from chainderiv.symbolic.programs.dialect_functions import called
from chainderiv.symbolic.programs.dialect_printer import DialectPrinter, numbered
from chainderiv.symbols import Expr


def every_function(chain: Chain, dialect: Dialect) -> list[str]:
    """φ, φ', their signs and logarithms, and the gaps of a chain with one neuron; what they call is not among them.

    Raises BadValue for a formula that the language cannot say.
    """
    gaps = [f"{log}{gap.name}" for gap in parts.gaps(chain) for log in ("", "log_")]
    calls = " ".join(f"{name}(z)" for name in [*parts.quantities(chain.activation(1)), *gaps])
    return functions_called(calls, chain, DialectPrinter(dialect))


def functions_called(text: str, chain: Chain, printer: DialectPrinter) -> list[str]:
    """Those of the functions that a text calls, in the language; raises BadValue for what it cannot say."""
    forms = [parts.quantities(f) for f in neurons(chain)]
    table = {name: [form[name] for form in forms] for name in forms[0]}
    for gap in parts.gaps(chain):
        table |= {gap.name: [gap.value], f"log_{gap.name}": [gap.log]}
    wanted = {name: expressions for name, expressions in table.items() if called(name, text)}
    return [Template(_function(*one, printer)).substitute(printer.dialect.words) for one in wanted.items()]


def mixed(chain: Chain) -> bool:
    """Whether the functions ask which neuron is meant."""
    return len(chain.activations) > 1


def call(chain: Chain, name: str) -> str:
    """A call for the neuron of the present layer."""
    return f"{name}(neuron, z)" if mixed(chain) else f"{name}(z)"


def turn(chain: Chain, name: str) -> str | None:
    """The line that turns the sign where a function is negative; none where it never is."""
    always = all(parts.quantities(f)[name] == 1 for f in neurons(chain))
    return None if always else f"s = {call(chain, name)} < 0.0 ? -s : s;"


def _function(name: str, forms: Sequence[Expr], printer: DialectPrinter) -> str:
    forms = [spelled_out(form, lambda row: row.name not in printer.functions) for form in forms]
    for form in forms:
        printer.require_known(form)
    *others, last = forms
    lines = [f"$define {name}({'${whole_number}neuron, ' if others else ''}${{real}}z) {{"]
    if printer.dialect.unused and not any(form.free_symbols for form in forms):
        lines.append(f"    {printer.dialect.unused}")
    for number, form in enumerate(others):
        lines += [f"    if (neuron == {number}) {{", parts.indented(_branches(form, printer), 8), "    }"]
    return "\n".join([*lines, parts.indented(_branches(last, printer), 4), "}", ""])


def _branches(form: Expr, printer: DialectPrinter) -> str:
    """Statements that return a form's value, with an `if` for each branch but the last."""
    form = numbered(form)
    if not isinstance(form, sympy.Piecewise):
        return _returned(form, printer)
    *branches, (last, _) = form.args
    lines = []
    for value, when in branches:
        lines += [f"if ({printer.text(when)}) {{", parts.indented(_returned(value, printer), 4), "}"]
    return "\n".join([*lines, _returned(last, printer)])


def _returned(value: Expr, printer: DialectPrinter) -> str:
    if value.has(sympy.Piecewise):  # what stands in one branch may not be worked out before it is chosen
        return f"return {printer.text(value)};"
    shared, (rest,) = sympy.cse(value, symbols=sympy.numbered_symbols("t", start=1))
    return "\n".join([*(f"$let {name} = {printer.text(e)};" for name, e in shared), f"return {printer.text(rest)};"])
