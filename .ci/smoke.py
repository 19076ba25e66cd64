"""What a user does first, on a bare install: each result against one that is worked out here, by mpmath or by hand."""

import math
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import mpmath as mp
import numpy as np

import chainderiv as cd

mp.mp.dps = 60
LINE = "∂C/∂b₁ = σ'(z₁) · w₂ σ'(z₂) · w₃ σ'(z₃) · w₄ σ'(z₄) · ∂C/∂a₄"


def log_gradient(depth: int, w: float, b: float, x: float = 0.5, y: float = 0.0) -> mp.mpf:
    """ln |∂C/∂b₁| of a tied sigmoid chain, layer by layer at 60 digits."""
    a, log = mp.mpf(x), mp.mpf(0)
    for layer in range(depth):
        a = 1 / (1 + mp.exp(-(mp.mpf(w) * a + mp.mpf(b))))
        log += mp.log(a * (1 - a)) + (mp.log(abs(mp.mpf(w))) if layer else 0)
    return log + mp.log(abs(a - mp.mpf(y)))


def near(got: float, want: mp.mpf) -> bool:
    """To the digits that κ of these chains leaves."""
    return abs(got - want) <= 1e-10 * max(1, abs(want))


def derives() -> None:
    assert LINE in str(cd.derive(cd.Chain(4), "b1"))


def evaluates_what_vanishes() -> None:
    assert near(float(cd.evaluate(cd.Chain(1000), w=0.9, b=0.1).log), log_gradient(1000, 0.9, 0.1))


def evaluates_what_explodes() -> None:
    assert near(float(cd.evaluate(cd.Chain(4), w=100, z=0).log), mp.log(mp.mpf(25) ** 3 / 4 / 2))


def refuses_in_one_line() -> None:
    try:
        cd.Chain(4, "sigmod")
    except cd.errors.ChainderivError as e:
        assert "sigmoid" in str(e)
        assert "\n" not in str(e)
    else:
        raise AssertionError("sigmod was taken for a neuron")


def maps_by_numpy() -> None:
    axes = {"w": cd.Axis(-6, 6, 7), "b": cd.Axis(-4, 4, 5)}
    swept = cd.sweep(cd.Chain(5), engine="numpy", **axes)
    for (i, j), log in np.ndenumerate(swept.log_abs):
        w, b = axes["w"].values[i], axes["b"].values[j]
        assert near(log, log_gradient(5, w, b)) if w else log == -math.inf, (w, b)


def maps_by_machine_code_where_there_is_any() -> None:
    axes = {"w": cd.Axis(0.5, 6, 40), "b": cd.Axis(-4, 4, 50)}
    one, two = (cd.sweep(cd.Chain(20), engine=engine, **axes) for engine in ("numpy", None))
    assert np.abs(one.log_abs - two.log_abs).max() < 1e-9


def verifies_what_is_right_and_fails_what_is_not() -> None:
    chain = cd.Chain(4)
    derived = cd.derive(chain, "b1")
    assert cd.verify(chain, derivation=derived, points=5).passed
    assert not cd.verify(chain, derivation=derived.replace(3, 1.001 * derived.factors[3]), points=5).passed


def bounds() -> None:
    assert float(cd.bounds("sigmoid").supremum) == 0.25
    assert float(cd.bounds("sigmoid").smallest_weight) == 4


def takes_a_formula_of_ones_own() -> None:
    swish = cd.Activation.from_formula("swish", "z/(1+exp(-1.5*z))")
    z = mp.mpf("0.7") * mp.mpf("0.5") + mp.mpf("0.25")
    slope = mp.diff(lambda t: t / (1 + mp.exp(-mp.mpf("1.5") * t)), z)
    got = cd.evaluate(cd.Chain(1, swish), w=0.7, b=0.25, y=0.0)
    assert near(float(got.log), mp.log(slope * z / (1 + mp.exp(-mp.mpf("1.5") * z))))


def differentiates_twice() -> None:
    """∂²C/∂b² = σ'² + σ'' (σ - y) of one layer."""
    s = 1 / (1 + mp.exp(-mp.mpf("0.75")))
    slope = s * (1 - s)
    got, want = cd.evaluate(cd.Chain(1), w=1, b=0.25, wrt=("b1", "b1")), slope**2 + slope * (1 - 2 * s) * s
    assert float(got.sign) == mp.sign(want)
    assert near(float(got.log), mp.log(abs(want)))


def trains_on_the_digits() -> None:
    record = cd.train(cd.Network([64, 12, 10], rng=0), cd.load_data("digits"), epochs=3, learning_rate=0.5, rng=0)
    assert record.accuracy[-1] > 0.5


def commands() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for words, said in (
            (["--version"], version("chainderiv")),
            (["derive", "--depth", "4"], LINE),
            (["map", "--w", "-6:6:21", "--b", "-4:4:21", "--out", f"{folder}/map.svg"], ""),
        ):
            done = subprocess.run(
                [sys.executable, "-X", "utf8", "-m", "chainderiv", *words], capture_output=True, encoding="utf-8"
            )
            assert done.returncode == 0, done.stderr
            assert said in done.stdout, done.stdout
        assert "</svg>" in Path(folder, "map.svg").read_text("utf-8")


TASKS = (
    derives, evaluates_what_vanishes, evaluates_what_explodes, refuses_in_one_line, maps_by_numpy,
    maps_by_machine_code_where_there_is_any, verifies_what_is_right_and_fails_what_is_not, bounds,
    takes_a_formula_of_ones_own, differentiates_twice, trains_on_the_digits, commands,
)  # fmt: skip
for task in TASKS:
    try:
        task()
    except Exception as e:
        e.add_note(f"smoke: {task.__name__}")
        raise
typed = Path(cd.__file__).parent / "py.typed"
assert typed.exists(), typed
used = ", ".join(
    f"{name} {version(name)}" for name in ("numpy", "sympy", "mpmath", "python-flint", "scipy", "matplotlib")
)
print(f"{len(TASKS)} tasks are done by Python {platform.python_version()} with {used}")
