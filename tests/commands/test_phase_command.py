"""chainderiv phase: its map, its table of critical weights, the theory at a point, and what it refuses."""

import json
import math

import pytest

from chainderiv import critical_points, critical_sigma_w, mean_field
from chainderiv.cli import main
from tests.kinds import costly


def printed(capsys, *words):
    assert main(["phase", *words]) == 0
    return capsys.readouterr().out


def test_a_map_is_written_and_its_shares_and_critical_weights_printed(tmp_path, capsys):
    out = tmp_path / "phase.png"
    text = printed(capsys, "--sigma-w", "0.5:4:30", "--sigma-b", "0:2:21", "--out", str(out), "--dark", "--size", "5x4")
    assert out.read_bytes()[1:4] == b"PNG"
    assert "tanh over sigma_w 0.5:4:30 x sigma_b 0:2:21 (standard deviations)" in text
    assert "vanishing:" in text
    assert f"written: {out}" in text
    rows = [line.split() for line in text.splitlines() if line.endswith("yes")]
    assert [float(row[0]) for row in rows] == [0, 0.5, 1, 1.5, 2]
    for b, w, *_ in rows:
        assert float(w) == pytest.approx(critical_sigma_w("tanh", float(b)), rel=1e-11)


@pytest.mark.parametrize("quantity", costly(["chi_1", "chi_q", "q_star", "c_star", "xi_q", "xi_c"], quick=["xi_c"]))
@pytest.mark.parametrize("form", costly(["svg", "pdf"], quick=["svg"]))
def test_every_quantity_is_drawn_in_every_form(tmp_path, capsys, quantity, form):
    out = tmp_path / f"phase.{form}"
    words = ["--sigma-w", "0.5:4:5", "--sigma-b", "0:2:4", "--quantity", quantity]
    printed(capsys, *words, "--out", str(out))
    assert out.stat().st_size > 1000


def test_a_page_is_written_with_the_title_and_size_that_are_asked_for(tmp_path, capsys):
    out = tmp_path / "phase.html"
    words = ["--sigma-w", "0.5:4:5", "--sigma-b", "0:2:4", "--title", "mine", "--size", "5x4"]
    assert f"written: {out}" in printed(capsys, *words, "--quantity", "q_star", "--out", str(out))
    assert "<title>Wide layers of tanh</title>" in out.read_text(encoding="utf-8")


def test_biases_whose_critical_weight_float64_does_not_hold_leave_the_others_told(capsys):
    words = ["--activation", "max(z-3,0)", "--sigma-w", "1:9:5", "--sigma-b", "0.01:2:3"]
    text = printed(capsys, *words)
    assert "0.01     not known" in text
    assert [p["sigma_b"] for p in json.loads(printed(capsys, *words, "--json"))["critical"]] == [1.005, 2]


def test_as_json_there_is_a_critical_point_for_every_sigma_b(capsys):
    result = json.loads(printed(capsys, "--sigma-w", "0.5:4:9", "--sigma-b", "0:2:5", "--json"))
    assert [p["sigma_b"] for p in result["critical"]] == [0, 0.5, 1, 1.5, 2]
    for p in result["critical"]:
        (want,) = critical_points("tanh", p["sigma_b"])
        assert p["sigma_w"] == want.sigma_w
    assert sum(result["shares"][name] for name in ("vanishing", "exploding")) == pytest.approx(1)
    assert result["axes"]["sigma_w"] == [0.5, 4, 9, "linear"]


def test_a_sigma_b_that_is_a_number_gives_its_critical_weights_alone(capsys):
    result = json.loads(printed(capsys, "--activation", "gelu", "--sigma-b", "0.2", "--json"))
    assert [(p["sigma_w"], p["stable"]) for p in result["critical"]] == [(critical_sigma_w("gelu", 0.2), False)]
    assert result["axes"] == {}
    assert "none" in printed(capsys, "--activation", "relu", "--sigma-b", "0.2")


