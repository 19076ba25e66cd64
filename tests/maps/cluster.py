"""A Dask scheduler and its workers as processes on 127.0.0.1, for the tests; each is ended by its own id."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager


class LocalCluster:
    """A scheduler with workers that may be killed one by one."""

    def __init__(self, folder):
        self.folder, self.file, self.processes, self.workers = folder, folder / "scheduler.json", [], []
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show",
                    "--scheduler-file", str(self.file))  # fmt: skip
        self._await(self.file.exists)

    def add_worker(self):
        self.workers.append(self._start(
            "dask_worker", "--scheduler-file", str(self.file), "--host", "127.0.0.1", "--no-nanny", "--no-dashboard",
            "--nthreads", "1", "--local-directory", str(self.folder),
        ))  # fmt: skip

    def kill_worker(self):
        self.workers.pop().kill()

    def stop(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()

    def _start(self, module, *arguments):
        # a task is given up with its first dead worker, so that it is the sweep that has to give it out again
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"},
        )  # fmt: skip
        self.processes.append(process)
        return process

    def _await(self, condition):
        end = time.monotonic() + 300
        while not condition():
            assert time.monotonic() < end, "no scheduler came up"
            time.sleep(0.02)


@contextmanager
def local_cluster(folder, workers):
    cluster = LocalCluster(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.stop()
