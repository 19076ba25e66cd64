"""Activations of other packages, of a small one that is really built and installed here."""

import os
import subprocess
import sys
import textwrap

import pytest

from tests.kinds import slow

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "neurons-of-mine"
version = "1.0"

[project.entry-points."chainderiv.activations"]
viper = "neurons_of_mine:VIPER"
bump = "neurons_of_mine:BUMP"
made = "neurons_of_mine:make"
sigmoid = "neurons_of_mine:BUMP"
number = "neurons_of_mine:NUMBER"
missing = "neurons_of_mine:NOWHERE"
hostile = "neurons_of_mine:HOSTILE"
broken = "neurons_of_mine:broken"
bell = "neurons_of_mine:BELL"
"""
MODULE = """
import sympy
from chainderiv.functions.activation import Activation
from chainderiv.symbols import z

class Bell(sympy.Function):
    nargs, is_real = 1, True

    def fdiff(self, argindex=1):
        return -2 * self.args[0] * self

    def _numpycode(self, printer):
        return f"exp(-({printer._print(self.args[0])})**2)"

    _mpmathcode = _numpycode

BELL = Activation("bell", z + Bell(z))
VIPER = Activation("viper", z + sympy.sin(z) ** 2)
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
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


def run(installed, code, *arguments):
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


def test_a_package_s_activations_are_known_by_name_and_go_the_whole_way(installed):
    done = run(installed, """
        import chainderiv as cd
        for name in ("viper", "bump", "made"):
            chain = cd.Chain(3, name)
            print(cd.derive(chain, "b2"), cd.verify(chain, points=5).passed)
        print(cd.Chain(2, "sigmoid").activations[0].formula)
        print(round(cd.evaluate(cd.Chain(1, "made"), 2.0, 0.0).to_float(), 12))
    """)  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "∂C/∂b₂ = viper'(z₂) · w₃ viper'(z₃) · ∂C/∂a₃ True",
        "∂C/∂b₂ = bump'(z₂) · w₃ bump'(z₃) · ∂C/∂a₃ True",
        "∂C/∂b₂ = made'(z₂) · w₃ made'(z₃) · ∂C/∂a₃ True",
        "1/(1 + exp(-z))",  # the catalogue's own, whatever a package calls so
        "3.0",  # 3 z² (z³ - 0) at z = 1
    ]


KEPT = """
    import sys
    import numpy as np
    import chainderiv as cd
    from chainderiv.maps.sweep import Sweep

    data, folder = cd.load_data("digits").take(30), sys.argv[1]
    for name in ("viper", "bump", "made", "bell"):
        if len(sys.argv) > 2:
            net = cd.Network([64, 5, 10], name, rng=1)
            cd.train(net, data, 1, learning_rate=0.001, engine="numpy", folder=f"{folder}/{name}")
            cd.sweep(cd.Chain(3, name), w=cd.Axis(0, 1, 3), b=0.1, engine="numpy", out=f"{folder}/{name}.zarr")
        try:
            kept, opened = cd.load_network(f"{folder}/{name}"), Sweep.open(f"{folder}/{name}.zarr")
        except cd.errors.ChainderivError as e:
            print(name, e)
            continue
        if len(sys.argv) > 2:
            assert kept.activation == opened.derivation.chain.activations[0] == net.activation
            assert (kept.output(data.test.images) == net.output(data.test.images)).all()
        print(name, kept.activation.formula, opened.log_abs.shape)
"""


@pytest.mark.slow
def test_what_was_trained_and_mapped_of_a_package_is_read_back_and_if_it_can_be_without_the_package(
    installed, tmp_path
):
    done, without = run(installed, KEPT, tmp_path, "write"), run("", KEPT, tmp_path)
    assert (done.stderr, without.stderr) == ("", "")
    lines = ["viper z + sin(z)**2 (3,)", "bump exp(-z**2) (3,)", "made z**3 (3,)"]
    assert done.stdout.splitlines() == [*lines, "bell z + Bell(z) (3,)"]
    assert without.stdout.splitlines() == [
        *lines, "bell activation 'bell' ('z + Bell(z)') cannot be made from its text; install what it came from"
    ]  # fmt: skip


def test_an_unknown_name_lists_them_and_the_command_line_takes_them(installed):
    done = run(installed, """
        from chainderiv.cli import main
        print(main(["derive", "--activation", "viper", "--depth", "1"]))
        print(main(["derive", "--activation", "vipre"]))
    """)  # fmt: skip
    assert done.stdout.splitlines() == ["∂C/∂b₁ = viper'(z₁) · ∂C/∂a₁", "0", "2"]
    assert "did you mean 'viper'?" in done.stderr


@pytest.mark.parametrize(("name", "named", "said"), [
    slow(("number", "'number' of the package 'neurons-of-mine'", "is int; its entry point must give")),
    slow(("missing", "'missing' of the package 'neurons-of-mine'", "cannot be loaded (AttributeError")),
    ("hostile", """formula "__import__('os')" is refused""", "APOSTROPHE is not read"),
    ("broken", "'broken' of the package 'neurons-of-mine'", "cannot be loaded (RuntimeError: boom and more)"),
])  # fmt: skip
def test_a_broken_one_is_one_line_that_names_its_package_or_formula_and_leaves_the_others_alone(
    installed, name, named, said
):
    done = run(installed, f"""
        from chainderiv.cli import main
        print(main(["derive", "--activation", {name!r}]), main(["derive", "--activation", "made", "--depth", "1"]))
    """)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "2 0"
    (line,) = done.stderr.strip().splitlines()
    assert said in line
    assert named in line


def test_without_the_package_the_name_is_unknown():
    done = run("", "import chainderiv as cd; cd.Chain(2, 'viper')")
    assert "UnknownName" in done.stderr
