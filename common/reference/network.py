"""The network: forward and backward passes over the layers of the plan."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import INPUT, AnyNetSpec, find_spec, plan, shared_momentum
from common.reference.convolution import Array
from common.reference.layers import Gradients, Mode, backward, forward, running_statistics
from common.reference.ops import Mask, Total, cross_entropy, positive, total
from common.weights import Init, initial_weights, part_of


@dataclass
class Network:
    """A network that is nothing but a spec and its arrays."""

    spec: AnyNetSpec
    arrays: dict[str, Array]
    """Parameters and running statistics in float64, by canonical name in canonical layout."""
    lr: float = 0.1
    """Learning rate, as every backend's networks have one."""
    passes: Mask = positive
    """Where a ReLU passes the gradient of its output; only a study of rounding changes it."""
    total: Total = total
    """The sums in a batch norm's gradients; only a study of rounding changes them."""


def create(name_or_spec: str | AnyNetSpec, seed: int = 0, init: Init = "xavier") -> Network:
    """A network by name or spec, with weights drawn from `seed`.

    Raises `SpecError` for an unknown name or a bad spec.
    """
    spec = find_spec(name_or_spec)
    network = Network(spec, {})
    set_weights(network, initial_weights(spec, seed, init))
    return network


def get_weights(network: Network) -> dict[str, NDArray[Any]]:
    """Copies of all parameters and running statistics, float64, by canonical name."""
    return {name: array.copy() for name, array in network.arrays.items()}


def set_weights(network: Network, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace all arrays of a network by copies of `arrays` in float64; nothing is checked."""
    network.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}


def layer_outputs(
    network: Network,
    images: NDArray[Any],
    training: bool = False,
    frozen: Collection[str] = (),
) -> dict[str, NDArray[Any]]:
    """Outputs of all layers by canonical name, for images (N, C, H, W) in [0, 1].

    They are (N, channels, height, width) or (N, channels), in float64. With `training`, batch norms
    use the statistics of this batch, but for those of `frozen` parts; the network is not changed.
    Raises `SpecError` for images of a size that an mlp is not made for.
    """
    outputs: dict[str, Array] = {INPUT: images.astype(np.float64)}
    mode = Mode(network.spec.bn_epsilon, training)
    for layer in plan(network.spec, images.shape[2:]):
        inputs = [outputs[name] for name in layer.inputs]
        mode = replace(mode, training=training and part_of(layer.name) not in frozen)
        outputs[layer.name] = forward(layer, network.arrays, inputs, mode)
    del outputs[INPUT]
    return outputs


@dataclass(frozen=True)
class Step:
    """What a network in training mode computes on one batch."""

    loss: float
    """Mean cross-entropy in nats."""
    logits: Array
    """(N, classes)."""
    gradients: Gradients
    """Of the loss by every parameter, by canonical name."""
    statistics: Gradients
    """Running means and variances after the batch, by canonical name."""


def gradients(
    network: Network,
    images: NDArray[Any],
    labels: NDArray[Any],
    frozen: Collection[str] = (),
) -> Step:
    """Loss, gradients of all parameters and new running statistics, in training mode.

    Images are (N, C, H, W), labels integers (N,) or target probabilities (N, classes). The network
    is not changed. Layers are passed in reverse, and an output that several layers read gets the
    sum of their gradients. Layers of `frozen` parts, such as `stem`, are in evaluation mode, and
    have neither gradients nor statistics in the result.
    """
    spec, arrays = network.spec, network.arrays
    layers = plan(spec, images.shape[2:])
    mode = Mode(spec.bn_epsilon, True, network.passes, network.total)
    found_outputs = layer_outputs(network, images, training=True, frozen=frozen)
    outputs = {INPUT: images.astype(np.float64), **found_outputs}
    logits = outputs[layers[-1].name]
    loss, gradient = cross_entropy(logits, labels)
    of_outputs, of_arrays, statistics = {layers[-1].name: gradient}, Gradients(), Gradients()
    for layer in reversed(layers):
        inputs = [outputs[name] for name in layer.inputs]
        is_frozen = part_of(layer.name) in frozen
        mode = replace(mode, training=not is_frozen)
        of_inputs, found = backward(layer, arrays, inputs, of_outputs.pop(layer.name), mode)
        of_arrays |= {} if is_frozen else found
        for name, part in zip(layer.inputs, of_inputs, strict=True):
            of_outputs[name] = of_outputs[name] + part if name in of_outputs else part
        if layer.op == "batch_norm" and not is_frozen:
            momentum = shared_momentum(spec.bn_momentum)
            statistics |= running_statistics(layer, arrays, inputs[0], momentum)
    in_order = {name: of_arrays[name] for name in arrays if name in of_arrays}
    return Step(loss, logits, in_order, statistics)
