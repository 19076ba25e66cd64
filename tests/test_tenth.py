"""Of the slow tests a tenth is drawn: the same with the same seed, another with another, and none is left out for ever."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tenth import is_drawn, place

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


@pytest.fixture
def file(tmp_path):
    """60 tests, of which those that are not drawn would fail."""
    file = tmp_path / "test_many.py"
    kept = [k for k in range(60) if is_drawn(f"{file.name}::test_k[{k}]", "seed")]
    assert kept
    file.write_text(f"import pytest\n@pytest.mark.parametrize('k', range(60))\ndef test_k(k): assert k in {kept}\n")
    # only the options: the fixtures of the other tests are no part of this
    hooks = "addoption", "configure", "collection_modifyitems", "report_header", "runtest_setup", "terminal_summary"
    (tmp_path / "conftest.py").write_text("".join(f"from tests.conftest import pytest_{hook}\n" for hook in hooks))
    return file, len(kept)


def said_by_pytest(file, *options):
    words = [
        sys.executable,
        "-m",
        "pytest",
        "--rootdir",
        str(file.parent),
        "-c",
        "/dev/null",
        "--tenth",
        "seed",
        *options,
    ]
    done = subprocess.run([*words, str(file)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pytest_runs_the_tests_that_are_drawn_and_no_other(file):
    said = said_by_pytest(file[0])
    assert f"{file[1]} passed, {60 - file[1]} deselected" in said
    assert "--tenth seed" in said


def test_when_the_time_is_over_no_further_test_begins_and_how_many_were_left_is_said(file):
    said = said_by_pytest(file[0], "--within", "0")
    assert f"{file[1]} skipped, {60 - file[1]} deselected" in said
    assert f"{file[1]} tests not reached within 0 s" in said


def test_the_files_that_come_first_are_others_with_another_seed():
    files = [f"tests/test_{k}.py" for k in range(100)]
    first = [set(sorted(files, key=lambda name, seed=seed: place(name, seed))[:50]) for seed in ("one", "two")]
    # a hypergeometric number of 50 has the mean 25 and the deviation 2.5
    assert 10 < len(first[0] & first[1]) < 40
