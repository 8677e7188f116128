"""Export to the framework's own deployment format, which runs without this package."""

import json
from pathlib import Path

import torch

from anynet_torch.model import AnyNet
from anynet_torch.weights import named_tensors
from common.arch import image_shape
from common.arch.plan import ImageSize
from common.files import PRODUCER, replacing
from common.weights import spec_of

__all__ = ["export"]

_MARK = json.dumps({"producer": PRODUCER, "format": 1})


def export(network: AnyNet, path: str | Path, image_size: ImageSize) -> None:
    """Export a network in evaluation mode to `path`, atomically.

    The file is an archive of `torch.export`, by custom `.pt2`: `torch.export.load(path).module()`
    takes images (N, C, height, width) of `image_size`, with any N from 1 on, to logits. Raises
    `SpecError` for an `image_size` that the network does not take, or a network without a spec.
    """
    weight = next(iter(named_tensors(network).values()))
    shape = image_shape(spec_of(network), image_size)
    images = torch.zeros((2, *shape), dtype=weight.dtype, device=weight.device)
    batch = torch.export.Dim("batch", min=1)
    was_training = network.training
    network.eval()
    try:
        program = torch.export.export(network, (images,), dynamic_shapes=({0: batch},))
    finally:
        network.train(was_training)
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.export.save(program, file, extra_files={f"{PRODUCER}.json": _MARK})
