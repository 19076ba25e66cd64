"""Activations of other packages, of a small one that is really built and installed here."""

import os
import subprocess
import sys
import textwrap

import pytest

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "neurons-of-mine"
version = "1.0"

[project.entry-points."chainderiv.activations"]
snake = "neurons_of_mine:SNAKE"
bump = "neurons_of_mine:BUMP"
made = "neurons_of_mine:make"
sigmoid = "neurons_of_mine:BUMP"
number = "neurons_of_mine:NUMBER"
missing = "neurons_of_mine:NOWHERE"
hostile = "neurons_of_mine:HOSTILE"
broken = "neurons_of_mine:broken"
"""
MODULE = """
import sympy
from chainderiv.functions.activation import Activation
from chainderiv.symbols import z

SNAKE = Activation("snake", z + sympy.sin(z) ** 2)
BUMP = "exp(-z**2)"
NUMBER = 3
HOSTILE = "__import__('os')"

def make():
    return Activation("made", z**3)

def broken():
    raise RuntimeError("boom\\nand more")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that pip has installed the package into."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "neurons_of_mine").mkdir()
    (source / "neurons_of_mine" / "__init__.py").write_text(MODULE)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation",
         "--disable-pip-version-check", "--target", str(target), str(source)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


def run(installed, code):
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip


def test_a_package_s_activations_are_known_by_name_and_go_the_whole_way(installed):
    done = run(installed, """
        import chainderiv as cd
        for name in ("snake", "bump", "made"):
            chain = cd.Chain(3, name)
            print(cd.derive(chain, "b2"), cd.verify(chain, points=5).passed)
        print(cd.Chain(2, "sigmoid").activations[0].formula)
        print(round(cd.evaluate(cd.Chain(1, "made"), 2.0, 0.0).to_float(), 12))
    """)  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "∂C/∂b₂ = snake'(z₂) · w₃ snake'(z₃) · ∂C/∂a₃ True",
        "∂C/∂b₂ = bump'(z₂) · w₃ bump'(z₃) · ∂C/∂a₃ True",
        "∂C/∂b₂ = made'(z₂) · w₃ made'(z₃) · ∂C/∂a₃ True",
        "1/(1 + exp(-z))",  # the catalogue's own, whatever a package calls so
        "3.0",  # 3 z² (z³ - 0) at z = 1
    ]


def test_an_unknown_name_lists_them_and_the_command_line_takes_them(installed):
    done = run(installed, """
        from chainderiv.cli import main
        print(main(["derive", "--activation", "snake", "--depth", "1"]))
        print(main(["derive", "--activation", "snakes"]))
    """)  # fmt: skip
    assert done.stdout.splitlines() == ["∂C/∂b₁ = snake'(z₁) · ∂C/∂a₁", "0", "2"]
    assert "did you mean 'snake'?" in done.stderr


@pytest.mark.parametrize(("name", "said"), [
    ("number", "is int; its entry point must give"),
    ("missing", "cannot be loaded (AttributeError"),
    ("hostile", "APOSTROPHE is not read"),
    ("broken", "cannot be loaded (RuntimeError: boom and more)"),
])  # fmt: skip
def test_a_broken_one_is_one_line_that_names_its_package_and_leaves_the_others_alone(installed, name, said):
    done = run(installed, f"""
        from chainderiv.cli import main
        print(main(["derive", "--activation", {name!r}]), main(["derive", "--activation", "made", "--depth", "1"]))
    """)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "2 0"
    (line,) = done.stderr.strip().splitlines()
    assert said in line
    assert "neurons-of-mine" in line or name == "hostile"


def test_without_the_package_the_name_is_unknown():
    done = run("", "import chainderiv as cd; cd.Chain(2, 'snake')")
    assert "UnknownName" in done.stderr
