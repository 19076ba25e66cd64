"""The lessons in examples/ run in a kernel of their own, and show what they show where they are kept."""

import re
from pathlib import Path

import pytest

from tests.printed import alike

nbformat = pytest.importorskip("nbformat", reason="nbformat comes with the extra docs")
nbclient = pytest.importorskip("nbclient", reason="nbclient comes with the extra docs")

FOLDER = Path(__file__).parents[1] / "examples"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
WIDE = "3_a_wide_network"  # what it prints depends in its last digits on the processor, and training on all of them


def test_there_are_three_lessons():
    assert len(LESSONS) == 3


@pytest.mark.filterwarnings("ignore")  # of the kernel's own
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_in_a_fresh_kernel_and_shows_its_pictures(path, tmp_path):
    lesson = nbformat.read(path, 4)
    kept = [outputs(cell) for cell in lesson.cells]
    nbclient.NotebookClient(lesson, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [outputs(cell) for cell in lesson.cells]
    assert [kinds for kinds, _ in shown] == [kinds for kinds, _ in kept]
    assert any("image/png" in kinds for kinds, _ in shown)
    assert not any("stderr" in kinds for kinds, _ in shown)
    for cell, (_, text), (_, before) in zip(lesson.cells, shown, kept, strict=True):
        if path.stem == WIDE:
            assert alike(
                *(re.sub(r"± \S+", "±", one) for one in (text, before)), 0.2 if "train(" in cell.source else 1e-5
            )
        else:
            assert text == before


def outputs(cell):
    """Which kinds a cell puts out, and its text."""
    found = cell.get("outputs", [])
    kinds = [kind for one in found for kind in sorted(one.get("data", [one.get("name", one.output_type)]))]
    # a kernel may hand on one text in several pieces
    kinds = [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before or kind != "stdout"]
    return kinds, "".join(one.get("text", "") for one in found)
