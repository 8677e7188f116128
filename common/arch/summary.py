"""A summary of a network as plain data, for tables and JSON."""

from dataclasses import asdict
from itertools import groupby
from typing import Any

from common.arch.count import count_layers
from common.arch.plan import ImageSize, Layer, plan
from common.arch.spec import AnyNetSpec


def summary(spec: AnyNetSpec, image_size: ImageSize) -> dict[str, Any]:
    """Totals, spec, and one row per part and per layer, ready for JSON.

    Keys: `params`, `flops`, `activations`, `buffers`, `image_size`, `spec`, `stages` (one row
    per part: stem, stages, head) and `layers`.
    """
    layers = plan(spec, image_size)
    by_part = groupby(layers, lambda layer: layer.name.partition(".")[0])
    return {
        **asdict(count_layers(layers)),
        "image_size": list(layers[0].in_shape[1:]),
        "spec": spec.to_dict(),
        "stages": [_part_row(name, tuple(part)) for name, part in by_part],
        "layers": [_layer_row(layer) for layer in layers],
    }


def _part_row(name: str, layers: tuple[Layer, ...]) -> dict[str, Any]:
    blocks = {layer.name.split(".")[1] for layer in layers} if name.startswith("stage") else ()
    return {
        "name": name,
        "blocks": len(blocks),
        "groups": max(layer.groups for layer in layers),
        "out_shape": list(layers[-1].out_shape),
        **asdict(count_layers(layers)),
    }


def _layer_row(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "op": layer.op,
        "out_shape": list(layer.out_shape),
        "kernel": layer.kernel,
        "stride": layer.stride,
        "groups": layer.groups,
        **asdict(count_layers((layer,))),
    }
