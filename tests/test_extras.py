"""What an error says to install, when a library of the extra `scale` is missing, can be installed from anywhere."""

import importlib.metadata
import shlex
import tomllib
from pathlib import Path

import pytest

from chainderiv.errors import MissingExtra
from chainderiv.extras import extra

EXTRAS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
SCALE = EXTRAS["scale"]
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


def test_each_extra_has_a_cure_of_its_own(monkeypatch):
    stated = [f'{name}; extra == "{kind}"' for kind, names in EXTRAS.items() for name in names]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: stated)
    with pytest.raises(MissingExtra) as caught:
        extra("no_such_module", "a file", "models")
    named = shlex.split(str(caught.value).partition("pip install ")[2])
    assert sorted(named, key=str.lower) == sorted(EXTRAS["models"], key=str.lower)
    assert all(name.partition(">")[0] in ("onnx", "h5py") for name in named)


def test_where_chainderiv_is_not_installed_the_cure_is_the_library_that_is_missing(monkeypatch):
    def none(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", none)
    assert cure() == "no_such_module"
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: None)
    assert cure() == "no_such_module"
