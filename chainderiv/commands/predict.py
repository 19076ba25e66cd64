"""chainderiv predict: how large each layer's gradient will be in random networks, and how far seeds will scatter."""

from __future__ import annotations

import argparse
from typing import Any

from chainderiv.commands import common
from chainderiv.commands.train import sizes_of
from chainderiv.nn.data.data import load_data
from chainderiv.nn.prediction import Prediction, predict


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv predict --dataset digits --layers 64,30,30,30,10\n"
        "         chainderiv predict --layers 784,100,100,10 --activation tanh --init critical\n\n"
        "what is predicted is the norm of the mean of ∂C/∂b over the first 1000 training images, before training"
    )
    add = parser.add_argument
    add("--layers", help="neurons per layer, inputs first (default 784,30,30,10; 64,… on digits)")
    common.data_option(parser)
    named = "mnist, fashion_mnist, digits, which needs no network, or a .npz or .csv file of yours (default mnist)"
    add("--dataset", default="mnist", metavar="NAME", help=named)
    neurons = "of the hidden layers: a name, or a formula such as 'z/(1+exp(-1.5*z))' (default sigmoid)"
    add("--activation", action="append", metavar="NAME", help=neurons)
    add("--output", metavar="NAME", help="of the last layer: name or formula (default: what suits the cost)")
    add("--cost", default="cross_entropy", help="cross_entropy or quadratic (default cross_entropy)")
    starts = "nielsen, kaiming_normal, xavier_normal, critical, …, or sigma_w=1.5,sigma_b=0.2"
    add("--init", default="nielsen", metavar="NAME", help=f"{starts}, {common.SIGMAS} (default nielsen)")
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, predict and print."""
    common.require_one_activation(options)
    (hidden,) = options.activation or ["sigmoid"]
    output = options.output
    if output is not None and output != "softmax":
        output = common.stated_neuron(output, "ψ")
    data = common.warned(lambda: load_data(options.dataset, options.data))
    found = predict(
        sizes_of(options.layers, options.dataset, data),
        common.stated_neuron(hidden),
        options.cost,
        output,
        options.init,
        data=data,
    )
    if options.json:
        common.say_json(_as_dict(found))
    else:
        common.show(found)
    return 0


def _as_dict(found: Prediction) -> dict[str, Any]:
    names = ("sizes", "mean_log", "sd_log", "median", "band", "ratios", "sd_log_ratio", "trusted", "doubts")
    return {name: getattr(found, name) for name in names}
