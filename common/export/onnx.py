"""ONNX files, written from the plan: no framework is needed.

One layer of the plan becomes one node, or two where ONNX has no operator of the same meaning. Nodes
and the values that they put out have the layers' canonical names, weights those of the arrays. The
operators are described at https://onnx.ai/onnx/operators/.
"""

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
"""Version of ONNX's operators, of 2022; ONNX Runtime reads it from 1.12 on."""

IR_VERSION = 8
"""Version of the file format that was released with this opset."""

FORMAT = "1"
"""Format of the file, in its metadata: what values are named and in which layout they are."""

_MAX_BYTES = 2**31 - 2**20
"""A protobuf message is smaller than 2 GiB; one MiB is left for the graph itself."""

_SPATIAL_AXES = "spatial_axes"
"""Name of the constant (2, 3), which ONNX's Unsqueeze takes as an input."""


def save_onnx(path: str | Path, spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a network in evaluation mode to one ONNX file, which is written whole or not at all.

    - `arrays` are the parameters and running statistics by canonical name, in canonical layout.
    - The input of the graph is `images`, float32 (batch, channels, height, width), pixels in
      [0, 1]; batch, height and width are free, except that an mlp has a fixed image size.
    - The output is `logits`, float32 (batch, classes).

    Raises `WeightsError` for arrays that do not fit the spec or do not fit in one file, and
    `BackendError` when the package onnx is not installed.
    """
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise BackendError(
            f"export: ONNX needs the package onnx; got {told(error)}; {how_to_install('onnx')}"
        ) from error
    checked = check_arrays(spec, arrays, str(path))
    size = sum(array.nbytes for array in checked.values())
    if size > _MAX_BYTES:
        raise WeightsError(f"{path}: an ONNX file must be smaller than 2 GiB; got {size:,} bytes")
    write_bytes(path, _model(spec, checked).SerializeToString())


def _model(spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The graph of a network as an `onnx.ModelProto`."""
    from onnx import TensorProto, helper, numpy_helper

    layers = plan(spec)
    values = {layer.name: layer.name for layer in layers}
    values |= {INPUT: "images", layers[-1].name: "logits"}
    constants = dict(arrays)
    if any(layer.op == "scale" for layer in layers):
        constants[_SPATIAL_AXES] = np.array([2, 3])
    sides = [spec.image_size] * 2 if spec.image_size else ["height", "width"]
    images = ["batch", spec.in_channels, *sides]
    logits = ["batch", spec.num_classes]
    graph = helper.make_graph(
        [node for layer in layers for node in _nodes(layer, values, spec.bn_epsilon)],
        "anynet",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, images)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, logits)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        graph, producer_name=PRODUCER, opset_imports=opset, ir_version=IR_VERSION
    )
    helper.set_model_props(model, {f"{PRODUCER}.format": FORMAT})
    return model


def _nodes(layer: Layer, values: Mapping[str, str], epsilon: float) -> list[Any]:
    """The ONNX nodes of one layer.

    `values` names the output of each layer in the graph; `epsilon` is that of batch norms.
    """
    inputs, output = [values[name] for name in layer.inputs], values[layer.name]
    arrays = [*layer.parameters, *layer.buffers]  # in the order in which ONNX's operators take them
    match layer.op:
        case "conv":
            padding, strides = [(layer.kernel - 1) // 2] * 4, [layer.stride] * 2
            geometry = {"pads": padding, "strides": strides, "group": layer.groups}
            return [_node("Conv", inputs + arrays, output, **geometry)]
        case "batch_norm":
            return [_node("BatchNormalization", inputs + arrays, output, epsilon=epsilon)]
        case "flatten":
            return [_node("Flatten", inputs, output)]
        case "linear":
            return [_node("Gemm", inputs + arrays, output, transB=1)]  # weights are (out, in)
        case "global_pool":
            means = f"{output}.mean"  # (N, C, 1, 1)
            return [_node("GlobalAveragePool", inputs, means), _node("Flatten", [means], output)]
        case "scale":
            image, gates = inputs
            unsqueezed = f"{output}.gates"  # (N, C, 1, 1)
            return [
                _node("Unsqueeze", [gates, _SPATIAL_AXES], unsqueezed),
                _node("Mul", [image, unsqueezed], output),
            ]
        case "relu" | "sigmoid" | "add":
            return [_node(layer.op.capitalize(), inputs, output)]


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(operator, inputs, [output], output, **attributes)
