"""The explorer's page: what it holds, and what its scripts compute, run by node."""

import json
import re
import shlex

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.pages.explorer import full_width, page
from tests.kinds import FOUR
from tests.pages.explored import OWN, chain_of, computed, data, engine, judge_said, parameter, random_states, same, text

# orbits that settle on two values, at one of which the slope is negative: each pair of layers turns the sign
SETTLED = [
    {"activation": "gelu", "cost": "quadratic", "residual": False, "depth": depth, "of": "b", "layer": 1, "second": "b",
     "point": [-5.0, 1.0], "x": 0.5, "y": 0.3}
    for depth in (60, 61, 62, 63)
]  # fmt: skip


def said_of(count, seed, folder, whole=False):
    states = [*random_states(count, np.random.default_rng(seed), whole), *SETTLED]
    return states, computed(states, folder, whole=whole)


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    return said_of(20, 18, tmp_path_factory.mktemp("explorer"))


def test_every_reading_is_the_engines(said):
    judge_said(*said)


@pytest.mark.slow
def test_every_reading_of_every_activation_is_the_engines(tmp_path):
    judge_said(*said_of(6 * (len(ACTIVATIONS) + 1), 19, tmp_path, whole=True))


def test_the_factors_are_those_of_the_derivation_and_their_product_is_the_gradient(said):
    for state, one in zip(*said, strict=True):
        derived = cd.derive(chain_of(state), parameter(state))
        assert len(one["factors"]) == len(derived.surviving)
        written = data()["shared"].keys() | data()["formulas"][state["activation"]].keys()
        assert {factor["piece"] for factor in one["factors"]} <= written
        logs, signs = ([factor[what] for factor in one["factors"]] for what in ("log", "sign"))
        if one["sign"] and np.isfinite(one["log"]):
            assert np.isclose(sum(logs), one["log"], rtol=1e-12, atol=1e-9)  # of logarithms, where 1e-9 is a factor
            assert np.prod(signs) == one["sign"]
        pieces = {"prime": "prime", "weight": "weight", "link": "link", "activation": "input", "slope": "slope"}
        if derived.cancelled is None:
            want = [(pieces[p.kind], p.layer) for p in derived.places]
            got = [("input" if f["piece"] == "x" else f["piece"], f["layer"]) for f in one["factors"]]
            assert [(p, layer - (p == "input")) for p, layer in got] == want


def test_the_pieces_of_the_formula_are_those_of_the_derivation():
    shared = data()["shared"]
    for wrt, pieces in {
        "w1": ["of_w", "x"],
        "w3": ["of_w", "input", "slope"],
        "b2": ["of_b", "weight"],
        "x": ["of_x"],
    }.items():
        layer = int(wrt[1:] or 0)
        whole = cd.derive(cd.Chain(5), wrt).to("mathml")
        for name in pieces:
            at = {"layer": 4 if name == "weight" else layer, "before": layer - 1, "last": 5}
            inner = re.sub(r"^<math[^>]*>|</math>$", "", shared[name].format(**at))
            assert inner in whole, (wrt, name, inner)


def test_rate_and_largest_link_are_the_sweeps(tmp_path):
    given = [{"depth": depth, "activation": name, "residual": residual, "point": [w, b]}
             for depth, name, residual in ((4, "sigmoid", False), (30, "tanh", False), (7, "gelu", True))
             for w, b in ((-2.1, 0.5), (3.0, 1.0))]  # fmt: skip
    for one, state in zip(computed(given, tmp_path), given, strict=True):
        w, b = state["point"]
        s = cd.sweep(
            cd.Chain(state["depth"], state["activation"], residual=state["residual"]), w=cd.Axis(w, w + 1, 2), b=b
        )
        assert one["rate"] == pytest.approx(s.rate[0], rel=1e-12)
        assert one["largest"] == pytest.approx(s.largest_link[0], rel=1e-12)


def test_a_link_that_rounding_makes_0_is_undefined_and_one_of_a_neuron_at_rest_is_0(tmp_path):
    lost = {"activation": "gelu", "residual": True, "depth": 7, "point": [-2.0, 0.5]}  # z tends to 0, 1 - 2 φ'(z) to 0
    rest = {"activation": "relu", "depth": 7, "point": [1.0, -3.0]}
    first, second = computed([lost, rest], tmp_path)
    assert np.isnan(first["log"])
    assert np.isfinite(cd.evaluate(chain_of(first["state"]), -2.0, 0.5).log)  # in more digits than the page has
    assert (second["sign"], second["log"]) == (0, -np.inf)


def test_a_planted_error_is_seen(said, tmp_path):
    few = [{**state, "residual": False, "of": "b", "layer": 1} for state in said[0][:12]]
    wrong = computed(few, tmp_path, lambda script: script.replace("lost = 0.0", "lost = 1e-8"))
    judged = [(one, *engine(one["state"], one["state"]["point"])) for one in wrong]
    sound = [(one, want, allowed) for one, want, allowed in judged if allowed < 1e-9 and np.isfinite(want.log)]
    assert sound
    assert not any(same(one["sign"], one["log"], want, allowed) for one, want, allowed in sound)


def test_an_orbit_that_settles_gives_what_one_that_is_walked_gives(tmp_path):
    rng = np.random.default_rng(7)
    given = [{"activation": name, "depth": 200, "of": "b", "layer": layer, "point": [w, rng.normal()]}
             for name in ("sigmoid", "tanh", "relu", "snake") for layer in (1, 3) for w in (-8.0, -3.0, -0.7, 0.5, 6.0)]  # fmt: skip
    settled = computed(given, tmp_path)
    walked = computed(given, tmp_path, lambda script: script.replace("a == a_2 && ", "false && "))
    for one, other in zip(settled, walked, strict=True):
        assert one["sign"] == other["sign"]
        assert one["log"] == other["log"] or one["log"] == pytest.approx(other["log"], rel=1e-13)


