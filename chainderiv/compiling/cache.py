"""Kernel files in the user's cache folder: a text becomes a module whose machine code later processes find there.

A file's name holds a hash of its text, of the code it calls, of the versions and of the processor, so that nothing
stale is ever loaded and two kinds of machine can share the folder. Files are written beside their names and renamed;
Numba keeps each function's machine code beside them in the same way.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import sys
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from pickle import PickleError
from types import ModuleType

import llvmlite.binding
import numba
import platformdirs

from chainderiv.compiling import lanes
from chainderiv.compiling.vectormath import bits, erf, exp, log, trig
from chainderiv.writing import write_whole

CALLED = (bits, erf, exp, log, trig, lanes)
# what unpickling a damaged file may raise
DAMAGED = (PickleError, EOFError, OSError, ValueError, TypeError, AttributeError, ImportError, LookupError, MemoryError)
_LOCK = threading.RLock()


def load(text: str) -> ModuleType:
    """The module of a kernel file's text; the same text is one module in a process."""
    with _LOCK:
        return _load(text)


@lru_cache(maxsize=256)
def _load(text: str) -> ModuleType:
    name = f"chainderiv_kernel_{_key(text)}"
    folder = cache_folder()
    path = folder / f"{name}.py"
    if not path.exists():
        write_whole(path, text.encode())  # another process may put the same text there meanwhile
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    # the machine code names the module, and is read at a function's first call
    for index in (folder / "__pycache__").glob(f"{name}.*.nbi"):
        if not _is_whole(index):
            index.unlink(missing_ok=True)  # Numba would end in a traceback, and now compiles again
    return module


def _is_whole(index: Path) -> bool:
    """Whether Numba's index of a function, and the machine code that it names, can be read to their ends."""
    try:
        with index.open("rb") as file:
            pickle.load(file)
            _, overloads = pickle.loads(file.read())
        for name in overloads.values():
            pickle.loads((index.parent / name).read_bytes())
    except DAMAGED:
        return False
    return True


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """Where kernel files are kept: CHAINDERIV_CACHE, else the user's cache folder; a passing one if it is read-only."""
    named = os.environ.get("CHAINDERIV_CACHE")
    folder = Path(named) if named else Path(platformdirs.user_cache_dir("chainderiv")) / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="chainderiv-kernels-"))


def _key(text: str) -> str:
    return hashlib.blake2b((_surroundings() + text).encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=1)
def _surroundings() -> str:
    """What a kernel's machine code depends on beside its own text."""
    called = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in CALLED)
    processor = f"{llvmlite.binding.get_host_cpu_name()} {llvmlite.binding.get_host_cpu_features().flatten()}"
    return f"{numba.__version__} {llvmlite.__version__} {sys.version} {processor}\n{called}"
