"""A reader's graph as an ONNX model, so that onnxruntime can say what it computes."""

import numpy as np


def proto_of(graph, opset=None):
    """The model in double precision, of the graph's own opset."""
    from onnx import TensorProto, helper, numpy_helper

    kinds = {
        "float32": TensorProto.DOUBLE,
        "float64": TensorProto.DOUBLE,
        "int64": TensorProto.INT64,
        "int32": TensorProto.INT32,
    }
    nodes = [helper.make_node(n.operator, n.inputs, n.outputs, **_attributes(n)) for n in graph.nodes]
    inputs = [
        helper.make_tensor_value_info(i.name, kinds[i.dtype], [n or f"d{k}" for k, n in enumerate(i.shape)])
        for i in graph.inputs
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in graph.outputs]
    constants = [numpy_helper.from_array(np.asarray(a), name) for name, a in graph.constants.items()]
    inner = helper.make_graph(nodes, "g", inputs, outputs, constants)
    return helper.make_model(inner, opset_imports=[helper.make_opsetid("", opset or graph.opset)], ir_version=11)


def _attributes(node):
    from onnx import numpy_helper

    return {k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in node.attributes.items()}


def in_single(graph):
    """The graph with its constants in float32: onnxruntime lacks most kernels in double precision."""
    from dataclasses import replace

    return replace(
        graph, constants={k: v.astype("f4") if v.dtype == np.float64 else v for k, v in graph.constants.items()}
    )


def run_onnx(graph, *inputs):
    """The first output, computed by onnxruntime in single precision."""
    import onnxruntime
    from onnx import TensorProto

    proto = proto_of(in_single(graph))
    for value in (*proto.graph.input, *proto.graph.output):
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {
        i.name: np.asarray(x, "f4" if "float" in i.dtype else i.dtype)
        for i, x in zip(graph.inputs, inputs, strict=True)
    }
    return session.run(None, given)[0]
