"""Without Numba, or with one that cannot be loaded, everything works by NumPy, and one line says so."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from chainderiv.logsign import LogSign
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train
from chainderiv.numeric.evaluate import condition, evaluate
from chainderiv.symbolic.chain import Chain
from tests.helpers import assert_same
from tests.kinds import costly

BROKEN = {
    "missing": "raise ModuleNotFoundError(\"No module named 'numba'\", name='numba')",
    "of another NumPy": "raise ImportError('Numba needs NumPy 2.3 or less. Got NumPy 2.9.')",
    "built for another NumPy": "raise SystemError('initialization of _internal failed without raising an exception')",
    "without its LLVM": "raise OSError('Could not find/load shared object file')",
    "half of one": "",
}
W, B = np.linspace(-12.0, 12.0, 30)[:, None], np.linspace(-5.0, 5.0, 20)
SETTINGS = {"epochs": 2, "batch_size": 10, "learning_rate": 0.5, "weight_decay": 0.1, "rng": 3, "dtype": "float64"}

# what would be compiled were it larger is taken for large
PROGRAM = """
import json, sys, warnings
import numpy as np
import chainderiv as cd
from chainderiv.nn.training import engines
from chainderiv.numeric import kernel
kernel.LARGE, engines.WORTH_COMPILING = 1, 0.0
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    w, b = np.linspace(-12.0, 12.0, 30)[:, None], np.linspace(-5.0, 5.0, 20)
    g = cd.evaluate(cd.Chain(20), w, b, tied=True)
    s = cd.sweep(cd.Chain(20), w=cd.Axis(-12, 12, 30), b=cd.Axis(-5, 5, 20))
    second = cd.evaluate(cd.Chain(5), 0.9, 0.1, wrt=("b1", "w2"))
    verified = cd.verify(cd.Chain(4), points=3, rng=0)
    record = cd.train(cd.Network([64, 20, 10], rng=1), cd.load_data("digits").take(200), **SETTINGS)
refused = []
for call in (
    lambda: cd.evaluate(cd.Chain(4), 1.0, 0.0, engine="numba"),
    lambda: cd.sweep(cd.Chain(4), w=cd.Axis(-1, 1, 3), b=0, engine="numba"),
    lambda: cd.train(cd.Network([64, 20, 10]), cd.load_data("digits"), 1, engine="numba"),
):
    try:
        call()
    except cd.errors.BadValue as e:
        refused.append(str(e))
print(json.dumps({
    "warned": [str(w.message) for w in caught],
    "refused": refused,
    "evaluated": [g.sign.tolist(), g.log.tolist()],
    "swept": [s.sign.tolist(), s.log_abs.tolist()],
    "second": second.log,
    "verified": verified.passed,
    "engine": record.settings["engine"],
    "norms": record.norms("l2").tolist(),
    "loaded": "chainderiv.compiling.cache" in sys.modules,
}))
"""


def without_numba(folder, how):
    """An environment whose Numba is broken, or not there at all."""
    (folder / "numba").mkdir(exist_ok=True)
    (folder / "numba" / "__init__.py").write_text(BROKEN[how])
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def with_numba():
    """The same by the compiled engine."""
    chain = Chain(20)
    gradient = evaluate(chain, W, B, tied=True, engine="numba")
    record = train(Network([64, 20, 10], rng=1), load_data("digits").take(200), engine="numba", **SETTINGS)
    return gradient, condition(chain, W, B, tied=True), record


@pytest.mark.parametrize("how", costly(BROKEN, quick=["missing"]))
def test_without_numba_every_number_is_had_from_numpy_and_one_warning_says_so(how, tmp_path, with_numba):
    program = PROGRAM.replace("SETTINGS", repr(SETTINGS))
    env = without_numba(tmp_path, how)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    told = json.loads(done.stdout)
    gradient, kappa, record = with_numba
    for one in ("evaluated", "swept"):
        assert_same(LogSign(*map(np.array, told[one])), gradient, kappa)
    assert told["verified"]
    assert np.isfinite(told["second"])
    assert (told["engine"], record.settings["engine"]) == ("numpy", "numba")
    assert told["norms"] == pytest.approx(record.norms("l2"), rel=1e-9)
    assert not told["loaded"]
    (line,) = told["warned"]
    assert line.startswith("Numba cannot be loaded (")
    assert "pip install numba" in line
    assert len(told["refused"]) == 3
    for error in told["refused"]:
        assert error.startswith("engine is 'numba', and Numba cannot be loaded (")
        assert "\n" not in error


def test_a_command_without_numba_draws_its_map_and_says_so_in_one_line(tmp_path):
    words = ["map", "--w", "-12:12:401", "--b", "-10:10:301", "--depth", "20", "--out", "map.png"]
    done = subprocess.run(
        [sys.executable, "-m", "chainderiv", *words],
        capture_output=True, text=True, check=True, env=without_numba(tmp_path, "missing"), cwd=tmp_path,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "Numba" in line]
    assert len(said) == 1
    assert said[0].startswith("chainderiv: Numba cannot be loaded (ModuleNotFoundError: No module named 'numba')")
    assert (tmp_path / "map.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_tour_runs_without_numba(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "chainderiv", "tour", "--out", "tour"],
        capture_output=True, text=True, env=without_numba(tmp_path, "missing"), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tour" / "index.html").exists()
    assert "Traceback" not in done.stderr


LOADED = """
import sys
{first}
print(sorted(name for name in ("numba.np.arraymath", "scipy.linalg", "scipy.linalg.cython_blas") if name in sys.modules))
import numba.np.arraymath, scipy.linalg.cython_blas
print(numba.np.arraymath._HAVE_BLAS)
"""


def test_a_command_loads_numba_without_linear_algebra_and_a_session_loads_it_whole(tmp_path):
    words = ["chainderiv", "map", "--w", "-12:12:801", "--b", "-9:9:701", "--out", str(tmp_path / "map.npz")]
    command = f"from chainderiv.cli import main; sys.argv = {words}; assert main() == 0"
    session = "import chainderiv as cd; cd.sweep(cd.Chain(3), w=cd.Axis(-1, 1, 3), b=0, engine='numba')"
    whole = ["numba.np.arraymath", "scipy.linalg", "scipy.linalg.cython_blas"]
    for first, loaded in ((command, whole[:1]), (session, whole)):
        program = LOADED.format(first=first)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-2:] == [str(loaded), str(first == session)]


def test_training_by_an_engine_that_is_missing_exits_with_2_and_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "chainderiv", "train", "--dataset", "digits", "--engine", "numba"],
        capture_output=True, text=True, env=without_numba(tmp_path, "of another NumPy"), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "chainderiv: --engine is 'numba', and Numba cannot be loaded (ImportError: Numba needs NumPy"
    )
