"""Every public result shows itself: as text where it is printed, as plain HTML of the same words in a notebook."""

import inspect
import re
from html import unescape

import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.shown import Shown
from tests.pages.test_html import Checker

CHAIN = cd.Chain(2)
AXES = {"w": cd.Axis(-12, 12, 9), "b": cd.Axis(-10, 10, 7)}
DIGITS = cd.load_data("digits").take(50)
W = sympy.Symbol("w", positive=True)
RESULTS = {
    "Advice": lambda: cd.advise("tanh", depth=4, width=50),
    "Amplifying": lambda: cd.bounds("sigmoid").interval(8),
    "Audit": lambda: cd.audit("relu"),
    "Bounds": lambda: cd.bounds("sigmoid"),
    "Comparison": lambda: cd.compare(CHAIN, "b1", "b2"),
    "CriticalLine": lambda: cd.critical_line("tanh"),
    "CriticalPoint": lambda: cd.critical_points("tanh", 0.2)[0],
    "Data": lambda: DIGITS,
    "Derivation": lambda: cd.derive(CHAIN, "b1"),
    "Diagnosis": lambda: cd.diagnose(cd.Network([64, 5, 4, 10])),
    "Estimate": lambda: cd.Estimate(1600, 16, 15, 3_000, 74_000, 75.3),
    "Gains": lambda: cd.gains("tanh"),
    "Keeping": lambda: cd.keeping("tanh", depth=4),
    "LayerDerivation": lambda: cd.derive_layers([3, 2, 2]),
    "LogSign": lambda: cd.LogSign([1.0, -1.0], [-1611.8, 3.0]),
    "MeanField": lambda: cd.mean_field("gelu", sigma_w=1.45, sigma_b=0.3),
    "Network": lambda: cd.Network([64, 5, 4, 10]),
    "PhaseDiagram": lambda: cd.phase_diagram("gelu", cd.Axis(0.5, 4, 8), cd.Axis(0, 2, 5)),
    "Prediction": lambda: cd.predict([64, 5, 4, 10], data=DIGITS),
    "RandomChain": lambda: cd.random_chain("tanh", sigma_w=3, sigma_b=0.5),
    "ResidualField": lambda: cd.mean_field("tanh", 1.5, 0.2, residual=True),
    "SecondDerivation": lambda: cd.derive(CHAIN, ("b1", "w2")),
    "Split": lambda: DIGITS.train,
    "Sweep": lambda: cd.sweep(CHAIN, **AXES),
    "Tally": lambda: cd.tally(cd.sweep(CHAIN, **AXES)),
    "Term": lambda: cd.derive(CHAIN, ("b1", "w2")).terms[0],
    "TrainingRecord": lambda: cd.train(cd.Network([64, 5, 4, 10]), DIGITS, epochs=2),
    "Verification": lambda: cd.verify(CHAIN, points=3),
    "Watch": lambda: watched()[0],
    "WatchRecord": lambda: watched()[1],
}


def watched():
    """A watch over three layers, and its record of one step."""
    watch = cd.watch([(np.eye(4), np.zeros(4)) for _ in range(3)])
    return watch, watch.tick([(np.full((4, 4), size), np.full(4, size)) for size in (1e-23, 1e-20, 1e-17)])


GIVEN = {
    "Activation",
    "Axis",
    "Chain",
    "Cost",
    "Experiment",
    "Gaussian",
    "Parameter",
    "Plan",
    "Reproduction",
    "Setup",
    "Source",
    "Stable",
    "Training",
}
PARTS = {
    "AuditRow",
    "Factor",
    "FixedPoint",
    "Forward",
    "LayerDiagnosis",
    "LayerParameter",
    "Row",
    "Step",
    "WatchedLayer",
    "Widest",
}  # of what shows them
WORDS = {"Certainty", "Quantity", "Regime", "erfcx", "normal_cdf"}
NASTY = "<b>&\"'"


