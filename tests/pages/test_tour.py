import base64
import html
import json
import os
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from chainderiv.cli import main
from chainderiv.errors import BadValue, OutputError
from chainderiv.nn.training.training import train
from chainderiv.pages.tour import tour as module
from chainderiv.pages.tour.page import TITLE, tour_page
from chainderiv.pages.tour.tour import STAGES, Size, tour
from chainderiv.pages.writer import render
from tests import plain_map, schemas
from tests.backpropagation import mean_bias_gradients
from tests.pages.test_html import Checker, as_typed

SMALL = Size(grid=61, points=3, epochs=2)
MATHML = "http://www.w3.org/1998/Math/MathML"
FIGURES = [f"{n}-{t}.{f}" for n in ("link-map", "gradient-map", "bars", "training") for t in ("light", "dark")
           for f in ("svg", "png")]  # fmt: skip
EARLIER = render("page.html.j2", title=TITLE)
FILES = sorted(["formula.txt", "formula.tex", "results.json", "index.html", *FIGURES])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A small tour into a folder that is not there yet, and what it reported."""
    reports = []
    folder = tmp_path_factory.mktemp("view") / "deep" / "tour"
    return tour(folder, progress=lambda *report: reports.append(report), _size=SMALL), reports


def read(result):
    return json.loads((result.folder / "results.json").read_text())


def test_its_numbers_are_of_their_schema(done):
    schemas.require("tour.page", read(done[0]))


def test_the_folder_holds_every_file_whole_and_nothing_else(done):
    result, _ = done
    assert sorted(os.listdir(result.folder)) == FILES
    assert result.index == result.folder / "index.html"
    for name in FIGURES:
        content = (result.folder / name).read_bytes()
        if name.endswith("svg"):
            ET.fromstring(content)
        else:
            assert content.startswith(b"\x89PNG")
            assert content.endswith(b"IEND\xaeB`\x82")


def test_the_result_says_what_the_files_say(done):
    result, _ = done
    found = read(result)
    assert result.verified is found["verification"]["passed"] is True
    assert result.worst_disagreement == found["verification"]["worst_disagreement"] < 1e-8
    assert (result.log10_smallest, result.log10_largest) == (
        found["map"]["log10_smallest"],
        found["map"]["log10_largest"],
    )
    norms = found["training"]["norms_l2"]
    assert result.norm_ratio == pytest.approx(norms[0][1] / norms[0][0], rel=1e-12)
    assert len(norms) == SMALL.epochs + 1


def test_the_extremes_are_those_of_the_map(done):
    result, _ = done
    from chainderiv.maps.axis import Axis
    from chainderiv.maps.sweep import sweep
    from chainderiv.symbolic.chain import Chain

    s = sweep(Chain(depth=4), w=Axis(-12, 12, 61), b=Axis(-10, 10, 61), x=0.5, y=0.0)
    finite = s.log10_abs[np.isfinite(s.log10_abs)]
    assert (result.log10_smallest, result.log10_largest) == (finite.min(), finite.max())
    assert read(result)["map"]["exactly_zero"] == 61
    # at w = 0 the gradient is 0, which is told apart and is no extreme
    assert result.log10_smallest > -100


def test_the_exploding_case_has_links_of_25(done):
    case = read(done[0])["exploding_case"]
    np.testing.assert_allclose(case["links"], [25, 25, 25], rtol=1e-14)
    np.testing.assert_allclose(case["running_products"][-2], 25**3 / 4, rtol=1e-14)
    np.testing.assert_allclose(case["running_products"][-1], 25**3 / 8, rtol=1e-14)


def test_the_bars_are_the_hidden_layers_means_before_training(done):
    training = read(done[0])["training"]
    bars = training["mean_bias_gradients_at_the_start"]
    assert [len(layer) for layer in bars] == [30, 30]
    np.testing.assert_allclose([np.linalg.norm(g) for g in bars], training["norms_l2"][0], rtol=1e-9)
    assert training["settings"]["sizes"] == [64, 30, 30, 10]


def test_the_formula_is_the_sources_equation_1_and_the_latex_is_balanced(done):
    folder = done[0].folder
    text = (folder / "formula.txt").read_text(encoding="utf-8")
    assert text.startswith("∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄\n")
    latex = (folder / "formula.tex").read_text(encoding="utf-8")
    assert latex.isascii()
    assert latex.count("{") == latex.count("}")
    assert re.findall(r"\\begin\{(\w+\*?)\}", latex) == ["document", "equation", "align*"]
    assert latex.rstrip().endswith(r"\end{document}")


def test_the_page_needs_no_network_and_every_tag_is_closed(done):
    text = done[0].index.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"'<> ]+", text)) == {MATHML}
    found = Checker(text)
    for tag, name, value in found.attributes:
        if name in ("src", "srcset", "href") and not value.startswith("data:"):
            assert (tag, name) == ("a", "href")
            assert (done[0].folder / value).is_file()
    assert found.tags.count("img") == found.tags.count("source") == 4
    assert not {"script", "iframe"} & set(found.tags)
    assert all(value for tag, name, value in found.attributes if (tag, name) == ("img", "alt"))


def test_the_page_shows_the_very_figures_of_the_folder(done):
    text = done[0].index.read_text(encoding="utf-8")
    shown = {base64.b64decode(code) for code in re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", text)}
    assert shown == {(done[0].folder / name).read_bytes() for name in FIGURES if name.endswith("svg")}


def test_the_page_tells_the_numbers(done):
    text = done[0].index.read_text(encoding="utf-8")
    assert f"10<sup>{done[0].log10_smallest:.2f}</sup>".replace("-", "−") in text
    assert "3906.25" in text
    assert "They agree" in text


def page_of(result):
    return result.index.read_text(encoding="utf-8")


def words(page):
    """The page as text, true minus signs and spaces as they are typed."""
    return html.unescape(re.sub(r"<[^>]+>", "", page)).replace("−", "-").replace("\u00a0", " ")


def found_in(text, pattern):
    """The numbers of the one place that reads so."""
    (found,) = re.findall(pattern, text)
    return [float(n) for n in ([found] if isinstance(found, str) else found)]


N = r"(-?\d+(?:\.\d+)?)"


def cells(done, caption):
    """The rows of the table under a caption, the names first."""
    tables = re.findall(r"<table.*?</table>", as_typed(page_of(done[0])), re.S)
    (body,) = [text for text in tables if f"<caption>{caption}" in text]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.S)
    return [[words(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row)] for row in rows]


def test_the_shares_and_extremes_of_the_map_are_those_of_hand_written_links(done):
    w, b = plain_map.grid((-12, 12), (-10, 10), (SMALL.grid, SMALL.grid))
    size, regions = plain_map.log10_gradient(w, b), plain_map.regions(w, b)
    low, high = size[np.isfinite(size)].min(), size.max()
    quarter = (plain_map.largest_link(w, b) < 0.25).mean()
    share = {name: where.mean() for name, where in regions.items()}
    # what the words speak of: these three differ, and so would shares of another regime
    assert share["exploding"] < 0.1 < share["vanishing"] != pytest.approx(quarter, abs=0.01)
    kept = read(done[0])["map"]
    assert kept["share"] == pytest.approx(share | {"below_quarter": quarter}, rel=1e-12)
    assert (kept["log10_smallest"], kept["log10_largest"]) == pytest.approx((low, high), rel=1e-9)
    text = words(page_of(done[0]))
    assert found_in(text, rf"it explodes on {N} % of this map") == [round(100 * share["exploding"], 1)]
    assert found_in(text, rf"on {N} % of it every single link is below 1/4") == [round(100 * quarter)]
    ends = [round(low, 2), round(high, 2)]
    assert found_in(text, rf"\|∂C/∂b₁\| runs from 10{N} to 10{N}\.") == ends
    assert found_in(text, rf"on the map, smallest and largest\s*10{N} to 10{N}") == ends


def test_the_norms_and_their_ratio_at_the_start_are_those_of_backpropagation_by_hand(done):
    from chainderiv.nn.data.data import load_data
    from chainderiv.nn.network import Network

    train = load_data("digits").train
    net = Network([64, 30, 30, 10], rng=0)
    images, targets = train.images[:1000].astype(float), np.eye(10)[train.labels[:1000]]
    first, last = (np.linalg.norm(g) for g in mean_bias_gradients(images, targets, net.weights, net.biases)[:2])
    assert last > 2 * first
    assert done[0].norm_ratio == pytest.approx(last / first, rel=1e-9)
    text = words(page_of(done[0]))
    said = rf"the mean of ∂C/∂b over {N} images has the norm {N} in the first hidden layer and {N} in the last: "
    count, *told = found_in(text, said + rf"a factor of {N}\.")
    assert count == 1000 == len(images)
    assert told == pytest.approx([first, last, last / first], rel=5e-3)
    card = r"second hidden layer’s gradient over the first’s, at the start\s*"
    assert found_in(text, rf"{card}{N} : 1") == pytest.approx([last / first], rel=5e-3)


def test_the_page_tells_the_accuracy_and_the_ratio_before_and_after():
    found = module.compute(0, Size(grid=5, points=1, epochs=2), lambda *_: None)
    record = replace(found.record, accuracy=np.array([0.12, 0.5, 0.87]))
    text = words(tour_page(replace(found, record=record), defaultdict(bytes)))
    said = rf"Over {N} epochs the validation accuracy goes from {N} % to {N} %"
    assert found_in(text, said) == [2, 12, 87]
    norms = [[np.linalg.norm(g) for g in row[:-1]] for row in record.bias_gradients]
    ratios = [last / first for first, last in (norms[0], norms[-1])]
    assert ratios[1] != pytest.approx(ratios[0], rel=0.02)
    assert found_in(text, rf"the ratio of the norms moves from {N} to {N}\.") == pytest.approx(ratios, rel=5e-3)


def test_the_table_of_the_exploding_case_multiplies_up_to_the_gradient(done):
    """At w = 100, z = 0, x = 0.5, y = 0 every σ' is 1/4, every a_l is 1/2, and ∂C/∂a₄ is 1/2."""
    head, *rows = cells(done, "Every factor of ∂C/∂b₁ at w = 100, z = 0")
    assert head == ["factor", "value", "product so far"]
    assert [row[0] for row in rows] == ["σ′(z₁)", "w₂", "σ′(z₂)", "w₃", "σ′(z₃)", "w₄", "σ′(z₄)", "∂C/∂a₄"]
    values = [0.25, *[100, 0.25] * 3, 0.5]
    assert [float(row[1]) for row in rows] == values
    assert [float(row[2]) for row in rows] == list(np.cumprod(values))


