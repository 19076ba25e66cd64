"""diagnose(): what is given and what is drawn, Network's own gradients as the oracle, and the JSON by its schema."""

import json
import math
import re
from importlib import resources

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue, CostDomain

from .sound import STARTS, arrays

DIGITS = cd.load_data("digits").train.first(60)
SCHEMA = json.loads(resources.files("chainderiv").joinpath("models/diagnosis.schema.json").read_text("utf-8"))
SIZES = [64, 12, 11, 10]
LN_10 = math.log(10)


def same(layers, net, labels=DIGITS.labels):
    """Whether every layer's mean gradient is the one that Network finds."""
    want = [log.norm().log / LN_10 for log in net.log_mean_bias_gradients(DIGITS.images, labels)]
    got = [one.log10_norm_mean_bias_gradient for one in layers]
    assert got == pytest.approx([float(w) for w in want], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("cost", ["cross_entropy", "log_likelihood", "quadratic"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_a_network_has_its_own_cost_and_its_own_gradients(activation, cost):
    net = cd.Network(SIZES, activation, cost, rng=3)
    d = cd.diagnose(net, DIGITS.images, DIGITS.labels)
    same(d.layers, net)
    assert f"cost {cost}" in d.data
    assert d.examples == 60


def test_arrays_of_the_same_network_give_the_same_gradients_by_every_cost():
    for cost, output, told in (("cross_entropy", "sigmoid", "sigmoid"), ("log_likelihood", None, None)):
        net = cd.Network(SIZES, "sigmoid", cost, rng=3)
        pairs = zip(net.weights, net.biases, strict=True)
        made = {f"{kind}{k}": a for k, pair in enumerate(pairs, 1) for kind, a in zip("Wb", pair, strict=True)}
        same(cd.diagnose(made, DIGITS.images, DIGITS.labels, cost, "sigmoid", output).layers, net)
        if told is None:  # labels alone mean log_likelihood of a linear output
            same(cd.diagnose(made, DIGITS.images, DIGITS.labels, activation="sigmoid").layers, net)


def test_targets_mean_the_quadratic_cost():
    net = cd.Network(SIZES, "tanh", "quadratic", rng=1)
    targets = np.eye(10)[DIGITS.labels]
    d = cd.diagnose(net, DIGITS.images, targets)
    same(d.layers, net)
    pairs = zip(net.weights, net.biases, strict=True)
    made = {f"{kind}{k}": a for k, pair in enumerate(pairs, 1) for kind, a in zip("Wb", pair, strict=True)}
    same(cd.diagnose(made, DIGITS.images, targets, activation="tanh").layers, net)


def test_a_gradient_that_is_off_by_a_millionth_is_seen():
    net = cd.Network(SIZES, rng=3)
    d = cd.diagnose(net, DIGITS.images, DIGITS.labels)
    net.weights[2] *= 1 + 1e-6
    with pytest.raises(AssertionError):
        same(d.layers, net)


def test_nielsens_four_layers_are_told_in_his_words():
    """His own measure: the norm of the mean gradient, first hidden layer against the last."""
    net = cd.Network([64, 30, 30, 30, 30, 10], "sigmoid", "cross_entropy", rng=0)
    norms = [np.linalg.norm(g) for g in net.mean_bias_gradients(DIGITS.images, DIGITS.labels)]
    d = cd.diagnose(net, DIGITS.images, DIGITS.labels)
    told = re.fullmatch(r"layer 1 learns ([\d.]+) times slower than layer 4", d.slower)
    assert float(told[1]) == pytest.approx(norms[3] / norms[0], rel=5e-3)
    assert d.slower in str(d)


def test_without_data_inputs_and_gradient_are_drawn_by_the_seed():
    net = cd.Network([5, 8, 3], "tanh", "quadratic")
    first, again, other = (cd.diagnose(net, rng=seed) for seed in (0, 0, 1))
    assert first.to_dict() == again.to_dict()
    assert first.layers[0].log10_norm_delta != other.layers[0].log10_norm_delta
    assert first.data == "64 examples: standard normal inputs, a random cotangent"


def test_the_stages_add_up_to_the_total():
    d = cd.diagnose(cd.Network([20, *[30] * 20, 10]))
    assert d.total == pytest.approx(math.fsum(one.ln_factor for one in d.stages), rel=1e-13)
    assert d.total < -20


def test_a_depth_that_float64_does_not_hold_is_told():
    made = {f"W{k}": np.random.default_rng(k).normal(size=(3, 3)) / 3**0.5 for k in range(1, 901)}
    d = cd.diagnose(made, activation="sigmoid")
    assert (d.verdict, d.culprit) == ("vanishing", None)
    assert d.layers[0].log10_norm_delta < -400
    assert re.search(r"\de-\d{3,} times", d.sentence)


def test_what_has_a_culprit_marks_it_in_the_table_and_in_the_first_line():
    made = arrays(np.random.default_rng(0), [30] * 6, STARTS["He, relu"][1])
    made["W3"] *= 100
    lines = str(cd.diagnose(made, activation="relu", output="identity")).splitlines()
    assert lines[0] == "the dict of arrays: unbalanced, layer 3" or lines[0].endswith("exploding, layer 3")
    assert [line.split()[0] for line in lines if "←" in line] == ["3"]


def examples():
    made = arrays(np.random.default_rng(0), [30] * 8, STARTS["He, relu"][1])
    yield cd.diagnose(made, activation="relu", output="identity")
    dead = {**made, "b4": made["b4"] - 100}
    yield cd.diagnose(dead, activation="relu", output="identity")
    yield cd.diagnose(cd.Network(SIZES), DIGITS.images, DIGITS.labels)


def plain_json(d):
    from chainderiv.writing import plain

    return json.loads(json.dumps(plain(d.to_dict()), allow_nan=False))


def test_the_json_is_of_its_schema_and_the_schema_refuses_what_is_not():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    judge = jsonschema.Draft202012Validator(SCHEMA)
    for d in examples():
        made = plain_json(d)
        assert not list(judge.iter_errors(made))
        for wrong in (
            {**made, "verdict": "ill"},
            {**made, "more": 1},
            {**made, "culprit": 0},
            {**made, "layers": [{}]},
        ):
            assert list(judge.iter_errors(wrong))


def test_the_schema_names_what_the_json_holds():
    for d in examples():
        made = plain_json(d)
        assert set(SCHEMA["required"]) == set(made)
        assert set(SCHEMA["properties"]) == set(made) | {"file"}
        assert all(set(SCHEMA["$defs"]["layer"]["required"]) == set(one) for one in made["layers"])
        assert all(set(SCHEMA["$defs"]["stage"]["required"]) == set(one) for one in made["stages"])


def test_an_exact_0_is_null_in_the_json():
    *_, dead, _ = examples()
    made = plain_json(dead)
    assert (made["verdict"], made["culprit"]) == ("blocked", 4)
    assert [one["log10_rms_delta"] is None for one in made["layers"]] == [True] * 6 + [False]
    assert [one["weight_part"] is None for one in made["layers"]] == [True] * 6 + [False]
    assert "0" in str(dead).splitlines()[-3].split()


WRONG = [
    ({"cost": "quadratic"}, BadValue, "cost is given without targets"),
    ({"inputs": np.ones((2, 5))}, BadShape, "give one of"),
    ({"inputs": np.ones(64)}, BadShape, "a first axis"),
    ({"inputs": [[math.nan] * 64]}, BadValue, "NaN or inf"),
    ({"inputs": np.ones((2, 64)), "targets": [0, 10]}, BadShape, "label 10; give labels from 0 to 9"),
    ({"inputs": np.ones((2, 64)), "targets": [-1, 0]}, BadShape, "label -1"),
    ({"inputs": np.ones((2, 64)), "targets": np.ones((2, 9))}, BadShape, "targets have the shape"),
    ({"inputs": np.ones((2, 64)), "targets": np.full((2, 10), np.inf)}, BadValue, "targets hold inf"),
    ({"inputs": np.ones((2, 64)), "targets": [0, 1], "cost": "log_likelihood"}, BadValue, "ends in sigmoid"),
    ({"activation": "tanh"}, BadValue, "states its own"),
    ({"training": 1}, BadValue, "training is 1"),
    ({"rng": -1}, BadValue, "rng is -1"),
    ({"inputs": {"y": np.ones((2, 64))}}, BadValue, "input 'x'"),
]


def looked_up(shape=(None, 7)):
    """A network of whole numbers, which are looked up in a table of 50 rows."""
    from chainderiv.models.graph import Graph, Input, Node

    rng = np.random.default_rng(0)
    nodes = (
        Node("Gather", ("table", "words"), ("x",)),
        Node("MatMul", ("x", "W"), ("z",), name="1"),
        Node("Tanh", ("z",), ("a",)),
        Node("MatMul", ("a", "V"), ("out",), name="2"),
    )
    constants = {"table": rng.normal(size=(50, 8)), "W": rng.normal(size=(8, 8)), "V": rng.normal(size=(8, 3))}
    return Graph(nodes, constants, (Input("words", shape, "int64"),), ("out",))


def test_whole_numbers_are_asked_for_where_the_model_looks_them_up():
    graph, words = looked_up(), np.arange(14.0).reshape(2, 7)
    assert cd.diagnose(graph, words).layers == cd.diagnose(graph, {"words": words.astype(int)}).layers
    with pytest.raises(BadValue, match=r"input 'words' holds 0\.5, and the model takes whole numbers"):
        cd.diagnose(graph, words + 0.5)
    with pytest.raises(BadValue, match="input 'words' holds NaN or inf"):
        cd.diagnose(graph, {"words": words * math.nan})


@pytest.mark.parametrize(("given", "error", "says"), WRONG, ids=[says for *_, says in WRONG])
def test_what_does_not_fit_is_refused_in_one_line(given, error, says):
    with pytest.raises(error, match=re.escape(says)) as caught:
        cd.diagnose(cd.Network(SIZES), **given)
    assert "\n" not in str(caught.value)


def test_a_cost_that_outputs_can_leave_is_refused():
    made = arrays(np.random.default_rng(0), [6, 5, 3], STARTS["LeCun, tanh"][1])
    with pytest.raises(CostDomain, match="outputs in"):
        cd.diagnose(made, np.ones((2, 6)), [0, 1], "cross_entropy", "tanh")


def test_words_are_drawn_as_whole_numbers_that_there_are():
    d = cd.diagnose(looked_up())
    assert [one.name for one in d.layers] == ["1", "2"]
    assert d.verdict == "healthy"


def test_words_that_are_cast_before_they_are_looked_up_are_drawn_from_all_there_are():
    from chainderiv.models.data import drawn_inputs
    from chainderiv.models.graph import Graph, Input, Node

    nodes = (Node("Cast", ("words",), ("cast",), {"to": 7}), Node("Gather", ("table", "cast"), ("x",)))
    graph = Graph(nodes, {"table": np.zeros((50, 8))}, (Input("words", (None, 7), "int32"),), ("x",))
    drawn = drawn_inputs(graph, np.random.default_rng(0))["words"]
    assert (drawn.min(), drawn.max()) == (0, 49)
    assert "inputs of whole numbers drawn uniformly" in cd.diagnose(looked_up()).data


def test_every_column_that_is_printed_holds_what_its_name_says():
    W, b = np.array([[1.0, 0.5], [-0.5, 1.0], [0.3, 0.3], [0.2, -0.9]]), np.array([0.1, -0.2, -50.0, 0.05])
    W2, b2 = np.array([[0.7, -0.4, 0.5, 0.9], [0.2, 0.8, -0.3, 0.1]]), np.array([0.1, 0.2])
    x, y = np.array([[1.0, 2.0], [-1.0, 0.5], [0.4, -1.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    # the way back by hand, φ = relu and then tanh, C = ½ |a - y|²
    z = x @ W.T + b
    a2 = np.tanh(np.maximum(z, 0) @ W2.T + b2)
    onto_a = ((a2 - y) * (1 - a2**2)) @ W2
    slope = (z > 0).astype(float)
    delta, norm = onto_a * slope, np.linalg.norm
    wanted = {
        "rms δ": np.sqrt(np.mean(delta**2)),
        "‖mean ∂b‖": norm(delta.mean(axis=0)),
        "‖∂W‖/‖W‖": norm(delta.T @ x / 3) / norm(W),
        "weight part": norm(delta @ W) / norm(delta),
        "predicted": norm(W) / np.sqrt(4),
        "slope part": norm(delta) / norm(onto_a),
        "predicted again": np.sqrt(np.mean(slope**2)),
    }
    shares = {"dead": 100 * np.mean(~slope.any(axis=0)), "flat": 100 * np.mean(slope < 0.01)}
    arrays = {"W1": W, "b1": b, "W2": W2, "b2": b2}
    told = str(cd.diagnose(arrays, x, y, activation="relu", output="tanh")).splitlines()
    header, _, first, *_ = (re.split(r"\s{2,}", line) for line in told[-4:])
    assert header == ["layer", *wanted][:-1] + ["predicted", "√χ₁ (90 of 100)", "dead", "flat"]
    assert first == ["1 W1", *(f"{v:.3g}" for v in wanted.values()), *(f"{s:.0f} %" for s in shares.values())]
    assert len(set(first)) == len(first)  # no two could change places unseen


def test_inputs_that_are_drawn_are_as_many_as_memory_holds_and_as_large_as_a_window_asks(monkeypatch):
    from chainderiv.models import forwards

    from .networks import Builder

    b = Builder((None, 2, None, None))
    t = b.add("Conv", "x", b.weight(3, 2, 3, 3), strides=[2, 2], name="halves")
    t = b.add("AveragePool", t, kernel_shape=[20, 20], name="large")
    graph = b.graph(b.add("Flatten", t))
    found = cd.diagnose(graph)  # of 32 places the pool's window has 15
    assert found.verdict == "healthy"
    assert found.examples == 8
    monkeypatch.setattr(forwards, "MOST_BYTES", 2**19)
    assert cd.diagnose(graph).examples == 1
    monkeypatch.setattr(forwards, "MOST_BYTES", 2**10)
    with pytest.raises(BadValue, match="take more than 0 MiB at halves"):
        cd.diagnose(graph)


def test_a_network_whose_normalisations_have_seen_no_batch_is_not_accused_in_evaluation():
    from .networks import Builder

    b, t = Builder((16, 32), 3), "x"
    ones, zeros = b.constant(np.ones(32)), b.constant(np.zeros(32))
    for _ in range(30):
        z = b.add("MatMul", t, b.weight(32, 32, gain=0.5))  # which a batch's own statistics make good
        t = b.add("Relu", b.add("BatchNormalization", z, ones, zeros, zeros, ones))
    graph = b.graph(b.add("MatMul", t, b.weight(32, 10)))
    found = cd.diagnose(graph)
    assert (found.verdict, found.culprit, found.accused) == ("unknown", None, False)
    assert found.sentence.startswith(
        "in evaluation nothing is known of a network whose normalisations have seen no batch"
    )
    assert any("training=True" in note for note in found.notes)
    assert cd.diagnose(graph, training=True).verdict == "healthy"
