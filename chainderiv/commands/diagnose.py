"""chainderiv diagnose: where a model's gradient vanishes or explodes, why, and what cures it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainderiv.commands import common, map_output, pages
from chainderiv.errors import DataError
from chainderiv.models.readers.limits import reading
from chainderiv.models.readers.npz import arrays_of_npz
from chainderiv.models.readers.signature import file_of
from chainderiv.pages.diagnosis import Diagnosis, diagnose

if TYPE_CHECKING:
    from chainderiv.functions.activation import Activation

ACCUSED = 3  # the exit code


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv diagnose model.onnx --data batch.npz --out page.html --open\n"
        "         chainderiv diagnose weights.safetensors --activation relu --json\n\n"
        "batch.npz holds x and labels (numbers of classes) or y (targets); of several inputs each goes by its name in\n"
        "place of x. Without it the inputs and the gradient of the output are drawn. Nothing in a file is\n"
        "executed. Exit code 3: the diagnosis accuses"
    )
    add = parser.add_argument
    add("model", metavar="FILE", help=".onnx, .keras, .h5, .npz or .safetensors, or the folder of a run")
    add("--data", metavar="FILE", help=".npz of x, and of labels or y (default: drawn)")
    add("--cost", help="log_likelihood, cross_entropy or quadratic (default: log_likelihood of labels, quadratic of y)")
    neurons = "of the hidden layers, where the file holds arrays alone: a name, or a formula"
    add("--activation", action="append", metavar="NAME", help=neurons)
    add("--output", metavar="NAME", help="of the last layer (default: linear under log_likelihood, else the same)")
    add("--training", action="store_true", help="normalisations take the batch's statistics, as in training")
    add("--seed", default="0", help="of what is drawn (default 0)")
    add("--out", metavar="FILE", help="a page (.html), or a picture (.png, .svg, .pdf), of the network as a ladder")
    pages.open_option(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, diagnose and print; exit code 3 where the diagnosis accuses."""
    map_output.require_picture_or_page(options.out)
    pages.require_page_to_open(options)
    found = diagnose(
        options.model,
        *_data(options.data),
        options.cost,
        _activation(options),
        _neuron(options.output, "ψ"),
        common.seed(options.seed),
        training=options.training,
    )
    if options.out is not None:
        # a page is slow to load, and so is what draws it
        from chainderiv.pages.diagnosis_page import write_diagnosis

        write_diagnosis(found, options.out, options.typed)
    if options.json:
        common.say_json(found.to_dict() | {"file": options.out})
    else:
        _print(found, options.out)
    pages.open_if_asked(options, options.out)
    return ACCUSED if found.accused else 0


def _print(found: Diagnosis, out: str | None) -> None:
    common.show(found)
    if found.accused and found.remedy is not None:
        if found.remedy.has_lines:
            common.say_pasted(found.cure)
        else:
            common.say(f"what to do: {found.to_do}")
    if out is not None:
        common.say(f"written: {out}")


def _activation(options: argparse.Namespace) -> Activation | str | None:
    common.require_one_activation(options)
    return _neuron(options.activation[0] if options.activation else None, "φ")


def _neuron(text: str | None, symbol: str) -> Activation | str | None:
    """softmax, which is no neuron, as it is: the reader knows where it may stand."""
    return text if text is None or text == "softmax" else common.stated_neuron(text, symbol)


def _data(given: str | None) -> tuple[Any, Any]:
    """The inputs and the targets of a file."""
    if given is None:
        return None, None
    file = file_of(Path(given))
    if file.kind != "npz":
        raise DataError(f"--data is {given!r}, of the kind {file.kind}; give an .npz with x, and labels or y")
    with reading(file.name):
        arrays = arrays_of_npz(file)
    targets = [arrays.pop(name) for name in ("labels", "y") if name in arrays]
    if not arrays or len(targets) > 1:
        held = ", ".join(sorted([*arrays, *(["labels", "y"] if len(targets) > 1 else [])])) or "no inputs"
        raise DataError(
            f"--data is {given!r} and holds {held}; give x (or each of several inputs by its name), and labels or y"
        )
    return arrays["x"] if set(arrays) == {"x"} else arrays, targets[0] if targets else None
