"""Steps with their reasons, in each form's own characters: LaTeX's compile, and plain text is ASCII."""

import shutil
import subprocess

import pytest

import chainderiv as cd
from chainderiv.symbolic.full_width.layers import derive_layers


def steps():
    """Every kind of step that there is, each with what writes it."""
    for name in ("sigmoid", "quick_gelu", "gelu_tanh"):
        for residual in (False, True):
            for wrt in ("b1", "w2", "x", "a1", "z2", "a3", ("b1", "w2"), ("b2", "b2")):
                derived = cd.derive(cd.Chain(3, name, residual=residual), wrt)
                yield from ((derived, step) for step in derived.steps)
    for cost in ("cross_entropy", "log_likelihood", "quadratic"):
        layers = derive_layers([4, 3, 2], "tanh", cost)
        yield from ((layers, step) for step in layers.steps)


def test_a_step_in_latex_or_plain_text_holds_no_other_character():
    for derived, step in steps():
        for form in ("latex", "text"):
            assert derived.line(step, form).isascii(), (form, step.reason)
        if any(mark in step.reason for mark in "φδ∂"):
            assert not derived.line(step, "unicode").isascii()


def test_a_reason_in_latex_stands_as_words_with_formulas_in_them():
    d = cd.derive(cd.Chain(3), "b1")
    last = d.line(d.steps[1], "latex")
    assert last.endswith(r"\text{    (}\text{$z_{3}$ = $w_{3}$ $\varphi$($z_{2}$) + $b_{3}$}\text{)}")
    assert last.startswith(r"\text{BP2: }\delta_{2} = ")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_step_compiles(tmp_path):
    lines = "\n\n".join(f"${derived.line(step, 'latex')}$" for derived, step in steps())
    head = r"\documentclass{article}\usepackage{amsmath}\begin{document}"

    def compiled(body):
        (tmp_path / "steps.tex").write_text(f"{head}\n{body}\n\\end{{document}}", "utf-8")
        call = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "steps.tex"]
        return subprocess.run(call, cwd=tmp_path, capture_output=True, check=False, timeout=120).returncode == 0

    assert compiled(lines)
    assert not compiled(lines + "$∂z$")  # what stood there before
