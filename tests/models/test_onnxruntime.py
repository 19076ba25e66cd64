"""The table's values against onnxruntime, where it is installed: in float64, or float32 where it has no more."""

import numpy as np
import pytest

from .cases import CASES

DIGITS = {np.float64: 1e-13, np.float32: 2e-5}
SINGLE = 2e-7  # of what has a float attribute, stated or by default: it is a float32 in a file
ATTRIBUTED = {
    "LeakyRelu",
    "Elu",
    "Celu",
    "Selu",
    "HardSigmoid",
    "HardSwish",
    "Shrink",
    "Gelu",
    "ThresholdedRelu",
    "LRN",
    "Attention",
} | {f"{kind}Normalization" for kind in ("Batch", "Layer", "RMS", "Group", "Instance")}
# an even size begins elsewhere; dots that are summed over are torch's
OTHERWISE = ("lrn of an even size", "einsum with dots inside")
KINDS = {"f": {np.float64: 11, np.float32: 1}, "i": {np.float64: 7, np.float32: 7}, "b": {np.float64: 9, np.float32: 9}}


@pytest.fixture(scope="module")
def runtime():
    pytest.importorskip("onnx", reason="onnx is not installed; stored answers of torch stand for the operators")
    return pytest.importorskip("onnxruntime", reason="onnxruntime is not installed; torch's answers stand for it")


def session(runtime, case, kind):
    """onnxruntime with the one node in it; None where it has no kernel for that kind of float."""
    from onnx import helper

    inputs = [
        helper.make_tensor_value_info(f"x{k}", KINDS[x.dtype.kind][kind], x.shape)
        for k, x in enumerate(case.inputs)
        if x is not None
    ]
    outputs = [helper.make_empty_tensor_value_info(f"y{k}") for k in range(case.results)]
    attributes = dict(case.attributes)
    if case.operator == "Cast":
        attributes["to"] = KINDS["f"][kind]
    names = [
        *(f"y{k}" for k in range(case.results)),
        *(["kept mean", "kept var"] if "training_mode" in attributes else []),
    ]
    node = helper.make_node(case.operator, case.names, names, **attributes)
    graph = helper.make_graph([node], "one", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=10)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except (
        runtime.capi.onnxruntime_pybind11_state.NotImplemented,
        runtime.capi.onnxruntime_pybind11_state.InvalidGraph,
    ):
        return None


def theirs(runtime, case):
    """The outputs and the kind of float that they were computed in; None where no kernel is to be had."""
    for kind in DIGITS:
        made = session(runtime, case, kind)
        if made is not None:
            given = {
                f"x{k}": x.astype(kind) if x.dtype.kind == "f" else x
                for k, x in enumerate(case.inputs)
                if x is not None
            }
            return made.run([f"y{k}" for k in range(case.results)], given), kind
    return None


def disagreement(got, want):
    return float(np.max(np.abs(got - want)) / np.max(np.abs(want)))


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if not case.training and n not in OTHERWISE])
def test_values_are_onnxruntimes(runtime, name):
    found = theirs(runtime, CASES[name])
    if found is None:
        pytest.skip("onnxruntime has no kernel for this operator of this version")
    outputs, kind = found
    for got, want in zip(CASES[name].outputs(), outputs, strict=True):
        assert got.shape == want.shape
        digits = max(DIGITS[kind], SINGLE if CASES[name].operator in ATTRIBUTED else 0)
        assert disagreement(got, want) < digits, (name, kind)


def test_a_planted_error_is_found(runtime):
    (want,), kind = theirs(runtime, CASES["gemm"])
    assert kind is np.float64
    assert not disagreement(CASES["gemm"].outputs()[0] * (1 + 1e-12), want) < DIGITS[kind]
