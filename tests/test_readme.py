"""The READMEs, in English and in Chinese, hold the same commands, code and links, and what they show runs."""

import re
from pathlib import Path

import pytest

from chainderiv.cli import main

ROOT = Path(__file__).parents[1]
LANGUAGES = ("README.md", "README.zh-CN.md")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name, language):
    """The code blocks of a language, comments left out: those are translated."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", read(name), flags=re.M | re.S)
    return [re.sub(r" *#.*", "", block) for block in found]


def links(name):
    """Where the links lead, those from one README to the other left out."""
    return [to for to in re.findall(r"\]\(([^)]+)\)", read(name)) if to not in LANGUAGES]


@pytest.mark.parametrize("language", ["sh", "python"])
def test_both_languages_have_the_same_code(language):
    english, chinese = (blocks(name, language) for name in LANGUAGES)
    assert english
    assert english == chinese


def test_both_languages_have_the_same_links_formula_and_inline_code():
    english, chinese = map(read, LANGUAGES)
    assert links(LANGUAGES[0]) == links(LANGUAGES[1])
    inline = [sorted(re.findall(r"`[^`\n]+`", text)) for text in (english, chinese)]
    assert inline[0] == inline[1]
    formula = "    ∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄\n"
    assert formula in english
    assert formula in chinese


def test_the_files_that_are_linked_are_there():
    for name in LANGUAGES:
        assert [to for to in links(name) if "://" not in to and not (ROOT / to).exists()] == []


def test_the_python_runs_and_prints_what_it_says(capsys):
    (code,) = blocks("README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("-700.32")
    assert "\nTrue\n" in printed


def test_the_commands_run_in_their_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands = blocks("README.md", "sh")[-1].strip().splitlines()
    assert len(commands) == 5
    codes = [main(command.split()[1:]) for command in commands]
    assert all(code in (0, 3) for code in codes), codes  # diagnose may accuse
    assert codes[:-1] == [0] * 4
    assert (tmp_path / "map.png").stat().st_size > 10_000
    assert (tmp_path / "diagnosis.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "link w₄ σ'(z₄) = 25" in capsys.readouterr().out  # 100 · 1/4
