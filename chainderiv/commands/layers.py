"""chainderiv derive --layers: print BP1 to BP4 of a network of any width."""

from __future__ import annotations

import argparse
from typing import Any

from chainderiv.commands import common
from chainderiv.errors import BadValue
from chainderiv.symbolic.full_width import printing
from chainderiv.symbolic.full_width.layers import LayerDerivation, derive_layers
from chainderiv.symbolic.notation.lines import block

# what derive takes for a chain, as it is where it is not given
FOR_A_CHAIN = {
    **{"compare": None, "at": None, "wrt": "b1", "depth": "4", "x": "0.5", "y": "0", "residual": False},
    **{"form": "factors", "spelled": False, "symbols": None, "surviving": False, "width": None},
}


def print_layers(options: argparse.Namespace) -> int:
    """Derive BP1 to BP4 of the network, then print what was asked for."""
    derivation = _derived(options)
    target = options.to or ("unicode" if common.speaks_unicode() else "text")
    form = "latex" if target == "markdown" else target  # in which Markdown's formulas are
    derivation.writer(form)  # raises for a target that is none, before anything is printed
    if options.json:
        common.say_json(_as_json(derivation, form, options.steps))
        return 0
    if options.steps:
        for step in derivation.steps:
            common.say(derivation.line(step, form))
    if options.to or options.where or options.standalone:
        # a form that was asked for by name stands alone, so that it can be piped
        common.say(derivation.to(target, where=options.where, standalone=options.standalone))
    else:
        _print_all(derivation, target)
    return 0


def _derived(options: argparse.Namespace) -> LayerDerivation:
    for flag, usual in FOR_A_CHAIN.items():
        if getattr(options, flag, usual) != usual:
            raise BadValue(f"--layers is given with --{flag}, which is for a chain; give one of them")
    common.require_one_activation(options)
    (hidden,) = options.activation or ["sigmoid"]
    last = options.output
    if last is not None and last != "softmax":
        last = common.stated_neuron(last, "ψ")
    return derive_layers(_sizes(options.layers), common.stated_neuron(hidden), options.cost, last)


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) < 2 or min(sizes) < 1:
        raise BadValue(f"--layers is {text!r}; give at least two whole numbers >= 1, inputs first, such as 3,2,2")
    return sizes


def _print_all(derivation: LayerDerivation, target: str) -> None:
    writer = derivation.writer(target)
    common.say(block(writer, derivation.equations))
    common.say(f"\nin matrix form, {printing.legend(derivation, target)}:")
    common.say(block(writer, derivation.matrix))
    common.say(f"\nfrom the output to layer 1, with the widths {_widths(derivation)}:")
    common.say(printing.unrolled(derivation, 1, target, elide=True))
    common.say(f"\n{printing.cancellation(derivation, target)}")
    if derivation.cancelled is not None:
        common.say(printing.unrolled(derivation, 1, target, cancel=True, elide=True))


def _widths(derivation: LayerDerivation) -> str:
    """3, 2, 2, with the middle of a long list left out."""
    shown = [str(n) for n in derivation.sizes]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:5], "…", *shown[-5:]])


def _as_json(derivation: LayerDerivation, target: str, steps: bool) -> dict[str, Any]:
    def written(equations: dict[str, Any]) -> dict[str, str]:
        return {name: derivation.written(left, right, target) for name, (left, right) in equations.items()}

    gone = derivation.cancelled
    result: dict[str, Any] = {
        "sizes": list(derivation.sizes),
        "target": target,
        "equations": written(derivation.equations),
        "matrix": written(derivation.matrix),
        "unrolled": printing.unrolled(derivation, 1, target),
        "cancelled": None if gone is None else derivation.written(gone, target=target),
        "output_error": derivation.written(derivation.surviving, target=target),
    }
    if steps:
        result["steps"] = [derivation.line(step, target) for step in derivation.steps]
    return result
