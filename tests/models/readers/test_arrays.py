"""Arrays by name become the layers that they were, in whatever order, form and spelling they come."""

import numpy as np
import pytest

from chainderiv.errors import BadShape, BadValue, ChainderivError, UnknownName
from chainderiv.functions.activation import Activation
from chainderiv.models.readers.arrays import read_arrays
from chainderiv.models.readers.reading import read
from tests.models.readers.plain import forward, run, stack

RNG = np.random.default_rng(17)
SIZES = [3, 5, 4, 4, 6, 7, 2, 8, 3, 4, 5, 2]
LAYERS = stack(RNG, SIZES)
X = RNG.normal(size=(4, 3))
WANTED = forward(LAYERS, X, np.tanh)


def torch_names(layers):
    named = {}
    for n, (w, b) in enumerate(layers):
        named |= {f"layers.{n}.weight": w, f"layers.{n}.bias": b}
    return named


def spelled(weight, bias, turned=False):
    return {
        **{weight.format(n): w.T if turned else w for n, (w, _) in enumerate(LAYERS, 1)},
        **{bias.format(n): b for n, (_, b) in enumerate(LAYERS, 1)},
    }


SPELLINGS = {
    "torch": torch_names(LAYERS),
    "sorted as safetensors sorts": dict(sorted(torch_names(LAYERS).items())),
    "W1, b1": spelled("W{}", "b{}"),
    "weight_1, bias_1": spelled("weight_{}", "bias_{}"),
    "Keras": spelled("dense_{}/kernel:0", "dense_{}/bias:0", turned=True),
    "Flax": {"params": {f"Dense_{n}": {"kernel": w.T, "bias": b} for n, (w, b) in enumerate(LAYERS)}},
    "scikit-learn": {"coefs_": [w.T for w, _ in LAYERS], "intercepts_": [b for _, b in LAYERS]},
    "lists": {"weights": [w for w, _ in LAYERS], "biases": [b[:, None] for _, b in LAYERS]},
    "numpy.savez without names": {f"arr_{n}": a for n, a in enumerate(a for pair in LAYERS for a in pair)},
    "layers in a list": {"layers": [{"w": w, "b": b} for w, b in LAYERS]},
    "fc_w": spelled("fc{}_w", "fc{}_b"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_graph_computes_what_the_layers_did(spelling):
    graph = read_arrays(SPELLINGS[spelling], "tanh", "identity")
    assert np.abs(run(graph, X) / WANTED - 1).max() < 1e-12
    assert [node.operator for node in graph.nodes] == (["Gemm", "Tanh"] * 11)[:-1]
    assert graph.notes == ()


def test_a_wrong_order_would_be_seen():
    swapped = {**torch_names(LAYERS), "layers.1.weight": LAYERS[1][0] + 1e-9}
    assert np.abs(run(read_arrays(swapped, "tanh", "identity"), X) / WANTED - 1).max() > 1e-12


def test_ten_comes_behind_nine_where_all_layers_are_of_one_width():
    layers = stack(RNG, [4] * 13)
    wanted = forward(layers, X := RNG.normal(size=(2, 4)), np.tanh, np.tanh)
    got = run(read_arrays(dict(sorted(torch_names(layers).items())), "tanh"), X)
    assert np.abs(got / wanted - 1).max() < 1e-12


def test_layers_are_called_as_the_file_calls_them():
    names = {
        node.name
        for node in read_arrays({"body.fc1.weight": np.ones((2, 2)), "head.weight": np.ones((1, 2))}, "relu").nodes
    }
    assert names == {"body.fc1", "head"}


def test_words_go_in_the_order_in_which_they_come_and_else_as_the_shapes_tell():
    layers = stack(RNG, [3, 5, 4, 2])
    features = {"features.0.weight": layers[0][0], "features.2.weight": layers[1][0], "classifier.weight": layers[2][0]}
    for given in (features, dict(sorted(features.items()))):
        got = run(read_arrays(given, "tanh", "identity"), X)
        assert np.allclose(got, forward([(w, None) for w, _ in layers], X, np.tanh), rtol=1e-12, atol=0)


def test_what_fits_both_ways_is_taken_as_torch_has_it_and_said():
    square = [RNG.normal(size=(3, 3)) for _ in range(2)]
    graph = read_arrays({f"layers.{n}.weight": w for n, w in enumerate(square)}, "tanh", "identity")
    assert np.allclose(run(graph, X), np.tanh(X @ square[0].T) @ square[1].T, rtol=1e-12, atol=0)
    assert graph.notes == ("the shapes fit both (out, in) and (in, out); the weights were taken as torch's (out, in)",)
    kernels = read_arrays({f"layers.{n}.kernel": w for n, w in enumerate(square)}, "tanh", "identity")
    assert np.allclose(run(kernels, X), np.tanh(X @ square[0]) @ square[1], rtol=1e-12, atol=0)
    assert "(in, out)" in kernels.notes[0]


def test_a_weight_of_three_dimensions_is_a_stack_of_layers():
    w, b, end = RNG.normal(size=(6, 3, 3)), RNG.normal(size=(6, 3)), RNG.normal(size=(2, 3))
    graph = read_arrays({"hidden.weight": w, "hidden.bias": b, "out.weight": end}, "relu", "identity")
    wanted = forward([*zip(w, b, strict=True), (end, None)], X, lambda z: np.maximum(z, 0))
    assert np.allclose(run(graph, X), wanted, rtol=1e-12, atol=0)
    assert len(graph.nodes) == 13


def test_the_last_layer_is_as_the_hidden_ones_where_nothing_else_is_asked_for():
    last = {None: np.tanh, "identity": lambda z: z, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    for output, function in last.items():
        got = run(read_arrays(torch_names(LAYERS), "tanh", output), X)
        assert np.allclose(got, forward(LAYERS, X, np.tanh, function), rtol=1e-12, atol=0)
    assert np.allclose(run(read_arrays(torch_names(LAYERS), "tanh", "softmax"), X).sum(axis=1), 1, rtol=1e-14, atol=0)


def test_a_neuron_of_ones_own_stays_that_even_under_a_name_of_the_catalogue():
    mine = Activation.from_formula("tanh", "z*exp(-z**2)")
    graph = read_arrays({"W1": LAYERS[0][0], "W2": LAYERS[1][0]}, mine, "identity")
    wanted = forward([(w, None) for w, _ in LAYERS[:2]], X, lambda z: z * np.exp(-(z**2)))
    assert np.allclose(run(graph, X), wanted, rtol=1e-12, atol=0)


def test_floats_of_half_and_single_precision_are_held_in_double():
    graph = read_arrays({"W": LAYERS[0][0].astype("f2"), "b": LAYERS[0][1].astype("f4")}, "tanh")
    assert {array.dtype for array in graph.constants.values()} == {np.dtype("f8")}
    assert graph.inputs[0].dtype == "float32"
    assert read_arrays(torch_names(LAYERS), "tanh").inputs[0].dtype == "float64"


GOOD = {"W1": np.ones((3, 2)), "W2": np.ones((1, 3))}
REFUSED = {
    "activation='tanh'": (GOOD, None),
    "one of a last layer": (GOOD, "softmax"),
    "did you mean 'sigmoid'": (GOOD, "sigmod"),
    "do not follow each other: 'W1' (3, 2) and then 'W2' (1, 4)": (GOOD | {"W2": np.ones((1, 4))}, "tanh"),
    "with a bias of 7": (GOOD | {"b1": np.ones(7)}, "tanh"),
    "1 of 3 numbers that are NaN or inf in 'W2'": (GOOD | {"W2": np.array([[1, np.nan, 1]])}, "tanh"),
    "NaN or inf in 'W1'": (GOOD | {"W1": np.full((3, 2), np.inf)}, "tanh"),
    "as Python objects": (GOOD | {"W1": np.array([[1, None], [2, 3], [4, 5]])}, "tanh"),
    "quantised": (GOOD | {"W1": np.ones((3, 2), np.int8)}, "tanh"),
    "real numbers": (GOOD | {"W1": np.ones((3, 2), complex)}, "tanh"),
    "a GRU ('enc_w_hh' of 3 gates)": ({"enc_w_ih": np.ones((9, 2)), "enc_w_hh": np.ones((9, 3)), "fc_w": np.ones((2, 3))}, "tanh"),
    "an LSTM ('rnn.weight_hh_l0' of 4 gates)": ({"rnn.weight_hh_l0": np.ones((12, 3))}, "tanh"),
    "an RNN ('rnn.weight_hh_l0')": ({"rnn.weight_hh_l0": np.ones((3, 3))}, "tanh"),
    "of a convolution": ({"conv.weight": np.ones((8, 3, 3, 3))}, "relu"),
    "as of a convolution": ({"conv.weight": np.ones((8, 3, 5))}, "relu"),
    "of a normalisation": (GOOD | {"bn.running_mean": np.ones(3)}, "tanh"),
    "as of a normalisation": (GOOD | {"ln.weight": np.ones(3)}, "tanh"),
    "names neither a weight nor a bias": (GOOD | {"table": np.ones((3, 3))}, "tanh"),
    "and no weight beside it": (GOOD | {"b7": np.ones(3)}, "tanh"),
    "for one layer": (GOOD | {"weight1": np.ones((3, 2))}, "tanh"),
    "which is empty": (GOOD | {"W1": np.ones((3, 0))}, "tanh"),
    "a stack of 4 layers": ({"W": np.ones((4, 3, 3)), "b": np.ones(3)}, "tanh"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_no_such_network_is_refused_in_one_line_with_the_cure(why):
    with pytest.raises((BadValue, BadShape, UnknownName)) as caught:
        read(*REFUSED[why])
    said = str(caught.value)
    assert why in said
    assert "\n" not in said
    assert len(said) < 400


def test_more_than_a_gigabyte_is_refused_without_being_held():
    wide = np.broadcast_to(np.float32(1), (20_000, 20_000))
    with pytest.raises(BadValue, match=r"asks for 3\.2e\+09 bytes"):
        read({"W1": wide}, "tanh")


def test_rubbish_is_refused_by_an_error_of_ours():
    deep = {}
    for _ in range(40):
        deep = {"a": deep}
    for rubbish in (
        {},
        deep,
        {"W": "x"},
        {"W": None},
        {"W": object()},
        {1: {2: [3]}},
        {"W": [[1, 2], [3]]},
        3,
        None,
        [],
        object,
    ):
        with pytest.raises(ChainderivError):
            read(rubbish, "tanh")
