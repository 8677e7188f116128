"""Forward and backward passes over the plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import INPUT, AnyNetSpec, find_spec, plan, shared_momentum
from common.reference.ops import (
    Array,
    Gradients,
    Mode,
    backward,
    forward,
    positive,
    statistics,
)
from common.weights import Init, initial_weights


@dataclass
class Network:
    """A spec with its arrays in float64, by canonical name in canonical layout.

    `passes` says where the gradient of a ReLU passes, which only a study of rounding changes.
    """

    spec: AnyNetSpec
    arrays: dict[str, Array]
    lr: float = 0.1
    passes: Callable[[Array], NDArray[np.bool_]] = positive


def create(name_or_spec: str | AnyNetSpec, seed: int = 0, init: Init = "xavier") -> Network:
    """A ready network by name or spec, its weights drawn from `seed`. Raises `SpecError`."""
    spec = find_spec(name_or_spec)
    network = Network(spec, {})
    set_weights(network, initial_weights(spec, seed, init))
    return network


def get_weights(network: Network) -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout."""
    return {name: array.copy() for name, array in network.arrays.items()}


def set_weights(network: Network, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put canonical arrays into a network."""
    network.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}


def layer_outputs(
    network: Network, images: NDArray[Any], training: bool = False
) -> dict[str, NDArray[Any]]:
    """Outputs of the layers by canonical name for NCHW images; the network stays as it is.

    `training` normalises by the statistics of this batch.
    """
    outputs: dict[str, Array] = {INPUT: images.astype(np.float64)}
    mode = Mode(network.spec.bn_epsilon, training)
    for layer in plan(network.spec, images.shape[2:]):
        inputs = [outputs[name] for name in layer.inputs]
        outputs[layer.name] = forward(layer, network.arrays, inputs, mode)
    del outputs[INPUT]
    return outputs


def cross_entropy(logits: Array, labels: NDArray[np.int32]) -> tuple[float, Array]:
    """Mean cross-entropy in nats of logits (N, classes) at labels (N,), and its gradient."""
    shifted = logits - logits.max(1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(log_probabilities)
    gradient[rows, labels] -= 1
    return -float(log_probabilities[rows, labels].mean().real), gradient / len(labels)


@dataclass(frozen=True)
class Step:
    """Everything that one batch tells about a network in training mode."""

    loss: float
    logits: Array
    gradients: Gradients
    statistics: Gradients
    """Running statistics after the batch."""


def gradients(network: Network, images: NDArray[Any], labels: NDArray[np.int32]) -> Step:
    """Loss, gradients of all parameters and new running statistics, in training mode."""
    spec, arrays = network.spec, network.arrays
    layers, mode = plan(spec, images.shape[2:]), Mode(spec.bn_epsilon, True, network.passes)
    outputs = {INPUT: images.astype(np.float64), **layer_outputs(network, images, training=True)}
    logits = outputs[layers[-1].name]
    loss, gradient = cross_entropy(logits, labels)
    by_output, by_array, running = {layers[-1].name: gradient}, Gradients(), Gradients()
    for layer in reversed(layers):
        inputs = [outputs[name] for name in layer.inputs]
        to_inputs, found = backward(layer, arrays, inputs, by_output.pop(layer.name), mode)
        by_array |= found
        for name, part in zip(layer.inputs, to_inputs, strict=True):
            by_output[name] = by_output[name] + part if name in by_output else part
        if layer.buffers:
            running |= statistics(layer, arrays, inputs[0], shared_momentum(spec.bn_momentum))
    ordered = {name: by_array[name] for name in arrays if name in by_array}
    return Step(loss, logits, ordered, running)
