"""Where float64, a formula or a referee ends: right within the bound, uncertain by κ, or refused; never wrong in silence."""

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv import wide
from chainderiv.functions.cost import Cost
from chainderiv.functions.stable import Stable
from chainderiv.numeric.conditioning import bound
from chainderiv.numeric.oracle import NumpyKernel
from chainderiv.numeric.parameters import at_points
from chainderiv.symbols import a, y, z
from tests import plain
from tests.kinds import costly, slow

HALF = sympy.Rational(1, 2)
LARGEST = float(np.finfo(float).max)


def log_of(value):
    return float(mp.log(abs(value)))


def exactly(number):
    """A wide number in mpmath."""
    return [mp.mpf(float(m)) * mp.mpf(2) ** int(e) for m, e in zip(number.m.flat, number.e.flat, strict=True)]


def test_wide_numbers_add_multiply_and_tell_their_size_to_a_last_digit_at_any_exponent():
    rng = np.random.default_rng(4)
    sizes = rng.choice([0, 0, 3, 900, 10**6], (2, 400)) * rng.uniform(-1, 1, (2, 400))
    p, q = (wide.from_log(rng.choice([-1.0, 1.0], 400), log) for log in sizes)
    p = wide.choose(np.arange(400) % 9 == 0, wide.wide(np.zeros(400)), p)  # some are 0, which has no exponent
    q = wide.choose(np.arange(400) % 7 == 0, wide.wide(np.zeros(400)), q)
    q = wide.choose(np.arange(400) % 5 == 0, wide.Wide(-p.m * (1 - 2.0**-30), p.e), q)  # and some cancel
    found = wide.plus(p, q), wide.times(p, q)
    with mp.workdps(400):
        for one, two, total, product in zip(exactly(p), exactly(q), *map(exactly, found), strict=True):
            # a term that is 2^2000 times smaller counts for nothing
            assert abs(total - (one + two)) <= mp.mpf(2) ** -52 * abs(one + two)
            assert abs(product - one * two) <= mp.mpf(2) ** -52 * abs(one * two)
        for number in (p, *found):
            floats = wide.to_float(number)
            for value, log, as_float in zip(exactly(number), wide.log_abs(number), floats, strict=True):
                assert log == -np.inf if value == 0 else abs(log - mp.log(abs(value))) <= 1e-15 * max(1, abs(log))
                assert (
                    as_float == max(min(value, mp.mpf(LARGEST)), -mp.mpf(LARGEST))
                    or abs(value) < 1e-300
                    or (abs(as_float / value - 1) <= 2.0**-52)
                )
    for m, e in (p, *found):
        assert ((m == 0) | ((np.abs(m) >= 0.5) & (np.abs(m) < 1))).all()
        assert (e == np.round(e)).all()


def test_a_wide_number_from_a_logarithm_is_its_exponential():
    logs = np.array([0.0, -1e6, 1e6, 0.3, -745.5, 1e-17, -np.inf])
    got = wide.from_log(np.array([1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 1.0]), logs)
    with mp.workdps(60):
        for value, sign, log in zip(exactly(got), (1, -1, 1, -1, 1, 1, 0), logs, strict=True):
            assert mp.sign(value) == sign
            assert not sign or abs(mp.log(abs(value)) - mp.mpf(float(log))) <= 2.0**-51 * max(1, abs(log))


