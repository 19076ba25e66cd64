"""Pages as a browser shows and prints them: by axe-core's rules, in both themes, on narrow screens and on paper."""

import re
import unicodedata
from html import unescape

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.pages.diagnosis_page import diagnosis_page
from chainderiv.pages.tour import tour
from chainderiv.pages.writer import Figure, Table
from tests.browser import judged, printed
from tests.models.sound import STARTS, arrays
from tests.pages.test_html import Checker, of_blocks
from tests.pages.test_reproduction import invented, page_of

PIXEL = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
EVERY_BLOCK = """
{{ block.numbers([("name", "2.5")]) }}{{ block.figure(figure) }}
{% call block.section("one") %}{{ block.table(table) }}{{ block.power(-3) }}{% endcall %}
{% call(place) block.beside("two") %}<details><summary>{{ place }} folded</summary>{{ block.formula(math) }}
kept on {{ place }} paper</details>{% endcall %}
{{ block.command("chainderiv tour " ~ "word " * 60) }}{{ block.files({"a.json": "numbers"}, [("runs/", "more")]) }}
"""


def page_of_every_block():
    wide = Table(
        ["a", *"bcdefghij"], [["row", *["1234567890"] * 9], ["other", True, False, None, *"456789"]], "caption"
    )
    math = "<math xmlns='http://www.w3.org/1998/Math/MathML'><mi>z</mi></math>"
    return of_blocks(EVERY_BLOCK, figure=Figure(PIXEL, PIXEL, "what", "below"), table=wide, math=math)


def faults(told):
    return [(one["page"], one["dark"], one["width"], v) for one in told for v in one["violations"]] + [
        (one["page"], one["width"], one["needed"]) for one in told if one["needed"] > one["width"]
    ]


def test_every_block_is_read_by_all_and_a_fault_is_seen(tmp_path):
    page = page_of_every_block()
    faulty = page.replace('alt="what"', "").replace("<h2>one", '<h2 style="width: 900px; color: #333">one')
    sound, seen = judged({"sound": page, "faulty": faulty}, tmp_path, ["dark"], [380])
    assert (sound["dark"], sound["width"]) == (True, 380)
    assert faults([sound]) == []
    assert sorted(fault.partition(":")[0] for fault in seen["violations"]) == ["color-contrast", "image-alt"]
    assert seen["needed"] > 900


def words(text):
    """Letters and numbers alone: a line of paper ends where it will, and a font joins f and i."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text))


def on_paper(page, tmp_path):
    """The text of the paper, on which stands what the page says, folded parts and all."""
    at = tmp_path / "page.html"
    at.write_text(page, "utf-8")
    sheets = printed(at, tmp_path)
    assert all(words(sheet) for sheet in sheets)  # no sheet is empty
    together = words("".join(sheets))
    for tag in ("h1", "h2", "p", "caption", "figcaption", "summary", "code", "dt"):
        for text in re.findall(rf"<{tag}\b(?![^>]*hint)[^>]*>(.*?)</{tag}>", page, re.DOTALL):
            assert words(unescape(re.sub(r"<[^>]+>", "", text))) in together, text
    return sheets


def test_what_is_folded_and_each_block_is_on_paper(tmp_path):
    sheets = on_paper(page_of_every_block(), tmp_path)
    assert "keptonleftpaper" in words("".join(sheets))
    assert "keptonrightpaper" in words("".join(sheets))
    assert words("".join(sheets)).count("1234567890") == 9
    assert len(sheets) <= 2


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Each of the six, small."""
    folder = tmp_path_factory.mktemp("pages")
    sick = arrays(np.random.default_rng(0), [30] * 9, STARTS["He, relu"][1])
    sick["W4"] *= 300
    result = tour.tour(folder / "tour", _size=tour.Size(grid=61, points=2, epochs=2))
    two = ["--activation", "sigmoid", "--activation", "z*exp(-z**2)"]
    for words in (
        ["map", *two, "--w", "-12:12:61", "--b", "-10:10:61", "--out", "map.html"],
        ["phase", "--sigma-w", "0.5:4:20", "--sigma-b", "0:2:10", "--out", "phase.html"],
        ["train", "--dataset", "digits", "--epochs", "2", "--out", "train.html"],
    ):
        assert main([*words[:-1], str(folder / words[-1])]) == 0
    return {
        "tour": result.index.read_text(),
        "reproduce": page_of(invented()),
        "diagnose": diagnosis_page(cd.diagnose(sick, activation="relu", output="identity")),
        **{name: (folder / f"{name}.html").read_text() for name in ("map", "phase", "train")},
    }


@pytest.mark.slow
def test_every_page_is_read_by_all_in_both_themes_and_on_narrow_screens(pages, tmp_path):
    told = judged(pages, tmp_path)
    assert {(one["dark"], one["width"]) for one in told} == {(d, w) for d in (False, True) for w in (1200, 380)}
    assert faults(told) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tour", "reproduce", "diagnose", "map", "phase", "train"])
def test_every_page_is_whole_on_paper(pages, name, tmp_path):
    Checker(pages[name])
    sheets = on_paper(pages[name], tmp_path)
    assert len(sheets) <= {"tour": 9, "reproduce": 20, "diagnose": 4}.get(name, 3)
