"""chainderiv predict: how large each layer's gradient will be in random networks, and how far seeds will scatter."""

from __future__ import annotations

import argparse
from typing import Any

from chainderiv.commands import common, map_output
from chainderiv.commands.train import sizes_of
from chainderiv.nn.data.data import load_data
from chainderiv.nn.prediction import Prediction, predict


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv predict --dataset digits --layers 64,30,30,30,10\n"
        "         chainderiv predict --layers 784,100,100,10 --activation tanh --init critical --out predicted.png\n\n"
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
    add("--cost", default="cross_entropy", help="cross_entropy, log_likelihood or quadratic (default cross_entropy)")
    starts = "nielsen, kaiming_normal, xavier_normal, critical, …, or sigma_w=1.5,sigma_b=0.2"
    add("--init", default="nielsen", metavar="NAME", help=f"{starts}, {common.SIGMAS} (default nielsen)")
    add(
        "--residual",
        action="store_true",
        help="layers as wide as the one below add their input",
    )
    add("--out", metavar="FILE", help="a picture (.png, .svg, .pdf) of every layer's median and band")
    map_output.declare_look(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, predict and print."""
    common.require_one_activation(options)
    look, size, dpi = map_output.look_of_a_picture(options)
    map_output.require_picture(options.out)
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
        residual=options.residual,
    )
    if options.out is not None:
        _draw(found, options, look, size, dpi)
    if options.json:
        common.say_json(_as_dict(found) | {"file": options.out})
        return 0
    common.show(found)
    if options.out is not None:
        common.say(f"written: {options.out}")
    return 0


def _draw(found: Prediction, options: argparse.Namespace, look: dict[str, Any], size: Any, dpi: Any) -> None:
    from chainderiv.view.networks.prediction import PREDICTION_SIZE, plot_prediction
    from chainderiv.view.picture import save_picture
    from chainderiv.view.theme import lone_axes

    ax = lone_axes(size or PREDICTION_SIZE, options.dark)
    save_picture(plot_prediction(found, None, ax, options.dark, **look), options.out, dpi)


def _as_dict(found: Prediction) -> dict[str, Any]:
    names = (
        "sizes",
        "mean_log",
        "sd_log",
        "median",
        "band",
        "ratios",
        "sd_log_ratio",
        "ratio_band",
        "trusted",
        "doubts",
    )
    return {name: getattr(found, name) for name in names}
