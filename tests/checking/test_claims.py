"""verify(chain, claim): a formula of someone else's passes where it is right, and what is wrong with it is said."""

import json

import mpmath as mp
import numpy as np
import pytest
import sympy

import chainderiv as cd
from chainderiv.checking.claim_text import claim_text, left_side
from chainderiv.checking.claimed_formula import claimed_formula
from chainderiv.checking.points import draw_points
from chainderiv.errors import BadValue, ChainderivError
from chainderiv.functions.catalogue import ACTIVATIONS
from tests import plain
from tests.helpers import bound
from tests.kinds import FOUR, costly, slow

NAMES = "a_1 a_2 a_3 w_1 w_2 w_3 b_1 b_2 z_1 z_2 z_3 x y"
a1, a2, a3, w1, w2, w3, b1, b2, z1, z2, z3, x, y = sympy.symbols(NAMES)
# ∂C/∂b_1 of three sigmoids and the quadratic cost, written out by hand
RIGHT = (a3 - y) * a3 * (1 - a3) * w3 * a2 * (1 - a2) * w2 * a1 * (1 - a1)
THREE = cd.Chain(3)


def nested(depth, act):
    """The same of any depth in x, w, b and y alone."""
    a, product = x, 1
    for k in range(1, depth + 1):
        w, b = sympy.symbols(f"w{k} b{k}")
        a = act(w * a + b)
        product *= a * (1 - a) * (w if k > 1 else 1)
    return (a - y) * product


def sigmoid(u):
    return 1 / (1 + sympy.exp(-u))


@pytest.mark.parametrize("claim", [
    RIGHT,
    RIGHT.subs({a1: sigmoid(z1), a2: sigmoid(z2)}),
    RIGHT.subs(a1 * (1 - a1), sympy.exp(-z1) / (1 + sympy.exp(-z1)) ** 2),
    nested(3, sigmoid),
    nested(3, sympy.Function("sigmoid")),
    nested(3, sympy.Function("phi")),
    RIGHT.xreplace({s: sympy.Symbol(s.name, real=True) for s in RIGHT.free_symbols}),
    sympy.Mul(*cd.derive(THREE, "b1").factors),
    cd.derive(THREE, "b1").substitute(),
], ids=["a", "a and z", "exp", "nested", "sigmoid()", "phi()", "real symbols", "own symbols", "substituted"])  # fmt: skip
def test_a_right_formula_passes_whatever_it_is_written_in(claim):
    found = cd.verify(THREE, claim, wrt="b1")
    assert found.passed
    assert found.diagnosis is None
    assert found.judged == 100
    assert abs(found.worst_ratio.log) < 1e-11


@pytest.mark.parametrize(("wrt", "claim"), [
    ("w2", (a3 - y) * a3 * (1 - a3) * w3 * a2 * (1 - a2) * a1), ("x", RIGHT * w1), ("b3", (a3 - y) * a3 * (1 - a3)),
    (THREE.parameter("b1"), RIGHT),
])  # fmt: skip
def test_any_parameter_s_gradient_is_judged_and_no_other_s_passes_for_it(wrt, claim):
    assert cd.verify(THREE, claim, wrt=wrt).passed
    assert not cd.verify(THREE, claim, wrt="b2").passed


