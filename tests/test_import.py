"""import chainderiv costs nothing and hands every public name on."""

import subprocess
import sys

import pytest

import chainderiv
from chainderiv.cli import COMMANDS
from chainderiv.symbolic.targets import TARGETS

HEAVY = [
    "numpy", "sympy", "scipy", "jinja2", "markupsafe", "matplotlib", "numba", "llvmlite", "sklearn", "dask", "torch", "mpmath", "flint", "pooch", "rich", "jax",
]  # fmt: skip


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


FOR_ARRAYS = ("numpy", "scipy", "matplotlib", "numba", "llvmlite")
PRINTING = [f"derive --to {target}" for target in TARGETS] + [
    "derive --steps",
    "derive --at w=100,z=0",
    "derive --wrt b1,w2 --at w=0.9,b=0.1",
    "derive --compare b1 b3",
    "derive --activation z*exp(-z**2) --spelled",
    "derive --layers 784,30,10",
    "bounds gelu",
]


def loading(commands, names):
    """Those of some commands by which, or before which, one of these is loaded: what is loaded stays so."""
    program = f"""
import sys
from chainderiv.cli import main
for words in {commands}:
    assert main(words.split()) == 0, words
    if set(sys.modules) & set({names}):
        print("LOADED BY", words)
"""
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return [line.removeprefix("LOADED BY ") for line in printed.splitlines() if line.startswith("LOADED BY ")]


def test_what_derives_and_prints_loads_neither_numpy_nor_scipy_nor_numba_nor_matplotlib():
    assert loading(PRINTING, FOR_ARRAYS) == []


def test_the_check_sees_the_command_that_loads():
    assert loading([PRINTING[0], "verify --points 2", "bounds --help"], ["numpy"]) == [
        "verify --points 2",
        "bounds --help",
    ]


def test_verifying_loads_neither_scipy_nor_numba_nor_matplotlib():
    loaded = loaded_after("from chainderiv.cli import main; main(['verify', '--points', '3'])").splitlines()[-1]
    assert "numpy" in loaded
    assert not [name for name in FOR_ARRAYS[1:] if name in loaded]


def test_a_session_of_deriving_loads_nothing_for_arrays():
    session = "d = cd.derive(cd.Chain(4), 'b1'); [d.to(target) for target in ('unicode', 'latex', 'c')]; d.steps"
    loaded = loaded_after(f"import chainderiv as cd; {session}; str(d); cd.bounds('tanh')")
    assert not [name for name in (*FOR_ARRAYS, "pooch") if name in loaded]


def test_no_command_loads_matplotlib_or_numba_to_state_its_options():
    assert loading([f"{name} --help" for name in COMMANDS], ["matplotlib", "numba"]) == []


def printing_after(program):
    """Which modules that write formulas and programs are loaded."""
    rooms = ("chainderiv.symbolic.notation", "chainderiv.symbolic.programs", "chainderiv.symbolic.targets")
    report = f"import sys, chainderiv as cd\n{program}\nprint([m for m in sys.modules if m.startswith({rooms})])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_number_is_evaluated_and_a_map_swept_without_what_prints():
    axes = "w=cd.Axis(-1, 1, 2), b=cd.Axis(-1, 1, 2)"
    calls = [
        f"cd.evaluate(cd.Chain(3), 1, 0, engine={engine!r}); cd.sweep(cd.Chain(3), {axes}, engine={engine!r})"
        for engine in ("numpy", "numba", "mpmath")
    ]
    assert printing_after("\n".join(calls)) == "[]"


def test_the_check_sees_what_prints():
    loaded = printing_after("str(cd.derive(cd.Chain(3)))")
    assert "chainderiv.symbolic.notation" in loaded
    assert "chainderiv.symbolic.programs" not in loaded
    assert "chainderiv.symbolic.programs" in printing_after("cd.derive(cd.Chain(3)).to('c')")


def test_a_number_is_evaluated_without_maps_compiler_referee_or_second_derivatives():
    program = "import sys, chainderiv as cd; cd.evaluate(cd.Chain(4), w=0.9, b=0.1); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "chainderiv.numeric.oracle" in loaded
    unused = ("maps", "view", "nn", "numeric.compiled", "numeric.correct", "numeric.second", "symbolic.referee")
    assert not [m for m in loaded for part in unused if f"{m}.".startswith(f"chainderiv.{part}.")]
    assert not {"scipy", "numba", "matplotlib"} & set(loaded)


def test_the_public_names_are_listed_and_an_unknown_one_is_no_attribute():
    assert set(dir(chainderiv)) == set(chainderiv.__all__)
    assert {"Chain", "derive", "evaluate", "sweep", "Axis", "verify", "Network", "train", "load_data"} <= set(
        dir(chainderiv)
    )
    with pytest.raises(AttributeError, match="has no attribute 'nonesuch'"):
        chainderiv.nonesuch  # noqa: B018


@pytest.mark.parametrize(("given", "ours"), [("", True), ("['derive']", False)])
def test_modules_are_spared_the_search_for_garbage_only_in_a_process_of_our_own(given, ours):
    program = "import gc, sys; sys.argv = ['chainderiv', 'derive']; from chainderiv.cli import main"
    program += f"; main({given}); print(gc.isenabled(), gc.get_freeze_count() > 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"True {ours}"
