"""One writer at a time in a folder: each leaves a file that says who it is, and a dead one's is swept away.

No lock of the system's: those differ from system to system, are inherited by workers that outlive a killed parent, and
do not tell who holds them. A writer claims the folder first and looks for others then, so of two that come at once at
least one sees the other; a claim is never taken over, only deleted once its process is gone, so no two can take one.

A claim is written under a name that is none and renamed, so it is whole as soon as it is seen. One that cannot be read
is no living process's: a power cut left it, or another program; it is deleted after a while. Whoever finds its own
claim gone, by whatever hand, does not write.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chainderiv.errors import OutputError

CLAIM, ASIDE = ".writer.", ".claiming."
PATIENCE = 2.0  # seconds, for one that came at the same time to go, and for a claim to be written or to become readable
NO_SUCH_PROCESS, STILL_ACTIVE, QUERY_LIMITED_INFORMATION = 87, 259, 0x1000  # Windows


@dataclass(frozen=True)
class Writer:
    """Who writes.

    pid, host : its process. numbering : of which set of process numbers; containers have their own.
    began : when the process did, as the system tells it; with the number it is the process's alone.
    since : when it began to write, in UTC.
    """

    pid: int
    host: str
    numbering: str
    began: str
    since: str

    @property
    def is_near(self) -> bool:
        """Whether its process could be seen from here."""
        return (self.host, self.numbering) == _here()

    @property
    def is_gone(self) -> bool:
        """Whether its process is known to have ended; another that has its number now began at another time."""
        began = _began(self.pid) if self.is_near else None
        return began is not None and began != self.began


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep other writers out of a folder that is there; raises OutputError, which names the other.

    What a killed process left behind is told from a living one's and deleted.
    """
    since, pid = time.gmtime(), os.getpid()
    # the names are in the order in which they came
    claim = folder / f"{CLAIM}{time.time_ns():020}.{secrets.token_hex(4)}"
    own = Writer(pid, *_here(), _began(pid) or "", time.strftime("%Y-%m-%d %H:%M:%S UTC", since))
    try:
        _leave(claim, own)
        _require_alone(folder, claim, own)
        yield
    finally:
        # a forked worker that comes by here must leave its parent's alone
        if os.getpid() == pid:
            with contextlib.suppress(OSError):
                os.unlink(claim)


def _leave(claim: Path, own: Writer) -> None:
    """Make a claim, which is seen whole or not at all."""
    folder, aside = claim.parent, claim.with_name(claim.name.replace(CLAIM, ASIDE))
    try:
        with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644), "w", encoding="utf-8") as file:
            json.dump(asdict(own), file)
        os.replace(aside, claim)
    except OSError as e:
        if isinstance(e, FileNotFoundError) and folder.is_dir():
            raise OutputError(_lost(folder)) from e
        raise OutputError(f"{str(folder)!r} cannot be written ({e.strerror}); give another folder") from e
    finally:
        with contextlib.suppress(OSError):
            os.unlink(aside)


def _require_alone(folder: Path, claim: Path, own: Writer) -> None:
    _sweep(folder)
    end = time.monotonic() + PATIENCE
    while True:
        others = dict(_living(folder))
        if others.pop(claim, None) != own:
            raise OutputError(_lost(folder))
        if not others:
            return
        # one that came before may write already; one that came after sees this one, and goes
        before = [other for other, writer in others.items() if writer is not None and other.name < claim.name]
        if before or time.monotonic() > end:
            raise OutputError(_refusal(folder, *next((c, w) for c, w in others.items() if not before or c in before)))
        time.sleep(0.02)


def _sweep(folder: Path) -> None:
    """Delete what a killed process left of a claim to be; one that lives and was held up finds it gone, and goes."""
    for aside in folder.glob(f"{ASIDE}*"):
        with contextlib.suppress(OSError):
            if time.time() - aside.stat().st_mtime > PATIENCE:
                os.unlink(aside)


def _lost(folder: Path) -> str:
    return (
        f"the claim of this process on {str(folder)!r} was deleted while it was made, and another process may write "
        "there; wait for its end and run this again, or give another folder"
    )


def _refusal(folder: Path, claim: Path, writer: Writer | None) -> str:
    who = "" if writer is None else f" (process {writer.pid} on {writer.host}, since {writer.since})"
    near = writer is not None and writer.is_near
    cure = "" if near else f", or delete {str(claim)!r} if that process is no more"
    return f"another process is writing {str(folder)!r}{who}; wait for its end{cure}, or give another folder"


def _living(folder: Path) -> Iterator[tuple[Path, Writer | None]]:
    """The claims on a folder, None for one that cannot be read; those of processes that are gone are deleted."""
    for claim in sorted(folder.glob(f"{CLAIM}*")):
        try:
            writer = _read(claim.read_text("utf-8", errors="replace"))
            gone = time.time() - claim.stat().st_mtime > PATIENCE if writer is None else writer.is_gone
            if gone:
                os.unlink(claim)
        except FileNotFoundError:
            continue
        except OSError as e:
            raise OutputError(f"{str(claim)!r} cannot be read or deleted ({e.strerror}); give another folder") from e
        if not gone:
            yield claim, writer


def _read(text: str) -> Writer | None:
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        writer = Writer(**json.loads(text))
        if isinstance(writer.pid, int) and writer.pid > 0:
            return writer
    return None


@cache
def _here() -> tuple[str, str]:
    try:
        return platform.node(), os.readlink("/proc/self/ns/pid")
    except (OSError, AttributeError):
        return platform.node(), ""


def _began(pid: int) -> str | None:
    """When a process began, in the system's own terms; '' where there is none, and None where that cannot be told."""
    if sys.platform == "win32":
        import ctypes

        return _began_in_windows(pid, ctypes.WinDLL("kernel32", use_last_error=True), ctypes.get_last_error)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except PermissionError:
        pass  # another user's
    return _began_in_linux(pid) if Path("/proc/self/stat").exists() else _began_by_ps(pid)


def _began_in_linux(pid: int) -> str | None:
    try:
        # the name of the program, in brackets, may hold anything
        state, *rest = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, ValueError):
        return None
    # a zombie has ended, and waits for its parent to ask how
    return "" if state in "ZX" else f"{boot} {rest[18]}"


def _began_by_ps(pid: int) -> str | None:
    import subprocess

    try:
        told = subprocess.run(
            ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
            env=os.environ | {"LC_ALL": "C", "TZ": "UTC"}, capture_output=True, text=True, timeout=10, check=False,
        ).stdout.split()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return " ".join(told[1:]) if told and told[0][0] != "Z" else ""


def _began_in_windows(pid: int, kernel: Any, last_error: Callable[[], int]) -> str | None:
    from ctypes import byref, wintypes

    kernel.OpenProcess.restype = wintypes.HANDLE
    opened = kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, wintypes.DWORD(pid))
    if not opened:
        return "" if last_error() == NO_SUCH_PROCESS else None
    handle, code = wintypes.HANDLE(opened), wintypes.DWORD()
    created, *others = (wintypes.FILETIME() for _ in range(4))
    try:
        told = kernel.GetExitCodeProcess(handle, byref(code)) and kernel.GetProcessTimes(
            handle, byref(created), *map(byref, others)
        )
    finally:
        kernel.CloseHandle(handle)
    if not told:
        return None
    # who holds a handle keeps an ended process's number from being given again
    return str((created.dwHighDateTime << 32) + created.dwLowDateTime) if code.value == STILL_ACTIVE else ""
