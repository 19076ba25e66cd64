"""Points that people tried: kinks within rounding, cancelled slopes, orbits that leave float64, large constants."""

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.numeric.kernel import kernel
from chainderiv.numeric.parameters import at_points
from chainderiv.symbolic.derive import derive
from tests.helpers import same
from tests.kinds import costly, slow


def log_of(value):
    return cd.LogSign(float(mp.sign(value)), float(mp.log(abs(value))) if value else -np.inf)


def uncertain(chain, engine, **point):
    parameters = at_points(chain.depth, **{"z": None, "x": 0.5, "y": 0.0} | point)
    reading = cd_reading(parameters.shape)
    kernel(derive(chain, "b1"), engine).fill(parameters, reading)
    return bool(reading.uncertain[0])


def cd_reading(shape):
    from chainderiv.numeric.reading import Reading

    return Reading.empty(shape).reshape(-1)


def test_a_slope_of_gelu_that_cancels_is_no_certain_zero():
    chain, point = cd.Chain(1, "gelu"), {"w": 0.0, "b": -0.7517915246935645, "x": 0.0, "y": 0.5}
    with mp.workdps(60):
        z = mp.mpf(point["b"])
        density = mp.exp(-(z**2) / 2) / mp.sqrt(2 * mp.pi)
        true = (mp.ncdf(z) + z * density) * (z * mp.ncdf(z) - mp.mpf("0.5"))
        assert same(cd.evaluate(chain, **point), log_of(true))
    assert cd.condition(chain, **point) == np.inf
    assert uncertain(chain, "numpy", **point)


@pytest.mark.parametrize("name", costly(["relu", "leaky_relu", "selu"]))
def test_rounding_across_a_kink_is_uncertain_to_both_engines_and_right_by_the_referee(name):
    chain, point = cd.Chain(1, name), {"w": 0.7, "b": -(0.7 * 0.1), "x": 0.1, "y": 0.5}
    with mp.workdps(60):
        z = mp.mpf(0.7) * mp.mpf(0.1) - mp.mpf(0.7 * 0.1)
        assert 0 < z < 1e-17  # float64 has 0
        scale = mp.mpf(cd.ACTIVATIONS[name].derivative.subs(cd.z, 1))  # φ(z) = scale z for z > 0
        true = log_of(scale * (scale * z - mp.mpf("0.5")))
    assert same(cd.evaluate(chain, **point), true)
    assert cd.condition(chain, **point) == np.inf
    for engine in ("numpy", "numba"):
        assert uncertain(chain, engine, **point)


def test_a_kink_that_is_met_exactly_is_certain():
    chain, point = cd.Chain(1, "relu"), {"w": 1.0, "b": -0.5, "x": 0.5, "y": 0.25}
    assert cd.evaluate(chain, **point).sign == 0
    assert cd.condition(chain, **point) < 100
    many = cd.evaluate(chain, w=np.ones((100, 1)), b=-0.5, x=0.5, y=0.25)
    assert (many.sign == 0).all()


@pytest.mark.parametrize("name", costly(["elu", "relu"]))
def test_a_target_next_to_a_huge_output_keeps_the_difference(name):
    # a_L - y = y · 1e-7 is left of numbers near 3e295
    w, b = [-100.0, 4.0, 4.0, 1e-8, 2.0], [-0.0099, -0.0147, 0.0076, -0.0199, -0.006]
    x, y = -1e300, 3.20000032e295
    with mp.workdps(400):
        a = mp.mpf(x)
        for weight, bias in zip(w, b, strict=True):
            a = mp.mpf(weight) * a + mp.mpf(bias)  # each z is far above 0
        true = log_of(mp.mpf(w[3]) * mp.mpf(w[4]) * (a - mp.mpf(y)))
    point = {"w": w, "b": b, "x": x, "y": y, "wrt": "b3"}
    chain = cd.Chain(5, name)
    assert same(cd.evaluate(chain, **point), true, float(cd.condition(chain, **point)))