FAULTS = {
    "it is 1.001 times the gradient at every judged point": RIGHT * sympy.Rational(1001, 1000),
    "it is 1/2 of the gradient at every judged point": RIGHT / 2,
    "it is 2 times the gradient at every judged point": RIGHT * 2,
    "it is -3/4 of the gradient at every judged point": RIGHT * -3 / 4,
    "it is (1 + 1e-09) times the gradient at every judged point": RIGHT * (1 + sympy.Rational(1, 10**9)),
    "its sign is wrong at every judged point": RIGHT.subs(a3 - y, y - a3),
    "the factor w₂ is missing": RIGHT / w2,
    "the factor σ'(z₃) is missing": RIGHT / (a3 * (1 - a3)),
    "the factor ∂C/∂a₃ is missing": RIGHT / (a3 - y),
    "the factor w₃ is missing, and the sign is wrong": -RIGHT / w3,
    "the link w₂ σ'(z₂) is missing": RIGHT / (w2 * a2 * (1 - a2)),
    "every weight is missing": RIGHT / (w2 * w3),
    "every φ' is missing": (a3 - y) * w2 * w3,
    "the factor w₃ is there once too often": RIGHT * w3,
    "it is ∂C/∂b₂": RIGHT / (w2 * a1 * (1 - a1)),
    "it is ∂C/∂w₁": RIGHT * x,
    "it is ∂C/∂a₂": (a3 - y) * a3 * (1 - a3) * w3,
    "w₃ stands where w₂ belongs": RIGHT * w3 / w2,
    "σ'(z₂) stands where σ'(z₁) belongs": RIGHT * a2 * (1 - a2) / (a1 * (1 - a1)),
    "(1 − a₂²) stands where σ'(z₂) belongs": RIGHT * (1 - a2**2) / (a2 * (1 - a2)),
    "σ'(a₂) stands where σ'(z₂) belongs": RIGHT * sigmoid(a2) * (1 - sigmoid(a2)) / (a2 * (1 - a2)),
    "(1 − a_l²) stands where φ'(z_l) belongs, at every layer":
        (a3 - y) * (1 - a3**2) * w3 * (1 - a2**2) * w2 * (1 - a1**2),
    "the factor a₂ is missing, or it is divided by a₂ once too often": RIGHT / a2,
    "σ(z₂) stands where σ'(z₂) belongs": RIGHT / (1 - a2),
    "it is 0 at 100 of 100 judged points, where the gradient is not": RIGHT * 0,
}  # fmt: skip


@pytest.mark.parametrize("said", FAULTS)
def test_a_wrong_formula_fails_and_what_is_wrong_with_it_is_said(said):
    found = cd.verify(THREE, FAULTS[said], wrt="b1")
    assert not found.passed
    assert found.diagnosis == said


def lost_sign(chain, wrt):
    return sympy.Abs(sympy.Mul(*cd.derive(chain, wrt).factors))


# those that are below 0, or above, everywhere, and one of each kind
@pytest.mark.parametrize("name", costly(ACTIVATIONS, quick=[*FOUR, "logsigmoid", "softplus"]))
def test_a_lost_sign_is_seen_on_whichever_side_of_its_values_a_neuron_has_the_usual_targets(name):
    """logsigmoid is below 0 and softplus above: with y in (0, 1) alone a_L - y would nearly always have one sign."""
    step = {"methods": ("complex step",)}
    for depth, wrt in ((1, "b1"), (2, "w2"), (4, "w4")):
        chain = cd.Chain(depth, name)
        found = cd.verify(chain, lost_sign(chain, wrt), wrt=wrt, points=16, **step)
        assert not found.passed
        assert "its size is right" in found.diagnosis
        at = draw_points(chain, 16, np.random.default_rng(0))
        a = at.x
        for layer in range(1, depth + 1):
            a = [float(plain.PHI[name](mp.mpf(float(v)))) for v in at.w[layer] * a + at.inner[layer]]
        assert (np.sign(at.y - a) == np.tile([1, -1], 8)).all()
        assert cd.verify(chain, sympy.Mul(*cd.derive(chain, wrt).factors), wrt=wrt, points=16, **step).judged > 8


def test_a_lost_sign_is_seen_where_the_cost_takes_targets_between_0_and_1_alone():
    narrow = cd.Activation("narrow", cd.parse_formula("0.99 + sigmoid(z)/200"))
    for last in ("sigmoid", narrow):
        chain = cd.Chain(3, ["logsigmoid", "softplus", last], "cross_entropy")
        at = draw_points(chain, 50, np.random.default_rng(0))
        assert ((at.y > 0) & (at.y < 1)).all()
        for wrt in ("b3", "w3", "b1"):
            assert not cd.verify(chain, lost_sign(chain, wrt), wrt=wrt, points=8).passed
            assert cd.verify(chain, sympy.Mul(*cd.derive(chain, wrt).factors), wrt=wrt, points=8).passed


def test_the_points_at_which_a_sign_is_wrong_are_counted():
    at = draw_points(THREE, 100, np.random.default_rng(0))
    each = zip(at.w.values.tolist(), at.inner.values.tolist(), at.x.tolist(), at.y.tolist(), strict=True)
    below = sum(plain.gradient(["sigmoid"] * 3, "quadratic", *point, "b1") < 0 for point in each)
    assert 20 < below < 80
    said = f"its sign is wrong at {below} of 100 judged points; its size is right"
    assert cd.verify(THREE, sympy.Abs(RIGHT), wrt="b1").diagnosis == said


