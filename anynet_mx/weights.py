"""Canonical arrays of a network, read and set; Gluon's layouts are the canonical ones."""

from collections.abc import Mapping
from typing import Any

import numpy
from mxnet import nd, np
from mxnet.gluon import Block, Parameter
from mxnet.initializer import Xavier, Zero
from numpy.typing import NDArray

from common.chapter import own_builders
from common.weights import (
    ArrayInfo,
    Init,
    fit_arrays,
    initial_weights,
    no_network,
    no_weights,
)

__all__ = [
    "described",
    "dtype_of",
    "get_weights",
    "init_weights",
    "named_arrays",
    "named_parameters",
    "net_of",
    "put_fitting",
    "put_weights",
    "set_weights",
]

_CANONICAL = {"gamma": "weight", "beta": "bias"}
"""Canonical ending of an array's name by its name in Gluon, where they differ."""

# Gluon has no public function for parameters by attribute path, nor for whether one is allocated:
# `_collect_params_with_prefix` and `_data` are private, but 1.9.1 is the last release: they stay.


def net_of(network: Block) -> Block:
    """The layers of a network. Raises `BackendError` for anything else."""
    net = getattr(network, "net", None)
    if not isinstance(net, Block):
        raise no_network(network, "anynet_mx")
    return net


def named_parameters(network: Block) -> dict[str, Parameter]:
    """Every parameter and running statistic of a network by canonical name."""
    named = {}
    for path, parameter in net_of(network)._collect_params_with_prefix().items():
        layer, _, name = path.rpartition(".")
        named[f"{layer}.{_CANONICAL.get(name, name)}"] = parameter
    return named


def named_arrays(network: Block) -> dict[str, np.ndarray]:
    """Weights and running statistics by canonical name, not copied.

    Raises `BackendError` for what is no network, `WeightsError` for one whose weights are not
    allocated.
    """
    parameters = named_parameters(network)
    if not parameters or any(parameter._data is None for parameter in parameters.values()):
        raise no_weights(network, "initialise it, and give it a batch of images once")
    return {name: parameter.data() for name, parameter in parameters.items()}


def described(network: Block) -> dict[str, ArrayInfo]:
    """Shape and type of every array of a network by canonical name."""
    return {
        name: ArrayInfo(array.shape, _numpy_type(array))
        for name, array in named_arrays(network).items()
    }


def dtype_of(network: Block) -> str:
    """NumPy's name of the type of a network's arrays; `float32` for bfloat16, which NumPy lacks."""
    return _numpy_type(next(iter(named_arrays(network).values())))


def get_weights(network: Block) -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout.

    Raises `BackendError` for what is no network, `WeightsError` for one whose weights are not
    allocated.
    """
    return {name: array.asnumpy() for name, array in named_arrays(network).items()}


def set_weights(network: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace all arrays of a network by canonical ones, converted to its precision.

    Raises one `WeightsError` that lists all differences, and leaves the network as it was.
    """
    put_weights(network, fit_arrays(described(network), arrays))


def put_weights(network: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy canonical arrays into a network, without checking them."""
    own = named_arrays(network)
    for name, array in arrays.items():
        _put(own[name], array)


def put_fitting(network: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy those arrays that a network with user-defined layers has by the same name and shape."""
    for name, parameter in named_parameters(network).items():
        if name in arrays and parameter._data and parameter.shape == arrays[name].shape:
            _put(parameter.data(), arrays[name])


def init_weights(network: Block, seed: int, init: Init) -> None:
    """Allocate a new `AnyNet`'s weights and draw them from `seed`, the same in every framework.

    Raises `SpecError` as `initial_weights` does.
    """
    parameters = network.collect_params().values()
    if own_builders(network):
        for parameter in parameters:
            parameter.initialize(default_init=Xavier())
        put_fitting(network, initial_weights(network.spec, seed, init))
        return
    for parameter in parameters:
        parameter.initialize(Zero())  # cheaper than a draw that is replaced
        parameter.data().wait_to_read()  # without it, temporary copies of all accumulate
    put_weights(network, initial_weights(network.spec, seed, init))


def _put(own: np.ndarray, array: NDArray[Any]) -> None:
    # `from_numpy` shares the memory and marks its argument read-only, so it is given a view.
    given = numpy.ascontiguousarray(array).view()
    nd.from_numpy(given).as_np_ndarray().copyto(own)
    own.wait_to_read()  # the copy is asynchronous, and `given` must outlive it


def _numpy_type(array: np.ndarray) -> str:
    return numpy.dtype(array.dtype).name
