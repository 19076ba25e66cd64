"""Broken files by the hundred, and a child process that reads them and says what each did.

Run as a program it reads files named on the command line and prints, as JSON, for each: what was raised, how long it
took, and the process's largest memory, before the first and in all.
"""

import contextlib
import importlib
import json
import re
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path


def broken(content, rng, count):
    """Copies of a file, cut short, with bits flipped, bytes overwritten, parts doubled, left out or exchanged."""
    for number in range(count):
        data = bytearray(content)
        place, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
        match number % 8:
            case 0:
                del data[place:]
            case 1 | 2:
                for at in rng.integers(len(data), size=int(rng.integers(1, 9))):
                    data[at] ^= 1 << int(rng.integers(8))
            case 3:
                data[place : place + length] = rng.bytes(length)
            case 4:
                data[place:place] = data[place : place + length]
            case 5:
                del data[place : place + length]
            case 6:  # sizes and offsets are mostly early
                at = int(rng.integers(min(len(data), 512)))
                data[at : at + 4] = b"\xff\xff\xff\x7f" if rng.integers(2) else b"\x00\x00\x00\x80"
            case 7:
                other = int(rng.integers(len(data)))
                data[place : place + length], data[other : other + length] = (
                    data[other : other + length],
                    data[place : place + length],
                )
        yield bytes(data)


def _peak():
    """The largest memory of this process, or of those that it started."""
    return 1024 * max(_own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _own_peak():
    """In kilobytes; on Linux ru_maxrss begins with what the process had that started this one."""
    try:
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(files):
    """Read each, and say what happened."""
    for library in ("h5py", "onnx", "torch"):  # what they do when they are loaded is no file's doing
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    tempfile.gettempdir()  # which tries the folder out
    sys.addaudithook(_forbid)
    from chainderiv.errors import ChainderivError
    from chainderiv.models.readers.reading import read

    told, before = {}, _peak()
    for path in files:
        _leave_numbers_in_the_file(path.endswith("lean.onnx"))
        began = time.perf_counter()
        try:
            read(path, "tanh" if path.endswith(("npz", "safetensors", "pt")) else None)
            said = "read"
        except ChainderivError as e:
            said = f"refused: {e}"
        except BaseException:  # noqa: BLE001  whatever it is, it is what is looked for
            said = "TRACEBACK " + traceback.format_exc()
        told[path] = said, time.perf_counter() - began
    print(json.dumps({"told": told, "before": before, "peak": _peak(), "ran": RAN}))  # noqa: T201


def _leave_numbers_in_the_file(small):
    """Whether a small ONNX file is read as a large one is."""
    home = "chainderiv.models.readers.onnx_files."
    importlib.import_module(f"{home}file").LARGE_FILE = 1 if small else 2**24
    importlib.import_module(f"{home}lean").LARGE = 8 if small else 2**12


RAN = []


def _forbid(event, arguments):
    """Note what a file could make a program do: start others, reach the network, write."""
    if event == "subprocess.Popen" and "keras.hdf5 import main" in str(arguments):
        return  # our own
    temporary = Path(tempfile.gettempdir())
    if event == "open" and arguments[0] == str(temporary):
        return  # the file without a name that holds what comes back
    if event == "os.remove" and Path(arguments[0]).parent == temporary:
        return  # where the system makes it with one
    if event in (
        "os.system",
        "subprocess.Popen",
        "os.exec",
        "os.posix_spawn",
        "socket.connect",
        "os.remove",
        "shutil.rmtree",
    ):
        RAN.append(f"{event} {arguments}"[:200])
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        RAN.append(f"{event} {arguments}"[:200])


if __name__ == "__main__":
    main(json.loads(sys.stdin.read()))
