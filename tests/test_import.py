"""import chainderiv costs nothing and hands every public name on."""

import subprocess
import sys

import pytest

import chainderiv

HEAVY = ["sympy", "scipy", "matplotlib", "numba", "sklearn", "dask", "torch", "mpmath", "pooch", "rich", "jax"]


def loaded_after(program):
    report = f"import sys\n{program}\nprint(sorted({{m.split('.')[0] for m in sys.modules}} & set({HEAVY})))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("program", [
    "import chainderiv", "import chainderiv; chainderiv.__version__; dir(chainderiv)", "import chainderiv; chainderiv.errors",
])  # fmt: skip
def test_importing_the_package_loads_nothing_heavy(program):
    assert loaded_after(program) == "[]"


def test_the_check_sees_what_is_loaded():
    assert "sympy" in loaded_after("import chainderiv; chainderiv.Chain")


def test_a_session_of_deriving_loads_no_scipy_and_no_matplotlib():
    loaded = loaded_after("import chainderiv as cd; str(cd.derive(cd.Chain(4), 'b1'))")
    for name in ("scipy", "matplotlib", "sklearn", "pooch"):
        assert name not in loaded


def test_the_public_names_are_listed_and_an_unknown_one_is_no_attribute():
    assert set(dir(chainderiv)) == set(chainderiv.__all__)
    assert {"Chain", "derive", "evaluate", "sweep", "Axis", "verify", "Network", "train", "load_data"} <= set(
        dir(chainderiv)
    )
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        chainderiv.nonesuch  # noqa: B018
