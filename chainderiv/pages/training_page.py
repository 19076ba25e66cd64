"""A training as a page: each hidden layer's gradient and the accuracy over the epochs, drawn and in numbers."""

from __future__ import annotations

import os
from typing import Any

from chainderiv.pages.typesetting import capital
from chainderiv.pages.writer import Figure, Table, write_page
from chainderiv.records.measurements import measured_images
from chainderiv.records.numbers import numbers_of
from chainderiv.records.record import TrainingRecord
from chainderiv.view.networks.curves import plot_accuracy, plot_norms
from chainderiv.view.picture import picture
from chainderiv.view.theme import new_figure, theme
from chainderiv.wording import number

TEMPLATE = "training.html.j2"
SIZE = (6.0, 5.6)  # inches
# of the settings, what a reader asks for: its name on the page and its unit
TOLD = {
    "batch_size": ("mini-batch", "images"),
    "learning_rate": ("learning rate η", ""),
    "weight_decay": ("weight decay λ", ""),
    "momentum": ("momentum μ", ""),
    "schedule": ("schedule of η", ""),
    "clip": ("longest gradient, L2 norm", ""),
    "init": ("weights and biases start as", ""),
    "seed": ("seed", ""),
    "dtype": ("precision", ""),
}


def save_training_page(record: TrainingRecord, path: str | os.PathLike[str], advice: str | None, command: str) -> None:
    """Write the page and its numbers, each whole or not at all; the folder is made if it is missing.

    advice : a sentence for a network that learns nothing, or None. command : what trained it, as the page says.
    Raises OutputError.
    """
    settings = record.settings
    sizes = settings["sizes"]
    hidden = record.log_norms().shape[1]
    light, dark = (_drawn(record, dark) for dark in (False, True))
    data = {
        "title": f"Training {'-'.join(map(str, sizes))} on {settings['data']['name']}",
        "command": command,
        "advice": None if advice is None else f"{capital(advice)}.",
        "activation": settings["activation"],
        "cost": settings["cost"].replace("_", " "),
        "sizes": sizes,
        "hidden": hidden,
        "layers": " and ".join(", ".join(map(str, sizes[1:-1])).rsplit(", ", 1)),
        "images": settings["data"]["training_images"],
        "measured": measured_images(settings),
        "epochs": record.epochs,
        "accuracy": [record.accuracy[0], record.accuracy[-1]],
        "ratios": [f"{one:.3g}" for one in _ratios(record)] if hidden > 1 else None,
        "figure": Figure(light, dark, _alt(hidden), _caption(hidden)),
        "rows": _rows(record),
        "settings": _settings(record),
    }
    write_page(path, TEMPLATE, data, numbers_of(record))


def _ratios(record: TrainingRecord) -> list[Any]:
    """The last hidden layer's norm over the first's, before training and after it."""
    norms = record.log_norms()
    return [norms[row, -1] / norms[row, 0] for row in (0, -1)]


def _drawn(record: TrainingRecord, dark: bool) -> bytes:
    figure = new_figure(SIZE, dark)
    with theme(dark):
        if record.log_norms().shape[1]:
            above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
            plot_norms(record, ax=above, dark=dark)
            above.set_xlabel("")
        else:  # of no hidden layer there is nothing to draw
            below = figure.add_subplot()
        plot_accuracy(record, ax=below, dark=dark)
    return picture(figure, "svg")


def _alt(hidden: int) -> str:
    accuracy = "the validation accuracy over the epochs of training"
    if not hidden:
        return f"A chart of {accuracy}."
    return f"Two charts. Above, the norm of the gradient in each hidden layer on a logarithmic axis; below, {accuracy}."


def _caption(hidden: int) -> str:
    below = "the fraction of validation images read correctly."
    return f"Above: the norm of the mean ∂C/∂b of each hidden layer. Below: {below}" if hidden else below.capitalize()


def _rows(record: TrainingRecord) -> Table:
    """The table that is printed, a row an epoch."""
    shown = record._shown()
    return Table(shown.header, shown.rows, f"{capital('. '.join(shown.after))}, in units of the cost.")


def _settings(record: TrainingRecord) -> Table:
    told = [(name, f"{_told(record.settings[key])} {unit}".rstrip()) for key, (name, unit) in TOLD.items()
            if record.settings.get(key) is not None]  # fmt: skip
    return Table(["what", "value"], told, "How it was trained.", words=True)


def _told(value: Any) -> str:
    return number(value, 6) if isinstance(value, float) else str(value).replace("_", " ")
