"""An activation that is described in JSON and read back is the same, whatever it is made of."""

import json
from dataclasses import replace

import pytest
import sympy
from sympy import Float, Piecewise, exp

from chainderiv.errors import BadValue
from chainderiv.functions import described
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.described import describe, read, require_readable
from chainderiv.functions.stable import Stable
from chainderiv.symbols import z
from tests.activations import MAKERS, exactly, made
from tests.functions.hostile import HOSTILE
from tests.kinds import slow

OWN = Activation("own", Piecewise((z, z > 0), (z / 10, True)), stable=Stable(value=z * Float(1.7020000000000002)))
BEFORE = [  # as version 0.1.0 wrote them before there were trees: maps all of it, runs the name and the second text
    ({"name": "relu", "formula": "where(z > 0, z, 0)", "symbol": "", "latex": "\\operatorname{relu}",
      "stable": "996775b568c339dd"}, "Piecewise((z, z > 0), (0, True))", ACTIVATIONS["relu"]),
    ({"name": "gelu", "formula": "z*normal_cdf(z)", "symbol": "", "latex": "\\operatorname{gelu}",
      "stable": "b4e8eba781791915"}, "z*normal_cdf(z)", ACTIVATIONS["gelu"]),
    ({"name": "where(z > 0, z, z/10)", "formula": "where(z > 0, z, z/10)", "symbol": "φ", "latex": "\\varphi",
      "stable": "996775b568c339dd"}, "Piecewise((z, z > 0), (z/10, True))", "where(z > 0, z, z/10)"),
    ({"name": "z/(1+exp(-1.5*z))", "formula": "z/(1 + exp(-3*z/2))", "symbol": "φ", "latex": "\\varphi",
      "stable": "779cf19518dae1bb"}, "z/(1 + exp(-3*z/2))", "z/(1+exp(-1.5*z))"),
    ({"name": "swish", "formula": "z/(1 + 3**(-z))", "symbol": "", "latex": "", "stable": "996775b568c339dd"},
     "z/(1 + 3**(-z))", Activation("swish", z / (1 + 3**-z))),
]  # fmt: skip


def through_json(activation):
    return json.loads(json.dumps(describe(activation), allow_nan=False))


# those that were found are read back in tests/test_kept_activations, where they are found once
@pytest.mark.parametrize(
    "name", [slow(name) if name == "branches at a root" else name for name in MAKERS if not name.endswith(", found")]
)
def test_what_is_read_back_is_what_was_described(name):
    require_readable(made(name))
    assert exactly(read(through_json(made(name))), made(name))


def test_the_catalogue_s_own_go_by_name_and_stay_one_object():
    for name, activation in ACTIVATIONS.items():
        assert "exact" not in describe(activation)
        assert read(through_json(activation)) is ACTIVATIONS[name]


def test_a_digit_a_bracket_or_a_form_more_is_another_description():
    one = Activation("own", Float(1.7020000000000002) * z)
    others = [
        Activation("own", Float(1.702) * z),
        Activation("own", Float("1.7020000000000002", 30) * z),
        replace(one, stable=Stable(derivative=Float(1.702))),
        replace(one, found=True),
        replace(one, symbol="φ"),
    ]
    assert str(one.formula) == str(others[0].formula)
    assert all(describe(one) != describe(other) for other in others)
    apart = sympy.Mul(2, z + 1, evaluate=False)
    assert describe(Activation("own", apart)) != describe(Activation("own", 2 * z + 2))


@pytest.mark.parametrize(("before", "text", "activation"), BEFORE)
def test_descriptions_of_before_are_read_as_what_they_were(before, text, activation):
    if isinstance(activation, str):
        activation = Activation.from_formula(activation, activation, symbol="φ", latex=r"\varphi")
    assert describe(activation).items() >= before.items()
    assert read(before) == activation
    run = read({"name": before["name"], "formula": text})
    assert (run.name, run.formula) == (activation.name, activation.formula)
    if before["name"] != "swish":  # its Activation was made without looking for forms
        assert (run.stable, run.found) == (activation.stable, activation.found)


def rounded(tree):
    digits = tree(Float(1.7020000000000002)), tree(Float(1.702))
    return lambda e: digits[1] if isinstance(e, Float) else tree(e)


def branch_dropped(tree):
    return lambda e: tree(Piecewise(*e.args[-1:], evaluate=False)) if isinstance(e, Piecewise) else tree(e)


def multiplied_out(tree):
    return lambda e: tree(e.func(*e.args)) if isinstance(e, sympy.Mul) else tree(e)


@pytest.mark.parametrize(("wrong", "name"), [
    (rounded, "a Float"), (branch_dropped, "one branch"), (multiplied_out, "not multiplied out"),
])  # fmt: skip
def test_a_writer_that_loses_something_is_found_before_anything_is_kept(monkeypatch, wrong, name):
    require_readable(made(name))
    monkeypatch.setattr(described, "_tree", wrong(described._tree))
    assert not exactly(read(through_json(made(name))), made(name))
    with pytest.raises(BadValue, match="cannot be kept on disk"):
        require_readable(made(name))


class Foreign(sympy.Function):
    nargs, is_real = 1, True


class gamma(sympy.Function):  # a name that SymPy has, of another function
    nargs, is_real = 1, True


