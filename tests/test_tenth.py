"""Of the slow tests a tenth is drawn: the same with the same seed, another with another, and none is left out for ever."""

import subprocess
import sys
from pathlib import Path

from tests.tenth import is_drawn

NAMES = [f"tests/room/test_{k}.py::test_a_claim[{k % 7}]" for k in range(5000)]
ROOT = Path(__file__).parents[1]


def drawn(seed):
    return {name for name in NAMES if is_drawn(name, seed)}


def test_a_seed_draws_a_tenth_and_another_one_another():
    one, two = drawn("9a3b473"), drawn("454a9b4")
    # a binomial number of 5000 has the deviation 21, one of 500 the deviation 7
    assert abs(len(one) - 500) < 110
    assert abs(len(one & two) - 50) < 35


def test_no_test_is_left_out_by_every_seed():
    assert set().union(*map(drawn, range(150))) == set(NAMES)


def test_pytest_runs_the_tests_that_are_drawn_and_no_other(tmp_path):
    file = tmp_path / "test_many.py"
    file.write_text("import pytest\n@pytest.mark.parametrize('k', range(60))\ndef test_k(k): assert k in DRAWN\n")
    names = [f"{file.name}::test_k[{k}]" for k in range(60)]
    kept = [k for k, name in enumerate(names) if is_drawn(name, "seed")]
    assert kept
    file.write_text(file.read_text().replace("DRAWN", repr(kept)))
    # only the options: the fixtures of the other tests are no part of this
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import pytest_addoption, pytest_collection_modifyitems, pytest_report_header\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir", str(tmp_path), "-c", "/dev/null", "--tenth", "seed", str(file)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(kept)} passed, {60 - len(kept)} deselected" in done.stdout
    assert "--tenth seed" in done.stdout