def test_states_out_of_range_are_moved_into_it(tmp_path):
    given = [{"depth": 999, "layer": 500, "of": "q", "w": [3, 3], "point": [99, -99]},
             {"activation": "no such", "cost": "cross_entropy", "residual": True, "depth": "x"},
             {"activation": "sigmoid", "cost": "cross_entropy", "residual": True}]  # fmt: skip
    first, second, third = (one["state"] for one in computed(given, tmp_path))
    assert (first["depth"], first["layer"], first["of"], first["w"], first["point"]) == (
        200,
        200,
        "b",
        [-12, 12],
        [12, -10],
    )
    assert (second["activation"], second["cost"], second["residual"], second["depth"]) == (
        OWN.name,
        "quadratic",
        True,
        4,
    )
    assert (third["cost"], third["residual"]) == ("cross_entropy", False)


def test_the_page_asks_for_nothing():
    assert not re.search(
        r"(src|href)=[\"'](?!data:)|url\((?!data:)|@import|https?://(?!www\.w3\.org/1998/Math)", text()
    )


@pytest.mark.slow
def test_the_page_of_the_whole_catalogue_is_under_a_megabyte():
    assert len(text(whole=True).encode()) < 1_000_000
    assert set(data(whole=True)["programs"]["neurons"]) == {OWN.name, *ACTIVATIONS}


def test_no_script_holds_the_formula_of_an_activation():
    scripts = page.scripts(page.SCRIPTS).replace("Math.sinh(place", "")  # the scale of the colours
    assert not re.search(r"\b(tanh|erf|erfc|exp|expm1|softplus|sinh)\(", scripts)


def test_what_is_offered_is_the_catalogue_and_the_users_own():
    offered = list(data()["programs"]["neurons"])
    assert offered[0] == data()["first"] == OWN.name
    assert set(offered) == {OWN.name, *FOUR}
    assert data()["neurons"][OWN.name]["text"] == "z*exp(-z**2)"
    assert data()["neurons"]["gelu"]["text"] is None


def test_a_formula_is_named_as_the_command_line_takes_it():
    bent = cd.Activation.from_formula("max(z, cos(z))", "max(z, cos(z))")  # its kink is no number that a text could say
    mine = cd.Activation.from_formula("mine", "z*exp(-z**2)")
    other = [cd.Activation.from_formula(name, "z*exp(-z**2)") for name in ("mine too", "z + 1")]
    told = page.page_data([bent, mine, *other], [])["neurons"]
    assert [one["text"] for one in told.values()] == ["max(z, cos(z))", *["z*exp(-z**2)"] * 3]


def test_both_languages_of_the_page_have_the_same_words_with_the_same_gaps():
    english, chinese = (page.source(f"scripts/words_{name}.js") for name in ("en", "zh"))
    entry = re.compile(r'(\w+): "((?:[^"\\]|\\.)*)"')
    one, other = (dict(entry.findall(words)) for words in (english, chinese))
    assert one.keys() == other.keys()
    for name, words in one.items():
        assert sorted(set(re.findall(r"\{\w+\}", words))) == sorted(set(re.findall(r"\{\w+\}", other[name]))), name
    asked = set(re.findall(r'data-t="(\w+)"', page.source("page.html")))
    asked |= set(re.findall(r'\bt\("(\w+)"[,)]', page.scripts(page.SCRIPTS)))
    assert asked <= one.keys()


def test_the_command_writes_the_page_and_opens_it_unless_told_otherwise(tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or True)
    monkeypatch.setattr(
        page,
        "page_data",
        lambda activations=(), measured=None: {"of": [phi.name for phi in activations], "wide": measured},
    )
    out = tmp_path / "deep" / "mine.html"
    assert main(["explore", "--no-open", "--out", str(out), "--activation", "z/(1+exp(-2z))"]) == 0
    assert "</html>" in out.read_text()
    assert not opened
    capsys.readouterr()
    assert main(["explore", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(out), "opened": True, "activations": []}
    assert opened == [out.as_uri()]


def test_what_is_to_be_measured_is_in_the_page_with_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(page, "page_data", lambda activations=(), measured=None: measured)
    monkeypatch.setattr(full_width, "DEPTHS", (1,))
    monkeypatch.setattr(full_width, "STARTS", ("glorot",))
    monkeypatch.setattr(full_width, "SEEDS", 1)
    out, own, few = tmp_path / "mine.html", tmp_path / "my digits.npz", cd.load_data("digits").train.first(200)
    np.savez(own, images=few.images, labels=few.labels)
    words = ["explore", "--no-open", "--out", str(out), "--measure", str(own)]
    assert main([*words, "--activation", "tanh"]) == 0
    (written,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', out.read_text(), re.S)
    measured = json.loads(written)
    assert measured["made_by"] == shlex.join(["chainderiv", *words, "--activation", "tanh"])
    assert (measured["data"], list(measured["neurons"])) == (str(own), ["tanh"])
    assert measured["images"] < 200  # some of them validate and test
    out.unlink()
    assert main(words) == 2
    assert "give --activation" in capsys.readouterr().err
    assert main([*words[:-2], "--data", str(tmp_path)]) == 2
    assert "give --measure" in capsys.readouterr().err
    assert not out.exists()


def test_a_name_that_is_no_page_and_an_unknown_activation_are_refused(tmp_path, capsys):
    for words in (["--out", str(tmp_path / "x.png")], ["--activation", "sigmod"]):
        assert main(["explore", "--no-open", *words]) == 2
        assert "Traceback" not in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
