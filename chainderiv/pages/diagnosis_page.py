"""A diagnosis as a page: the verdict, the network as a ladder, light and dark, its layers in numbers, and the cure."""

from __future__ import annotations

import os
from typing import Any

from chainderiv.errors import BadValue
from chainderiv.given import path_of
from chainderiv.models.diagnosis import Diagnosis
from chainderiv.nn.pasted import LIBRARIES
from chainderiv.pages.typesetting import capital
from chainderiv.pages.writer import PAGE, Figure, Table, render, write_page
from chainderiv.view.networks.ladder import LADDER_SIZE, plot_diagnosis
from chainderiv.view.picture import FORMATS, picture, save_picture
from chainderiv.view.theme import lone_axes

TEMPLATE = "diagnosis.html.j2"
ENDINGS = (PAGE, *(f".{form}" for form in FORMATS))
CALL = "import chainderiv as cd\ncd.diagnose(model, inputs, targets).save(path)"
CAPTION = "Sizes of gradients, in units of the cost, and the parts of weights and slopes in them, as factors"
READ = (
    "Each point is the norm of a layer's δ over that of the last layer. From the right to the left a step is made by "
    "the weights of one layer and the slopes of the one below. The dashed line is what ‖W‖_F/√n_out and √mean φ'² "
    "predict."
)


def write_diagnosis(diagnosis: Diagnosis, path: str | os.PathLike[str], command: str = CALL) -> None:
    """Write the page (.html) and its numbers (.json), or the ladder alone as a picture.

    command : what made it, as the page says. Raises BadValue and OutputError.
    """
    target = path_of("path", path)
    ending = target.suffix.lower()
    if ending not in ENDINGS:
        raise BadValue(f"path is {str(target)!r}; give a name that ends in {', '.join(ENDINGS)}")
    if ending != PAGE:
        save_picture(plot_diagnosis(diagnosis), target)
        return
    write_page(target, TEMPLATE, _data(diagnosis, command), diagnosis.to_dict())


def diagnosis_page(diagnosis: Diagnosis, command: str = CALL) -> str:
    """The page, which asks for nothing and runs nothing.

    >>> import chainderiv as cd
    >>> "<h1>the Network: vanishing</h1>" in diagnosis_page(cd.diagnose(cd.Network([64, *[30] * 8, 10])))
    True
    """
    return render(TEMPLATE, **_data(diagnosis, command))


def _data(diagnosis: Diagnosis, command: str) -> dict[str, Any]:
    """What the template shows."""
    told = [diagnosis.sentence, *([diagnosis.slower] if diagnosis.slower else [])]
    can_cure = diagnosis.remedy is not None and diagnosis.remedy.has_lines
    return {
        "title": diagnosis.headline,
        "command": command,
        "told": [capital(one) for one in told],
        "data": f"{diagnosis.data}; {diagnosis.mode} mode",
        "ladder": _ladder(diagnosis) if diagnosis.layers else None,
        "layers": _layers(diagnosis),
        "sentences": [capital(one.sentence) for one in diagnosis.layers],
        "to_do": capital(diagnosis.to_do),
        "cures": {name: diagnosis.cure(target) for target, name in LIBRARIES.items()} if can_cure else {},
        "notes": [capital(str(one)) for one in (*diagnosis.not_followed, *diagnosis.notes)],
    }


def _ladder(diagnosis: Diagnosis) -> Figure:
    drawn = (plot_diagnosis(diagnosis, lone_axes(LADDER_SIZE, dark), dark, title="") for dark in (False, True))
    light, dark = (picture(ax, "svg") for ax in drawn)
    return Figure(light, dark, f"Norm of the gradient of each layer of {diagnosis.model}", READ)


def _layers(diagnosis: Diagnosis) -> Table:
    shown = diagnosis._shown()
    return Table(shown.header, shown.rows, CAPTION)
