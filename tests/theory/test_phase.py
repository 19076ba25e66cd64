"""A diagram's points are those of mean_field, one at a time."""

import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.maps.axis import Axis
from chainderiv.theory.mean_field import mean_field
from chainderiv.theory.phase import phase_diagram
from tests.kinds import costly


@pytest.mark.parametrize("name", costly(["tanh", "sigmoid", "relu", "gelu", "hardtanh", "selu", "softplus"]))
def test_a_diagram_is_mean_field_at_each_of_its_points(name):
    d = phase_diagram(name, Axis(0.2, 4.7, 16), Axis(0, 2, 11))
    rng = np.random.default_rng(5)
    for i, j in zip(rng.integers(0, 11, 12), rng.integers(0, 16, 12), strict=True):
        m = mean_field(name, float(d.sigma_w[j]), float(d.sigma_b[i]))
        assert d.q_star[i, j] == pytest.approx(m.q_star, rel=1e-11)
        assert d.chi_q[i, j] == pytest.approx(m.chi_q, rel=1e-11)
        assert d.chi_1[i, j] == pytest.approx(m.chi_1, rel=1e-11)
        assert d.c_star[i, j] == pytest.approx(m.c_star, abs=1e-10, nan_ok=True)
        assert d.chi_c[i, j] == pytest.approx(m.chi_c, abs=1e-9, nan_ok=True)


def test_an_axis_below_0_is_refused():
    with pytest.raises(BadValue, match="give sigma_w > 0"):
        phase_diagram("tanh", Axis(-1, 1, 3), Axis(0, 1, 3))
    with pytest.raises(BadValue, match="sigma_b is 0.3; give an Axis"):
        phase_diagram("tanh", Axis(1, 2, 3), 0.3)
