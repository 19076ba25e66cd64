"""chainderiv diagnose: where a model's gradient vanishes or explodes, why, and what cures it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainderiv.commands import common
from chainderiv.errors import BadValue, DataError
from chainderiv.models.diagnosis import Diagnosis, diagnose
from chainderiv.models.readers.limits import reading
from chainderiv.models.readers.npz import arrays_of_npz
from chainderiv.models.readers.signature import file_of
from chainderiv.nn.pasted import PASTED
from chainderiv.writing import require_writable

if TYPE_CHECKING:
    from chainderiv.functions.activation import Activation

ACCUSED = 3  # the exit code
NAMES = {"torch": "PyTorch", "keras": "Keras", "jax": "JAX"}


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv diagnose model.onnx --data batch.npz --out page.html\n"
        "         chainderiv diagnose weights.safetensors --activation relu --json\n\n"
        "batch.npz holds x and labels (numbers of classes) or y (targets); without it the inputs and the gradient of\n"
        "the output are drawn. Nothing in a file is executed. Exit code 3: the diagnosis accuses"
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
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, diagnose and print; exit code 3 where the diagnosis accuses."""
    _require_name(options.out)
    found = diagnose(
        options.model,
        *_data(options.data),
        options.cost,
        _activation(options),
        _output(options.output),
        common.seed(options.seed),
        training=options.training,
    )
    if options.out is not None:
        found.save(options.out)
    if options.json:
        common.say_json(found.to_dict() | {"file": options.out})
    else:
        _print(found, options.out)
    return ACCUSED if found.accused else 0


def _print(found: Diagnosis, out: str | None) -> None:
    common.show(found)
    if found.accused and found.activation is not None:
        for target in PASTED:
            common.say(f"\nin {NAMES[target]}:\n{_indented(found.cure(target))}")
    if out is not None:
        common.say(f"written: {out}")


def _indented(lines: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in lines.splitlines())


def _activation(options: argparse.Namespace) -> Activation | None:
    common.require_one_activation(options)
    return common.stated_neuron(options.activation[0]) if options.activation else None


def _output(text: str | None) -> Activation | str | None:
    return text if text is None or text == "softmax" else common.stated_neuron(text, "ψ")


def _require_name(out: str | None) -> None:
    if out is None:
        return
    if Path(out).suffix not in (".html", ".png", ".svg", ".pdf"):
        raise BadValue(f"--out is {out!r}; give a name that ends in .html, .png, .svg or .pdf")
    require_writable(Path(out))


def _data(given: str | None) -> tuple[Any, Any]:
    """The inputs and the targets of a file."""
    if given is None:
        return None, None
    file = file_of(Path(given))
    if file.kind != "npz":
        raise DataError(f"--data is {given!r}, of the kind {file.kind}; give an .npz with x, and labels or y")
    with reading(file.name):
        arrays = arrays_of_npz(file)
    unknown = sorted(set(arrays) - {"x", "labels", "y"})
    if "x" not in arrays or unknown or {"labels", "y"} <= set(arrays):
        raise DataError(f"--data is {given!r} and holds {', '.join(sorted(arrays))}; give x, and labels or y")
    return arrays["x"], arrays.get("labels", arrays.get("y"))
