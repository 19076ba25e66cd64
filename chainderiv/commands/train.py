"""chainderiv train: train a network on digits and measure each hidden layer's gradient."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from chainderiv.commands import common
from chainderiv.errors import BadShape, BadValue
from chainderiv.nn.data import Data, load_data
from chainderiv.nn.network import Network
from chainderiv.nn.record import TrainingRecord
from chainderiv.nn.training import train

MNIST_PIXELS = 784


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = "example: chainderiv train --layers 784,30,30,10 --epochs 3 --out run"
    parser.add_argument("--layers", help="neurons per layer, inputs first (default 784,30,30,10; 64,… on digits)")
    parser.add_argument(
        "--data", metavar="DIR", help="folder of the four MNIST files (else CHAINDERIV_DATA, cache, net)"
    )
    parser.add_argument("--dataset", default="mnist", help="mnist, or digits, which needs no network (default mnist)")
    parser.add_argument(
        "--activation", default="sigmoid", metavar="NAME", help="of the hidden layers (default sigmoid)"
    )
    parser.add_argument("--output", metavar="NAME", help="of the last layer (default: what suits the cost)")
    parser.add_argument("--cost", default="cross_entropy", help="default cross_entropy")
    parser.add_argument("--init", default="nielsen", help="nielsen, large, glorot, he or lecun (default nielsen)")
    parser.add_argument("--epochs", help="default 3, on digits 30")
    parser.add_argument("--batch-size", default="10", help="default 10")
    parser.add_argument("--learning-rate", default="0.1", help="η (default 0.1)")
    parser.add_argument("--weight-decay", help="λ (default 5.0 per 50,000 training images)")
    parser.add_argument("--seed", default="0", help="default 0")
    parser.add_argument("--out", metavar="DIR", help="keep the record there, after every epoch")
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train; the record is saved after every epoch, so that an interruption keeps what was measured."""
    seed = common.whole("seed", options.seed)
    batch_size = common.whole("batch-size", options.batch_size)
    rate = common.number("learning-rate", options.learning_rate)
    decay = None if options.weight_decay is None else common.number("weight-decay", options.weight_decay)
    epochs = None if options.epochs is None else common.whole("epochs", options.epochs)
    if options.out:
        from chainderiv.writing import folder_for_writing

        folder_for_writing(options.out)
    data = _data(options)
    epochs = {"digits": 30}.get(data.name, 3) if epochs is None else epochs
    # what acts on the weights is λ/n: Nielsen's 5.0 is for his 50,000 images
    decay = 5.0 * len(data.train) / 50_000 if decay is None else decay
    net = Network(
        _sizes(options.layers, options.dataset, data),
        activation=options.activation,
        cost=options.cost,
        output=options.output,
        init=options.init,
        rng=seed,
    )
    with common.progress() as show:

        def on_epoch(record: TrainingRecord) -> None:
            show(f"epochs (accuracy {record.accuracy[-1]:.2%})", record.epochs, epochs)
            if options.out:
                record.save(options.out)

        record = train(net, data, epochs, batch_size, rate, decay, seed, on_epoch=on_epoch)
    _report(record, data, options)
    return 0


def _data(options: argparse.Namespace) -> Data:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load_data(options.dataset, options.data)
    for warning in caught:
        common.complain(f"chainderiv: {warning.message}")
    return data


def _sizes(text: str | None, asked: str, data: Data) -> list[int]:
    if text is None:
        return [data.pixels, 30, 30, data.classes]
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError as e:
        raise BadValue(f"--layers is {text!r}; give whole numbers with commas between, such as 784,30,30,10") from e
    if asked == "mnist" and data.name == "digits" and sizes[0] == MNIST_PIXELS:
        common.complain(f"chainderiv: --layers {text} begins with {data.pixels} instead, the pixels of the digits")
        sizes[0] = data.pixels
    if sizes[0] != data.pixels or sizes[-1] != data.classes:
        raise BadShape(
            f"--layers is {text!r}, and {data.name} has {data.pixels} pixels and {data.classes} classes; "
            f"give {data.pixels},…,{data.classes}"
        )
    return sizes


def _report(record: TrainingRecord, data: Data, options: argparse.Namespace) -> None:
    norms = record.norms("l2")
    if options.json:
        common.say_json(
            {
                "data": data.name, "settings": record.settings, "accuracy": record.accuracy, "cost": record.cost,
                "norms_l2": norms, "norms_l1": record.norms("l1"), "folder": options.out,
            }
        )  # fmt: skip
        return
    hidden = [f"‖δ{layer}‖" for layer in range(1, norms.shape[1] + 1)]
    rows = [
        (str(epoch), f"{100 * record.accuracy[epoch]:.2f}", f"{record.cost[epoch]:.4f}", *(f"{v:.3g}" for v in row))
        for epoch, row in enumerate(norms)
    ]
    common.say(common.table(("epoch", "accuracy %", "cost", *hidden), rows))
    common.say(f"validation on {data.name}; ‖δl‖ is the L2 norm of the mean of ∂C/∂b_l over the first 1000 images")
    if options.out:
        common.say(f"written: {Path(options.out)}")
