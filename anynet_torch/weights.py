"""Canonical arrays in and out of a network; every transpose between layouts is here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anynet_torch.model import Classifier

__all__ = ["get_weights", "set_weights", "take_weights"]


def get_weights(network: "Classifier") -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout."""
    return {
        name: tensor.detach().cpu().contiguous().numpy().copy()
        for name, tensor in network.net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def set_weights(network: "Classifier", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put canonical arrays into a network."""
    state = network.net.state_dict()
    for name, array in arrays.items():
        state[name].copy_(torch.from_numpy(np.ascontiguousarray(array)))


def take_weights(
    network: "Classifier", arrays: Mapping[str, NDArray[Any]], device: torch.device
) -> None:
    """Make canonical arrays the weights of a network on the meta device, in its precision.

    On the CPU they become the network's own memory.
    """
    state = network.net.state_dict()
    network.net.load_state_dict(
        {
            name: torch.from_numpy(array).to(device, state[name].dtype)
            for name, array in arrays.items()
        },
        assign=True,
    )
