"""What each layer of a plan computes, and its gradient, on (N, C, H, W) or (N, C) float64."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from common.arch import Layer

Array = NDArray[np.float64]
Arrays = Mapping[str, Array]
Gradients = dict[str, Array]


def positive(x: Array) -> NDArray[np.bool_]:
    """Where the gradient of a ReLU at x passes."""
    return x > 0


@dataclass(frozen=True)
class Mode:
    """What layers depend on besides their arrays.

    Batch norms: `epsilon`, and whether they normalise by the batch's statistics or the running
    ones. ReLUs: where their gradient `passes`.
    """

    epsilon: float
    training: bool
    passes: Callable[[Array], NDArray[np.bool_]] = positive


def forward(layer: Layer, arrays: Arrays, inputs: list[Array], mode: Mode) -> Array:
    """The output of one layer."""
    x = inputs[0]
    weight, bias = arrays.get(f"{layer.name}.weight"), arrays.get(f"{layer.name}.bias")
    match layer.op:
        case "conv":
            assert weight is not None
            outputs = weight.reshape(_per_group(layer)) @ _columns(layer, x)
            outputs = outputs.reshape(-1, len(x), *_out_size(layer, x)).swapaxes(0, 1)
            return outputs if bias is None else outputs + _channels(bias, outputs)
        case "linear":
            assert weight is not None
            outputs = x @ weight.T
            return outputs if bias is None else outputs + bias
        case "batch_norm":
            assert weight is not None
            assert bias is not None
            normalised, _ = _normalised(layer, arrays, x, mode)
            return _channels(weight, x) * normalised + _channels(bias, x)
        case "relu":
            return np.maximum(x, 0)
        case "sigmoid":
            return 1 / (1 + np.exp(-x))
        case "global_pool":
            means: Array = x.mean((2, 3))
            return means
        case "flatten":
            return x.reshape(len(x), -1)
        case "add":
            return x + inputs[1]
        case "scale":
            return x * inputs[1][:, :, None, None]


def backward(
    layer: Layer, arrays: Arrays, inputs: list[Array], gradient: Array, mode: Mode
) -> tuple[list[Array], Gradients]:
    """Gradients of a layer's inputs and arrays, given that of its output."""
    x, weight = inputs[0], arrays.get(f"{layer.name}.weight")
    match layer.op:
        case "conv":
            assert weight is not None
            kernel = weight.reshape(_per_group(layer))
            by_group = gradient.swapaxes(0, 1).reshape(*kernel.shape[:2], -1)
            columns = kernel.swapaxes(1, 2) @ by_group
            return [_image(layer, columns, x)], _named(
                layer, (by_group @ _columns(layer, x).swapaxes(1, 2)).reshape(weight.shape),
                gradient.sum(_positions(x)),
            )  # fmt: skip
        case "linear":
            assert weight is not None
            return [gradient @ weight], _named(layer, gradient.T @ x, gradient.sum(0))
        case "batch_norm":
            assert weight is not None
            normalised, deviation = _normalised(layer, arrays, x, mode)
            scales = (gradient * normalised).sum(_positions(x))
            shifts = gradient.sum(_positions(x))
            if mode.training:
                n = x.size // x.shape[1]
                correlated = normalised * _channels(scales / n, x)
                gradient = gradient - _channels(shifts / n, x) - correlated
            return [gradient * _channels(weight / deviation, x)], _named(layer, scales, shifts)
        case "relu":
            return [gradient * mode.passes(x)], {}
        case "sigmoid":
            gate = forward(layer, arrays, inputs, mode)
            return [gradient * gate * (1 - gate)], {}
        case "global_pool":
            positions = x.shape[2] * x.shape[3]
            return [np.broadcast_to(gradient[:, :, None, None] / positions, x.shape)], {}
        case "flatten":
            return [gradient.reshape(x.shape)], {}
        case "add":
            return [gradient, gradient], {}
        case "scale":
            gates = inputs[1][:, :, None, None]
            return [gradient * gates, (gradient * x).sum((2, 3))], {}


def statistics(layer: Layer, arrays: Arrays, x: Array, momentum: float) -> Gradients:
    """Running statistics after a batch: both average the batch's own, the biased variance too."""
    batch = {"running_mean": x.mean(_positions(x)), "running_var": _variance(x)}
    return {
        f"{layer.name}.{kind}": (1 - momentum) * arrays[f"{layer.name}.{kind}"] + momentum * new
        for kind, new in batch.items()
    }


def _normalised(layer: Layer, arrays: Arrays, x: Array, mode: Mode) -> tuple[Array, Array]:
    """Zero mean and unit variance per channel, and the deviation that was divided by."""
    if mode.training:
        mean, variance = x.mean(_positions(x)), _variance(x)
    else:
        mean, variance = (arrays[f"{layer.name}.running_{kind}"] for kind in ("mean", "var"))
    deviation = np.sqrt(variance + mode.epsilon)
    return (x - _channels(mean, x)) / _channels(deviation, x), deviation


def _variance(x: Array) -> Array:
    """The biased variance per channel; NumPy's own is another function of complex numbers."""
    centred = x - _channels(x.mean(_positions(x)), x)
    variance: Array = (centred**2).mean(_positions(x))
    return variance


def _positions(x: Array) -> tuple[int, ...]:
    """The axes over which a batch norm of x takes its statistics: all but the channels."""
    return (0, *range(2, x.ndim))


def _channels(values: Array, x: Array) -> Array:
    """Values per channel, to be broadcast over the positions of x."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def _named(layer: Layer, weight: Array, bias: Array) -> Gradients:
    found = {f"{layer.name}.weight": weight, f"{layer.name}.bias": bias}
    return {name: found[name] for name in layer.parameters}


def _out_size(layer: Layer, x: Array) -> tuple[int, int]:
    height, width = ((side - 1) // layer.stride + 1 for side in x.shape[2:])
    return height, width


def _per_group(layer: Layer) -> tuple[int, int, int]:
    """Shape of a kernel as one matrix per group: (groups, out, in * k * k)."""
    return layer.groups, layer.out_shape[0] // layer.groups, -1


def _columns(layer: Layer, x: Array) -> Array:
    """Every window of a padded image as a column: (groups, in * k * k, N * H * W)."""
    k, pad = layer.kernel, (layer.kernel - 1) // 2
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(padded, (k, k), (2, 3))[:, :, :: layer.stride, :: layer.stride]
    columns = windows.transpose(1, 4, 5, 0, 2, 3)
    return columns.reshape(layer.groups, x.shape[1] // layer.groups * k * k, -1)


def _image(layer: Layer, columns: Array, x: Array) -> Array:
    """The sum of all columns at the pixels they came from: the transpose of `_columns`."""
    k, pad, stride = layer.kernel, (layer.kernel - 1) // 2, layer.stride
    batch, channels, height, width = x.shape
    rows, cols = _out_size(layer, x)
    taps = columns.reshape(channels, k, k, batch, rows, cols)
    padded = np.zeros((channels, batch, height + 2 * pad, width + 2 * pad), columns.dtype)
    for i in range(k):
        for j in range(k):
            window = padded[:, :, i : i + stride * rows : stride, j : j + stride * cols : stride]
            window += taps[:, i, j]
    return padded[:, :, pad : pad + height, pad : pad + width].swapaxes(0, 1)
