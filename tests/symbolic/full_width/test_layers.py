"""derive_layers: what it takes, what it refuses, and what the command line prints of it."""

import argparse
import json

import pytest
import sympy

import chainderiv as cd
from chainderiv import symbols
from chainderiv.commands.layers import print_layers
from chainderiv.errors import BadShape, BadValue, CostDomain, TooDeep, UnknownName
from chainderiv.functions.cost import COSTS
from chainderiv.functions.lookup import neuron
from chainderiv.nn.output_layer import output_layer
from chainderiv.symbolic.full_width.indexed import n
from chainderiv.symbolic.full_width.layers import derive_layers


def test_widths_are_numbers_or_stay_symbols():
    assert derive_layers([3, 2, 2]).sizes == (3, 2, 2)
    assert list(derive_layers(2).sizes) == [n[0], n[1], n[2]]
    general, numbered = derive_layers(2).equations_at(1)["BP2"][1], derive_layers([3, 2, 4]).equations_at(1)["BP2"][1]
    assert n[2] in general.atoms(sympy.Indexed)
    assert [s.limits[0][2] for s in numbered.atoms(sympy.Sum)] == [4]


@pytest.mark.parametrize("sizes", [0, -1, 1.5, True, "3,2", [3], [], [3, 0], [3, 2.0], [3, True], None, 10**7])
def test_sizes_that_are_none_are_refused_in_one_line(sizes):
    with pytest.raises(BadValue, match="sizes are .*; give at least two whole numbers") as e:
        derive_layers(sizes)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("activation", [["tanh"], ["tanh"] * 3, [], None, 7])
def test_activations_are_one_or_one_per_hidden_layer(activation):
    with pytest.raises(BadShape, match="one per hidden layer"):
        derive_layers(3, activation)
    assert derive_layers(3, ["relu", "tanh"]).activation(2).name == "tanh"


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'sigmoid'"):
        derive_layers(3, "sigmod")
    with pytest.raises(UnknownName, match="did you mean 'quadratic'"):
        derive_layers(3, "sigmoid", "quadrtic")


OUTPUTS = (None, "sigmoid", "tanh", "relu", "softmax", "identity")


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_the_output_is_chosen_and_refused_as_the_networks_is(cost, output):
    made = [
        answer(lambda: output_layer(output, COSTS[cost], neuron("tanh")).activation),
        answer(lambda: derive_layers(3, "tanh", cost, output).output),
    ]
    assert made[0] == made[1]


def answer(ask):
    """What was answered, or the words of the refusal."""
    try:
        return ask()
    except CostDomain as e:
        return str(e)


@pytest.mark.parametrize("layer", [0, 4, -1, True, 1.0, "1"])
def test_a_layer_that_is_none_is_refused(layer):
    derivation = derive_layers(3)
    for method in (derivation.equations_at, derivation.matrix_at, derivation.steps_at, derivation.unrolled):
        with pytest.raises(BadValue, match="whole number from 1 to 3"):
            method(layer)


PARAMETERS = ["w2_3", "w3_11", "w0_11", "w2_41", "w2_14", "b2_0", "b3_1", "b1", "x", "", "w2_1,", "w²_11", "w2_111", ("w", 2, 1),
              ("b", 1), ("b", 1, 1, 1), ("w", 2, 1, 4), ("w", 2.0, 1, 1), (), 5, None, ["w", True, 1, 1], ({}, 1, 1)]  # fmt: skip


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_that_the_network_does_not_have_is_refused(parameter):
    with pytest.raises(BadValue, match="is not in a network of sizes \\[2, 3, 2\\]; give a weight as 'w2_13'"):
        derive_layers([2, 3, 2]).gradient(parameter)


def test_a_parameter_is_named_by_text_or_by_numbers():
    d = derive_layers([2, 3, 2])
    assert d.gradient("w2_13") == d.gradient(("w", 2, 1, 3)) == d.gradient("w2_1,3") != d.gradient("w2_12")
    assert d.gradient("b1_3") == d.gradient(["b", 1, 3])
    assert [str(p) for p in derive_layers([2, 1, 1]).parameters] == ["w1_11", "w1_12", "b1_1", "w2_11", "b2_1"]
    wide = derive_layers([11, 1], "identity", "quadratic")
    assert str(wide.parameters[10]) == "w1_1,11"
    assert wide.gradient("w1_1,11").has(sympy.Symbol("x_11", real=True))
    assert wide.gradient("w1_11") == wide.gradient(("w", 1, 1, 1)) != wide.gradient("w1_1,11")


def test_the_explicit_cost_is_written_in_the_networks_symbols():
    cost = derive_layers([1, 2, 1], "identity", "quadratic").cost_expression()
    x, y = (sympy.Symbol(name, real=True) for name in ("x_1", "y_1"))
    w11, w21, v11, v12 = (sympy.Symbol(f"w^{n}", real=True) for n in ("1_11", "1_21", "2_11", "2_12"))
    b1, b2, c = (sympy.Symbol(f"b^{n}", real=True) for n in ("1_1", "1_2", "2_1"))
    by_hand = (v11 * (w11 * x + b1) + v12 * (w21 * x + b2) + c - y) ** 2 / 2
    assert sympy.expand(cost.doit() - by_hand) == 0


