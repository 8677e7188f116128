"""Outputs of a framework's modules, renamed to those of the plan's layers."""

from collections.abc import Mapping
from math import prod
from typing import Any

from numpy.typing import NDArray

from common.arch.plan import ImageSize, Layer, plan
from common.arch.spec import AnyNetSpec


def name_outputs(
    spec: AnyNetSpec, image_size: ImageSize, outputs: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Outputs (N, ...) by layer name, in order of execution, from outputs by module path.

    The output of a stage or a block is that of its last layer. Pooled outputs (N, C, 1, 1) become
    (N, C).
    """
    layers = plan(spec, image_size)
    last: dict[str, Layer] = {}
    for layer in layers:
        names = layer.name.split(".")
        last |= {".".join(names[:length]): layer for length in range(1, len(names) + 1)}
    found = {}
    for path, array in outputs.items():
        if path in last:
            shape = last[path].out_shape
            fits = prod(shape) == prod(array.shape[1:])
            found[last[path].name] = array.reshape(-1, *shape) if fits else array
    return {layer.name: found[layer.name] for layer in layers if layer.name in found}
