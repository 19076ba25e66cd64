"""chainderiv advise: which random weights keep the gradient's size over so many layers, and lines that draw them."""

from __future__ import annotations

import argparse
from typing import Any

from chainderiv.commands import common
from chainderiv.nn.advice import Advice, Outlook, advise
from chainderiv.nn.pasted import PASTED

USUAL_DEPTH, USUAL_WIDTH, USUAL_FACTOR = "10", "100", "10"
NAMES = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv advise tanh --depth 50 --width 100\n\n"
        "sigma_w is the standard deviation of weights times the square root of fan-in, sigma_b that of biases;\n"
        "inputs are taken to have a mean square of 1"
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="sigmoid, tanh, relu, …, or a formula such as 'z/(1+exp(-1.5*z))'")
    add("--depth", default=USUAL_DEPTH, help=f"number of hidden layers, 2 or more (default {USUAL_DEPTH})")
    add("--width", default=USUAL_WIDTH, help=f"neurons in each of them (default {USUAL_WIDTH})")
    add("--factor", default=USUAL_FACTOR, help=f"how far the gradient may change over them (default {USUAL_FACTOR})")
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Advise and print."""
    numbers = common.whole("depth", options.depth), common.whole("width", options.width)
    found = advise(common.stated_neuron(options.name), *numbers, common.number("factor", options.factor))
    if options.json:
        common.say_json(_as_dict(found))
        return 0
    common.show(found)
    for target in PASTED:
        common.say(f"\nin {NAMES[target]}:\n{_indented(found.to(target))}")
    return 0


def _indented(lines: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in lines.splitlines())


def _as_dict(found: Advice) -> dict[str, Any]:
    from chainderiv.functions.described import text_of

    return {
        "activation": found.activation.name,
        "formula": text_of(found.activation.formula),
        **{name: getattr(found, name) for name in ("depth", "width", "factor", "sigma_w", "sigma_b")},
        "critical": found.gains.gain,
        "torch_gain": found.gains.torch,
        "interval": found.interval,
        "after": _outlook(found.after),
        "before": [_outlook(one) for one in found.before],
        "caveats": found.caveats,
        "paste": {target: found.to(target) for target in PASTED},
    }


def _outlook(one: Outlook) -> dict[str, Any]:
    low, median, high = one.ratio
    start = {"name": one.name, "sigma_w": one.sigma_w, "sigma_b": one.sigma_b}
    return start | {"median": median, "band": [low, high], "doubts": one.doubts}
