"""The page of a diagnosis says the verdict, shows the ladder, holds every number, and asks for nothing."""

import json
import re
from html import unescape

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, OutputError
from chainderiv.models.graph import Graph, Input, Node
from chainderiv.pages.diagnosis_page import diagnosis_page, write_diagnosis
from chainderiv.writing import plain
from tests import schemas
from tests.models.sound import STARTS, arrays
from tests.pages.test_html import Checker, as_typed


@pytest.fixture(scope="module")
def sick():
    made = arrays(np.random.default_rng(0), [30] * 9, STARTS["He, relu"][1])
    made["W4"] *= 300
    return cd.diagnose(made, activation="relu", output="identity")


def words(page):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_page_says_what_the_diagnosis_says(sick):
    text = words(diagnosis_page(sick))
    assert "the dict of arrays: exploding, layer 4" in text
    assert sick.sentence[1:] in text
    assert sick.slower[1:] in text
    for one in sick.layers:
        assert one.sentence[1:] in text
    for target in ("torch", "keras", "jax"):
        assert " ".join(sick.cure(target).split()) in text


def test_every_cell_of_the_table_is_on_the_page(sick):
    page = diagnosis_page(sick)
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    cells = [[as_typed(unescape(cell)) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)] for row in rows[1:]]
    assert cells == [list(row) for row in sick._shown().rows]


def test_the_page_asks_for_nothing_and_runs_nothing(sick):
    page = diagnosis_page(sick)
    found = Checker(page)
    assert not {"script", "iframe", "form"} & set(found.tags)
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_a_name_from_a_file_is_text_and_no_html():
    name = "<script>alert(1)</script>"
    made = {f"{name}.{k}.weight": np.eye(4) * 2 for k in (1, 2, 3)}
    page = diagnosis_page(cd.diagnose(made, activation="tanh"))
    assert "<script" not in page


def test_what_is_healthy_has_nothing_to_do_and_what_is_unknown_no_ladder():
    made = arrays(np.random.default_rng(0), [30] * 9, STARTS["He, relu"][1])
    page = words(diagnosis_page(cd.diagnose(made, activation="relu", output="identity")))
    assert ": healthy" in page
    assert "What to do Healthy: there is nothing to cure." in page
    assert "PyTorch" not in page
    graph = Graph((Node("MaxRoiPool", ("x",), ("y",), name="pick"),), {}, (Input("x", (2, 3)),), ("y",))
    page = diagnosis_page(cd.diagnose(graph))
    assert "What to do" not in page
    assert "<svg" not in page
    assert "MaxRoiPool at 'pick': no rule follows it" in words(page)


@pytest.mark.parametrize(
    ("ending", "begins"), [("html", b"<!DOCTYPE"), ("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_save_writes_a_page_or_a_picture_by_the_ending(sick, tmp_path, ending, begins):
    path = tmp_path / "new" / f"one.{ending}"
    sick.save(path)
    assert path.read_bytes().startswith(begins)
    twin = ["one.json"] if ending == "html" else []
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name, *twin]


def test_beside_the_page_lie_its_numbers_and_the_command_that_made_them(sick, tmp_path):
    write_diagnosis(sick, tmp_path / "one.html", "chainderiv diagnose 'a b.npz' --out one.html")
    numbers = json.loads((tmp_path / "one.json").read_text())
    schemas.require("diagnose.page", numbers)
    assert {name: numbers[name] for name in sick.to_dict()} == json.loads(json.dumps(plain(sick.to_dict())))
    text = words((tmp_path / "one.html").read_text())
    assert numbers["command"] == "chainderiv diagnose 'a b.npz' --out one.html"
    assert numbers["command"] in text
    assert "Every number of this page: one.json" in text


def test_another_ending_or_a_place_that_takes_no_file_is_refused(sick, tmp_path):
    with pytest.raises(BadValue, match=r"one\.txt'; give a name that ends in \.html"):
        sick.save("one.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        sick.save(tmp_path / "file" / "page.html")
