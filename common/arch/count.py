"""Complexity of a network, read from its plan."""

from dataclasses import dataclass
from math import prod

from common.arch.plan import ImageSize, Layer, plan
from common.arch.spec import AnyNetSpec


@dataclass(frozen=True)
class Count:
    """Complexity as in the RegNet paper (table 1) and pycls.

    `params` counts trainable array elements and `buffers` those of running statistics. `flops` are
    multiply-adds of convolutions and linear layers per image, `activations` output elements of
    these and of max pooling.
    """

    params: int
    flops: int
    activations: int
    buffers: int


def count(spec: AnyNetSpec, image_size: ImageSize | None = None) -> Count:
    """Complexity of `spec` for images of `image_size` pixels, by default those of `image_shape`."""
    return count_layers(plan(spec, image_size))


def count_layers(layers: tuple[Layer, ...]) -> Count:
    """Total complexity of some layers of a plan."""
    return Count(
        params=sum(prod(shape) for layer in layers for shape in layer.parameters.values()),
        flops=sum(layer.flops for layer in layers),
        activations=sum(layer.activations for layer in layers),
        buffers=sum(prod(shape) for layer in layers for shape in layer.buffers.values()),
    )