def test_a_tanh_whose_slope_is_written_as_the_sigmoid_s_is_told_so():
    chain = cd.Chain(3, "tanh")
    right = (a3 - y) * (1 - a3**2) * w3 * (1 - a2**2) * w2 * (1 - a1**2)
    assert cd.verify(chain, right).passed
    assert cd.verify(chain, RIGHT).diagnosis == "a_l (1 − a_l) stands where φ'(z_l) belongs, at every layer"
    one = right * a1 * (1 - a1) / (1 - a1**2)
    assert cd.verify(chain, one).diagnosis == "a₁ (1 − a₁) stands where tanh'(z₁) belongs"
    assert "Chain(depth=3, activation='sigmoid'" in cd.verify(chain, nested(3, sigmoid)).diagnosis


def test_nothing_is_named_where_no_one_name_holds_at_every_point():
    for claim in (RIGHT + 1, RIGHT * (1 + a1 * w3), RIGHT * sympy.Piecewise((2, x > 0), (3, True))):
        said = cd.verify(THREE, claim).diagnosis
        assert said.startswith("its size is ")
        assert "another ratio at every judged point" in said
    # a factor that is wrong at some points alone is not said to be missing
    half = RIGHT * sympy.Piecewise((1 / w2, x > 0), (1, True))
    assert "missing" not in cd.verify(THREE, half).diagnosis


def test_the_worst_point_can_be_pasted_back_and_shows_the_ratio():
    found = cd.verify(THREE, RIGHT * (1 + x), wrt="b1")
    point = eval(repr(found.worst_point))  # what is printed is Python
    g = cd.evaluate(THREE, **point, wrt="b1")
    assert g.to_float() == pytest.approx(
        float(plain.gradient(["sigmoid"] * 3, "quadratic", **point, wrt="b1")), rel=1e-9
    )
    assert float(found.worst_ratio.to_float()) == pytest.approx(1 + point["x"], rel=1e-9)


@pytest.mark.parametrize(("depth", "name"), [slow((300, "sigmoid")), slow((400, "tanh"))])
def test_a_formula_is_judged_where_float64_holds_no_gradient(depth, name):
    chain = cd.Chain(depth, name)
    factors = list(cd.derive(chain, "b1").factors)
    right = sympy.Mul(*factors)
    found = cd.verify(chain, right, points=5)
    assert found.passed
    assert found.worst.log10_largest < -308
    assert cd.verify(chain, right / factors[1], points=5).diagnosis == "the factor w₂ is missing"
    wrong = cd.verify(chain, right * sympy.Rational(1001, 1000), points=5)
    assert (wrong.passed, wrong.diagnosis) == (False, "it is 1.001 times the gradient at every judged point")


def test_a_formula_that_cancels_is_valued_with_the_digits_that_it_takes():
    """1 - tanh²(z) for z near ±40 needs more than 100 digits where it is no identity that is known."""
    chain, e = cd.Chain(1, "tanh"), sympy.exp(-2 * z1)
    at = draw_points(chain, 3, np.random.default_rng(0))
    at = type(at)(at.w, type(at.inner)(np.array([[40.0], [-60.0], [90.0]]), stacked=True), at.x, at.y)
    steep = ((1 - e) / (1 + e)) ** 2
    value, why = claimed_formula(chain, (1 - steep) * (a1 - y)).values(at, np.ones(3, bool), np.full(3, -300.0))
    assert not why
    for k in range(3):
        w, b, px, py = (float(v[k]) for v in (at.w[1], at.inner[1], at.x, at.y))
        with mp.workdps(200):
            want = plain.gradient(["tanh"], "quadratic", [w], [b], px, py, "b1")
            assert abs(value.log[k] - mp.log(abs(want))) < bound(float(mp.log(abs(want))), 0)
            assert value.sign[k] == mp.sign(want)


def test_a_nest_of_thirty_layers_is_valued_without_its_terms_being_counted():
    for name in ("relu", "gelu", "sigmoid"):
        chain = cd.Chain(30, name)
        assert cd.verify(chain, cd.derive(chain, "b1").substitute(), points=5).passed


