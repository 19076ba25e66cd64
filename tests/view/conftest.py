import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest

from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.records.record import TrainingRecord
from chainderiv.symbolic.chain import Chain


@pytest.fixture(autouse=True)
def nothing_is_shown_or_left_open(monkeypatch):
    """No figure is shown, and none is registered with pyplot, by any test of this room."""
    from matplotlib import pyplot

    monkeypatch.setattr(pyplot, "show", lambda *a, **k: pytest.fail("show was called"))
    before = dict(matplotlib.rcParams)
    yield
    assert pyplot.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


@pytest.fixture(scope="session")
def swept():
    """The map of the source's chain; w = 0 is on the grid, so it holds exact zeros."""
    return sweep(Chain(depth=4), w=Axis(-12, 12, 61), b=Axis(-10, 10, 41), x=0.5, y=0.0)


@pytest.fixture
def record():
    """Two hidden layers whose norms are known, and whose last values lie close together."""
    rows = tuple((np.full(4, 0.001 * k), np.full(4, 0.0011 * k), np.ones(2)) for k in (4, 3, 2, 1))
    return TrainingRecord({}, rows, np.ones(4), np.ones(4), np.array([0.1, 0.4, 0.6, 0.9]))
