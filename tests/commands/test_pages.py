"""--out NAME.html: a page that says what made it, its numbers beside it, and what is refused before the work."""

import html
import json
import os
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from chainderiv.cli import main
from chainderiv.commands import map as of_maps, train as of_training
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.pages.tour import tour
from chainderiv.pages.writer import twin_of
from tests import plain_map, schemas
from tests.backpropagation import mean_bias_gradients
from tests.pages.test_html import Checker, as_typed

MAP = ["map", "--w", "-12:12:31", "--b", "-10:10:21"]
TRAIN = ["train", "--dataset", "digits", "--epochs", "1"]


def read(path):
    """The page as text, its tables as {first cell: the others}, and the numbers beside it."""
    page = as_typed(path.read_text("utf-8"))
    Checker(page)
    rows = [
        [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    ]
    return page, {first: others for first, *others in rows}, json.loads(path.with_suffix(".json").read_text())


def test_a_maps_page_and_its_json_have_the_shares_and_extremes_of_hand_written_links(tmp_path, capsys):
    out = tmp_path / "new" / "map.html"
    assert main([*MAP, "--out", str(out)]) == 0
    assert f"written: {out}" in capsys.readouterr().out
    page, cells, numbers = read(out)
    w, b = plain_map.grid((-12, 12), (-10, 10), (31, 21))
    size, regions = plain_map.log10_gradient(w, b), plain_map.regions(w, b)
    low, high = size[np.isfinite(size)].min(), size.max()
    shares = {name: where.mean() for name, where in regions.items()}
    schemas.require("map.page", numbers)
    (one,) = numbers["maps"]
    assert one["regimes"] | {"undefined": 0.0} == pytest.approx(shares | {"undefined": 0.0}, rel=1e-12)
    assert (one["log10_smallest"], one["log10_largest"]) == pytest.approx((low, high), rel=1e-9)
    for name, share in shares.items():
        assert cells[name] == [f"{100 * share:.2f} %"]
    assert cells["log10 of its size"] == [f"{low:.4g} to {high:.4g}".replace("-", "−")]
    assert cells["w"] == ["−12 … 12, 31 values, linear"]
    command = f"chainderiv map --w=-12:12:31 --b=-10:10:21 --out {out}"
    assert numbers["command"] == command
    assert f"<pre><code>{command}</code></pre>" in page
    assert "<math" in page


def test_the_command_that_a_page_names_gives_the_same_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*MAP, "--activation", "z * exp(-z**2)", "--out", "map.html"]) == 0
    first = {name: (tmp_path / name).read_bytes() for name in ("map.html", "map.json")}
    name, *words = shlex.split(read(tmp_path / "map.html")[2]["command"])
    assert name == "chainderiv"
    assert main(words) == 0
    assert {name: (tmp_path / name).read_bytes() for name in first} == first


def test_two_maps_are_one_picture_and_two_tables_each(tmp_path):
    out = tmp_path / "map.html"
    assert main([*MAP, "--activation", "sigmoid", "--activation", "relu", "--out", str(out), "--cut", "w=2"]) == 2
    assert main([*MAP, "--activation", "sigmoid", "--activation", "relu", "--out", str(out)]) == 0
    page, _, numbers = read(out)
    assert [one["activation"][0] for one in numbers["maps"]] == ["sigmoid", "relu"]
    assert (page.count("<figure>"), page.count("<table"), page.count("<math")) == (1, 4, 2)


@pytest.mark.slow
def test_a_cut_a_line_and_a_second_derivative_have_pages(tmp_path):
    for words in ([*MAP, "--cut", "w=2"], ["map", "--w", "-3:3:21", "--wrt", "b1,w2"]):
        assert main([*words, "--out", str(tmp_path / "one.html")]) == 0
        assert "<figure>" in read(tmp_path / "one.html")[0]