def text_of(page):
    """The words of a piece of HTML, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def classes():
    named = {name: getattr(cd, name) for name in cd.__all__ if name not in ("errors", "__version__")}
    return {name for name, thing in named.items() if inspect.isclass(thing)}


def test_no_public_class_is_forgotten():
    known = RESULTS.keys() | GIVEN | PARTS | WORDS
    assert classes() == known, "a new class: make one in RESULTS if it is what a call returns, or say what it is"


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_displays_itself_without_net_script_or_colours_of_its_own(name):
    result = RESULTS[name]()
    assert name in {kind.__name__ for kind in type(result).__mro__}
    made = result._repr_html_()
    found = Checker(made)  # every tag is closed
    assert not {"script", "link", "img", "iframe", "style"} & set(found.tags)
    assert not [n for _, n, _ in found.attributes if n.startswith("on") or n in ("src", "href", "class", "id")]
    # black on white is unreadable where a notebook is dark
    assert not re.search(r"color|background|#[0-9a-f]{3}|url\(|http(?!://www\.w3\.org/1998/Math/MathML)", made)
    assert "$" not in made  # which MathJax would have to read
    assert len(made) < 20_000


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_prints_itself_in_lines_and_not_as_its_fields(name):
    result = RESULTS[name]()
    text = str(result)
    assert 3 < len(text) < 5_000
    assert "array(" not in text
    assert " object at 0x" not in text
    assert not text.startswith(f"{name}(") or name == "Network"


@pytest.mark.parametrize("name", ["Amplifying", "Audit", "CriticalLine", "CriticalPoint", "Data", "Estimate", "MeanField", "PhaseDiagram", "RandomChain", "Split", "Sweep", "Tally", "TrainingRecord",
                                  "Verification"])  # fmt: skip
def test_what_is_displayed_is_what_is_printed(name):
    result = RESULTS[name]()
    printed = [word for word in re.findall(r"[^\s:]+", str(result)) if not set(word) <= {"-"}]
    displayed = re.findall(r"[^\s:]+", text_of(result._repr_html_()))
    assert displayed == printed


@pytest.mark.parametrize(("command", "made"), [
    (["verify", "--depth", "3", "--points", "4"], lambda: cd.verify(cd.Chain(3), points=4)),
    (["verify", "--depth", "2", "--wrt", "b1,w2", "--points", "4"],
     lambda: cd.verify(CHAIN, cd.derive(CHAIN, ("b1", "w2")), points=4)),
    (["verify", "--depth", "12", "--points", "1"], lambda: cd.verify(cd.Chain(12), points=1)),
    (["map", "--depth", "2", "--w", "-12:12:9", "--b", "-10:10:7"], lambda: cd.sweep(CHAIN, **AXES)),
    (["map", "--depth", "2", "--wrt", "b1,w2", "--w", "-12:12:9", "--b", "-10:10:7"],
     lambda: cd.sweep(CHAIN, wrt=("b1", "w2"), **AXES)),
    (["phase", "--activation", "gelu", "--at", "sigma_w=1.45,sigma_b=0.3"],
     lambda: cd.mean_field("gelu", sigma_w=1.45, sigma_b=0.3)),
    (["derive", "--depth", "2"], lambda: cd.derive(CHAIN, "b1")),
    (["derive", "--depth", "2", "--compare", "b1", "b2"], lambda: cd.compare(CHAIN, "b1", "b2")),
])  # fmt: skip
def test_the_command_line_prints_what_python_prints(command, made, capsys):
    assert main(command) == 0
    assert capsys.readouterr().out == f"{made()}\n"


def test_bounds_and_audit_are_printed_by_the_command_line_as_by_python(capsys):
    assert main(["bounds", "tanh", "--audit"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{cd.bounds('tanh')}\n\n")
    assert printed.endswith(f"\n\n{cd.audit('tanh')}\n")


def test_a_training_is_printed_by_the_command_line_as_by_python(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "--dataset", "digits", "--epochs", "1", "--activation", "relu", "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"{cd.TrainingRecord.load(out)}\n")


def test_a_name_with_markup_in_it_stays_a_name():
    mine = cd.Activation.from_formula(NASTY, "z/(1+exp(-z))", symbol=NASTY)
    chain = cd.Chain(2, mine)
    for result in (
        cd.verify(chain, points=2), cd.audit(mine), cd.bounds(mine), cd.sweep(chain, **AXES), cd.derive(chain, "b1"),
        cd.derive(chain, ("b1", "b2")), cd.compare(chain, "b1", "b2"), cd.Network([3, 2, 2], mine),
        cd.derive_layers([3, 2, 2], mine), cd.Data(NASTY, *[DIGITS.train] * 3),
    ):  # fmt: skip
        made = result._repr_html_()
        assert "<b>" not in made
        assert set(Checker(made).tags) <= {
            "div", "table", "thead", "tbody", "tr", "th", "td", "math", "mrow", "mi", "mo", "mn", "msub", "msup", "msubsup",
            "mfrac", "mspace", "mtext", "mtable", "mtr", "mtd", "munderover", "mfenced",
        }  # fmt: skip


def test_the_check_sees_a_name_that_became_markup():
    with pytest.raises(AssertionError):
        assert set(Checker("<div><b>name</b></div>").tags) <= {"div"}


def test_a_long_record_keeps_its_ends():
    rows = 201
    gradients = tuple((np.full(3, 0.5), np.ones(2)) for _ in range(rows))
    record = cd.TrainingRecord({}, gradients, np.ones(rows), np.arange(rows) / 7, np.linspace(0, 1, rows))
    lines = str(record).splitlines()
    assert lines[2].split()[:2] == ["0", "0.00"]
    assert lines[-3].split()[:2] == ["200", "100.00"]
    assert "… 141 more" in lines
    assert len(lines) == 2 + 61 + 2
    assert np.shape([line.split() for line in lines[2:32]]) == (30, 4)


def test_the_rows_of_a_large_verification_that_are_left_out_are_counted():
    found = cd.verify(cd.Chain(12), points=1)
    assert f"… {len(found.rows) - 60} more rows (.rows and --json have them all)" in str(found).splitlines()


def test_a_map_too_large_to_be_counted_in_passing_says_who_counts_it(monkeypatch):
    from chainderiv.maps import sweep as module

    monkeypatch.setattr(module, "MOST_COUNTED", 62)
    swept = cd.sweep(CHAIN, **AXES)
    assert "points: 63 (tally() counts them)" in str(swept)
    assert "vanishing" not in str(swept)


def test_where_a_weight_is_a_symbol_its_range_is_named():
    (found,) = cd.bounds("softplus").interval(W)
    assert str(found).startswith("where 1 < w, b = 0\n")


def test_columns_stand_under_their_names_whatever_replaces_a_letter():
    shown = Shown(["κ"], ("δ", "next"), [("σσ", "1")], ["λ"])
    assert shown.text(lambda text: text.replace("σ", "sigma").replace("δ", "delta")).splitlines() == [
        "κ", "delta       next", "----------  ----", "sigmasigma  1", "λ",
    ]  # fmt: skip