def test_what_is_too_large_to_be_written_out_is_refused_and_symbols_for_widths_too():
    for sizes in ([784, 30, 10], [3] * 12, [1] * 40):
        for ask in (lambda d: d.cost_expression(), lambda d: d.gradient("b1_1"), lambda d: d.parameters):
            with pytest.raises(TooDeep, match="use the equations, which serve at any size"):
                ask(derive_layers(sizes))
    with pytest.raises(BadValue, match="widths that are numbers"):
        derive_layers(3).cost_expression()


def test_an_activation_of_ones_own_serves():
    swish = cd.Activation("swish", symbols.z / (1 + sympy.exp(-2 * symbols.z)))
    d = derive_layers([1, 1, 1], swish, "quadratic")
    at = {s: sympy.Rational(n, 7) for n, s in enumerate(sorted(d.cost_expression().free_symbols, key=str), 2)}
    for p in d.parameters:
        difference = d.cost_expression().diff(p.symbol) - d.gradient(p)
        assert abs(difference.subs(at).evalf(60)) < 1e-55


def options(**given):
    defaults = {"layers": "3,2,2", "activation": None, "output": None, "cost": "cross_entropy", "steps": False, "to": None,
                "json": False, "compare": None, "at": None, "where": False, "standalone": False}  # fmt: skip
    return argparse.Namespace(**defaults | given)


def test_the_command_prints_both_forms_the_product_and_the_cancellation(capsys):
    assert print_layers(options(to=None)) == 0
    printed = capsys.readouterr().out
    for line in (
        "BP2: δˡⱼ = σ'(zˡⱼ) · ∑ₖ wˡ⁺¹ₖⱼ δˡ⁺¹ₖ",
        "BP2: δˡ = Σ'(zˡ) (Wˡ⁺¹)ᵀ δˡ⁺¹",
        "from the output to layer 1, with the widths 3, 2, 2:",
        "δ¹ = Σ'(z¹) (W²)ᵀ Σ'(z²) ∇ₐC",
        "the cost cancels σ'(zᴸⱼ) and no other factor: δᴸⱼ = aᴸⱼ - yⱼ",
        "δ¹ = Σ'(z¹) (W²)ᵀ (a² - y)",
    ):
        assert line in printed.splitlines()


def test_the_command_prints_the_steps_before_the_result_and_a_form_alone(capsys):
    print_layers(options(steps=True, to="text"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("layer: z^l_j = sum_k w^l_jk a^(l-1)_k + b^l_j")
    assert lines[-1] == "BP4: dC/dW^l = delta^l (a^(l-1))^T"
    print_layers(options(to="latex"))
    assert capsys.readouterr().out.startswith(r"\begin{alignedat}")


def test_the_command_gives_json(capsys):
    print_layers(options(json=True, to="text", steps=True, cost="log_likelihood", activation=["tanh"]))
    result = json.loads(capsys.readouterr().out)
    assert result["sizes"] == [3, 2, 2]
    assert result["equations"]["BP3"] == "dC/db^l_j = delta^l_j"
    assert result["matrix"]["BP4"] == "dC/dW^l = delta^l (a^(l-1))^T"
    assert (result["cancelled"], result["output_error"]) == ("a^L_k", "a^L_j - y_j")
    assert len(result["steps"]) == len(derive_layers(2, "tanh", "log_likelihood").steps)


@pytest.mark.parametrize("layers", ["", "3", "3,", "3,0", "3,-2", "a,b", "3;2", "3.5,2"])
def test_the_command_refuses_layers_that_are_none(layers):
    with pytest.raises(BadValue, match="--layers is .*; give at least two whole numbers"):
        print_layers(options(layers=layers))


@pytest.mark.parametrize(("flag", "value"), [("compare", ["b1", "b2"]), ("at", "w=1,z=0")])
def test_the_command_refuses_what_is_for_a_chain(flag, value):
    with pytest.raises(BadValue, match=f"--{flag}"):
        print_layers(options(**{flag: value}))
    with pytest.raises(BadValue, match="give it once"):
        print_layers(options(activation=["tanh", "relu"]))
    with pytest.raises(UnknownName, match="did you mean 'latex'"):
        print_layers(options(to="latx"))


def test_the_command_elides_the_middle_of_a_deep_network(capsys):
    print_layers(options(layers=",".join(["2"] * 101)))
    printed = capsys.readouterr().out
    assert "with the widths 2, 2, 2, 2, 2, …, 2, 2, 2, 2, 2:" in printed
    assert "(W³)ᵀ ⋯ Σ'(z⁹⁹)" in printed
