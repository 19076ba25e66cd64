"""The page of a reproduction holds every published figure beside the measured one, and says what the numbers say."""

import csv
import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from chainderiv.errors import BadValue, OutputError
from chainderiv.experiments import published
from chainderiv.experiments.accuracy import Accuracy, _spread
from chainderiv.experiments.bars import Bars
from chainderiv.experiments.beside import MIDDLE_AND_BAND, inside
from chainderiv.experiments.catalogue import reproduce
from chainderiv.experiments.costs import Costs
from chainderiv.experiments.insertion import Insertion
from chainderiv.experiments.nielsen5 import EXPERIMENTS
from chainderiv.experiments.norms import Norms
from chainderiv.experiments.ratios import NO_THEORY, Ratios, Theory, _published, judged
from chainderiv.experiments.remedies import REMEDIES, Remedies
from chainderiv.experiments.reproduction import with_what_they_need
from chainderiv.experiments.runs import Source
from chainderiv.experiments.setup import Setup
from chainderiv.nn.network import Network
from chainderiv.nn.prediction import predict
from chainderiv.pages.reproduction.page import reproduction_page
from chainderiv.pages.reproduction.reproduced import Reproduced
from chainderiv.pages.reproduction.reproduction import reproduction
from chainderiv.records.statistics import against_the_one_before
from chainderiv.wording import number
from tests import schemas
from tests.backpropagation import mean_bias_gradients
from tests.pages.test_html import Checker, as_typed

FIGURES = [name for each in EXPERIMENTS.values() for name in each.figures]
PICTURES = {f"{name}-{shade}.svg": b"<svg/>" for name in FIGURES for shade in ("light", "dark")}
SEEDS = 4
SETUP = Setup(Source("digits"), seeds=SEEDS)


def of_depths(scale):
    """Norms of Nielsen's sizes, times a factor per seed; they fall a little in the second row."""
    seeds = scale * np.array([0.8, 0.9, 1.1, 1.3]).reshape(-1, 1, 1)
    start = {1: (0.4,), **published.START_NORMS}
    return {hidden: seeds * np.array([norms, np.array(norms) / 2]) for hidden, norms in start.items()}


def invented(scale=1.0, quadratic=0.2, kept=(0.96, 0.96, 0.96, 0.96), deep=0.95):
    """A reproduction whose every number is known."""
    norms = Norms({h: 5 * v for h, v in of_depths(scale).items()}, of_depths(scale))
    final = [np.array([0.0, 0.001, 0.002, 0.003]) + mean for mean in (0.96, 0.9685, 0.9655, deep)]
    accuracy = Accuracy(
        (1, 2, 3, 4), tuple(np.stack([0.1 + 0 * f, f], axis=1) for f in final), tuple(against_the_one_before(final))
    )
    small = {h: quadratic * v for h, v in of_depths(scale).items()}
    nan = float("nan")
    remedies = Remedies(
        (1, 4),
        {"sigmoid, nielsen": np.array([[0.001, 0.01, 0.1, 1.0]] * 2), "relu, he": np.array([[1.1, 1.0, 1.1, 1.0]] * 2)},
        {"sigmoid, nielsen": (np.array([0.9, 0.8]), np.array([0.3, 0.1])),
         "relu, he": (np.array([0.97, 0.96]), np.array([0.95, nan]))},
    )  # fmt: skip
    return {
        "bars": Bars((np.array([0.01, -0.02]), np.array([0.3, 0.1])), np.array([[0.0224, 0.316]] * SEEDS)),
        "norms": norms,
        "accuracy": accuracy,
        "insertion": Insertion((1, 2, 3, 4), np.tile(kept, (4, 1)), accuracy.final),
        "costs": Costs(norms, Norms(small, small)),
        "remedies": remedies,
        "ratios": Ratios({h: norms.l2[h][:, 0, :-1] / norms.l2[h][:, 0, 1:] for h in (2, 3, 4)}),
    }


