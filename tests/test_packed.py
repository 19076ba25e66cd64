"""What the wheel and the source distribution hold beside code."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from chainderiv.nn.data.data import DIGITS

ROOT = Path(__file__).parent.parent
BESIDE = [
    "chainderiv/py.typed",
    *("chainderiv/nn/data/digits.npz", "chainderiv/nn/data/digits.txt"),
    *("chainderiv/pages/stix-two-math.woff2", "chainderiv/pages/stix-two-math.txt"),
]


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The contents of the wheel and of the source distribution, by their names inside."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        in_wheel = {name: wheel.read(name) for name in BESIDE if name in wheel.namelist()}
    with tarfile.open(next(folder.glob("*.tar.gz"))) as source:
        inside = {member.name.partition("/")[2]: member for member in source.getmembers()}
        in_source = {name: source.extractfile(inside[name]).read() for name in BESIDE if name in inside}
    return {"wheel": in_wheel, "source": in_source}


@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_the_digits_and_the_font_and_their_licences_are_in_the_wheel_and_in_the_source_distribution(packed, kind):
    assert set(packed[kind]) == set(BESIDE)
    assert packed[kind]["chainderiv/nn/data/digits.npz"] == DIGITS.read_bytes()


LINUX = {"sys_platform": "linux", "platform_machine": "x86_64"}
# as PyPI lists the wheels of Numba and llvmlite
PLACES = {
    "Linux": (LINUX, True),
    "Linux on Arm": (LINUX | {"platform_machine": "aarch64"}, True),
    "Windows": ({"sys_platform": "win32", "platform_machine": "AMD64"}, True),
    "a Mac": ({"sys_platform": "darwin", "platform_machine": "arm64"}, True),
    "a Mac with an Intel processor": ({"sys_platform": "darwin", "platform_machine": "x86_64"}, False),
    "another processor": (LINUX | {"platform_machine": "riscv64"}, False),
    "PyPy": (LINUX | {"platform_python_implementation": "PyPy"}, False),
    "a Python to come": (LINUX | {"python_version": "3.16"}, False),
}


@pytest.mark.parametrize("place", PLACES)
def test_numba_is_asked_for_only_where_it_has_wheels(place):
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (numba,) = [one for one in map(Requirement, stated) if one.name == "numba"]
    there, wanted = PLACES[place]
    usual = {"platform_python_implementation": "CPython", "python_version": "3.12"}
    assert numba.marker.evaluate(usual | there) == wanted
