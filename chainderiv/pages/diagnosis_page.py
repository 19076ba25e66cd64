"""A diagnosis as a page: the verdict, the network as a ladder, light and dark, its layers in numbers, and the cure."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from chainderiv.errors import BadValue
from chainderiv.given import path_of
from chainderiv.models.diagnosis import Diagnosis
from chainderiv.nn.pasted import LIBRARIES
from chainderiv.pages.html import Content, Html, details, figure, page, paragraph, section, table
from chainderiv.version import __version__
from chainderiv.view.networks.ladder import LADDER_SIZE, plot_diagnosis
from chainderiv.view.picture import FORMATS, picture, save_picture
from chainderiv.view.theme import lone_axes
from chainderiv.writing import folder_for_writing, write_whole

ENDINGS = (".html", *(f".{form}" for form in FORMATS))
READ = (
    "Each point is the norm of a layer's δ over that of the last layer. From the right to the left a step is made by "
    "the weights of one layer and the slopes of the one below. The dashed line is what ‖W‖_F/√n_out and √mean φ'² "
    "predict."
)


def write_diagnosis(diagnosis: Diagnosis, path: str | os.PathLike[str]) -> None:
    """Write the page (.html), or the ladder alone as a picture. Raises BadValue and OutputError."""
    target = path_of("path", path)
    if target.suffix.lower() not in ENDINGS:
        raise BadValue(f"path is {str(target)!r}; give a name that ends in {', '.join(ENDINGS)}")
    if target.suffix.lower() != ".html":
        save_picture(plot_diagnosis(diagnosis), target)
        return
    folder_for_writing(Path(target).parent)
    write_whole(target, diagnosis_page(diagnosis).encode())


def diagnosis_page(diagnosis: Diagnosis) -> str:
    """The page, which asks for nothing and runs nothing.

    >>> import chainderiv as cd
    >>> "<h1>the Network: vanishing</h1>" in diagnosis_page(cd.diagnose(cd.Network([64, *[30] * 8, 10])))
    True
    """
    told = [diagnosis.sentence, *([diagnosis.slower] if diagnosis.slower else [])]
    head = [paragraph(_sentence(told[0]), "lead"), *(paragraph(_sentence(one)) for one in told[1:])]
    head.append(paragraph(f"{diagnosis.data}; {diagnosis.mode} mode.", "note"))
    sections = [section("Layer by layer", [*_picture(diagnosis), _layers(diagnosis), _sentences(diagnosis)])]
    sections += [section("What to do", _cures(diagnosis))] if diagnosis.to_do else []
    sections += [section("Not followed, and assumed", _notes(diagnosis))] if _notes(diagnosis) else []
    return page(diagnosis.headline, head, sections, f"chainderiv {__version__}")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _picture(diagnosis: Diagnosis) -> list[Content]:
    if not diagnosis.layers:
        return []
    drawn = (plot_diagnosis(diagnosis, lone_axes(LADDER_SIZE, dark), dark, title="") for dark in (False, True))
    light, dark = (picture(ax, "svg") for ax in drawn)
    return [figure(light, dark, f"Norm of the gradient of each layer of {diagnosis.model}", READ)]


def _layers(diagnosis: Diagnosis) -> Html:
    shown = diagnosis._shown()
    return table(shown.header, shown.rows, "Sizes of gradients, and the parts that weights and slopes have in them")


def _sentences(diagnosis: Diagnosis) -> Html:
    return details("The same in sentences", [paragraph(_sentence(one.sentence)) for one in diagnosis.layers])


def _cures(diagnosis: Diagnosis) -> list[Content]:
    told: list[Content] = [paragraph(_sentence(diagnosis.to_do))]
    if diagnosis.remedy is None or not diagnosis.remedy.has_lines:
        return told
    return told + [
        details(name, [Html(f"<pre><code>{escape(diagnosis.cure(target))}</code></pre>")])
        for target, name in LIBRARIES.items()
    ]


def _notes(diagnosis: Diagnosis) -> list[Content]:
    return [paragraph(f"{one}.") for one in (*map(str, diagnosis.not_followed), *diagnosis.notes)]