def reading(found, name):
    """What an experiment says, in one string."""
    return " ".join(EXPERIMENTS[name].reading(found[name], SETUP))


def axes_of(found, name, figure):
    """The Axes of one of its figures."""
    return EXPERIMENTS[name].figures[figure].figure(found[name]).axes


def page_of(found):
    return as_typed(reproduction_page(Reproduced(SETUP, found, tuple(found)), PICTURES, ["results.json"]))


def rows_of(page):
    """Every table row as its cells' text."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)] for row in rows]


def test_every_published_figure_stands_beside_what_was_measured():
    rows = rows_of(page_of(invented()))
    for hidden, norms in published.START_NORMS.items():
        for layer, norm in enumerate(norms, 1):
            (row,) = [row for row in rows if row[0] == f"norm of hidden layer {layer} of {hidden}, at the start"]
            # the median of the seeds' factors is 1
            assert row[1:3] == [number(norm), number(norm)]
            assert [float(end) for end in row[3].split(" … ")] == pytest.approx([0.815 * norm, 1.27 * norm], rel=5e-3)
            assert row[4] == "yes"
    for hidden, figure in published.ACCURACY.items():
        (row,) = [row for row in rows if row[0].startswith(f"validation accuracy, {hidden} hidden")]
        assert row[1] == f"{100 * figure:.2f}"
        assert re.fullmatch(r"\d\d\.\d\d", row[2])
    (slow,) = [row for row in rows if row[0].startswith("last of 4 hidden layers over the first")]
    assert slow[1:3] == ["100", "95"]
    assert slow[4] == "no"


def test_a_published_figure_outside_the_band_is_said_to_be_outside():
    rows = {row.what: row for _, row in Reproduced(SETUP, invented(scale=3.0), tuple(EXPERIMENTS)).beside()}
    first = rows["norm of hidden layer 1 of 4, at the start"]
    assert first.published == 0.003
    assert first.band == pytest.approx((0.009 * 0.815, 0.009, 0.009 * 1.27))
    assert first.inside is False
    assert rows["norm of hidden layer 1 of 1, at the start"].inside is None
    # ratios do not change with the scale
    assert rows["hidden layer 1 over 2, of 4"].band[1] == pytest.approx(0.003 / 0.017)


def test_the_card_and_the_sentence_count_the_figures_inside_the_band(monkeypatch):
    """With 2 and 4 hidden layers the seeds lie about the published norms, with 3 three times as high: 6 of 9 inside.

    The last norm over the first is 95 in every run, and 100 is published: of 10 figures 6 lie inside.
    """
    monkeypatch.setattr(published, "DATA", "digits")
    l2 = of_depths(1.0) | {3: of_depths(3.0)[3]}
    norms = {"norms": Norms(l2, l2)}
    assert sum(map(len, published.START_NORMS.values())) + len(published.SLOWER) == 10
    page = page_of(norms)
    (card,) = re.findall(r"published figures inside the measured band</dt><dd>(.*?)</dd>", page)
    assert card == "6 of 10"
    assert "6 of the 10 published figures lie inside the band" in page
    assert [row[4] for row in rows_of(page) if row[4:5] in (["yes"], ["no"])].count("yes") == 6


def test_the_cards_tell_the_last_norm_over_the_first_and_how_many_steps_make_it_worse():
    """The means go up by 0.85 points, down by 0.3 and down by 1.55; each four runs have a standard deviation of 0.129.

    Of 0.3 points Welch's t is 3.29 with 6 degrees of freedom, beyond 2.45: two of three steps make it worse.
    """
    cards = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page_of(invented())))
    assert cards["last of 4 hidden layers’ gradient over the first’s, at the start"] == "95 : 1"
    assert cards["steps to one more hidden layer that make it worse, of those tested"] == "2 of 3"


def spoken(*texts):
    """The pairs of per cent that are spoken of as 'A to B %'."""
    return [tuple(map(float, pair)) for text in texts for pair in re.findall(r"([\d.]+) to ([\d.]+) %", text)]


def per_cent_below(runs, value):
    """Where a value lies among sorted runs, the least being 0 % and the greatest 100 %, and even between neighbours."""
    return float(np.interp(value, np.sort(runs), np.linspace(0, 100, len(runs))))


def test_every_band_that_is_spoken_of_is_the_one_that_is_drawn_and_judged_by():
    found = invented()
    runs = found["norms"].l2[4][:, 0, 0]
    ax = axes_of(found, "norms", "start-norms")[0]
    (bar,) = [b for c in ax.containers for b in c.lines[2][0].get_segments() if np.ptp(b[:, 1]) and b[0, 1] < runs[1]
              and b[1, 1] > runs[0]]  # fmt: skip
    drawn = tuple(per_cent_below(runs, end) for end in bar[:, 1])
    (row,) = [
        row
        for _, row in Reproduced(SETUP, found, tuple(found)).beside()
        if row.what.startswith("norm of hidden layer 1 of 4")
    ]
    assert (per_cent_below(runs, row.band[0]), per_cent_below(runs, row.band[2])) == pytest.approx(drawn, abs=1e-6)
    band = tuple(round(end, 6) for end in drawn)
    places = {
        "captions": [d.caption for each in EXPERIMENTS.values() for d in each.figures.values()],
        "page": [page_of(found)],
        "legends": [text.get_text() for text in ax.get_legend().get_texts()],
        "sentence": [inside([row])],
        "columns": [name for name in MIDDLE_AND_BAND if "median" not in name],
    }
    for place, texts in places.items():
        assert spoken(*texts), place
        assert set(spoken(*texts)) == {band}, place
    assert len(spoken(*places["captions"])) == 4
    assert len(spoken(*places["page"])) > 8


def test_every_number_of_first_images_is_the_one_that_is_measured_on():
    found = EXPERIMENTS["bars"].run(SETUP)
    train = SETUP.source.load().train
    net = Network([64, 30, 30, 10], rng=0)
    images, targets = train.images.astype(float), np.eye(10)[train.labels]

    def over(count):
        return mean_bias_gradients(images[:count], targets[:count], net.weights, net.biases)[0]

    told = {
        int(count)
        for text in [page_of(invented()), *(d.caption for d in EXPERIMENTS["bars"].figures.values())]
        for count in re.findall(r"first (\d+)(?: training)? images", text)
    }
    (count,) = told
    assert count < len(train)
    np.testing.assert_allclose(found.gradients[0], over(count), rtol=1e-9)
    assert np.abs(found.gradients[0] / over(count - 1) - 1).max() > 1e-6
    # and so do the runs whose norms are drawn over the epochs
    (record, *_) = replace(SETUP, seeds=2, full_batch_epochs=1).full_batch(2)
    np.testing.assert_allclose(record.bias_gradients[0][0], over(count), rtol=1e-9)
    page = page_of(invented())
    assert f"full-batch descent on the first {count} images" in page
    assert f"over the first {count} training images" in page


def test_the_page_is_sound_html_with_every_question_and_figure_once():
    found = invented()
    page = page_of(found)
    Checker(page)
    for place, name in enumerate(found, 1):
        assert page.count(f"<h2>{place}. {EXPERIMENTS[name].question}</h2>") == 1
    assert page.count("<figure>") == sum(len(EXPERIMENTS[name].figures) for name in found)
    assert "http" not in page


def test_on_other_data_the_page_says_that_the_published_figures_are_of_mnist():
    assert "of UCI’s 8 × 8 digits; the published ones are of MNIST" in page_of(invented())


def test_the_place_of_the_theory_is_visible_in_the_table_and_in_the_figure():
    found = invented()
    (caption,) = re.findall(r"<caption>(.*not computed here.*?)</caption>", page_of(found))
    assert caption.endswith(f" {NO_THEORY.capitalize()}.")
    assert not [row for row in rows_of(page_of(found)) if "not computed here" in row]
    assert "theory" not in [row[-1] for row in rows_of(page_of(found)) if row[0] == "ratio of norms"]
    ax = axes_of(found, "ratios", "ratios")[0]
    assert NO_THEORY in [t.get_text().replace("\n", " ") for t in ax.texts]


def test_a_prediction_takes_that_place():
    told = Theory({2: np.array([0.21]), 3: np.array([0.22, 0.23]), 4: np.array([0.24, 0.25, 0.26])}, 0.2048)
    found = invented() | {"ratios": Ratios(invented()["ratios"].measured, told)}
    assert "0.2048" in page_of(found)
    rows = rows_of(page_of(found))
    assert [row[-1] for row in rows if row[0] == "ratio of norms"] == ["theory"]
    of_pairs = [row[-1] for row in rows if row[0].startswith("hidden layer ") and " over " in row[0]]
    assert of_pairs == ["0.2100", "0.2200", "0.2300", "0.2400", "0.2500", "0.2600"]
    assert NO_THEORY.removeprefix("theory: ") not in page_of(found)
    ax = axes_of(found, "ratios", "ratios")[0]
    (line,) = [line for line in ax.lines if line.get_gid() == "wide"]
    assert set(line.get_ydata()) == {0.2048}
    bars = [each.get_segments() for each in ax.collections if each.get_gid() == "predicted"]
    assert [bar[0, 1] for each in bars for bar in each] == [0.21, 0.22, 0.23, 0.24, 0.25, 0.26]


def test_the_prediction_of_the_ratios_is_that_of_predict_and_of_the_mean_field():
    told = EXPERIMENTS["ratios"].run(SETUP, invented()["norms"]).predicted
    assert list(told.ratios) == [2, 3, 4]
    for hidden, ratios in told.ratios.items():
        np.testing.assert_array_equal(ratios, predict([64, *[30] * hidden, 10], data=SETUP.source.load()).ratios)
    # by NumPy's own quadrature: √(E σ'²) at the length q that a layer gives back, q = E σ² + 1
    x, weights = np.polynomial.hermite_e.hermegauss(200)
    q = 1.3
    for _ in range(60):
        q = 1 + weights @ expit(np.sqrt(q) * x) ** 2 / weights.sum()
    slope = expit(np.sqrt(q) * x) * expit(-np.sqrt(q) * x)
    assert told.wide == pytest.approx(np.sqrt(weights @ slope**2 / weights.sum()), rel=1e-12)


def test_ratios_say_of_each_prediction_whether_it_is_refuted():
    measured = Ratios({2: 0.2 * np.exp([[0.01], [-0.01], [0.02], [-0.02]])})
    assert measured.error == pytest.approx(np.sqrt(0.001 / 3) / 2)

    def said(ours, wide):
        return judged(measured, Theory({2: np.array([ours])}, wide))

    assert "neither" in said(0.2, 0.201)
    assert said(0.2, 0.25).endswith("it refutes the second.")
    assert said(0.25, 0.2).endswith("it refutes the first.")
    assert said(0.16, 0.25).endswith("it refutes the first and the second.")
    assert said(float("nan"), 0.2).endswith("it refutes the first.")


def test_where_no_prediction_can_be_made_words_hold_its_place(monkeypatch):
    def refused(*args, **kinds):
        raise BadValue("init is the function 'mine', whose σ are not known")

    monkeypatch.setattr("chainderiv.experiments.ratios.predict", refused)
    found = EXPERIMENTS["ratios"].run(SETUP, invented()["norms"])
    assert found.predicted is None
    assert f" {NO_THEORY.capitalize()}." in next(iter(EXPERIMENTS["ratios"].section(found))).caption
    assert len(EXPERIMENTS["ratios"].reading(found, SETUP)) == 1


def test_figures_hold_the_published_marks_and_the_measured_medians():
    found = invented()
    ax = axes_of(found, "norms", "start-norms")[0]
    (mark,) = [line for line in ax.lines if "published" in str(line.get_label())]
    np.testing.assert_allclose(mark.get_ydata(), np.concatenate(list(published.START_NORMS.values())))
    ax = axes_of(found, "ratios", "ratios")[0]
    (mark,) = [line for line in ax.lines if "published" in str(line.get_label())]
    np.testing.assert_allclose(mark.get_ydata(), np.concatenate(list(_published().values())))
    ax = axes_of(found, "insertion", "insertion")[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [96.0] * 4)
    panels = axes_of(found, "norms", "norms-l1")
    for panel, hidden in zip(panels, (1, 2, 3, 4), strict=True):
        medians = np.array([line.get_ydata() for line in panel.lines]).T
        np.testing.assert_allclose(medians, np.median(found["norms"].l1[hidden], axis=0))


def test_readings_follow_the_numbers_and_not_the_expectation():
    found = invented()
    assert "deep network that is as good exists" in reading(found, "insertion")
    assert "says nothing against the training" in reading(invented(kept=(0.96, 0.9, 0.5, 0.1)), "insertion")
    assert "Chance explains that difference well enough" in reading(invented(deep=0.9599), "insertion")
    better = invented(deep=0.99)
    assert "loses nothing" in reading(better, "insertion")
    assert "the links between the layers stay" in reading(found, "costs")
    torn = Norms({}, {4: 0.2 * found["norms"].l2[4] * np.array([9.0, 3.0, 2.0, 1.0])})
    torn = {"costs": Costs(found["norms"], torn)}
    assert "changes how far the layers lie apart" in reading(torn, "costs")
    assert "not one factor in all" in reading(torn, "costs")
    assert "deeper is worse" in reading(found, "accuracy")
    assert "deeper is better" in reading(better, "accuracy")


def test_the_published_step_is_judged_by_the_spread_of_the_runs():
    # 96.57 to 96.53 against runs of a standard deviation of 0.13 points each
    assert "differ by −0.04 points from 3 to 4 hidden layers" in _spread(invented()["accuracy"])
    assert "less than that" in _spread(invented()["accuracy"])
    final = [np.array([0.96, 0.96000001])] * 4
    still = Accuracy((1, 2, 3, 4), tuple(np.stack([f, f], 1) for f in final), ())
    assert "more than that" in _spread(still)


def test_a_diverged_run_is_counted_in_the_text_and_in_the_table():
    found = invented()
    assert "training diverges for relu, he (1 of 2 with 4 hidden layers)" in reading(found, "remedies")
    assert ["relu, he", "96.50", "95.00 (1 of 2 diverged)"] in rows_of(page_of(found))


def test_what_is_shown_runs_after_what_it_needs():
    for name, each in EXPERIMENTS.items():
        runs = with_what_they_need(EXPERIMENTS, [name])
        assert set(runs) == {name, *each.needs}
        assert runs[-1] == name


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A tiny reproduction on the digits, and what it reported."""
    reports, folder = [], tmp_path_factory.mktemp("view") / "deep" / "page"
    return tiny(folder, reports), reports


