"""Canonical arrays in and out of a network; every transpose between layouts is here."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anynet_jax.network import Network

__all__ = ["get_weights", "set_weights", "to_canonical", "to_tree", "to_variables"]

Tree = Mapping[str, Any]

_CANONICAL = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
"""Canonical ending of an array's name by its name in Flax."""


def get_weights(network: "Network") -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout."""
    variables = network.variables
    return to_canonical(variables["params"]) | to_canonical(variables.get("batch_stats", {}))


def set_weights(network: "Network", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put canonical arrays into a network."""
    network.variables = to_variables(arrays)


def to_canonical(tree: Tree) -> dict[str, NDArray[Any]]:
    """A parameter or statistics tree as canonical arrays."""
    arrays = {}
    for path, leaf in flatten_dict(tree).items():
        *modules, name = path
        modules = modules[1:] if modules[:1] == ["net"] else modules
        arrays[".".join([*modules, _CANONICAL[name]])] = _out(np.array(leaf))
    return arrays


def to_variables(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Canonical arrays as Flax variables: `params` and `batch_stats`."""
    statistics = {name for name in arrays if name.endswith(("running_mean", "running_var"))}
    return {
        "params": to_tree({k: v for k, v in arrays.items() if k not in statistics}),
        "batch_stats": to_tree({k: v for k, v in arrays.items() if k in statistics}),
    }


def to_tree(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Canonical arrays as a parameter or statistics tree."""
    leaves = {}
    for name, array in arrays.items():
        *modules, ending = name.split(".")
        flax = {"running_mean": "mean", "running_var": "var", "bias": "bias"}.get(ending)
        if flax is None:
            flax = "kernel" if array.ndim > 1 else "scale"
        leaves["net", *modules, flax] = jnp.asarray(_in(array))
    return unflatten_dict(leaves)


def _out(array: NDArray[Any]) -> NDArray[Any]:
    """HWIO to OIHW, (in, out) to (out, in)."""
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    return np.ascontiguousarray(array.T if array.ndim == 2 else array)


def _in(array: NDArray[Any]) -> NDArray[Any]:
    """OIHW to HWIO, (out, in) to (in, out)."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T if array.ndim == 2 else array
