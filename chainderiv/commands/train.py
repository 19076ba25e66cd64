"""chainderiv train: train a network on digits and measure each hidden layer's gradient."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from chainderiv.commands import common, map_output, pages
from chainderiv.commands.train_display import shown
from chainderiv.errors import BadShape, BadValue
from chainderiv.nn.data.data import Data, load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.schedules import SCHEDULES
from chainderiv.nn.training.training import train
from chainderiv.records.numbers import numbers_of
from chainderiv.records.record import TrainingRecord
from chainderiv.records.record_files import RUN
from chainderiv.writing import require_writable

MNIST_PIXELS = 784
BY_CHANCE = 1.3  # times one over the classes: the digits have 250 to validate, of which chance reads 25 ± 5
NOTABLE = 1.5  # times the first hidden layer's gradient


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv train --layers 784,30,30,10 --epochs 3 --out run\n"
        "         chainderiv train --dataset digits --out run.html --open"
    )
    add = parser.add_argument
    add("--layers", help="neurons per layer, inputs first (default 784,30,30,10; 64,… on digits)")
    common.data_option(parser)
    named = "mnist, fashion_mnist, digits, which needs no network, or a .npz or .csv file of yours (default mnist)"
    add("--dataset", default="mnist", metavar="NAME", help=named)
    neurons = "of the hidden layers: a name, or a formula such as 'z/(1+exp(-1.5*z))' (default sigmoid)"
    add("--activation", action="append", metavar="NAME", help=neurons)
    add("--output", metavar="NAME", help="of the last layer: name, formula or softmax (default: what suits the cost)")
    add("--cost", default="cross_entropy", help="cross_entropy, quadratic or log_likelihood (default cross_entropy)")
    starts = "nielsen, kaiming_normal, xavier_uniform, orthogonal, critical, …, or sigma_w=1.5,sigma_b=0.2"
    add("--init", default="nielsen", metavar="NAME", help=f"{starts}, {common.SIGMAS} (default nielsen)")
    add("--seed", default="0", help="default 0")
    _declare_descent(parser)
    kept = "keep the record and the weights there behind epochs a second apart; or a page of it (.html)"
    add("--out", metavar="DIR", help=kept)
    add("--resume", action="store_true", help="go on with the run that --out holds")
    add("--csv", metavar="FILE", help="write every measurement as a table")
    pages.open_option(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def _declare_descent(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--epochs", help="default 3, on digits 30")
    add("--batch-size", default="10", help="default 10")
    add("--learning-rate", default="0.1", help="η (default 0.1)")
    add("--weight-decay", help="λ (default 5.0 per 50,000 training images)")
    add("--momentum", default="0", help="μ, from 0 to below 1 (default 0)")
    add("--schedule", default="constant", help=f"of η: {', '.join(SCHEDULES)} (default constant)")
    add("--clip", metavar="NORM", help="scale longer gradients down to this L2 norm")
    add("--patience", metavar="N", help="stop when N measurements have not raised the accuracy")
    add("--measure-steps", metavar="N", help="measure after every N mini-batches as well")
    add("--dtype", default="float32", help="float32 or float64 (default float32)")
    add("--engine", help="numba, compiled, or numpy (default: what suits the work)")


def run(options: argparse.Namespace) -> int:
    """Train, keep what was measured, and report it."""
    common.require_one_activation(options)
    settings = _settings(options)
    _require_places(options)
    folder = None if pages.is_page(options.out) else options.out
    data = common.warned(lambda: load_data(options.dataset, options.data))
    net = _network(options, data, settings["rng"])
    if settings["epochs"] is None:
        settings["epochs"] = {"digits": 30}.get(data.name, 3)
    if settings["weight_decay"] is None:
        # what acts on the weights is λ/n: Nielsen's 5.0 is for his 50,000 images
        settings["weight_decay"] = 5.0 * len(data.train) / 50_000
    try:
        with shown(settings["epochs"]) as show:
            record = train(net, data, **settings, on_epoch=show, folder=folder, resume=options.resume)
    except KeyboardInterrupt as e:
        if folder is not None and (Path(folder) / RUN).exists():
            e.add_note(f"the same command with --resume goes on from {folder}")
        raise
    if options.csv:
        record.to_csv(options.csv)
    if pages.is_page(options.out):
        # a page is slow to load, and so is what draws it
        from chainderiv.pages.training_page import save_training_page

        save_training_page(record, options.out, _advice(record), options.typed)
    _report(record, data, options)
    pages.open_if_asked(options, options.out)
    return 0


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of train() that are typed."""
    whole, number = partial(_read, common.whole, options), partial(_read, common.number, options)
    return {
        "epochs": whole("epochs"),
        "batch_size": whole("batch-size"),
        "learning_rate": number("learning-rate"),
        "weight_decay": number("weight-decay"),
        "rng": common.seed(options.seed),
        "dtype": options.dtype,
        "momentum": number("momentum"),
        "schedule": options.schedule,
        "clip": number("clip"),
        "patience": whole("patience"),
        "measure_steps": whole("measure-steps"),
        "engine": options.engine,
    }