def tiny(folder, reports=None, **asked):
    setup = Setup(Source("digits"), seeds=2, epochs=1, full_batch_epochs=2, deepest=(1, 2))
    reports = [] if reports is None else reports
    return reproduction(setup, folder, quick=True, report=lambda *each: reports.append(each), **asked)


def test_the_folder_holds_every_file_whole_and_nothing_else(done):
    result, _ = done
    figures = [f"{name}-{t}.{form}" for name in FIGURES for t in ("light", "dark") for form in ("svg", "png")]
    tables = [f"{name}.csv" for name in EXPERIMENTS]
    assert sorted(os.listdir(result.folder)) == sorted(
        ["runs", "results.json", "arrays.npz", "index.html", *tables, *figures]
    )
    for name in figures:
        content = (result.folder / name).read_bytes()
        if name.endswith("svg"):
            ET.fromstring(content)
        else:
            assert content.endswith(b"IEND\xaeB`\x82")
    Checker(result.index.read_text())


def test_data_page_and_arrays_say_the_same(done):
    result, _ = done
    found, kept = result.reproduced.found, json.loads((result.folder / "results.json").read_text())
    schemas.require("reproduce.page", kept)
    assert kept["accuracy"]["final"] == [runs.tolist() for runs in found["accuracy"].final]
    assert kept["settings"]["data"]["used"] == "digits"
    arrays = np.load(result.folder / "arrays.npz")
    for hidden in (1, 2, 3, 4):
        np.testing.assert_array_equal(arrays[f"norms_l2_hidden{hidden}"], found["norms"].l2[hidden])
        np.testing.assert_array_equal(arrays[f"quadratic_l1_hidden{hidden}"], found["costs"].quadratic.l1[hidden])
    with (result.folder / "norms.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 2 * 3 * (1 + 2 + 3 + 4)
    (row,) = [r for r in table if (r["order"], r["hidden_layers"], r["layer"], r["epoch"]) == ("l2", "4", "1", "0")]
    assert float(row["median"]) == np.median(found["norms"].l2[4][:, 0, 0])
    assert number(float(row["median"])) in result.index.read_text()


def test_progress_names_each_experiment_and_counts_all_its_runs(done):
    _, reports = done
    counts = {"norms": 8, "accuracy": 8, "costs": 8, "remedies": 2 * 2 * len(REMEDIES)}
    for name, total in counts.items():
        steps = [(at, of) for what, at, of in reports if what == name]
        assert steps == [(at, total) for at in range(total + 1)]
    assert reports[-1][0] == "figures"


def test_started_again_it_trains_nothing_and_finds_the_same(done, monkeypatch):
    from chainderiv.nn.training.training import Run

    result, _ = done
    monkeypatch.setattr(Run, "_epoch", lambda *_: pytest.fail("an epoch was trained again"))
    again = reproduce(result.reproduced.setup, ("norms", "accuracy", "insertion", "costs", "remedies"))
    np.testing.assert_array_equal(again["norms"].l2[4], result.reproduced.found["norms"].l2[4])
    np.testing.assert_array_equal(again["insertion"].kept, result.reproduced.found["insertion"].kept)
    for name, runs in again["remedies"].accuracy.items():
        np.testing.assert_array_equal(runs, result.reproduced.found["remedies"].accuracy[name])


def test_another_page_is_never_overwritten(done, tmp_path):
    for name in ("index.html", "arrays.npz", "insertion.csv"):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(OutputError, match=f"holds {name} of another origin.*; give another folder"):
            tiny(folder, only=("insertion",))
        assert [p.name for p in folder.iterdir()] == [name]
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "index.html").write_bytes(done[0].index.read_bytes())
    (earlier / "arrays.npz").write_bytes(b"old")
    assert tiny(earlier, only=("insertion",)).index.read_text() != done[0].index.read_text()


def test_only_what_was_asked_for_is_written(done, tmp_path):
    result = tiny(tmp_path, only=("insertion",))
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix in (".csv", ".svg")) == [
        "insertion-dark.svg", "insertion-light.svg", "insertion.csv",
    ]  # fmt: skip
    page = result.index.read_text()
    assert "1. Is it the depth itself that hurts?" in page
    assert "2. " not in page.split("How it was measured")[0].split("<h2>", 1)[1]
    assert set(result.results) == {"version", "command", "settings", "beside", "insertion"}


def test_a_reproduction_interrupted_before_its_first_run_leaves_no_empty_folder(tmp_path, monkeypatch):
    from chainderiv.pages.reproduction import reproduction as module

    def interrupted(*args, **kinds):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "reproduce", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reproduction(SETUP, tmp_path / "new")
    assert os.listdir(tmp_path) == []