@pytest.mark.parametrize("name", costly(["silu", "gelu", "mish", "sigmoid", "softplus", "tanh"]))
def test_an_orbit_that_leaves_float64_comes_back_through_a_saturated_neuron(name):
    point = {"w": [-1e10, 1.0], "b": [0.0, 0.3], "x": 1e300, "y": 0.0, "wrt": "b2"}
    with mp.workdps(60):
        z = mp.mpf(point["b"][1]) - (1 if name == "tanh" else 0)  # a_1 is the limit at -∞ to 10^309 digits
        phi = {
            "silu": lambda t: t / (1 + mp.exp(-t)), "gelu": lambda t: t * mp.ncdf(t),
            "mish": lambda t: t * mp.tanh(mp.log(1 + mp.exp(t))), "sigmoid": lambda t: 1 / (1 + mp.exp(-t)),
            "softplus": lambda t: mp.log(1 + mp.exp(t)), "tanh": mp.tanh,
        }[name]  # fmt: skip
        true = log_of(mp.diff(phi, z) * phi(z))
    got = cd.evaluate(cd.Chain(2, name), **point)
    assert abs(got.log - true.log) < 1e-12
    assert got.sign == true.sign
    assert same(cd.evaluate(cd.Chain(2, name), **point, engine="numba"), true)


def test_an_orbit_comes_back_at_depth_5():
    w, b = [-0.5, 4.0, -1e8, -1.0, -100.0], [0.98, -0.34, -0.76, 0.16, -0.45]
    got = cd.evaluate(cd.Chain(5, "silu"), w=w, b=b, x=-1e300, y=-0.9, wrt="b5")
    with mp.workdps(60):

        def phi(t):
            return t / (1 + mp.exp(-t))

        z = mp.mpf(w[4]) * phi(mp.mpf(b[3])) + mp.mpf(b[4])  # a_3 is 0 to 10^300 digits
        assert same(got, log_of(mp.diff(phi, z) * (phi(z) + mp.mpf(0.9))))


def test_a_kink_at_a_subnormal_input_is_left_to_the_engine_that_has_subnormals():
    point = {
        "w": [0.07166259502633536, -0.48821417916194043],
        "b": [-1.57657709057938e-309, 583.6872666538438],
        "x": 2.2e-308,
        "y": 0.0,
    }
    with mp.workdps(800):
        w, b = map(mp.mpf, point["w"]), map(mp.mpf, point["b"])
        (w1, w2), (b1, b2) = w, b
        z1 = w1 * mp.mpf(point["x"]) + b1
        slope = 1 if z1 > 0 else mp.mpf("0.01")
        true = log_of(slope * w2 * (w2 * slope * z1 + b2))
    for engine in ("numpy", "numba"):
        assert same(cd.evaluate(cd.Chain(2, "leaky_relu"), **point, engine=engine), true)


CONSTANTS = {  # formula -> φ and φ' by mpmath, where they are simple
    "1e20*z": (lambda t: mp.mpf(10) ** 20 * t, lambda t: mp.mpf(10) ** 20),
    "z/1e20": (lambda t: t / mp.mpf(10) ** 20, lambda t: mp.mpf(10) ** -20),
    "1e155+z": (lambda t: mp.mpf(10) ** 155 + t, lambda t: mp.mpf(1)),
    "1e308*z*10": (lambda t: mp.mpf(10) ** 309 * t, lambda t: mp.mpf(10) ** 309),
    "z*1e200*1e200": (lambda t: mp.mpf(10) ** 400 * t, lambda t: mp.mpf(10) ** 400),
    "sqrt(z**2+1e-300)": (
        lambda t: mp.sqrt(t**2 + mp.mpf(10) ** -300), lambda t: t / mp.sqrt(t**2 + mp.mpf(10) ** -300)
    ),
    "log(1+exp(1e30*z))/1e30": (lambda t: t, lambda t: mp.mpf(1)),  # for z >= 0.5, to 10^29 digits
    "log(1+z**2)": (lambda t: mp.log(1 + t**2), lambda t: 2 * t / (1 + t**2)),
}  # fmt: skip


@pytest.mark.parametrize("b", [0.5, 1e160])
@pytest.mark.parametrize("formula", CONSTANTS)
def test_large_and_tiny_constants_are_numbers(formula, b):
    phi, slope = CONSTANTS[formula]
    chain = cd.Chain(2, cd.Activation.from_formula("own", formula))
    with mp.workdps(900):
        z1 = mp.mpf("0.5") + mp.mpf(b)
        z2 = phi(z1) + mp.mpf(b)
        true = log_of(slope(z1) * slope(z2) * (phi(z2) - mp.mpf("0.25")))
    assert same(cd.evaluate(chain, w=1.0, b=b, y=0.25), true)


W = cd.Axis(-3, 3, 8)


