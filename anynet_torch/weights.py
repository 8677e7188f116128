"""Canonical arrays of a network, read and set; every transpose between layouts is here."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from common.chapter import own_builders
from common.weights import (
    ArrayInfo,
    Init,
    classes_of,
    fit_arrays,
    initial_weights,
    no_network,
    no_weights,
)

__all__ = [
    "allocate",
    "described",
    "dtype_of",
    "get_weights",
    "init_weights",
    "named_tensors",
    "net_of",
    "put_fitting",
    "put_weights",
    "set_weights",
    "to_numpy",
]


def net_of(network: nn.Module) -> nn.Module:
    """The layers of a network. Raises `BackendError` for anything else."""
    net = getattr(network, "net", None)
    if not isinstance(net, nn.Module):
        raise no_network(network, "anynet_torch")
    return net


def named_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Weights and running statistics by canonical name, not copied.

    Raises `BackendError` for what is no network, `WeightsError` for one whose weights are not
    allocated.
    """
    net = net_of(network)
    tensors = list(chain(net.parameters(), net.buffers()))
    if not tensors or any(is_lazy(tensor) or tensor.is_meta for tensor in tensors):
        raise no_weights(network, "build it on a device, and give it a batch of images once")
    return {
        name: tensor
        for name, tensor in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def described(network: nn.Module) -> dict[str, ArrayInfo]:
    """Shape and type of every array of a network by canonical name."""
    return {
        name: ArrayInfo(tuple(tensor.shape), _numpy_type(tensor))
        for name, tensor in named_tensors(network).items()
    }


def dtype_of(network: nn.Module) -> str:
    """NumPy's name of the type of a network's arrays; `float32` for bfloat16, which NumPy lacks."""
    return _numpy_type(next(iter(named_tensors(network).values())))


def get_weights(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout.

    Raises `BackendError` for what is no network, `WeightsError` for one whose weights are not
    allocated.
    """
    return {name: to_numpy(tensor) for name, tensor in named_tensors(network).items()}


def set_weights(network: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace all arrays of a network by canonical ones, converted to its precision.

    Raises one `WeightsError` that lists all differences, and leaves the network as it was.
    """
    put_weights(network, fit_arrays(described(network), arrays))


def put_weights(network: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy canonical arrays into a network, without checking them."""
    tensors = named_tensors(network)
    for name, array in arrays.items():
        tensors[name].copy_(torch.from_numpy(array))


def put_fitting(network: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy those arrays that a network with user-defined layers has by the same name and shape."""
    for name, tensor in net_of(network).state_dict().items():
        if not is_lazy(tensor) and name in arrays and tensor.shape == arrays[name].shape:
            tensor.copy_(torch.from_numpy(arrays[name]))


def init_weights(network: nn.Module, seed: int, init: Init) -> None:
    """Allocate a new `AnyNet`'s weights and draw them from `seed`, the same in every framework.

    Raises `SpecError` as `initial_weights` does.
    """
    device = torch.get_default_device()
    if device.type == "meta":
        return
    net, arrays = net_of(network), initial_weights(network.spec, seed, init)
    if own_builders(network):
        put_fitting(network, arrays)
        return
    state = net.state_dict()
    tensors = {
        name: torch.from_numpy(array).to(device, state[name].dtype)
        for name, array in arrays.items()
    }
    # Layers on the meta device have no memory; on the CPU they take over that of the arrays.
    net.load_state_dict(tensors, assign=True)


def allocate(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Allocate lazy layers, and return the number of classes."""
    classes, first = classes_of(network), next(network.parameters(), None)
    if first is None or (classes and not any(is_lazy(tensor) for tensor in network.parameters())):
        return classes or 0
    with torch.no_grad():
        images = torch.zeros(1, *image_shape, dtype=first.dtype, device=first.device)
        logits = network.eval()(images)
    return classes or int(logits.shape[-1])


def to_numpy(tensor: Tensor) -> NDArray[Any]:
    """A copy of a tensor in NumPy; bfloat16, which NumPy lacks, becomes float32."""
    tensor = tensor.detach().cpu().contiguous()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy().copy()


def _numpy_type(tensor: Tensor) -> str:
    name = str(tensor.dtype).removeprefix("torch.")
    return "float32" if name == "bfloat16" else name