def test_the_table_of_the_verification_has_its_numbers_under_their_names(done):
    head, *rows = cells(done, "Symbolic gradient against each judge")
    kept = read(done[0])["verification"]["rows"]
    assert len(rows) == len(kept)
    for row, one in zip((dict(zip(head, row, strict=True)) for row in rows), kept, strict=True):
        assert (row["parameter"], row["judge"]) == (one["parameter"], one["method"])
        assert row["judged"] == f"{one['judged']} of {SMALL.points}"
        for name, field in (("worst |Δlog|", "worst_error"), ("allowed", "allowed")):
            ten = row[name].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")).replace(" · 10", "e")
            assert ten == "–" if not one["judged"] else float(ten) == pytest.approx(one[field], rel=0.06)
    assert all(one["worst_error"] <= one["allowed"] for one in kept if one["judged"])
    assert sum(one["worst_error"] < one["allowed"] / 10 for one in kept if one["judged"]) > 5


def test_progress_goes_through_every_stage_to_its_end(done):
    _, reports = done
    stages = list(dict.fromkeys(stage for stage, _, _ in reports))
    assert tuple(stages) == STAGES
    for stage in STAGES:
        steps = [(finished, total) for name, finished, total in reports if name == stage]
        assert steps[-1][0] == steps[-1][1]
        assert [finished for finished, _ in steps] == sorted(finished for finished, _ in steps)


