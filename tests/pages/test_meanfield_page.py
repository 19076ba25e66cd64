"""The page of what theory predicts: predictions beside measurements and published norms, and nobody else's folder."""

import csv
import json
import os
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from chainderiv.cli import main
from chainderiv.errors import OutputError
from chainderiv.experiments import published, slopes
from chainderiv.experiments.catalogue import REPRODUCTIONS, reproduce
from chainderiv.experiments.drawn import Drawn
from chainderiv.experiments.meanfield import EXPERIMENTS, REPRODUCTION
from chainderiv.experiments.runs import Source
from chainderiv.experiments.setup import Setup
from chainderiv.experiments.slopes import Width
from chainderiv.nn.prediction import predict
from chainderiv.pages.reproduction.reproduction import reproduction
from chainderiv.writing import plain
from tests import schemas
from tests.pages.test_html import Checker, as_typed
from tests.pages.test_reproduction import rows_of
from tests.view.collisions import collisions

SETUP = Setup(Source("digits"), seeds=12, depths=(1, 2))
FEW = {8: Width(3, 1.0), 20: Width(3, 1.0)}
THREE = ((0.8, 0.3), (None, 0.3), (3.0, 0.5))
SHOWN = ("layers", "slopes")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A tiny reproduction on the digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slopes, "WIDTHS", FEW)
        patch.setattr(slopes, "POINTS", THREE)
        return reproduction(SETUP, tmp_path_factory.mktemp("meanfield"), SHOWN, quick=True, source="meanfield")


def test_the_folder_holds_the_page_the_data_and_every_figure(done):
    figures = [name for one in SHOWN for name in EXPERIMENTS[one].figures]
    pictures = [f"{name}-{shade}.{form}" for name in figures for shade in ("light", "dark") for form in ("svg", "png")]
    names = ["index.html", "results.json", "arrays.npz", "runs", *(f"{name}.csv" for name in SHOWN), *pictures]
    assert sorted(os.listdir(done.folder)) == sorted(names)
    for name in pictures:
        if name.endswith("svg"):
            ET.fromstring((done.folder / name).read_bytes())
    page = done.index.read_text()
    Checker(page)
    assert f"<title>{REPRODUCTION.title}</title>" in page
    for place, name in enumerate(SHOWN, 1):
        assert page.count(f"<h2>{place}. {EXPERIMENTS[name].question}</h2>") == 1
    assert "Nielsen’s book (2015, chapter 5) shows with single runs" not in page


def test_every_layer_has_its_prediction_beside_what_was_measured_and_what_was_published(done):
    found, data = done.reproduced.found["layers"], SETUP.source.load()
    rows = {row[0]: row for row in rows_of(as_typed(done.index.read_text()))}
    for hidden in (1, 2):
        told = predict([64, *[30] * hidden, 10], data=data)
        for k in range(hidden):
            row = rows[f"hidden layer {k + 1} of {hidden}"]
            figure = published.START_NORMS.get(hidden, ("–",) * hidden)[k]
            assert row[1] == (figure if figure == "–" else f"{figure:.3g}")
            assert float(row[5]) == pytest.approx(told.median[k], rel=5e-3)
            assert [float(end) for end in row[6].split(" … ")] == pytest.approx(told.band[k], rel=5e-3)
            logs = found.logs[hidden][:, k]
            z = (logs.mean() - told.mean_log[k]) / (logs.std(ddof=1) / np.sqrt(12))
            assert float(row[7].replace("−", "-")) == pytest.approx(z, abs=0.05001)
    with (done.folder / "layers.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [(row["hidden_layers"], row["layer"]) for row in table] == [("1", "1"), ("2", "1"), ("2", "2")]
    assert float(table[2]["measured_median"]) == pytest.approx(np.exp(np.median(found.logs[2][:, 1])))


def test_every_point_has_a_deviation_at_each_width_and_the_sum_of_squares_below(done):
    found = done.reproduced.found["slopes"]
    rows = rows_of(done.index.read_text())
    kept = json.loads((done.folder / "results.json").read_text())
    schemas.require("reproduce.page", kept)
    kept = kept["slopes"]
    assert len(kept["cells"]) == 6
    for number, kind in enumerate(("predicted", "endless")):
        sums = [row for row in rows if row[0] == "Σz²"][number]
        assert [float(cell) for cell in sums[4:]] == pytest.approx(
            [sum(c.off(kind) ** 2 for c in found.at(width)) for width in FEW], abs=0.051
        )
        assert kept["verdicts"][kind]["all"]["squares"] == pytest.approx(sum(c.off(kind) ** 2 for c in found.cells))
    points = [row for row in rows if row[0] in ("ordered", "critical", "chaotic")]
    assert len(points) == 2 * 3
    first = found.at(8)[0]
    assert points[0][:3] == ["ordered", "0.8", "0.3"]
    assert float(points[0][4].replace("−", "-")) == pytest.approx(first.off("predicted"), abs=0.051)
    assert float(points[3][4].replace("−", "-")) == pytest.approx(first.off("endless"), abs=0.051)


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_lies_over_anything_else_in_its_figures(done, name, dark):
    for drawing in EXPERIMENTS[name].figures.values():
        figure = drawing.figure(done.reproduced.found[name], dark)
        assert collisions(figure) == []


def test_started_again_no_network_is_drawn(done, monkeypatch):
    monkeypatch.setattr(slopes, "WIDTHS", FEW)
    monkeypatch.setattr(slopes, "POINTS", THREE)
    monkeypatch.setattr(Drawn, "log_norms", lambda *_: pytest.fail("a network was drawn again"))
    again = reproduce(done.reproduced.setup, SHOWN, source="meanfield")
    for name in SHOWN:
        assert plain(EXPERIMENTS[name].summary(again[name])) == done.results[name]


def test_a_folder_with_the_page_of_another_reproduction_is_refused(done, tmp_path):
    with pytest.raises(OutputError, match="of another origin"):
        reproduction(SETUP, done.folder, ["bars"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "slope"], "did you mean 'slopes'? (known: layers, "),
        (["--only", "bars"], "experiment 'bars'"),
        (["--only", ","], "give one or more of layers,"),
        (["--seeds", "1"], "--seeds is 1; give a whole number from 2"),
        (["--out", ""], "--out is empty"),
    ],
)
def test_bad_input_is_told_in_one_line(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "meanfield", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert told in err
    assert os.listdir(tmp_path) == []


def test_the_command_writes_the_folder_of_its_source(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shallow = replace(REPRODUCTION, quick={"seeds": 4, "depths": (1, 2)})
    monkeypatch.setitem(REPRODUCTIONS, "meanfield", shallow)
    assert main(["reproduce", "meanfield", "--quick", "--only", "layers", "--seeds", "5", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "chainderiv-meanfield")
    assert told["settings"]["seeds"] == 5
    assert [row["hidden_layers"] for row in told["layers"]["layers"]] == [1, 2, 2]
