"""Kernel files in the user's cache folder: a text becomes a module whose machine code later processes find there.

A file's name holds a hash of its text, of the code it calls, of the versions and of the processor, so that nothing
stale is ever loaded and two kinds of machine can share the folder. Files are written beside their names and renamed;
Numba keeps each function's machine code beside them in the same way, as pickles, which run what is in them. So the
folder is trusted only where nobody else may write it: one of another owner, or one that others may write, is done
without, Numba's subfolder is closed to all others, and of a kernel its text is executed, never the file.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import shutil
import stat
import sys
import tempfile
import threading
import warnings
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import llvmlite.binding
import numba
import platformdirs

from chainderiv.compiling import jit, lanes, registers
from chainderiv.compiling.undisturbed import hold_interrupts, undisturbed, unswept
from chainderiv.compiling.vectormath import bits, erf, exp, log, trig
from chainderiv.errors import DAMAGED
from chainderiv.writing import write_whole

CALLED = (bits, erf, exp, log, trig, lanes, jit, registers)
_LOCK = threading.RLock()


def load(text: str) -> ModuleType:
    """The module of a kernel file's text; the same text is one module in a process."""
    with _LOCK, undisturbed(), unswept():
        return _load(text)


@lru_cache(maxsize=256)
def _load(text: str) -> ModuleType:
    name = f"chainderiv_kernel_{_key(text)}"
    folder = cache_folder()
    path = folder / f"{name}.py"
    if not _holds(path, text.encode()):
        write_whole(path, text.encode())  # another process may put the same text there meanwhile
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    # importing the file would take the bytecode that lies beside it
    code = compile(text, path, "exec")
    try:
        exec(code, vars(module))
    except DAMAGED:  # a C function's machine code is read here, and any other's at its first call
        for index in _indices(path):
            index.unlink(missing_ok=True)
        exec(code, vars(module))
    for index in _indices(path):
        if not _is_whole(index):
            index.unlink(missing_ok=True)  # Numba would end in a traceback, and now compiles again
    hold_interrupts(module)
    return module


def _indices(path: Path) -> list[Path]:
    """Numba's indices of a kernel's functions."""
    return list((path.parent / "__pycache__").glob(f"{path.stem}.*.nbi"))


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is there and has that content."""
    try:
        return path.read_bytes() == content
    except OSError:
        return False


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
    """Where kernel files are kept: CHAINDERIV_CACHE, else the user's cache folder; a passing one if it cannot serve.

    It cannot where it is read-only, and where others may write it, of which a warning tells.
    """
    named = os.environ.get("CHAINDERIV_CACHE")
    folder = Path(named) if named else Path(platformdirs.user_cache_dir("chainderiv")) / "kernels"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        doubt = _doubt(folder)
        if doubt is None:
            _close(folder / "__pycache__")
            return folder
    except OSError:
        doubt = None
    if doubt:
        warnings.warn(
            f"the folder {str(folder)!r} {doubt}, and what it holds would be executed: kernels are compiled "
            "anew in this process; name a folder of your own in CHAINDERIV_CACHE, or close this one: chmod go-w",
            RuntimeWarning,
            stacklevel=2,
        )
    passing = Path(tempfile.mkdtemp(prefix="chainderiv-kernels-"))
    atexit.register(shutil.rmtree, passing, ignore_errors=True)
    return passing


def _doubt(folder: Path) -> str | None:
    """Why what lies in a folder may be another user's, if it may; Windows does not tell by these means."""
    if not hasattr(os, "geteuid"):
        return None
    state = folder.stat()
    if state.st_uid != os.geteuid():
        return f"is another user's (number {state.st_uid})"
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written by other users"
    return None


def _close(folder: Path) -> None:
    """Make Numba's folder one that nobody else can enter; what was in one that others could enter is deleted."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "geteuid"):
        state = folder.lstat()
        if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077:
            shutil.rmtree(folder)
            folder.mkdir(mode=0o700)


def _key(text: str) -> str:
    return hashlib.blake2b((_surroundings() + text).encode(), digest_size=12).hexdigest()


@lru_cache(maxsize=1)
def _surroundings() -> str:
    """What a kernel's machine code depends on beside its own text."""
    called = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in CALLED)
    processor = f"{llvmlite.binding.get_host_cpu_name()} {llvmlite.binding.get_host_cpu_features().flatten()}"
    return f"{numba.__version__} {llvmlite.__version__} {sys.version} {processor}\n{called}"