def test_a_file_in_the_folders_place_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "compute", lambda *_: pytest.fail("computed before the folder was looked at"))
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="folder") as caught:
            tour(path)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_may_not_be_written_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "compute", lambda *_: pytest.fail("computed before the folder was looked at"))
    monkeypatch.setattr(module.os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(OutputError, match="cannot be written"):
        tour(tmp_path)


@pytest.mark.parametrize(("name", "content"), [
    ("index.html", "<html><head><title>My site</title></head></html>"),
    ("index.html", ""),
    ("index.html", render("page.html.j2", title="Why are deep networks hard to train?", command=TITLE)),
    ("results.json", "{}"),
    ("formula.tex", "mine"),
])  # fmt: skip
def test_what_is_not_a_tours_is_never_overwritten(tmp_path, monkeypatch, capsys, name, content):
    monkeypatch.setattr(module, "compute", lambda *_: pytest.fail("computed before the folder was looked at"))
    (tmp_path / name).write_text(content)
    assert main(["tour", "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert f"folder {str(tmp_path)!r} holds {name} of another origin" in err
    assert "; give another folder" in err
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text() == content


def test_a_link_that_leads_nowhere_yet_is_not_written_through(tmp_path):
    (tmp_path / "index.html").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="index.html of another origin"):
        tour(tmp_path)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_what_is_no_seed_is_refused_before_a_folder_is_made(seed, tmp_path):
    with pytest.raises(BadValue, match="seed"):
        tour(tmp_path / "new", seed=seed)
    assert not (tmp_path / "new").exists()


def test_an_interrupted_tour_leaves_an_earlier_ones_files_as_they_were(done, tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text(EARLIER)

    def interrupted(*args, **settings):
        train(*args, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tour(tmp_path, _size=SMALL)
    assert os.listdir(tmp_path) == ["index.html"]
    assert (tmp_path / "index.html").read_text() == EARLIER


@pytest.mark.parametrize("stage", ["verify", "train"])
@pytest.mark.parametrize("folder", ["tour", "deep/below/tour"])
def test_an_interrupted_tour_leaves_no_empty_folder(stage, folder, tmp_path, monkeypatch):
    def interrupted(*args, **settings):
        assert (tmp_path / folder).is_dir()
        raise KeyboardInterrupt

    monkeypatch.setattr(module, stage, interrupted)
    with pytest.raises(KeyboardInterrupt):
        tour(tmp_path / folder, _size=SMALL)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_was_there_stays_though_the_tour_is_interrupted(tmp_path, monkeypatch):
    def interrupted(*args, **settings):
        raise KeyboardInterrupt

    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(module, "verify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tour(tmp_path / "mine" / "tour", _size=SMALL)
    assert os.listdir(tmp_path) == ["mine"]
    assert os.listdir(tmp_path / "mine") == []


def test_a_disagreement_is_told_and_not_hidden(monkeypatch):
    from chainderiv.checking.verify import verify
    from chainderiv.symbolic.derive import derive

    def planted(chain, **settings):
        d = derive(chain, "b1")
        return verify(chain, derivation=d.replace(3, 1.001 * d.factors[3]), **settings)

    monkeypatch.setattr(module, "verify", planted)
    found = module.compute(0, SMALL, lambda *_: None)
    assert not found.verification.passed
    assert found.worst_disagreement == pytest.approx(np.log(1.001), rel=1e-3)
    text = tour_page(found, defaultdict(bytes))
    assert "They disagree" in text
    assert "They agree" not in text


@pytest.mark.slow
def test_another_tour_replaces_the_files_and_the_same_seed_gives_the_same_page(done, tmp_path):
    (tmp_path / "index.html").write_text(EARLIER)
    (tmp_path / "results.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    result = tour(tmp_path, _size=SMALL)
    assert result.index.read_bytes() == done[0].index.read_bytes()
    assert sorted(os.listdir(tmp_path)) == sorted([*FILES, "notes.txt"])
