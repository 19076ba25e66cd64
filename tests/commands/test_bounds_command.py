"""chainderiv bounds, derive --layers and the rest of the new flags: what they print, and what they refuse."""

import json

import pytest

from chainderiv.cli import main


def printed(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_bounds_prints_the_source_s_numbers(capsys):
    text = printed(capsys, "bounds", "sigmoid", "--w", "8")
    for part in ("1/4 at z = 0", "smallest |w|", "0.447743204694", "6.89415103227", "0.682689492137", "0.440686793510"):
        assert part in text
    assert "[certified numeric]" in text
    assert "[exact]" in text


def test_bounds_as_json_holds_exact_and_decimal_forms(capsys):
    result = json.loads(printed(capsys, "bounds", "gelu", "--w", "-20", "--b", "1", "--digits", "30", "--json"))
    assert result["supremum"]["exact"].replace(" ", "") == "exp(-1)/sqrt(pi)+erf(1)/2+1/2"
    assert result["supremum"]["decimal"].startswith("1.1289041451")
    assert result["interval"]["certainty"] == "certified numeric"
    assert set(result["probabilities"]) >= {"exceeds", "under_quarter", "s", "z"}


def test_bounds_takes_a_formula_and_audits_it(capsys):
    text = printed(capsys, "bounds", "z/(1+exp(-1.5*z))", "--audit")
    assert "1.09983932013" in text
    assert "holds: yes" in text


@pytest.mark.parametrize("words", [
    ["bounds"], ["bounds", "sigmod"], ["bounds", "z.func"], ["bounds", "sigmoid", "--w", "x"], ["bounds", "sigmoid", "--w", "nan"],
    ["bounds", "sigmoid", "--b", "inf", "--w", "8"], ["bounds", "sigmoid", "--s", "0"], ["bounds", "sigmoid", "--digits", "0"],
    ["bounds", "sigmoid", "--digits", "many"], ["bounds", "sigmoid", "--z", "q"], ["bounds", "sigmoid", "--s", "-1"],
    ["derive", "--layers", "3,a"], ["derive", "--layers", ""], ["derive", "--layers", "3"], ["derive", "--layers", "3,0,2"],
    ["derive", "--wrt", "b1,b2,b3"], ["derive", "--wrt", "b1,b9"], ["derive", "--wrt", "b1,w2", "--to", "c"],
    ["derive", "--residual", "--cost", "cross_entropy"], ["verify", "--wrt", "b1,q2"], ["map", "--wrt", "b1,"],
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(words, capsys):
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert len(streams.err.strip().splitlines()) == 1


def test_derive_of_layers_prints_both_forms(capsys):
    text = printed(capsys, "derive", "--layers", "3,2,2", "--cost", "cross_entropy")
    assert "BP2: δˡⱼ = σ'(zˡⱼ) · ∑ₖ wˡ⁺¹ₖⱼ δˡ⁺¹ₖ" in text
    assert "δ¹ = Σ'(z¹) (W²)ᵀ (a² - y)" in text


def test_a_residual_chain_is_derived_with_the_values_of_its_factors(capsys):
    result = json.loads(printed(capsys, "derive", "--residual", "--depth", "3", "--at", "w=4,z=0", "--json"))
    assert [link["value"] for link in result["links"]] == [2, 2]
    assert len(result["values"]) == 4


def test_a_second_derivative_is_printed_with_what_survives_and_the_values_of_its_terms(capsys):
    words = ["derive", "--depth", "2", "--wrt", "b1,b2", "--cost", "cross_entropy"]
    text = printed(capsys, *words)
    assert text.startswith("∂²C/∂b₁∂b₂ = (σ'(z₁) · w₂) · σ''(z₂) · ∂C/∂a₂\n    + ")
    assert "the cost cancels σ'(z₂): ∂²C/∂b₁∂b₂ = (σ'(z₁) · w₂) · σ'(z₂)" in text
    result = json.loads(printed(capsys, *words, "--at", "w=8,z=0", "--json"))
    # σ'(0) w σ'(0) = 8/16, and σ''(0) = 0
    assert result["sum"]["value"] == pytest.approx(0.5, rel=1e-13)
    assert result["wrt"] == "b1,b2"


def test_verify_and_map_take_two_parameters_and_residual_chains(capsys, tmp_path):
    result = json.loads(
        printed(capsys, "verify", "--residual", "--depth", "2", "--wrt", "b1,w2", "--points", "5", "--json")
    )
    assert result["passed"] is True
    assert {row["parameter"] for row in result["rows"]} == {"b1,w2"}
    out = tmp_path / "map.png"
    words = ["--wrt", "b1,b2", "--w", "-2:2:9", "--b", "-2:2:9", "--residual", "--out", str(out)]
    assert "∂²C/∂b₁∂b₂ of residual sigmoid" in printed(capsys, "map", *words)
    assert out.stat().st_size > 5000


def test_layers_take_a_formula_as_a_chain_does(capsys, monkeypatch):
    words = [
        "derive",
        "--layers",
        "3,2,2",
        "--cost",
        "quadratic",
        "--activation",
        "z/(1+exp(-1.5*z))",
        "--output",
        "-z**3",
    ]
    assert "BP2: δˡⱼ = φ'(zˡⱼ) · ∑ₖ wˡ⁺¹ₖⱼ δˡ⁺¹ₖ" in printed(capsys, *words)
    assert "BP1: δᴸⱼ = ψ'(zᴸⱼ) · ∂C/∂aᴸⱼ" in printed(capsys, *words)
    assert "phi'(z^l_j)" in printed(capsys, *words, "--to", "text")
    assert main(["derive", "--layers", "3,2", "--activation", "z.func"]) == 2


@pytest.mark.parametrize(
    "extra", [["--residual"], ["--wrt", "w1"], ["--x", "3"], ["--depth", "7"], ["--compare", "b1", "b2"]]
)
def test_layers_refuse_what_is_for_a_chain(extra, capsys):
    assert main(["derive", "--layers", "3,2", *extra]) == 2
    assert f"--layers is given with {extra[0]}" in capsys.readouterr().err


def test_compare_refuses_a_parameter_beside_it(capsys):
    assert main(["derive", "--compare", "b1", "b3", "--wrt", "b2"]) == 2
    assert "--compare is given with --wrt" in capsys.readouterr().err