def test_at_a_point_the_numbers_are_mean_fields_with_their_errors(capsys):
    result = json.loads(printed(capsys, "--at", "sigma_w=1.5,sigma_b=0.2", "--at", "sigma_w=2", "--json"))
    for found, want in zip(result["at"], (mean_field("tanh", 1.5, 0.2), mean_field("tanh", 2)), strict=True):
        for name in ("q_star", "chi_q", "chi_1", "c_star", "xi_q", "xi_c", "kappa", "phase", "half_life", "case"):
            assert found[name] == getattr(want, name), name
        assert found["errors"] == want.errors
        assert [p["q_star"] for p in found["fixed_points"]] == [p.q_star for p in want.fixed_points]
    assert result["critical"] == []


def test_at_a_point_every_fixed_point_is_printed_and_what_case_it_is(capsys):
    text = printed(capsys, "--activation", "gelu", "--at", f"sigma_w={2.1**0.5},sigma_b={0.1**0.5}")
    assert "several fixed points" in text
    assert "q* = 0.469868552" in text
    assert "q* = 1.23737666" in text
    assert "unstable" in text
    assert all(name in text for name in ("q_star", "chi_q", "chi_1", "c_star", "xi_q", "xi_c", "kappa", "half_life"))


def test_the_error_of_a_length_scale_is_that_of_its_slope_carried_through():
    """ξ = -1/ln χ moves by ξ² dχ/χ, and so does the table's; judged by a difference."""
    m = mean_field("tanh", 1.2, 0.4)
    rows = {row[0]: row for row in m._shown().rows}
    for name, chi, off, scale in (
        ("xi_q", m.chi_q, m.errors["chi_q"], -1),
        ("half_life", m.chi_1, m.errors["chi_1"], -2 * math.log(2)),
    ):
        h = 1e-6
        slope = (scale / math.log(chi + h) - scale / math.log(chi - h)) / (2 * h)
        assert float(rows[name][2]) == pytest.approx(abs(slope) * off, rel=0.06)


def test_a_formula_is_an_activation_too(capsys):
    text = printed(capsys, "--activation", "tanh(2*z)/2", "--sigma-b", "0")
    assert "1 " in text.splitlines()[-1]  # φ'(0) = 1


def test_what_a_point_prints_is_ascii_and_loses_nothing_on_any_terminal(capsys):
    text = printed(capsys, "--at", "sigma_w=1.5,sigma_b=0.2")
    assert text.isascii()


@pytest.mark.parametrize("words", [
    ["--sigma-w", "0:4:20"], ["--sigma-w", "-1:4:20"], ["--sigma-w", "2"], ["--sigma-w", "1:2"], ["--sigma-w", "nan:2:5"],
    ["--sigma-b", "-1:2:5"], ["--sigma-b", "-1"], ["--sigma-b", "x"], ["--sigma-b", "nan"], ["--sigma-b", "2:1:5"],
    ["--at", "w=1"], ["--at", "sigma_w=0"], ["--at", "sigma_w=-1"], ["--at", "sigma_w=nan"], ["--at", "sigma_b=1"],
    ["--at", "sigma_w=1,sigma_b=-1"], ["--at", "sigma_w=1,sigma_w=2"], ["--at", ""], ["--at", "sigma_w=1,x=2"],
    ["--quantity", "chi"], ["--activation", "tan"], ["--activation", "tanh", "--activation", "relu"], ["--out", "x.npz"],
    ["--out", "x.png", "--sigma-b", "0.2"], ["--out", "x.png", "--dpi", "1"], ["--out", "x.png", "--size", "1"],
    ["--out", "x.html", "--dark"], ["--out", "x.html", "--sigma-b", "0.2"], ["--activation", "max(z-3,0)", "--sigma-b", "0.01"],
    ["--dark"], ["--title", "mine"], ["--dpi", "100"], ["--activation", "exp(z*z)", "--at", "sigma_w=1"],
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2_and_writes_nothing(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["phase", *words]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    lines = [line for line in streams.err.strip().splitlines() if not line.startswith("φ(z) = ")]
    assert len(lines) == 1
    assert any(word in lines[0] for word in ("give", "known", "is not start:stop:count"))
    assert list(tmp_path.iterdir()) == []
