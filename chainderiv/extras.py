"""Libraries of the extra `scale`, imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from chainderiv.errors import MissingExtra


def extra(module: str, what: str) -> Any:
    """A module of the extra `scale`; raises MissingExtra, which says what to install.

    >>> extra("no_such_module", "a map on disk")
    Traceback (most recent call last):
    ...
    chainderiv.errors.MissingExtra: a map on disk needs no_such_module; install it with: pip install 'chainderiv[scale]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as e:
        name = module.partition(".")[0]
        if e.name is None or e.name.partition(".")[0] != name:
            raise
        raise MissingExtra(f"{what} needs {name}; install it with: pip install 'chainderiv[scale]'") from e


def require_netcdf() -> None:
    """Raise MissingExtra where a netCDF file cannot be written or read."""
    for module in ("netCDF4", "xarray"):
        extra(module, "a map in netCDF")
