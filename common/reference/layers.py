"""Forward and backward pass of one layer of a plan: which operator, on which arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

from common.arch import Layer
from common.reference import ops
from common.reference.convolution import Array, conv, conv_gradients
from common.reference.pooling import max_pool, max_pool_gradients

Arrays = Mapping[str, Array]
"""Parameters and running statistics by canonical name, in canonical layout."""
Gradients = dict[str, Array]
"""The same, of some of the arrays."""


@dataclass(frozen=True)
class Mode:
    """What the layers of a pass depend on besides their arrays and inputs."""

    epsilon: float
    """Of batch norms."""
    training: bool
    """Whether batch norms use the statistics of the batch instead of the running ones."""
    passes: ops.Mask = ops.positive
    """Where a ReLU passes the gradient of its output."""
    total: ops.Total = ops.total
    """The sums in a batch norm's gradients."""


def forward(layer: Layer, arrays: Arrays, inputs: list[Array], mode: Mode) -> Array:
    """The output of one layer, given the outputs of the layers that it reads."""
    x, own = inputs[0], _own_arrays(layer, arrays)
    match layer.op:
        case "conv":
            return conv(x, own["weight"], own.get("bias"), layer.stride, layer.groups)
        case "linear":
            return ops.linear(x, own["weight"], own.get("bias"))
        case "batch_norm":
            statistics = _statistics(own, x, mode)
            return ops.batch_norm(x, own["weight"], own["bias"], statistics, mode.epsilon)
        case "relu":
            return ops.relu(x)
        case "sigmoid":
            return ops.sigmoid(x)
        case "max_pool":
            return max_pool(x)
        case "global_pool":
            return ops.global_pool(x)
        case "flatten":
            return ops.flatten(x)
        case "add":
            return ops.add(x, inputs[1])
        case "scale":
            return ops.scale(x, inputs[1])


def backward(
    layer: Layer, arrays: Arrays, inputs: list[Array], gradient: Array, mode: Mode
) -> tuple[tuple[Array, ...], Gradients]:
    """Gradients of a layer's inputs, and of its parameters by name, given that of its output."""
    x, own = inputs[0], _own_arrays(layer, arrays)
    match layer.op:
        case "conv":
            found = conv_gradients(gradient, x, own["weight"], layer.stride, layer.groups)
            return found[:1], _named(layer, *found[1:])
        case "linear":
            found = ops.linear_gradients(gradient, x, own["weight"])
            return found[:1], _named(layer, *found[1:])
        case "batch_norm":
            statistics = _statistics(own, x, mode)
            found = ops.batch_norm_gradients(
                gradient, x, own["weight"], statistics, mode.epsilon, mode.training, mode.total
            )
            return found[:1], _named(layer, *found[1:])
        case "relu":
            return (ops.relu_gradients(gradient, x, mode.passes),), {}
        case "sigmoid":
            return (ops.sigmoid_gradients(gradient, x),), {}
        case "max_pool":
            return (max_pool_gradients(gradient, x),), {}
        case "global_pool":
            return (ops.global_pool_gradients(gradient, x),), {}
        case "flatten":
            return (ops.flatten_gradients(gradient, x),), {}
        case "add":
            return ops.add_gradients(gradient), {}
        case "scale":
            return ops.scale_gradients(gradient, x, inputs[1]), {}


def running_statistics(layer: Layer, arrays: Arrays, x: Array, momentum: float) -> Gradients:
    """Running mean and variance of a batch norm after a batch x, by canonical name.

    new = (1 - momentum) * old + momentum * batch's, with the biased variance.
    """
    batch = dict(zip(("running_mean", "running_var"), ops.batch_statistics(x), strict=True))
    return {
        f"{layer.name}.{kind}": (1 - momentum) * arrays[f"{layer.name}.{kind}"] + momentum * value
        for kind, value in batch.items()
    }


def _own_arrays(layer: Layer, arrays: Arrays) -> dict[str, Array]:
    """The layer's arrays by the last part of their name, such as `weight`."""
    return {name.rpartition(".")[2]: arrays[name] for name in (*layer.parameters, *layer.buffers)}


def _statistics(own: Arrays, x: Array, mode: Mode) -> tuple[Array, Array]:
    """The mean and variance by which a batch norm normalises x."""
    return ops.batch_statistics(x) if mode.training else (own["running_mean"], own["running_var"])


def _named(layer: Layer, weight: Array, bias: Array) -> Gradients:
    """Gradients by canonical name, without that of a bias that the layer does not have."""
    found = {f"{layer.name}.weight": weight, f"{layer.name}.bias": bias}
    return {name: found[name] for name in layer.parameters}