@pytest.mark.parametrize("target", [0.5, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("pinned", [1e-8, 0.405465108, 3.0])
def test_a_target_near_a_limit_and_near_the_output_is_within_the_bound(target, pinned):
    g = cd.evaluate(cd.Chain(1), 1.0, z=pinned, y=target)
    kappa = cd.condition(cd.Chain(1), 1.0, z=pinned, y=target)
    with mp.workdps(60):
        out = 1 / (1 + mp.exp(-mp.mpf(pinned)))
        want = log_of(out * (1 - out) * (out - mp.mpf(target)))
    assert abs(g.log - want) <= bound(np.float64(want), np.float64(kappa))
    assert np.isfinite(kappa)


def test_arctan_keeps_its_slope_where_the_square_of_z_leaves_float64():
    for size in (1e100, 1e154, 1e160, 1e300):
        g = cd.evaluate(cd.Chain(1, "arctan"), 1.0, z=size, y=0.5)
        want = -2 * np.log(size) + float(mp.log(mp.pi / 2 - mp.mpf("0.5")))
        assert g.sign == 1
        assert g.log == pytest.approx(want, rel=1e-12)


def test_a_logarithm_beyond_1e18_is_carried():
    g = cd.evaluate(cd.Chain(2, "softplus"), 1e-3, -1e18, y=-0.7, wrt="w2")
    assert g.log == pytest.approx(-2e18, rel=1e-12)


@pytest.mark.parametrize("point", [8.0, 9.4, 12.0, 40.0, -400.0])
def test_where_the_digits_of_a_formula_without_stable_forms_are_gone_the_referee_takes_over(point):
    doubled = cd.Activation("tanh2", sympy.tanh(2 * z))
    chain = cd.Chain(1, doubled)
    g = cd.evaluate(chain, 1.0, z=point, y=0.3)
    with mp.workdps(1000):
        slope = 2 * mp.sech(2 * mp.mpf(point)) ** 2
        want = log_of(slope * (mp.tanh(2 * mp.mpf(point)) - mp.mpf(0.3)))
    kappa = cd.condition(chain, 1.0, z=point, y=0.3)
    assert kappa > 1e12
    assert g.log == pytest.approx(want, rel=1e-14)  # so the referee has taken over


@pytest.mark.parametrize(("points", "refereed"), [(1, True), (64, True), (65, False)])
def test_the_referee_takes_over_at_64_points_and_no_more(points, refereed):
    doubled = cd.Activation("tanh2", sympy.tanh(2 * z))
    pinned = np.concatenate([np.linspace(12.0, 13.0, points), [0.1, 0.2]])[:, None]
    g = cd.evaluate(cd.Chain(1, doubled), 1.0, z=pinned, y=0.3)
    assert np.isfinite(g.log[-2:]).all()
    assert (np.isfinite(g.log[:-2]) == refereed).all()
    assert (np.isnan(g.sign[:-2]) != refereed).all()
    if refereed:  # 2 sech(2z)² (1 - 0.3), but for terms of exp(-4z)
        assert np.abs(g.log[:-2] - (np.log(8 * 0.7) - 4 * pinned[:-2, 0])).max() < 1e-12


def test_a_replaced_factor_may_hold_all_that_the_chain_knows():
    """Each symbol by itself, and a sum of powers, as numbers by hand."""
    chain, w, b, at_y = cd.Chain(3, "tanh"), (1.5, -0.5, 2.0), (0.1, 0.2, -0.3), 0.25
    d = cd.derive(chain, "b1")
    with mp.workdps(40):
        points, a = plain.orbit(["tanh"] * 3, w, b, 0.5)
        prime = [plain.phi_prime("tanh", v) for v in points]
        known = {
            "x": a[0], "y": mp.mpf(at_y), "w_2": mp.mpf(w[1]), "a_1": a[1], "a_3": a[3], "z_1": points[0], "z_3": points[2],
        }  # fmt: skip
        asked = {sympy.Symbol(name, real=True): value for name, value in known.items()}
        asked |= {d.factors[2]: prime[1], d.factors[5]: a[3] - mp.mpf(at_y)}
        (z1, v1), (w2, v2) = ((sympy.Symbol(name, real=True), known[name]) for name in ("z_1", "w_2"))
        asked[z1**3 / 7 - 2 * w2 + d.factors[2]] = v1**3 / 7 - 2 * v2 + prime[1]
        asked[z1**-2 / w2] = 1 / (v1**2 * v2)
        without = prime[0] * prime[1] * mp.mpf(w[2]) * prime[2] * (a[3] - mp.mpf(at_y))  # but for w_2
        for expression, value in asked.items():
            want = without * value
            got = NumpyKernel(d.replace(1, expression)).gradient(at_points(3, w, b, None, 0.5, at_y))
            assert got.sign == mp.sign(want), expression
            assert abs(got.log - log_of(want)) < 1e-13, expression


def test_a_map_of_such_a_formula_is_right_or_undefined_and_never_a_false_zero():
    own = cd.Activation("softplus2", sympy.log(1 + sympy.exp(z)))
    axes = {"w": cd.Axis(-12, 12, 41), "b": cd.Axis(-10, 10, 41)}
    got, want = (cd.sweep(cd.Chain(4, f), **axes) for f in (own, "softplus"))
    known = ~np.isnan(got.log_abs)
    assert known.mean() > 0.5
    assert (~known).any()
    assert (got.sign[known] == want.sign[known]).all()
    alive = known & (want.sign != 0)
    off, certain = np.abs(got.log_abs[alive] - want.log_abs[alive]), ~got.uncertain[alive]
    assert off[certain].max() < 1e-9
    # what is known to this is kept, and marked
    assert (off / np.maximum(1.0, np.abs(want.log_abs[alive]))).max() < 1e-4


@pytest.mark.parametrize("point", [-300.0, -400.0])
def test_a_formula_that_overflows_inside_has_kappa_infinity(point):
    steep = cd.Activation("steep", 1 / (1 + sympy.exp(-2 * z)))
    assert cd.condition(cd.Chain(1, steep), 1.0, z=point, y=1.0) == np.inf


@pytest.mark.parametrize("name", ["sigmoid", slow("tanh")])
def test_the_referee_refuses_rather_than_believe_a_zero(name):
    with pytest.raises(cd.errors.BadValue, match="settle"):
        cd.evaluate(cd.Chain(1, name), 1.0, z=1e6, y=1.0, engine="mpmath")


FORMULAS = {
    "squared relu": sympy.Max(z, 0) ** 2,
    "hardtanh": sympy.Max(-1, sympy.Min(1, z)),
    "gate": z * sympy.Heaviside(z),
    "signed root": sympy.sign(z) * sympy.sqrt(sympy.Abs(z)),
    "folded": sympy.Abs(z) - z / 3,
    "step": sympy.Piecewise((z + 1, z > 0), (z, True)),
    "square": z**2,
    "hyperbola": sympy.sqrt(z**2 + 1),
    "sine": sympy.sin(z),
    "exponential": sympy.exp(z),
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS.keys())
def test_a_users_formula_with_branches_derives_evaluates_and_verifies(formula):
    chain = cd.Chain(3, cd.Activation("mine", formula))
    assert cd.verify(chain, points=10).passed
    g, referee = (cd.evaluate(chain, 0.7, 0.3, engine=engine) for engine in ("numpy", "mpmath"))
    assert (g.sign, g.log) == (referee.sign, pytest.approx(referee.log, rel=1e-12))
    wrong = cd.derive(chain, "b1")
    assert not cd.verify(chain, wrong.replace(2, 1.001 * wrong.factors[2]), points=10).passed


@pytest.mark.parametrize(
    "formula",
    [sympy.log(z), sympy.sqrt(z), sympy.floor(z), sympy.Mod(z, 2), sympy.Integer(2), sympy.I * z]
    + [sympy.Function("f")(z), sympy.Integral(z**2, z), sympy.zeta(z), sympy.besselj(0, z), sympy.nan * z],
)
def test_a_formula_that_is_not_real_or_not_differentiable_is_refused(formula):
    with pytest.raises(cd.errors.BadValue, match="give") as e:
        cd.evaluate(cd.Chain(3, cd.Activation("mine", formula)), 0.7, 0.3)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("formula", [sympy.log(sympy.cosh(a - y)), (a - y) ** 2 / a, sympy.Abs(a - y)])
def test_a_cost_whose_slope_cannot_be_taken_apart_is_refused(formula):
    with pytest.raises(cd.errors.CostDomain, match="give a cost"):
        cd.Chain(2, "sigmoid", Cost("mine", formula))


def test_a_users_cost_of_powers_is_verified():
    assert cd.verify(cd.Chain(3, "tanh", Cost("quartic", (a - y) ** 4 / 4)), points=10).passed


@pytest.mark.parametrize(
    "bad",
    [sympy.I, sympy.zoo, sympy.nan, sympy.oo, sympy.Symbol("w_2"), sympy.Symbol("q"), True, sympy.Eq(z, 1), "w_2"]
    + [sympy.Matrix([1]), sympy.log(sympy.Symbol("w_2", real=True)), sympy.Symbol("w_9", real=True)],
)
def test_a_replacement_that_no_engine_can_evaluate_is_refused(bad):
    with pytest.raises(cd.errors.BadValue, match="give"):
        cd.derive(cd.Chain(4), "b1").replace(2, bad)


def test_a_stated_gap_that_is_none_is_refused():
    broken = cd.Activation("off", 1 / (1 + sympy.exp(-z)), stable=Stable(below_upper=HALF / (1 + sympy.exp(z))))
    with pytest.raises(cd.errors.BadValue, match="no such gap"):
        cd.evaluate(cd.Chain(1, broken), 1.0, 0.3, y=1.0)


def test_a_slope_where_the_formula_is_flat_fails_although_no_gradient_can_judge_it():
    half = Stable(
        derivative=sympy.Piecewise((1, z > 0), (HALF, True)),
        log_abs_derivative=sympy.Piecewise((0, z > 0), (-sympy.log(2), True)),
    )
    leaking = cd.Activation("leaking", sympy.Piecewise((z, z > 0), (0, True)), stable=half)
    found = cd.verify(cd.Chain(2, leaking), points=10)
    assert not found.passed
    assert "where leaking is flat" in found.worst.factor
    assert cd.verify(cd.Chain(2, "relu"), points=10).passed


class Faulty(cd.Network):
    """A network whose bias gradients are spoilt in one neuron."""

    spoil = staticmethod(lambda g: g)

    def gradients(self, images, labels):
        weights, biases = super().gradients(images, labels)
        biases[0] = biases[0].copy()
        biases[0][7] = self.spoil(biases[0][7])
        return weights, biases


FAULTS = {
    "scaled": lambda g: 1.001 * g,
    "flipped": lambda g: -g,
    "zero": lambda g: 0.0,
    "NaN": lambda g: np.nan,
}


@pytest.mark.parametrize("seed", [0, *map(slow, (1, 2, 3))])
@pytest.mark.parametrize("fault", costly(["none", *FAULTS], quick=["none", "scaled"]))
def test_one_wrong_neuron_of_thirty_never_passes_and_without_it_they_do(fault, seed, monkeypatch):
    rng = np.random.default_rng(seed)
    images, labels = rng.random((5, 4)), rng.integers(0, 5, 5)
    monkeypatch.setattr(Faulty, "spoil", staticmethod(FAULTS.get(fault, lambda g: g)))
    found = cd.verify(Faulty([4, 30, 5]), images=images, labels=labels, rng=seed)
    assert found.passed == (fault == "none")
    assert found.passed or found.worst.parameter == "biases[0]"


def test_a_float32_network_is_judged_by_its_backward_pass_and_not_by_its_rounding():
    rng = np.random.default_rng(0)
    net = cd.Network([16, 8, 5], dtype="float32")
    assert cd.verify(net, images=rng.random((5, 16)), labels=rng.integers(0, 5, 5)).passed


def test_threads_leave_mpmaths_precision_as_it_was():
    from concurrent.futures import ThreadPoolExecutor

    before = mp.mp.prec
    axis = cd.Axis(-2, 2, 12)
    with ThreadPoolExecutor(4) as pool:
        many = cd.sweep(cd.Chain(3), w=axis, b=0.1, engine="mpmath", executor=pool)
    alone = cd.sweep(cd.Chain(3), w=axis, b=0.1, engine="mpmath")
    assert mp.mp.prec == before
    assert many.log_abs.tolist() == alone.log_abs.tolist()
