"""Canonical arrays in and out of a network; every transpose between layouts is here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anynet_tf.model import Classifier

__all__ = ["canonical_array", "canonical_names", "get_weights", "native_array", "set_weights"]

_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def get_weights(network: "Classifier") -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout."""
    return {
        name: canonical_array(variable)
        for name, variable in canonical_names(network, network.net.weights).items()
    }


def set_weights(network: "Classifier", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put canonical arrays into a network."""
    variables = canonical_names(network, network.net.weights)
    for name, array in arrays.items():
        variables[name].assign(native_array(array))


def canonical_names(
    network: "Classifier", variables: list[keras.Variable]
) -> dict[str, keras.Variable]:
    """Variables below `network.net` by canonical name, from paths such as `stem/conv/kernel`."""
    return {_canonical_name(network, variable): variable for variable in variables}


def canonical_array(variable: keras.Variable) -> NDArray[Any]:
    """A copy of a variable: HWIO kernels as OIHW, (in, out) linear weights as (out, in)."""
    array = np.array(variable.numpy())
    if array.ndim < 2:
        return array
    return np.ascontiguousarray(array.transpose(-1, -2, *range(array.ndim - 2)))


def native_array(array: NDArray[Any]) -> NDArray[Any]:
    """The array whose `canonical_array` is `array`."""
    return array if array.ndim < 2 else array.transpose(*range(2, array.ndim), 1, 0)


def _canonical_name(network: "Classifier", variable: keras.Variable) -> str:
    *layers, kind = variable.path.removeprefix(f"{network.net.path}/").split("/")
    return ".".join([*layers, _NAMES.get(kind, kind)])
