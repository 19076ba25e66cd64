"""Skipped for what is missing is failed where everything is there, and skipped elsewhere."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from tests.missing import judged

ROOT = Path(__file__).parents[1]
FILES = {
    "test_whole.py": "import pytest\npytest.importorskip('no_such_package')\ndef test_it(): pass\n",
    "test_one.py": "import pytest\ndef test_it(): pytest.importorskip('no_such_package')\n",
    "test_reason.py": "import pytest\ndef test_it(): pytest.skip('the package x is not installed')\n",
    "test_other.py": "import pytest\ndef test_it(): pytest.skip('CHAINDERIV_DATA is not set')\n",
}


def test_without_the_option_what_is_missing_is_skipped():
    report = SimpleNamespace(skipped=True, outcome="skipped", longrepr=("f.py", 1, "Skipped: torch is not installed"))
    assert judged(report, False).outcome == "skipped"
    assert judged(report, True).outcome == "failed"


def test_with_peers_what_is_missing_has_failed_and_what_is_skipped_otherwise_has_not(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    # the hooks alone: the fixtures of the other tests are no part of this
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import pytest_addoption, pytest_make_collect_report, pytest_runtest_makereport\n"
    )
    words = ["--rootdir", str(tmp_path), "-c", "/dev/null", "--continue-on-collection-errors", "--peers", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, capture_output=True, text=True)
    assert "2 failed, 1 skipped, 1 error" in done.stdout, done.stdout + done.stderr
