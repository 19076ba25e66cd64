"""chainderiv diagnose: exit code 3 where it accuses, the JSON that Python gives, and refusals in one line."""

import json
import pickle
import re

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from tests.models.sound import STARTS, arrays

SIZES = [12, 16, 16, 16, 16, 5]


@pytest.fixture
def sound(tmp_path):
    made = arrays(np.random.default_rng(0), SIZES, STARTS["He, relu"][1])
    np.savez(tmp_path / "sound.npz", **made)
    return str(tmp_path / "sound.npz")


@pytest.fixture
def sick(tmp_path):
    made = arrays(np.random.default_rng(0), SIZES, STARTS["He, relu"][1])
    made["W3"] *= 1000
    np.savez(tmp_path / "sick.npz", **made)
    return str(tmp_path / "sick.npz")


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "data.npz", x=rng.normal(size=(20, 12)), labels=np.arange(20) % 5)
    return str(tmp_path / "data.npz")


def told(capsys, *words):
    code = main(["diagnose", *words])
    return code, capsys.readouterr()


def test_a_sound_model_is_exit_0_and_a_sick_one_3(sound, sick, capsys):
    code, streams = told(capsys, sound, "--activation", "relu", "--output", "identity")
    assert (code, streams.err) == (0, "")
    assert streams.out.startswith("sound.npz: healthy\n")
    assert "in PyTorch" not in streams.out
    code, streams = told(capsys, sick, "--activation", "relu", "--output", "identity")
    assert code == 3
    assert streams.out.startswith("sick.npz: exploding, layer 3\n")
    for words in ("in PyTorch:", "in Keras:", "in JAX:", "model.get_parameter('W3').mul_("):
        assert words in streams.out


def test_the_json_is_what_python_gives(sick, data, capsys):
    code, streams = told(capsys, sick, "--activation", "relu", "--data", data, "--json")
    with np.load(data) as kept:
        found = cd.diagnose(sick, kept["x"], kept["labels"], activation="relu")
    made = json.loads(streams.out)
    assert code == 3
    assert (made["verdict"], made["culprit"]) == (found.verdict, 3)
    assert made["layers"] == [{**one.to_dict(), "expected": one.to_dict()["expected"]} for one in found.layers]
    assert "cost log_likelihood" in made["data"]
    assert made["file"] is None


@pytest.mark.parametrize(
    ("cost", "output"), [("quadratic", "tanh"), ("cross_entropy", "sigmoid"), ("log_likelihood", "identity")]
)
def test_cost_and_output_are_taken(sound, data, cost, output, capsys):
    words = ("--activation", "tanh", "--output", output, "--data", data, "--cost", cost, "--json")
    _, streams = told(capsys, sound, *words)
    with np.load(data) as kept:
        found = cd.diagnose(sound, kept["x"], kept["labels"], cost, "tanh", output)
    made = json.loads(streams.out)
    assert [one["log10_rms_delta"] for one in made["layers"]] == [one.log10_rms_delta for one in found.layers]
    assert f"cost {cost}" in made["data"]


def test_targets_are_y(sound, tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "y.npz", x=rng.normal(size=(4, 12)), y=rng.normal(size=(4, 5)))
    _, streams = told(capsys, sound, "--activation", "tanh", "--data", str(tmp_path / "y.npz"))
    assert "cost quadratic" in streams.out