def test_a_nest_that_sympy_cannot_walk_is_read_part_by_part():
    """Its own walks through the tree recurse at every layer, and begin anew at each."""
    deep = x
    for k in range(1, 2001):
        deep = sympy.exp(sympy.Add(deep, sympy.Symbol(f"b_{k}"), evaluate=False), evaluate=False)
    assert len(claimed_formula(cd.Chain(2000), deep).atoms) == 2001
    assert cd.verify(cd.Chain(40), nested(40, sigmoid), points=3).passed
    assert not cd.verify(cd.Chain(40), nested(40, sigmoid) * sympy.Rational(1001, 1000), points=3).passed


def test_a_claim_without_a_real_value_is_told_where_and_why():
    found = cd.verify(THREE, RIGHT * sympy.log(x) / sympy.log(x), points=40)
    negative = int((draw_points(THREE, 40, np.random.default_rng(0)).x < 0).sum())
    assert found.passed  # SymPy cancels it
    found = cd.verify(THREE, RIGHT * sympy.sqrt(x), points=40)
    assert not found.passed
    assert found.diagnosis.startswith(f"it has no finite real value at {negative} of 40 judged points")


@pytest.mark.parametrize("activation", ["sigmoid", slow("tanh"), slow("leaky_relu"), ["tanh", "relu", "sigmoid"]])
@pytest.mark.parametrize("wrt", ["b1", "w2", "x", ("b1", "w2"), ("b2", "b2")])
def test_the_line_that_a_derivation_prints_is_read_back_and_passes(activation, wrt):
    chain = cd.Chain(3, activation)
    d = cd.derive(chain, wrt)
    for line in (d.to("unicode"), d.to("text")):
        found = cd.verify(chain, line, points=10)
        assert found.passed
        assert found.rows[0].parameter == d.named
        assert not cd.verify(chain, "1.001 (" + line.partition("=")[2] + ")", wrt=wrt, points=10).passed


@pytest.mark.parametrize("wrt", ["z2", "a1", "a2", "z3"])
@pytest.mark.parametrize("residual", [False, True])
def test_a_gradient_by_what_a_layer_computes_is_claimed_as_well(wrt, residual):
    chain = cd.Chain(3, residual=residual)
    line = cd.derive(chain, wrt).to("unicode")
    assert cd.verify(chain, line, points=10).passed
    assert not cd.verify(chain, f"1.001 ({line.partition('=')[2]})", wrt=wrt, points=10).passed


def test_what_is_wrong_in_a_residual_chain_is_said():
    chain = cd.Chain(3, residual=True)
    without = "σ'(z1) (1 + w2 σ'(z2)) w3 σ'(z3) ∂C/∂a3"
    assert cd.verify(chain, without).diagnosis == "w₃ σ'(z₃) without its 1 stands where (1 + w₃ σ'(z₃)) belongs"
    missing = "σ'(z1) (1 + w2 σ'(z2)) ∂C/∂a3"
    assert cd.verify(chain, missing).diagnosis == "the factor (1 + w₃ σ'(z₃)) is missing"


def test_a_derivation_that_fails_names_its_point_as_well():
    d = cd.derive(THREE, "b1")
    found = cd.verify(THREE, d.replace(1, 1.001 * d.factors[1]), points=5)
    assert cd.evaluate(THREE, **found.worst_point, wrt="b1").shape == ()
    assert f"x={found.worst_point['x']!r}" in str(found)
    assert (found.diagnosis, found.worst_ratio) == (None, None)


def test_what_is_printed_of_a_residual_chain_and_of_what_survives_is_read_back():
    residual, crossed = cd.Chain(3, residual=True), cd.Chain(3, cost="cross_entropy")
    assert cd.verify(residual, str(cd.derive(residual, "b1")), points=10).passed
    assert cd.verify(crossed, cd.derive(crossed, "b1").shown("unicode", surviving=True), points=10).passed


