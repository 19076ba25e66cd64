"""What a run of the tests has in common: its examples, its kernels, the tenth that is drawn, and data for several rooms."""

import gc
import os
import shutil
import time

import pytest
from hypothesis import settings

from chainderiv.nn.data.data import load_data
from tests.browser import missing
from tests.missing import judged
from tests.nn.data import real
from tests.nn.training.runs_kept import small_data
from tests.tenth import is_drawn, place

# an example that was found stays found: each run tries the same, whatever ran before and however slow the machine is
settings.register_profile("the same", derandomize=True, deadline=None, database=None)
# new examples in every local run
settings.register_profile("new", deadline=None)
settings.load_profile("the same" if os.environ.get("CI") else "new")

BEGAN = pytest.StashKey()
NOT_REACHED = "not reached within"


def pytest_addoption(parser):
    parser.addoption("--within", metavar="SECONDS", type=float, help="of the tenth begin no test later than that")
    parser.addoption("--tenth", metavar="SEED", help="run a tenth of the selected tests: the one that SEED draws")
    parser.addoption("--peers", action="store_true", help="what is skipped because it is not installed has failed")


def pytest_configure(config):
    """One cache of kernels for a run: workers and the processes that tests start inherit it, and it is left for the next.

    The user's own stays as it is.
    """
    config.stash[BEGAN] = time.monotonic()
    if "CHAINDERIV_CACHE" not in os.environ and hasattr(config, "cache"):
        folder = config.cache.mkdir("kernels")
        folder.chmod(0o700)
        os.environ["CHAINDERIV_CACHE"] = str(folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """What is collected stays to the end: looking through it for garbage is a fifth of the collection, and goes on."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header(config):
    seed = config.getoption("tenth")
    return None if seed is None else f"a tenth of the tests: the one that --tenth {seed} draws"


def pytest_runtest_setup(item):
    within = item.config.getoption("within")
    if within is not None and time.monotonic() - item.config.stash[BEGAN] > within:
        pytest.skip(NOT_REACHED)


def pytest_terminal_summary(terminalreporter, config):
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NOT_REACHED in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} tests {NOT_REACHED} {config.getoption('within'):g} s")


@pytest.hookimpl(trylast=True)  # behind -m and -k
def pytest_collection_modifyitems(config, items):
    seed = config.getoption("tenth")
    if seed is not None:
        left_out = [item for item in items if not is_drawn(item.nodeid, seed)]
        config.hook.pytest_deselected(items=left_out)
        # files in an order of the seed's own: what the time does not suffice for is another with each seed
        kept = [item for item in items if is_drawn(item.nodeid, seed)]
        items[:] = sorted(kept, key=lambda item: place(item.nodeid.partition("::")[0], seed))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return judged((yield), collector.config.getoption("peers"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return judged((yield), item.config.getoption("peers"))


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder with the real MNIST's four files."""
    return real.mnist_folder()


@pytest.fixture(scope="session")
def mnist(mnist_folder):
    """The real MNIST."""
    return load_data("mnist", mnist_folder)


@pytest.fixture
def tiny():
    """60 + 20 + 20 images of 6 pixels in 3 classes that a small network can learn."""
    return small_data()


@pytest.fixture(scope="module")
def validator():
    """The compiler of shaders."""
    return shutil.which("glslangValidator") or missing("there is no glslangValidator (Debian's glslang-tools)")
