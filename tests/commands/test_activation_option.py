"""--activation and --output take a formula: read, printed, mapped, verified, refused."""

import json
import os
import shlex
import subprocess
import sys

import pytest

import chainderiv as cd
from chainderiv.cli import main

SWISH = "z/(1+exp(-1.5*z))"


def test_derive_prints_a_formula_as_phi(capsys):
    assert main(["derive", "--activation", SWISH, "--depth", "2"]) == 0
    assert capsys.readouterr().out == "∂C/∂b₁ = φ'(z₁) · w₂ φ'(z₂) · ∂C/∂a₂\n"


def test_a_formula_may_begin_with_a_minus_sign_and_the_output_have_one_of_its_own(capsys):
    words = ["derive", "--activation", "-z*exp(-z**2)", "--output", "-Max(0,z)", "--depth", "2"]
    assert main(words) == 0
    assert capsys.readouterr().out == "∂C/∂b₁ = φ'(z₁) · w₂ ψ'(z₂) · ∂C/∂a₂\n"


def test_where_stdout_is_ascii_it_is_phi_in_words():
    done = subprocess.run(
        [sys.executable, "-m", "chainderiv.cli", "derive", "--activation", SWISH, "--depth", "1"], capture_output=True,
        text=True, env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, timeout=300, check=True,
    )  # fmt: skip
    assert done.stdout == "dC/db1 = phi'(z1) * dC/da1\n"


def test_a_map_s_summary_names_the_formula(capsys, tmp_path):
    out = tmp_path / "map.png"
    assert main(["map", "--activation", SWISH, "--w", "-2:2:9", "--b", "-2:2:9", "--json", "--out", str(out)]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["maps"]
    assert summary["activation"] == [SWISH]
    assert summary["formula"] == ["z/(1 + exp(-3*z/2))"]
    assert out.stat().st_size > 5000


@pytest.mark.parametrize(("text", "shown"), [
    ("x/(1+e^(-1.5x))", "φ(z) = z/(1 + exp(-3z/2))"), ("2z·tanh(z²)", "φ(z) = 2z*tanh(z**2)"),
    ("elu(z, alpha=2)", "φ(z) = where(z > 0, z, 2exp(z) - 2)"), ("|z|/2π + 2**-z", None),
    ("z/2π", None),
])  # fmt: skip
def test_what_was_understood_of_a_formula_is_one_line_on_stderr_and_can_be_read_again(text, shown, capsys):
    if shown is None:
        assert main(["derive", "--activation", text]) == 2
        return
    assert main(["derive", "--activation", text, "--depth", "1"]) == 0
    streams = capsys.readouterr()
    assert streams.err == shown + "\n"
    assert streams.out == "∂C/∂b₁ = φ'(z₁) · ∂C/∂a₁\n"
    assert cd.parse_formula(shown.partition(" = ")[2]) == cd.parse_formula(text)


def test_of_a_name_nothing_is_told_and_another_name_for_it_is_the_catalogue_s(capsys):
    assert main(["derive", "--activation", "Leaky ReLU", "--output", "swish", "--depth", "2"]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    assert streams.out == "∂C/∂b₁ = leaky_relu'(z₁) · w₂ silu'(z₂) · ∂C/∂a₂\n"


def test_an_unknown_name_is_told_that_a_formula_will_do_and_that_formula_does(capsys):
    assert main(["derive", "--activation", "xyzzy"]) == 2
    advice = capsys.readouterr().err.partition("a formula will do: ")[2]
    assert main(["derive", *shlex.split(advice)]) == 0


def test_verify_judges_it(capsys):
    assert main(["verify", "--activation", SWISH, "--depth", "2", "--points", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True


@pytest.mark.parametrize(
    "text", ["__import__('os').system('true')", "9**9**9", "z.func", "1/2z", "z-z", "log(z)", "\u0430*z"]
)
@pytest.mark.parametrize("flag", ["--activation", "--output"])
def test_a_hostile_one_is_one_line_and_exit_code_2(flag, text, capsys):
    assert main(["derive", flag, text]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert len(streams.err.strip().splitlines()) == 1