@pytest.mark.parametrize("text", [
    "(a3-y)*a3*(1-a3)*w3*a2*(1-a2)*w2*a1*(1-a1)",
    "-(y - a_3) a_3 (1 - a_3) w_3 a_2(1 - a_2)w_2 a_1(1 - a_1)",
    "(a₃ − y) · σ'(z₃) · w₃ · sigmoid'(z_2) · w2 · phi'(z1)",
    "dC/da3 sigma'(z3) w3 φ'(z2) w2 exp(-z1)/(1 + exp(-z1))^2",
    "∂C/∂b_1 = (a3-y) σ'(z3) w3 σ'(z2) w2 σ'(w1 x + b1)",
    "(σ(z3) - y) σ'(z3) w3 σ'(z2) w2 (a1 - a1²)",
])  # fmt: skip
def test_a_text_is_read_as_people_write_it(text):
    assert cd.verify(THREE, text, wrt="b1", points=10).passed


@pytest.mark.parametrize("text", [
    "a4", "q*2", "__import__('os').system('true')", "tanh'(z1)", "a1 +", "dC/da1", "(a1", "foo(a1)", "σ'''(z1)", "a1 $ 2",
    "σ' z1", "lambda: 3", "a1 = 3", "", "2 3", "w0", "z0", "σ'(z₁) · ⋯ · ∂C/∂a₃", "∂C/∂b₂ = a1", "a1**1e9", "b1 if x else 2",
])  # fmt: skip
def test_a_text_that_is_no_claim_is_refused_in_one_line(text):
    with pytest.raises(ChainderivError) as caught:
        cd.verify(THREE, text, wrt="b1", points=2)
    assert "\n" not in str(caught.value)
    assert any(word in str(caught.value) for word in (";", "known", "wanted"))


@pytest.mark.parametrize(("claim", "said"), [
    (sympy.Symbol("q"), "holds q"), (sympy.Symbol("w_4"), "holds w_4"), (object(), "give a SymPy expression"),
    (sympy.Function("foo")(a1), "no one neuron"), (sympy.airyai(a1), "digits cannot be proved"),
    ([1, 2], "give a SymPy expression"), (True, "give a SymPy expression"), (sympy.true, "give a SymPy expression"),
])  # fmt: skip
def test_what_is_no_claim_is_refused(claim, said):
    with pytest.raises(BadValue, match=said):
        cd.verify(THREE, claim, wrt="b1")


def test_claim_and_derivation_together_and_a_derivation_of_another_parameter_are_refused():
    d = cd.derive(THREE, "b1")
    with pytest.raises(BadValue, match="both given"):
        cd.verify(THREE, RIGHT, derivation=d)
    with pytest.raises(BadValue, match="give one of the two"):
        cd.verify(THREE, derivation=d, wrt="b2")
    assert cd.verify(THREE, wrt="b2", points=5).rows[0].parameter == "b2"


def test_the_report_of_a_claim_is_valid_json():
    found = cd.verify(THREE, RIGHT / w2, points=5)
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert said["diagnosis"] == "the factor w₂ is missing"
    assert set(said["worst_point"]) == {"w", "b", "x", "y"}
    assert set(said["worst_ratio"]) == {"sign", "log"}


def test_the_left_side_of_a_line_says_what_it_is_the_gradient_by():
    assert left_side("∂C/∂w₁₂ = a") == ("w12",)
    assert left_side("∂²C/∂b₁∂w₂ = a") == left_side("d^2C/db1dw2 = a") == ("b1", "w2")
    assert left_side("dC/dx=3") == ("x",)
    assert left_side("a1 * w2") == ()
    assert claim_text(THREE, "1/2 a1") == a1.xreplace({a1: cd.derive(THREE, "w2").factors[0]}) / 2


@pytest.mark.parametrize("power", ["^2", "**2", "²"])
def test_what_stands_behind_a_power_is_read_as_without_it(power):
    slope = "exp(-z{0})/(1 + exp(-z{0}))" + power
    claim = f"{slope.format(1)} w2 {slope.format(2)} w3 σ'(z3){power}/σ'(z3) (a3 - y)"
    assert cd.verify(THREE, claim, points=5).passed
    assert not cd.verify(THREE, claim.replace(power, "", 1), points=5).passed