def test_each_of_several_inputs_is_given_by_its_name(tmp_path, capsys):
    onnx = pytest.importorskip("onnx", reason="the package onnx is not installed")
    from tests.models.readers.test_onnx_file import model, tensor

    node, rng = onnx.helper.make_node, np.random.default_rng(0)
    nodes = [node("Add", ["x", "other"], ["s"]), node("MatMul", ["s", "w"], ["h"])]
    weight = tensor("w", rng.normal(size=(3, 3)).astype("f4"))
    inputs = [onnx.helper.make_tensor_value_info(name, 1, ["n", 3]) for name in ("x", "other")]
    made = model(nodes, [weight], inputs, outputs=["h"])
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    given = {"x": rng.normal(size=(4, 3)), "other": rng.normal(size=(4, 3)), "y": np.zeros((4, 3))}
    np.savez(tmp_path / "given.npz", **given)
    code, streams = told(capsys, str(tmp_path / "m.onnx"), "--data", str(tmp_path / "given.npz"), "--json")
    found = cd.diagnose(str(tmp_path / "m.onnx"), {name: given[name] for name in ("x", "other")}, given["y"])
    assert code == 0
    assert json.loads(streams.out)["layers"][0]["log10_rms_delta"] == found.layers[0].log10_rms_delta


def test_another_seed_draws_others(sound, capsys):
    outs = [told(capsys, sound, "--activation", "relu", "--seed", str(n))[1].out for n in (0, 0, 1)]
    assert outs[0] == outs[1] != outs[2]


@pytest.mark.parametrize("ending", ["html", "svg"])
def test_out_writes_it(sick, tmp_path, ending, capsys):
    out = str(tmp_path / f"page.{ending}")
    code, streams = told(capsys, sick, "--activation", "relu", "--output", "identity", "--out", out)
    assert code == 3
    assert streams.out.endswith(f"written: {out}\n")
    assert (tmp_path / f"page.{ending}").stat().st_size > 1000


def test_stacked_weights_are_layers_in_order(tmp_path, capsys):
    """Three dimensions: of equal layers, as jax.lax.scan keeps them."""
    stack = np.random.default_rng(0).normal(size=(20, 10, 10)) / 10**0.5
    np.savez(tmp_path / "stack.npz", W=stack)
    _, streams = told(capsys, str(tmp_path / "stack.npz"), "--activation", "sigmoid", "--json")
    made = json.loads(streams.out)
    assert len(made["layers"]) == 20
    assert (made["verdict"], made["culprit"]) == ("vanishing", None)


REFUSED = [
    (["nothing.npz"], "nothing.npz"),
    (["SOUND"], "as in --activation tanh"),
    (["SOUND", "--activation", "tahn"], "tahn"),
    (["SOUND", "--activation", "relu", "--activation", "tanh"], "--activation is given 2 times"),
    (["SOUND", "--activation", "relu", "--cost", "quadratic"], "--cost is given without"),
    (["SOUND", "--activation", "relu", "--out", "page.txt"], "--out is 'page.txt'"),
    (["SOUND", "--activation", "relu", "--seed", "x"], "--seed is 'x'"),
    (["SOUND", "--activation", "relu", "--data", "SOUND"], "input 'x' of sound.npz is missing; give 'x'"),
    (["SOUND", "--activation", "relu", "--data", "BOTH"], "give x (or each of several inputs by its name), and labels"),
    (["SOUND", "--activation", "softmax"], "give it as --output"),
    (
        ["SOUND", "--activation", "tanh", "--output", "tanh", "--data", "DATA", "--cost", "log_likelihood"],
        "or --output identity where the model holds arrays alone",
    ),
    (["SOUND", "--activation", "relu", "--data", "nothing.npz"], "nothing.npz"),
    (["PICKLE"], "is a pickle, which would run code"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_bad_input_is_one_line_and_exit_2(words, says, sound, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("both.npz", x=np.ones((1, 12)), labels=[0], y=np.ones((1, 5)))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"W": np.eye(2)}))
    places = {"SOUND": sound, "DATA": data, "BOTH": "both.npz", "PICKLE": "model.pkl"}
    code, streams = told(capsys, *(places.get(word, word) for word in words))
    assert (code, streams.out) == (2, "")
    assert says in streams.err
    assert len(streams.err.splitlines()) == 1
    assert not re.search(r"\w=(?!\w)", streams.err)  # as Python has it
