"""chainderiv advise: which random weights keep the gradient's size over so many layers, and lines that draw them."""

from __future__ import annotations

import argparse
from typing import Any

from chainderiv.commands import common
from chainderiv.nn.advice import Advice, advise
from chainderiv.nn.outlook import Outlook
from chainderiv.nn.pasted import PASTED

USUAL_DEPTH, USUAL_WIDTH, USUAL_FACTOR = "10", "100", "2"


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv advise --activation tanh --depth 50 --width 100\n"
        "         chainderiv advise --activation gelu --depth 12 --width 256 --within 1.5\n\n"
        "sigma_w is the standard deviation of weights times the square root of fan-in, sigma_b that of biases;\n"
        "inputs are taken to have a mean square of 1"
    )
    add = parser.add_argument
    add("--activation", action="append", metavar="NAME", help="tanh, gelu, …, or a formula in z (default tanh)")
    add("--depth", default=USUAL_DEPTH, help=f"number of hidden layers, 1 to 1000 (default {USUAL_DEPTH})")
    add("--width", default=USUAL_WIDTH, help=f"neurons in each of them (default {USUAL_WIDTH})")
    add("--within", default=USUAL_FACTOR, help=f"the factor that the gradient may change by (default {USUAL_FACTOR})")
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Advise and print."""
    common.require_one_activation(options)
    phi = common.stated_neuron((options.activation or ["tanh"])[0])
    numbers = common.whole("depth", options.depth), common.whole("width", options.width)
    found = advise(phi, *numbers, common.number("within", options.within))
    if options.json:
        common.say_json(_as_dict(found))
        return 0
    common.show(found)
    if found.after is not None:
        common.say_pasted(found.to)
    return 0


def _as_dict(found: Advice) -> dict[str, Any]:
    from chainderiv.functions.described import text_of

    names = ("depth", "width", "within", "law", "sigma_w", "sigma_b", "std")
    return {
        "activation": found.activation.name,
        "formula": text_of(found.activation.formula),
        **{name: getattr(found, name) for name in names},
        "critical": found.gains.gain,
        "torch_gain": found.gains.torch,
        "intervals": [one._asdict() for one in found.keeping.intervals],
        "after": None if found.after is None else _of_start(found.after),
        "before": [_of_start(one) for one in found.before],
        "scatter": {**found.scatter._asdict(), "median": found.scatter.median, "band": found.scatter.band},
        "caveats": found.caveats,
        "paste": {target: found.to(target) for target in PASTED if found.after is not None},
    }


def _of_start(one: Outlook) -> dict[str, Any]:
    return {**one._asdict(), "gradient": one.gradient, "signal": one.signal}