@pytest.mark.parametrize("claim", [
    "(a3-y)a3(1-a3)w3a2(1-a2)w2a1(1-a1)", "w3w2(a3-y)a3(1-a3)a1a2(1-a2)(1-a1)", "w_3w_2(a3-y)σ'(z3)σ'(z2)σ'(z1)", "(a3-y)σ'(z3)w3σ'(z2)w2σ'(z1)",
    "(a_{3}-y) a_{3}(1-a_{3}) w_{3} a_{2} (1-a_{2}) w_{2} a_{1}(1-a_{1})",
])  # fmt: skip
def test_factors_may_stand_side_by_side_without_a_space(claim):
    assert cd.verify(THREE, claim, points=5).passed
    assert cd.verify(THREE, claim.replace("y", "2y"), points=5).passed is False


PHI_OF, TWO = sympy.Function("sigmoid"), cd.Chain(2)
COST = (PHI_OF(w2 * PHI_OF(w1 * x + b1) + b2) - y) ** 2 / 2  # and SymPy knows no derivative of sigmoid(u)


@pytest.mark.parametrize("wrt", ["b1", "w2", "x", ("b1", "w2"), ("b2", "b2")])
def test_what_diff_leaves_open_is_read(wrt):
    by = [{"b1": b1, "b2": b2, "w2": w2, "x": x}[one] for one in ([wrt] if isinstance(wrt, str) else wrt)]
    claim = sympy.diff(COST, *by)
    assert claim.has(sympy.Derivative)
    assert cd.verify(TWO, claim, wrt=wrt, points=5).passed
    assert not cd.verify(TWO, claim * (1 + b1**2), wrt=wrt, points=5).passed


def test_a_derivative_that_is_not_evaluated_is_evaluated_and_another_function_s_is_refused():
    slopes = [sympy.Derivative(sigmoid(z), z) for z in (z1, z2)]
    assert cd.verify(TWO, slopes[0] * w2 * slopes[1] * (a2 - y), points=5).passed
    assert cd.verify(TWO, slopes[0] * slopes[1] * (a2 - y), points=5).diagnosis == "the factor w₂ is missing"
    for wrong in (sympy.Function("g")(z1).diff(z1), sympy.Derivative(PHI_OF(z1), z1, 3), sympy.Integral(z1, z1)):
        with pytest.raises(BadValue, match="give|write it out"):
            cd.verify(TWO, wrong, points=5)


def test_a_claim_in_latex_is_told_what_is_read():
    with pytest.raises(BadValue, match=r"the claim is LaTeX, which is not read; give it as derivation.to\('unicode'\)"):
        cd.verify(THREE, cd.derive(THREE, "b1").to("latex"))
    for line in ({"form": "product"}, {"form": "elided"}):
        with pytest.raises(BadValue, match="the claim is not written out in its middle; give it whole"):
            cd.verify(cd.Chain(9), cd.derive(cd.Chain(9), "b1").to("unicode", **line))


def test_second_derivatives_are_judged_too():
    """∂²C/∂b_2² of two sigmoids, by hand: (1 - 2 a)(a - y) p + p² with p = a (1 - a)."""
    p = a2 * (1 - a2)
    claim = (1 - 2 * a2) * (a2 - y) * p + p**2
    chain = cd.Chain(2)
    assert cd.verify(chain, claim, wrt=("b2", "b2")).passed
    assert cd.verify(chain, 2 * claim, wrt=("b2", "b2")).diagnosis == "it is 2 times the gradient at every judged point"
    assert not cd.verify(chain, claim - p**2, wrt=("b2", "b2")).passed


@pytest.mark.parametrize(("claim", "near"), [
    ("(a₃ − y) σ'(z₃) w₃ $ 2", "at '$ 2'"), ("(a₃ − y) · w₃ · (", "at its end"), ("a₃² q(", "at its end"),
    ("2 a1 +* w2", "at '* w2'"), ("a1*+*w2", "at character 5"),
])  # fmt: skip
def test_a_refused_text_is_shown_as_it_was_typed(claim, near):
    with pytest.raises(BadValue) as caught:
        cd.verify(THREE, claim, wrt="b1", points=2)
    assert near in str(caught.value)
    assert repr(claim) in str(caught.value)


def test_what_equals_a_factor_is_not_said_to_stand_for_it():
    """a₁(1 - a₁) is σ'(z₁): where a claim is right but for 1e-18, that is no explanation."""
    found = cd.verify(cd.Chain(3), "σ'(z1) w2 σ'(z2) w3 σ'(z3) (a3 - y) + 1e-18", wrt="b1")
    assert not found.passed
    assert found.diagnosis.startswith("it differs from the gradient by up to")