@pytest.mark.parametrize("engine", ["numpy", slow("numba")])
@pytest.mark.parametrize(
    ("formula", "share"),
    # σ(1e20 z) moves by 1e20 of what z is off by, and nothing of it can be known in float64
    [("log(1+exp(1e30*z))/1e30", 0.3), ("1e20*z", 0.99), ("1/(1+exp(-1e20*z))", 0.0)],
)
def test_large_and_tiny_constants_are_mapped(formula, share, engine):
    chain = cd.Chain(3, cd.Activation.from_formula("own", formula))
    swept = cd.sweep(chain, w=W, b=W, y=0.25, engine=engine)
    known = ~np.isnan(swept.log_abs)
    assert known.mean() >= share
    assert (known | swept.uncertain).all()
    for i, j in np.argwhere(known & ~swept.uncertain)[::7]:
        true = cd.evaluate(chain, w=float(W.values[i]), b=float(W.values[j]), y=0.25, engine="mpmath")
        assert same(cd.LogSign(float(swept.sign[i, j]), float(swept.log_abs[i, j])), true, 1e4)


@pytest.mark.parametrize(
    ("formula", "depth", "w", "b", "log"),
    [
        ("tanh(100*z)", 60, 1.0, 25.0, -311540.7998092459),
        ("Max(0,z)**2", 8, 12.0, 10.0, 2685.499333754346),
        ("(z+sqrt(z**2+4))/2", 12, 3.0, 0.0, 24.640176270114583),
    ],
)
def test_tails_and_degrees_beyond_float64_have_the_values_of_ball_arithmetic(formula, depth, w, b, log):
    chain = cd.Chain(depth, cd.Activation.from_formula("own", formula))
    y = 0.0 if depth == 12 else 0.25
    assert same(cd.evaluate(chain, w=w, b=b, y=y), cd.LogSign(1.0, log))


@pytest.mark.parametrize(
    "formula",
    [
        "where(z>0,sqrt(z+1)-1,z)",
        slow("where(z>0,sqrt(z+1)-1,1-sqrt(1-z))+0.001*z"),
        "sqrt(1+Abs(z))-1",
        slow("where(z>0,(1+z)**0.3-1,z)"),
        "1-1/sqrt(1+Abs(z))",
    ],
)
def test_a_root_whose_series_is_long_is_no_recursion_too_deep(formula):
    chain = cd.Chain(3, cd.Activation.from_formula("own", formula))
    point = {"w": 1.0, "b": 1e-3, "x": 1e-3, "y": 0.25}
    assert same(cd.evaluate(chain, **point), cd.evaluate(chain, **point, engine="mpmath"))
    assert cd.verify(chain, points=3).passed


def by_hand(neurons, w, b, x, y, layer, kind="b"):
    """∂C/∂b_k (or w_k) by mpmath, at the digits that are set; a neuron is z -> (φ, φ')."""
    a, product = mp.mpf(x), mp.mpf(1)
    for k, (neuron, weight, bias) in enumerate(zip(neurons, w, b, strict=True), start=1):
        before = a
        a, slope = neuron(mp.mpf(weight) * a + mp.mpf(bias))
        if k >= layer:
            product *= slope * (mp.mpf(weight) if k > layer else before if kind == "w" else 1)
    return product * (a - mp.mpf(y))


def tanh(z):
    return mp.tanh(z), mp.sech(z) ** 2


def leaky(z):
    return (z, mp.mpf(1)) if z > 0 else (z / 100, mp.mpf(1) / 100)


def relu(z):
    return (z, mp.mpf(1)) if z > 0 else (mp.mpf(0), mp.mpf(0))


def itself(z):
    return z, mp.mpf(1)


@pytest.mark.parametrize(("name", "neuron"), costly([("relu", relu), ("leaky_relu", leaky)]))
def test_a_kink_behind_a_layer_that_rounds_is_right_at_one_point_and_at_many(name, neuron):
    x = 0.41
    w, b = [0.7, 0.9, 1.1], [0.3, -0.9 * float(np.tanh(0.7 * x + 0.3)), 0.0]
    chain = cd.Chain(3, ["tanh", name, "identity"])
    with mp.workdps(60):
        true = log_of(by_hand([tanh, neuron, itself], w, b, x, 0.5, 1))
    assert same(cd.evaluate(chain, w=w, b=b, x=x, y=0.5), true)
    assert same(cd.evaluate(chain, w=w, b=b, x=x, y=0.5, engine="numba"), true)
    many = cd.evaluate(chain, w=w, b=b, x=np.full(100, x), y=0.5, engine="numba")
    assert np.isnan(many.log).all()  # more than the referee takes over: no number is called certain