def _read(read: Callable[[str, str], Any], options: argparse.Namespace, name: str) -> Any:
    text = getattr(options, name.replace("-", "_"))
    return None if text is None else read(name, text)


def _require_places(options: argparse.Namespace) -> None:
    """Raise, before the work is done, where its result could not be kept."""
    for flag in ("out", "csv"):
        if getattr(options, flag) is not None and not getattr(options, flag).strip():
            raise BadValue(f"--{flag} is empty; give a name, or leave it out")
    pages.require_page_to_open(options)
    if pages.is_page(options.out):
        if options.resume:
            raise BadValue(f"--out {options.out} is a page, which holds no run; give --resume the folder of one")
        map_output.require_place(options.out)
    elif options.resume and not options.out:
        raise BadValue("--resume is given without --out; give --out DIR, the folder that holds the run")
    elif options.out:
        require_writable(Path(options.out) / RUN)
        held = (Path(options.out) / RUN).exists()
        if held and not options.resume:
            raise BadValue(
                f"--out {options.out} holds a run already; give --resume to go on with it, or another folder"
            )
        if options.resume and not held:
            common.complain(f"chainderiv: {options.out} holds no run yet; it begins at the start")
    if options.csv:
        require_writable(Path(options.csv))


def _network(options: argparse.Namespace, data: Data, seed: int) -> Network:
    (hidden,) = options.activation or ["sigmoid"]
    output = options.output
    if output is not None and output != "softmax":
        output = common.stated_neuron(output, "ψ")
    return Network(
        sizes_of(options.layers, options.dataset, data),
        activation=common.stated_neuron(hidden),
        cost=options.cost,
        output=output,
        init=options.init,
        rng=seed,
    )


def sizes_of(text: str | None, asked: str, data: Data) -> list[int]:
    """--layers, or Nielsen's, as the data ask for them; raises BadValue or BadShape."""
    if text is None:
        return [data.pixels, 30, 30, data.classes]
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError as e:
        raise BadValue(f"--layers is {text!r}; give whole numbers with commas between, such as 784,30,30,10") from e
    if len(sizes) < 2 or min(sizes) < 1:
        raise BadValue(f"--layers is {text!r}; give at least two whole numbers >= 1, inputs first, as 784,30,30,10")
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
    if options.json:
        common.say_json(numbers_of(record) | {"folder": options.out, "csv": options.csv})
        return
    common.show(record)
    between = sum(epoch != int(epoch) for epoch in record.epoch)
    if between:
        common.say(f"{between} measurements more, between epochs: --csv, --out and --json hold them")
    if record.epochs < record.settings["epochs"]:
        common.say(f"stopped: {options.patience} measurements have not raised the accuracy")
    if said := _advice(record):
        common.say(said)
    for place in (options.out, options.csv):
        if place:
            common.say(f"written: {Path(place)}")


def _advice(record: TrainingRecord) -> str | None:
    """Where the network reads no better than by chance: what was measured of the reason, and what to try."""
    sizes, epochs = record.settings["sizes"], record.epochs
    if not epochs or record.accuracy.max() > BY_CHANCE / sizes[-1]:
        return None
    said = f"it reads no better than by chance, 1 in {sizes[-1]}, so far: the cost went "
    said += f"from {record.cost[0]:.2f} to {record.cost[-1]:.2f}"
    norms = record.log_norms()
    cures = [f"more epochs (--epochs {10 * epochs})"]
    if len(sizes) > 3:
        slower = norms[0, -1] / norms[0, 0]
        if slower.log > math.log(NOTABLE):
            said += (
                f", and the gradient of the first hidden layer was {slower:.2g} times smaller than the last one's "
                "at the start: so much slower it begins to learn"
            )
        fewer = ",".join(map(str, [*sizes[:-2], sizes[-1]]))
        cures.append(f"fewer layers (--layers {fewer})")
    if record.settings["activation"] != "relu":
        cures.append("--activation relu --init he")
    return f"{said}; try {', '.join(cures[:-1])}{' or ' if cures[1:] else ''}{cures[-1]}"
