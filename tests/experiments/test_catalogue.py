"""An experiment is one object: what stands in EXPERIMENTS is run, written, drawn, told and offered, and nowhere else."""

import csv
import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from chainderiv.cli import main
from chainderiv.experiments.beside import Beside, Table
from chainderiv.experiments.catalogue import REPRODUCTIONS, reproduce
from chainderiv.experiments.experiment import Drawing, Experiment
from chainderiv.experiments.nielsen5 import EXPERIMENTS
from chainderiv.experiments.reproduction import with_what_they_need
from chainderiv.experiments.runs import Source
from chainderiv.experiments.setup import Setup
from chainderiv.view.networks.curves import plot_bars
from tests.pages.test_html import Checker


@dataclass(frozen=True, eq=False)
class Longest:
    """The largest of some gradients, by layer."""

    sizes: np.ndarray


ONE_MORE = Experiment(
    question="Which bar is the longest?",
    introduction=lambda setup: f"Asked of {setup.seeds} seeds.",
    needs=("bars",),
    run=lambda setup, bars: Longest(np.array([np.abs(g).max() for g in bars.gradients])),
    summary=lambda found: {"longest": found.sizes, "unknown": float("nan")},
    table=lambda found: [("layer", "longest"), *enumerate(map(float, found.sizes), 1)],
    arrays=lambda found: {"longest": found.sizes},
    beside=lambda found: [Beside(2, 1, "longest of layer 1", 0.0, found.sizes[:1])],
    figures={
        "longest": Drawing(
            lambda found, figure, dark: plot_bars([found.sizes], figure.add_subplot(), dark),
            (3.0, 3.0),
            "Two bars.",
            "The longest bar of each layer.",
        )
    },
    headline=lambda found: [("layers looked at", str(len(found.sizes)))],
    reading=lambda found, setup: [f"It isn't long: {found.sizes.max():.3f}.", "The second sentence."],
    section=lambda found: [Table(("layer", "holds?"), [("1", True), ("2", False), ("3", None)], "Verdicts.", "Folded")],
)


@pytest.fixture
def one_more(monkeypatch):
    """EXPERIMENTS with one more, and a quick form that is quicker."""
    monkeypatch.setitem(EXPERIMENTS, "longest", ONE_MORE)
    quick = {"seeds": 2, "full_batch_epochs": 1, "epochs": 1, "deepest": (1,)}
    monkeypatch.setitem(REPRODUCTIONS, "nielsen5", replace(REPRODUCTIONS["nielsen5"], quick=quick))


def test_one_more_object_is_on_the_command_line_in_the_data_among_the_figures_and_on_the_page(
    one_more, tmp_path, capsys
):
    assert main(["reproduce", "nielsen5", "--quick", "--only", "longest", "--out", str(tmp_path)]) == 0
    sizes = reproduce(Setup(Source("digits"), seeds=2), ["longest"])["longest"].sizes
    out = capsys.readouterr().out.splitlines()
    assert out == [
        f"open {tmp_path / 'index.html'}", f"longest: It isn't long: {sizes.max():.3f}.", "  The second sentence.",
    ]  # fmt: skip
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["longest"] == {"longest": sizes.tolist(), "unknown": None}
    assert [(row["experiment"], row["inside"]) for row in results["beside"]] == [("longest", False)]
    with (tmp_path / "longest.csv").open() as file:
        assert list(csv.reader(file)) == [["layer", "longest"], ["1", str(sizes[0])], ["2", str(sizes[1])]]
    np.testing.assert_array_equal(np.load(tmp_path / "arrays.npz")["longest"], sizes)
    assert sorted(path.name for path in tmp_path.glob("*.*g")) == [
        f"longest-{shade}.{form}" for shade in ("dark", "light") for form in ("png", "svg")
    ]
    page = (tmp_path / "index.html").read_text()
    Checker(page)
    page = re.sub(r">\s+<", "><", page)
    for part in (
        "<h2>1. Which bar is the longest?</h2>", "<p>Asked of 2 seeds.</p><p>It isn’t long: ",
        'alt="Two bars."', "<figcaption>The longest bar of each layer.</figcaption>",
        "<details><summary>Folded</summary>", '<th scope="row">1</th><td><span class="good">yes</span></td>',
        '<th scope="row">2</th><td><span class="bad">no</span></td>', '<th scope="row">3</th><td>–</td>',
        "<dt>layers looked at</dt><dd>2</dd>", "a table of “Which bar is the longest?”",
    ):  # fmt: skip
        assert page.count(part) == 1, part


def test_one_more_object_is_offered_by_the_help_and_named_where_a_name_is_wrong(one_more, tmp_path, capsys):
    assert main(["reproduce", "--help"]) == 0
    assert "ratios,longest" in "".join(capsys.readouterr().out.split())
    assert main(["reproduce", "nielsen5", "--quick", "--only", "longst", "--out", str(tmp_path)]) == 2
    assert "did you mean 'longest'?" in capsys.readouterr().err


def test_what_an_experiment_needs_is_run_once_before_it_through_several_steps(monkeypatch):
    taken = []

    def made(name, needs):
        def run(setup, *found):
            taken.append(name)
            return name, *found

        nothing = dict.fromkeys(("summary", "table", "reading", "section"), lambda *_: ())
        return Experiment(question=name, run=run, figures={}, needs=needs, **nothing)

    line = {"a": (), "b": ("a",), "c": ("a", "b"), "d": ("c", "a"), "e": ()}
    experiments = {name: made(name, needs) for name, needs in line.items()}
    monkeypatch.setitem(REPRODUCTIONS, "nielsen5", replace(REPRODUCTIONS["nielsen5"], experiments=experiments))
    a, b = ("a",), ("b", ("a",))
    assert reproduce(Setup(), ["d"]) == {"a": a, "b": b, "c": ("c", a, b), "d": ("d", ("c", a, b), a)}
    assert taken == ["a", "b", "c", "d"]


@pytest.mark.parametrize("source", REPRODUCTIONS)
def test_every_experiment_stands_behind_what_it_needs_and_no_two_write_one_file(source):
    experiments = REPRODUCTIONS[source].experiments
    names = list(experiments)
    for name, each in experiments.items():
        assert all(names.index(need) < names.index(name) for need in each.needs)
        assert with_what_they_need(experiments, [name])[-1] == name
    figures = [figure for each in experiments.values() for figure in each.figures]
    assert len(set(figures)) == len(figures)


def test_no_two_reproductions_have_one_name_for_an_experiment_or_one_title():
    names = [name for each in REPRODUCTIONS.values() for name in each.experiments]
    assert len(set(names)) == len(names)
    assert len({each.title for each in REPRODUCTIONS.values()}) == len(REPRODUCTIONS)
