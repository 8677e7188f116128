"""ONNX files, written from the plan: no framework is needed.

One layer of the plan becomes one node, or two where ONNX has no operator of the same meaning. Nodes
and the values that they put out have the layers' canonical names, weights those of the arrays. The
operators are described at https://onnx.ai/onnx/operators/.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import INPUT, AnyNetSpec, Layer, image_shape, plan
from common.data import ImageDescription, Preprocessing
from common.errors import BackendError, ConfigError, WeightsError, told
from common.files import PRODUCER, write_bytes
from common.installs import how_to_install
from common.weights import check_arrays

OPSET = 17
"""Version of ONNX's operators, of 2022; ONNX Runtime reads it from 1.12 on."""

IR_VERSION = 8
"""Version of the file format that was released with this opset."""

FORMAT = "1"
"""Format of the file, in its metadata: what values are named and in which layout they are."""

DESCRIPTION = f"{PRODUCER}.images"
"""Key of the metadata that holds an `ImageDescription` as JSON."""

_MAX_BYTES = 2**31 - 2**20
"""A protobuf message is smaller than 2 GiB; one MiB is left for the graph itself."""

_SPATIAL_AXES = "spatial_axes"
"""Name of the constant (2, 3), which ONNX's Unsqueeze takes as an input."""

_IMAGES, _PIXELS = "images", "pixels"
"""What the network is given, and the input of a graph that prepares it."""

_SCALE, _MEAN, _STD = (f"{_PIXELS}.{name}" for name in ("scale", "mean", "std"))


def save_onnx(
    path: str | Path,
    spec: AnyNetSpec,
    arrays: Mapping[str, NDArray[Any]],
    images: ImageDescription | None = None,
    with_preprocessing: bool = False,
) -> None:
    """Write a network in evaluation mode to one ONNX file, which is written whole or not at all.

    - `arrays` are the parameters and running statistics by canonical name, in canonical layout.
    - `images` is stored in the file's metadata, as JSON under the key `DESCRIPTION`.
    - The input of the graph is `images`, float32 (batch, channels, height, width), prepared as the
      network's images are; batch, height and width are free, except that an mlp has a fixed image
      size.
    - `with_preprocessing` makes the input `pixels`, uint8 (batch, channels, height, width) of the
      size in `images`, of which the graph computes `(x * scale - mean) / std`.
    - The output is `logits`, float32 (batch, classes).

    Raises `WeightsError` for arrays that do not fit the spec or do not fit in one file,
    `ConfigError` or `SpecError` for `images` that do not fit the spec or are needed and missing,
    and `BackendError` when the package onnx is not installed.
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
    _check_images(spec, images, with_preprocessing)
    prepared = images.preprocessing if images and with_preprocessing else None
    write_bytes(path, _model(spec, checked, images, prepared).SerializeToString())


def _check_images(
    spec: AnyNetSpec, images: ImageDescription | None, with_preprocessing: bool
) -> None:
    """Raise `ConfigError` or `SpecError` unless a network of `spec` takes these images."""
    if images is None:
        if with_preprocessing:
            raise ConfigError(
                "with_preprocessing: must be given with images, which say how they are prepared; "
                "got none"
            )
        return
    image_shape(spec, images.preprocessing.size)
    if images.preprocessing.channels != spec.in_channels:
        raise ConfigError(
            f"images: must have the {spec.in_channels} channels that the network takes; got "
            f"{images.preprocessing.channels}"
        )


def _model(
    spec: AnyNetSpec,
    arrays: Mapping[str, NDArray[Any]],
    images: ImageDescription | None,
    prepared: Preprocessing | None,
) -> Any:
    """The graph of a network as an `onnx.ModelProto`; `prepared` is computed inside of it."""
    from onnx import TensorProto, helper, numpy_helper

    layers = plan(spec)
    values = {layer.name: layer.name for layer in layers}
    values |= {INPUT: _IMAGES, layers[-1].name: "logits"}
    constants = dict(arrays)
    if any(layer.op == "scale" for layer in layers):
        constants[_SPATIAL_AXES] = np.array([2, 3])
    nodes = [node for layer in layers for node in _nodes(layer, values, spec.bn_epsilon)]
    name, kind = _IMAGES, TensorProto.FLOAT
    sides = [spec.image_size] * 2 if spec.image_size else ["height", "width"]
    if prepared is not None:
        name, kind, sides = _PIXELS, TensorProto.UINT8, list(prepared.size)
        constants |= _arithmetic(prepared)
        nodes = _preparation() + nodes
    graph = helper.make_graph(
        nodes,
        "anynet",
        [helper.make_tensor_value_info(name, kind, ["batch", spec.in_channels, *sides])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", spec.num_classes])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        graph, producer_name=PRODUCER, opset_imports=opset, ir_version=IR_VERSION
    )
    described = {} if images is None else {DESCRIPTION: json.dumps(images.to_dict())}
    helper.set_model_props(model, {f"{PRODUCER}.format": FORMAT, **described})
    return model


def _arithmetic(prepared: Preprocessing) -> dict[str, NDArray[np.float32]]:
    """The constants of `(x * scale - mean) / std`, for pixels (N, C, H, W)."""
    mean, std = (
        np.array(values, np.float32).reshape(1, -1, 1, 1)
        for values in (prepared.mean, prepared.std)
    )
    return {_SCALE: np.array(prepared.scale, np.float32), _MEAN: mean, _STD: std}


def _preparation() -> list[Any]:
    """The nodes from pixels to the network's images."""
    from onnx import TensorProto

    numbers, scaled, centred = (f"{_PIXELS}.{step}" for step in ("float", "scaled", "centred"))
    return [
        _node("Cast", [_PIXELS], numbers, to=TensorProto.FLOAT),
        _node("Mul", [numbers, _SCALE], scaled),
        _node("Sub", [scaled, _MEAN], centred),
        _node("Div", [centred, _STD], _IMAGES),
    ]


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
        case "max_pool":
            window = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2}
            padding = [(layer.kernel - 1) // 2] * 4
            return [_node("MaxPool", inputs, output, pads=padding, **window)]
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
