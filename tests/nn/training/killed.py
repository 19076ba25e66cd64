"""A training run in processes that are killed with SIGKILL until one of them finishes; prints what came of it.

python -m tests.nn.training.killed FOLDER SEED '{"engine": "numba"}'
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from chainderiv.nn.training import checkpoint
from tests.nn.training.runs_kept import fingerprint, run

EPOCHS = 12
PAUSE = 0.002  # seconds that a file stays half-written, so that kills meet such ones


def slow_write(path, content):
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        time.sleep(PAUSE)
        file.write(content[len(content) // 2 :])


def killed(folder, delay, settings):
    """Resume in a process of its own; whether it had to be killed."""
    process = os.fork()
    if process == 0:
        run(EPOCHS, folder=folder, resume=True, **settings)
        os._exit(0)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1] != 0


def main(folder, seed, settings):
    rng, delay, kills, cut = random.Random(int(seed)), 0.06, 0, 0
    checkpoint.SECONDS = 0.0
    run(1, **settings)  # compiles
    Path.write_bytes = slow_write
    while killed(folder, rng.uniform(0.02, delay), settings):
        kills += 1
        cut += any(Path(folder).glob(".*"))
        delay *= 1.05  # or a busy machine would never finish
    left = sorted(path.name for path in Path(folder).iterdir())
    finished = fingerprint(*run(EPOCHS, folder=folder, resume=True, **settings))
    json.dump({"kills": kills, "cut": cut, "left": left, "finished": finished}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