def test_a_trainings_page_has_the_norms_of_backpropagation_by_hand_and_its_json_what_json_prints(tmp_path, capsys):
    out = tmp_path / "run.html"
    assert main([*TRAIN, "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    page, cells, numbers = read(out)
    schemas.require("train.page", numbers)
    assert {name: numbers[name] for name in printed.keys() - {"folder", "csv"}} == {
        name: value for name, value in printed.items() if name not in ("folder", "csv")
    }
    data, net = load_data("digits"), Network([64, 30, 30, 10], rng=0)
    images, targets = data.train.images[:1000].astype(float), np.eye(10)[data.train.labels[:1000]]
    first, last = (np.linalg.norm(g) for g in mean_bias_gradients(images, targets, net.weights, net.biases)[:2])
    assert [float(cell) for cell in cells["0"][2:]] == pytest.approx([first, last], rel=5e-3)
    assert f"is {last / first:.3g} times" in page
    right = (net.predict(data.validation.images) == data.validation.labels).mean()
    assert f"it began with {100 * right:.2f} %" in page
    assert cells["mini-batch"] == ["10 images"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*MAP, "--dark"], "--dark is of a picture, and a page is dark where its reader's is"),
        ([*TRAIN, "--resume"], "is a page, which holds no run; give --resume the folder of one"),
        ([*MAP, "--axis", "w2=-1:1:3"], "3 axes are given and a picture has 1 or 2"),
    ],
)
def test_what_a_page_cannot_be_is_refused(words, said, tmp_path, capsys):
    assert main([*words, "--out", str(tmp_path / "one.html")]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_tells_what_was_written_before_it_and_nothing_older(tmp_path, capsys, monkeypatch):
    page, table = tmp_path / "one.html", tmp_path / "one.csv"
    page.write_text("earlier")
    os.utime(page, (0, 0))

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("chainderiv.pages.map_page.save_map_page", interrupted)
    assert main(["map", "--w", "-1:1:3", "--out", str(page), "--csv", str(table)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == f"chainderiv: interrupted; kept: {table}"
    assert main(["map", "--w", "-1:1:3", "--out", str(page)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "chainderiv: interrupted; no file was written"

    def interrupted_between(*_, **__):
        twin_of(page).write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr("chainderiv.pages.map_page.save_map_page", interrupted_between)
    assert main(["map", "--w", "-1:1:3", "--out", str(page.with_suffix(".HTML"))]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == f"chainderiv: interrupted; kept: {twin_of(page)}"


@pytest.mark.parametrize(("words", "module", "work"), [(MAP, of_maps, "sweep"), (TRAIN, of_training, "train")])
def test_another_programs_file_where_the_numbers_would_be_is_told_before_the_work(
    words, module, work, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(module, work, lambda *_, **__: pytest.fail("worked before it looked"))
    (tmp_path / "one.json").write_text("{}")
    assert main([*words, "--out", str(tmp_path / "one.html")]) == 2
    err = capsys.readouterr().err
    assert "one.json' is of another origin" in err
    assert err.count("\n") == 1
    assert (tmp_path / "one.json").read_text() == "{}"


TOLD = tour.TourResult(Path("t"), Path("t/index.html"), -9.0, 1.0, 1e-15, 5.0, True)
REPRODUCED = SimpleNamespace(folder=Path("r"), index=Path("r/index.html"), results={})
DIAGNOSE = ["diagnose", "net.npz", "--activation", "tanh"]
# the words, what works or writes and takes long, what it gives, and the page
OPENED = {
    "map": (["map", "--w", "-1:1:3"], "map_page.save_map_page", None, "one.html"),
    "phase": (["phase", "--sigma-w", "1:2:2", "--sigma-b", "0:1:2"], "phase_page.save_phase_page", None, "one.html"),
    "train": ([*TRAIN, "--layers", "64,2,10"], "training_page.save_training_page", None, "one.html"),
    "diagnose": (DIAGNOSE, "diagnosis_page.write_diagnosis", None, "one.html"),
    "tour": (["tour"], "tour.tour.tour", TOLD, "t/index.html"),
    "reproduce": (["reproduce", "meanfield", "--quick"], None, REPRODUCED, "r/index.html"),
}


@pytest.mark.parametrize("command", OPENED)
def test_open_gives_the_page_to_a_browser_and_stdout_is_the_result_alone(command, tmp_path, monkeypatch, capfd):
    words, slow, given, page = OPENED[command]
    place = f"chainderiv.pages.{slow}" if slow else "chainderiv.commands.reproduce.reproduction"
    monkeypatch.setattr(place, lambda *_, **__: given)
    monkeypatch.chdir(tmp_path)
    np.savez("net.npz", W1=np.eye(4), W2=np.eye(4))
    opened = []

    def none(url):
        os.write(1, b"Opening in existing browser session.\n")
        opened.append(url)
        return False

    monkeypatch.setattr("webbrowser.open", none)
    assert main([*words, *(["--out", page] if page == "one.html" else []), "--json", "--open"]) in (0, 3)
    said = capfd.readouterr()
    json.loads(said.out)
    assert opened == [(tmp_path / page).as_uri()]
    assert f"no browser was found; open {page} in one\n" in said.err


@pytest.mark.parametrize("words", [MAP, TRAIN, ["phase"], DIAGNOSE])
@pytest.mark.parametrize("out", [[], ["--out", "one.png"]])
def test_open_without_a_page_is_refused_before_the_work(words, out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda url: pytest.fail("opened"))
    assert main([*words, *out, "--open"]) == 2
    assert "--open is of a page; give --out a name that ends in .html" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