@pytest.mark.parametrize("bias", [0.0, 1e-30])
@pytest.mark.parametrize(("name", "neuron"), costly([("relu", relu), ("leaky_relu", leaky)]))
def test_a_bias_of_zero_hides_no_kink_that_earlier_layers_round_across(name, neuron, bias):
    rng = np.random.default_rng(5)
    chain = cd.Chain(4, ["tanh", "tanh", name, "identity"])
    for _ in range(60):
        w, x = rng.uniform(0.2, 1.2, 4).tolist(), float(rng.normal())
        met = -w[1] * np.tanh(w[0] * x + 0.3)
        for _ in range(int(rng.integers(0, 4))):
            met = np.nextafter(met, rng.choice([-1.0, 1.0]))
        b = [0.3, float(met), bias, 0.0]
        with mp.workdps(60):
            true = log_of(by_hand([tanh, tanh, neuron, itself], w, b, x, 0.5, 1))
        assert same(cd.evaluate(chain, w=w, b=b, x=x, y=0.5), true), (w, b, x)


def test_a_second_derivative_beside_a_kink_is_the_referees():
    x = 0.59
    w, b = [0.7, 0.9, 1.1], [0.3, -0.9 * float(np.tanh(0.7 * x + 0.3)), 0.0]
    chain = cd.Chain(3, ["tanh", "leaky_relu", "identity"])
    with mp.workdps(60):
        slope = mp.diff(
            lambda t: by_hand([tanh, leaky, itself], [w[0], t, w[2]], b, x, 0.5, 1), mp.mpf(w[1]), h=mp.mpf(10) ** -40
        )
        # the kink lies further from z_2 than the step of the difference
        assert abs(mp.mpf(w[1]) * mp.tanh(mp.mpf(w[0]) * mp.mpf(x) + mp.mpf(b[0])) + mp.mpf(b[1])) > mp.mpf(10) ** -30
    got = cd.evaluate(chain, w=w, b=b, x=x, y=0.5, wrt=("b1", "w2"))
    assert abs(got.log - log_of(slope).log) < 1e-9
    assert got.sign == log_of(slope).sign


def test_a_logarithm_at_float64s_end_is_right_or_refused():
    chain = cd.Chain(2, ["sigmoid", "identity"])
    for engine in ("numpy", "numba"):  # a_1 = exp(-1e305)
        got = cd.evaluate(chain, w=1.0, b=0.0, x=-1e305, y=1.0, wrt="w2", engine=engine)
        assert same(got, cd.LogSign(-1.0, -1e305))
    with pytest.raises(cd.errors.BadValue):  # φ'(-1e400) has no logarithm in float64
        cd.evaluate(cd.Chain(3, ["mish", "mish", "identity"]), w=-1e200, b=1.0, x=1e200, y=0.25)


def test_a_product_that_underflows_is_rounded():
    chain = cd.Chain(2, [cd.Activation.from_formula("clip", "Max(-1,Min(1,z))"), "identity"])
    # z_1 = 1 - 1e-400 is below the kink at 1, and float64 has 1
    point = {"w": [1e-200, 1.0], "b": [1.0, 0.0], "x": -1e-200, "y": 0.0}
    assert same(cd.evaluate(chain, **point), cd.LogSign(1.0, -float(mp.mpf(10) ** -400)))
    assert cd.condition(chain, **point) == np.inf


def test_a_power_that_is_nearly_whole_is_no_law():
    chain = cd.Chain(2, cd.Activation.from_formula("near", "z+Abs(z)**0.92"))
    with mp.workdps(60):

        def near(z):
            size = abs(z)
            return z + size ** mp.mpf("0.92"), 1 + mp.mpf("0.92") * size ** mp.mpf("-0.08") * mp.sign(z)

        true = log_of(by_hand([near, near], [1, 1], [0, 0], mp.mpf(1e200), 0, 2, "w"))
    got = cd.evaluate(chain, w=1.0, b=0.0, x=1e200, y=0.0, wrt="w2")
    assert same(got, true, float(cd.condition(chain, w=1.0, b=0.0, x=1e200, y=0.0, wrt="w2")))
    one = cd.Chain(1, cd.Activation.from_formula("far", "z+9*10**90"))
    alone, beside = (cd.evaluate(one, w=1.0, b=0.0, x=np.array(x), y=0.0) for x in ([1e101], [1e101, 1e150]))
    assert abs(alone.log[0] - beside.log[0]) < 1e-12 * abs(alone.log[0])
