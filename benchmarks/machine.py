"""The machine: its processor, the versions of what runs on it, and how busy others keep it."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from chainderiv.workers import usable_cores

INTEL, AMD, OTHER = "Intel, AVX-512", "AMD, AVX-512", "this processor"
PACKAGES = ("chainderiv", "numpy", "numba", "llvmlite", "jax", "torch", "scikit-learn", "sympy")


def _told(name: str) -> str:
    """A line of Linux's account of the first processor; empty elsewhere."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.partition(":")[0].strip() == name:
                return line.partition(":")[2].strip()
    return ""


def processor() -> str:
    """Its name, as the system tells it."""
    return _told("model name") or platform.processor() or platform.machine()


def kind() -> str:
    """The column of the table that it belongs to."""
    if "avx512f" not in _told("flags").split():
        return OTHER
    return {"GenuineIntel": INTEL, "AuthenticAMD": AMD}.get(_told("vendor_id"), OTHER)


def versions() -> str:
    """Python and the packages that are here."""
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return ", ".join(found)


def load() -> float | None:
    """The load average of the last minute, where the system tells it."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def machine() -> str:
    """Processor, cores, versions, load: the head of every table."""
    busy = "" if load() is None else f"; load average before {load():.2f}"
    return f"{processor()}, {usable_cores()} cores{busy}\n{versions()}"


def busy_seconds() -> float | None:
    """CPU seconds that all processes have taken since the start, and what the host kept; None where it is not told."""
    try:
        line = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return None
    user, nice, system, _, _, irq, soft, stolen = map(int, line.split()[1:9])
    return (user + nice + system + irq + soft + stolen) / os.sysconf("SC_CLK_TCK")
