"""Libraries of the extras `scale` and `models`, imported when they are needed."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

from chainderiv.errors import MissingExtra


def extra(module: str, what: str, of: str = "scale") -> Any:
    """A module of the extra of that name; raises MissingExtra, which says what to install.

    >>> extra("no_such_module", "a map on disk")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    chainderiv.errors.MissingExtra: a map on disk needs no_such_module; install it with: pip install "dask>=...
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as e:
        name = module.partition(".")[0]
        if e.name is None or e.name.partition(".")[0] != name:
            raise
        raise MissingExtra(f"{what} needs {name}; install it with: pip install {_libraries(name, of)}") from e


def _libraries(missing: str, of: str) -> str:
    """The libraries of the extra by their own names, which pip finds wherever chainderiv itself came from."""
    try:
        stated = importlib.metadata.requires("chainderiv") or []
    except importlib.metadata.PackageNotFoundError:  # on Python's path, and not installed
        return missing
    ours = [name.strip() for name, _, when in (line.partition(";") for line in stated) if of in when]
    # double quotes hold for every shell, that of Windows too
    return " ".join(f'"{name}"' for name in ours) or missing


def require_netcdf() -> None:
    """Raise MissingExtra where a netCDF file cannot be written or read."""
    for module in ("netCDF4", "xarray"):
        extra(module, "a map in netCDF")
