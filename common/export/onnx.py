"""ONNX files, written straight from the plan: no framework is needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import INPUT, AnyNetSpec, Layer, plan
from common.errors import BackendError, WeightsError, told
from common.files import PRODUCER, write_bytes
from common.installs import how_to_install
from common.weights import check_arrays

OPSET = 17
"""Version of ONNX's operators, of 2022; ONNX Runtime 1.12 and later read it."""

IR_VERSION = 8
"""Version of the file format that came with this opset."""

_SPATIAL_AXES = "spatial_axes"
_MAX_BYTES = 2**31 - 2**20
"""A protobuf message holds less than 2 GiB; the graph itself needs a little of it."""


def save_onnx(path: str | Path, spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a network to one ONNX file, whole or not at all.

    Its input `images` is float32 (batch, channels, height, width) with any batch, height and
    width, for an mlp its own; its output `logits` is (batch, classes). Raises `WeightsError` when
    the arrays do not fit the spec or are too large for one file, `BackendError` without the
    package onnx.
    """
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise BackendError(
            f"export: ONNX needs the package onnx; got {told(error)}; {how_to_install('onnx')}"
        ) from error
    checked = check_arrays(spec, arrays, str(path))
    size = sum(array.nbytes for array in checked.values())
    if size > _MAX_BYTES:
        raise WeightsError(f"{path}: an ONNX file holds less than 2 GiB; got {size:,} bytes")
    layers = plan(spec)
    values = {layer.name: layer.name for layer in layers}
    values |= {INPUT: "images", layers[-1].name: "logits"}
    constants = dict(checked)
    if any(layer.op == "scale" for layer in layers):
        constants[_SPATIAL_AXES] = np.array([2, 3])
    sides = [spec.image_size] * 2 if spec.image_size else ["height", "width"]
    graph = helper.make_graph(
        [node for layer in layers for node in _nodes(layer, values, spec.bn_epsilon)],
        "anynet",
        [
            helper.make_tensor_value_info(
                "images", TensorProto.FLOAT, ["batch", spec.in_channels, *sides]
            )
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", spec.num_classes])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        graph, producer_name=PRODUCER, opset_imports=opset, ir_version=IR_VERSION
    )
    helper.set_model_props(model, {f"{PRODUCER}.format": "1"})
    write_bytes(path, model.SerializeToString())


def _nodes(layer: Layer, values: Mapping[str, str], epsilon: float) -> list[Any]:
    """The ONNX nodes of one layer; `values` names what each layer puts out."""
    inputs, output = [values[name] for name in layer.inputs], values[layer.name]
    arrays = [*layer.parameters, *layer.buffers]
    match layer.op:
        case "conv":
            pads = [(layer.kernel - 1) // 2] * 4
            strides = [layer.stride] * 2
            return [
                _node(
                    "Conv", inputs + arrays, output, pads=pads, strides=strides, group=layer.groups
                )
            ]
        case "batch_norm":
            return [_node("BatchNormalization", inputs + arrays, output, epsilon=epsilon)]
        case "flatten":
            return [_node("Flatten", inputs, output)]
        case "linear":
            return [_node("Gemm", inputs + arrays, output, transB=1)]
        case "global_pool":
            mean = f"{output}.mean"
            return [_node("GlobalAveragePool", inputs, mean), _node("Flatten", [mean], output)]
        case "scale":
            image, gate = inputs
            gates = f"{output}.gates"
            return [
                _node("Unsqueeze", [gate, _SPATIAL_AXES], gates),
                _node("Mul", [image, gates], output),
            ]
        case "relu" | "sigmoid" | "add":
            return [_node(layer.op.capitalize(), inputs, output)]


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], output, **attributes)
