"""Canonical arrays of a network, read and set; every transpose between layouts is here."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
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
    "canonical_array",
    "canonical_names",
    "described",
    "dtype_of",
    "get_weights",
    "init_weights",
    "named_variables",
    "native_array",
    "net_of",
    "put_fitting",
    "put_weights",
    "set_weights",
]

_CANONICAL = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Canonical ending of an array's name by its name in Keras, where they differ."""


def net_of(network: keras.Model) -> keras.Layer:
    """The layers of a network. Raises `BackendError` for anything else."""
    net = getattr(network, "net", None)
    if not isinstance(net, keras.Layer):
        raise no_network(network, "anynet_tf")
    return net


def named_variables(network: keras.Model) -> dict[str, keras.Variable]:
    """Weights and running statistics by canonical name, not copied.

    Raises `BackendError` for what is no network, `WeightsError` for one whose weights are not
    allocated.
    """
    variables = net_of(network).weights
    if not variables:
        raise no_weights(network, "build it, or give it a batch of images once")
    return canonical_names(network, variables)


def described(network: keras.Model) -> dict[str, ArrayInfo]:
    """Shape and type of every array of a network by canonical name."""
    return {
        name: ArrayInfo(_canonical_shape(tuple(variable.shape)), _numpy_type(variable))
        for name, variable in named_variables(network).items()
    }


def dtype_of(network: keras.Model) -> str:
    """NumPy's name of the type of a network's arrays; `float32` for bfloat16, which NumPy lacks."""
    return _numpy_type(next(iter(named_variables(network).values())))


def get_weights(network: keras.Model) -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout.

    Raises `BackendError` for what is no network, `WeightsError` for one whose weights are not
    allocated.
    """
    return {name: canonical_array(v) for name, v in named_variables(network).items()}


def set_weights(network: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace all arrays of a network by canonical ones, converted to its precision.

    Raises one `WeightsError` that lists all differences, and leaves the network as it was.
    """
    put_weights(network, fit_arrays(described(network), arrays))


def put_weights(network: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy canonical arrays into a network, without checking them."""
    variables = named_variables(network)
    for name, array in arrays.items():
        variables[name].assign(native_array(array))


def put_fitting(network: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy those arrays that a network with user-defined layers has by the same name and shape."""
    found = described(network)
    fitting = {n: a for n, a in arrays.items() if n in found and found[n].shape == a.shape}
    put_weights(network, fitting)


def init_weights(network: keras.Model, seed: int, init: Init) -> None:
    """Allocate a new `AnyNet`'s weights and draw them from `seed`, the same in every framework.

    Raises `SpecError` as `initial_weights` does.
    """
    spec, own = network.spec, own_builders(network)
    if not own:  # cheaper than a draw that is replaced
        for layer in network.net._flatten_layers(include_self=False):
            if hasattr(layer, "kernel_initializer"):
                layer.kernel_initializer = keras.initializers.Zeros()
    shape = (None, spec.image_size, spec.image_size, spec.in_channels)
    network.net.build(shape)
    network.build(shape)
    if own:
        put_fitting(network, initial_weights(spec, seed, init))
    elif init != "zeros":
        put_weights(network, initial_weights(spec, seed, init))


def canonical_names(
    network: keras.Model, variables: list[keras.Variable]
) -> dict[str, keras.Variable]:
    """Variables below `network.net` by canonical name, from paths such as `stem/conv/kernel`."""
    return {_canonical_name(network, variable): variable for variable in variables}


def canonical_array(variable: keras.Variable | tf.Tensor) -> NDArray[Any]:
    """A copy of a variable: HWIO kernels as OIHW, (in, out) linear weights as (out, in).

    bfloat16, which NumPy lacks, becomes float32.
    """
    array = np.array(variable.numpy(), _numpy_type(variable))
    if array.ndim < 2:
        return array
    return np.ascontiguousarray(array.transpose(-1, -2, *range(array.ndim - 2)))


def native_array(array: NDArray[Any]) -> NDArray[Any]:
    """The array whose `canonical_array` is `array`."""
    return array if array.ndim < 2 else array.transpose(*range(2, array.ndim), 1, 0)


def _canonical_name(network: keras.Model, variable: keras.Variable) -> str:
    *layers, kind = variable.path.removeprefix(f"{network.net.path}/").split("/")
    return ".".join([*layers, _CANONICAL.get(kind, kind)])


def _canonical_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) < 2 else (shape[-1], shape[-2], *shape[:-2])


def _numpy_type(variable: keras.Variable | tf.Tensor) -> str:
    dtype = keras.backend.standardize_dtype(variable.dtype)
    return "float32" if dtype == "bfloat16" else dtype