@pytest.mark.parametrize("formula", [
    z + Foreign(z), z + gamma(z), z + sympy.Function("f")(z), z * sympy.Integral(exp(z), (z, 0, 1)),
    z + sympy.Derivative(Foreign(z), z), z + sympy.Integer(10) ** 4200,
])  # fmt: skip
def test_what_no_tree_holds_is_refused_in_one_line(formula):
    with pytest.raises(BadValue, match="SymPy's elementary functions, or offer it as a plug-in") as caught:
        require_readable(Activation("foreign", formula))
    assert "\n" not in str(caught.value)


def nested(name, depth):
    tree = "z"
    for _ in range(depth):
        tree = [name, tree]
    return tree


TREES = [
    None, 3, [], {}, "", "3", "x", "z.func", "1/0", "9" * 5000, [["Mul"], "z"], [3, "z"], [None], {"Mul": "z"},
    ["Mul", "z", True], ["Mul", "z", "BooleanTrue"], ["Add", "z", ["StrictLessThan", "z", "1"]], ["sin"],
    ["sin", "z", "z"], ["Piecewise", "z"], ["ExprCondPair", "z", "BooleanTrue"], ["And", "BooleanTrue", "BooleanTrue"],
    ["Mul", "z", ["Float", "1", "10000000000"]], ["Mul", "z", ["Float", "1", "0"]], ["Mul", "z", ["Float", "z", "53"]],
    # what Python, SymPy or we have by that name
    ["__import__", "os"], ["eval", "z"], ["sympify", "z"], ["Symbol", "x"], ["Function", "f"], ["Lambda", "z", "z"],
    ["Integral", "z", "z"], ["lambdify", "z", "z"], ["fibonacci", "z"], ["Any", "z"], ["annotations"], ["weight", "1"],
    # constants that would fill the memory, or keep the machine for days
    ["Mul", "z", ["Pow", "9", ["Pow", "9", ["Pow", "9", "9"]]]], ["Mul", "z", ["Pow", "10", "-100000000"]],
    ["Mul", "z", ["Pow", "1000000000000001/1000000000000000", "100000000"]], ["Mul", "z", ["Pow", "0", "-1"]],
    ["Mul", "z", ["exp", ["exp", ["exp", "1000"]]]], ["Mul", "z", ["exp", ["exp", ["exp", ["exp", "99"]]]]],
    nested("exp", 3000), nested("Abs", 100_000), nested("exp", 90), nested("Add", 400),
    # what is a number of digits, an order, an exponent only in kind
    ["Mul", "z", ["Float", "1", "1/2"]], ["Mul", "z", ["Float", "1", "Pi"]],
    ["own.spherical", "1/2", "z"], ["own.spherical", "z", "z"], ["own.spherical", "-1", "z"],
    ["own.spherical", "13", "z"], ["own.spherical", "3000", "z"], ["own.spherical", "100000", "z"],
    ["Pow", ["Add", "z", "1"], "1000000000"], ["Pow", "z", "-10001"], ["Pow", "z", ["exp", "10"]],
    ["Pow", ["Add", "1", ["Pow", ["Add", "1", ["Pow", ["Add", "z", "1"], "1000"]], "1000"]], "1000"],
    ["Pow", ["Mul", *[["Pow", ["Add", "z", "1"], "5000"]] * 3], "1"],
    # a truth value for an expression, and the other way about
    ["And", "z"], ["Not", "z"], "BooleanTrue", ["StrictLessThan", "z", "1"], ["ExprCondPair", "z", ["Or", "z", "z"]],
    ["Piecewise", ["ExprCondPair", "z", "z"], ["ExprCondPair", "1", "BooleanTrue"]],
    ["Mul", "z", ["ExprCondPair", "z", "BooleanTrue"]], ["Equality", "z", "BooleanTrue"],
]  # fmt: skip


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_a_tree_that_is_none_is_one_line_and_at_once(tree):
    for exact in ({"formula": tree, "stable": {}, "found": False}, {"formula": "z", "stable": {"value": tree}}):
        with pytest.raises(BadValue) as caught:
            read(describe(OWN) | {"exact": exact})
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("change", [
    {"name": None}, {"symbol": 3}, {"latex": None}, {"exact": 3}, {"exact": {}}, {"exact": {"formula": "z"}},
    {"exact": {"formula": "z", "stable": [], "found": False}}, {"exact": {"formula": "z", "stable": {}, "found": 1}},
    {"exact": {"formula": "z", "stable": {"__class__": "z"}, "found": False}},
])  # fmt: skip
def test_a_damaged_description_is_told(change):
    with pytest.raises(BadValue, match="damaged"):
        read(describe(OWN) | change)


@pytest.mark.parametrize(
    "description", [None, 3, [], "z", {}, {"name": "tanh"}, {"formula": "z"}, {"name": [], "formula": {}}]
)
def test_what_is_no_description_is_told(description):
    with pytest.raises(BadValue):
        read(description)


def test_hostile_texts_are_refused_as_descriptions_as_well():
    for text in HOSTILE:
        with pytest.raises(BadValue) as caught:
            read({"name": "tanh", "formula": text})
        assert len(str(caught.value).splitlines()) == 1


def test_a_known_name_with_another_formula_is_not_the_known_one():
    assert read({"name": "tanh", "formula": "tanh(2*z)"}).formula == sympy.tanh(2 * z)
    assert read(through_json(Activation("tanh", ACTIVATIONS["tanh"].formula))) != ACTIVATIONS["tanh"]
