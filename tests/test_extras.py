"""What an error says to install, when a library of the extra `scale` is missing, can be installed from anywhere."""

import importlib.metadata
import shlex
import tomllib
from pathlib import Path

import pytest

from chainderiv.errors import MissingExtra
from chainderiv.extras import extra

SCALE = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"][
    "scale"
]
CURE = " ".join(f'"{name}"' for name in sorted(SCALE, key=str.lower)).replace(
    "netCDF4", "netcdf4"
)  # as indices spell it


def cure():
    with pytest.raises(MissingExtra) as caught:
        extra("no_such_module.part", "a map on disk")
    return str(caught.value).partition("pip install ")[2]


def test_the_cure_names_the_libraries_and_not_chainderiv_which_may_be_on_no_index():
    assert cure() == CURE
    assert set(map(str.lower, shlex.split(cure()))) == set(map(str.lower, SCALE))


def test_where_chainderiv_is_not_installed_the_cure_is_the_library_that_is_missing(monkeypatch):
    def none(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", none)
    assert cure() == "no_such_module"
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: None)
    assert cure() == "no_such_module"
