"""Canonical arrays of a network, read and set; every transpose between layouts is here."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from numpy.typing import NDArray

from anynet_jax.model import AnyNet, Classifier, Network
from common.chapter import own_builders
from common.weights import ArrayInfo, fit_arrays, initial_weights, no_network, no_weights

__all__ = [
    "as_network",
    "canonical_array",
    "canonical_name",
    "described",
    "described_tree",
    "dtype_of",
    "get_weights",
    "init_weights",
    "like_tree",
    "native_array",
    "on_device",
    "put_weights",
    "set_weights",
    "to_canonical",
    "to_tree",
    "to_variables",
]

Tree = Mapping[str, Any]

_SIDE = 32
"""Side in pixels of the image by which a network with user-defined layers is initialised."""

_CANONICAL = {
    "kernel": "weight",
    "scale": "weight",
    "mean": "running_mean",
    "var": "running_var",
}
"""Canonical ending of an array's name by its name in Flax, where they differ."""


def as_network(network: "Network | AnyNet") -> Network:
    """The network itself; for an `AnyNet` module, a network with the weights that its seed draws.

    Raises `BackendError` for what is no network, `WeightsError` for a user-defined module without
    variables.
    """
    if isinstance(network, Network) and isinstance(network.module, Classifier):
        if not network.variables.get("params"):
            raise no_weights(network, "Network(module, module.init(key, images)) has them")
        return network
    if not isinstance(network, Classifier):
        raise no_network(network, "anynet_jax")
    if network.scope is not None:
        return Network(*network.unbind())
    if not isinstance(network, AnyNet):
        raise no_weights(network, "Network(module, module.init(key, images)) has them")
    return Network(network, init_weights(network))


def init_weights(module: AnyNet) -> dict[str, Any]:
    """Variables with weights drawn from the module's `seed`, the same in every framework."""
    arrays = initial_weights(module.spec, module.seed, module.initial)
    return _fitting(module, arrays) if own_builders(module) else to_variables(arrays)


def _fitting(module: AnyNet, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Variables by Flax's initialisers, replaced by canonical arrays of the same name and shape.

    Shapes are those for a square image.
    """
    side = module.spec.image_size or _SIDE
    images = jnp.zeros((1, side, side, module.spec.in_channels))
    variables = module.init(jax.random.key(module.seed), images)
    leaves = {}
    for path, leaf in flatten_dict(variables).items():
        array = arrays.get(canonical_name(path[1:]))
        if array is not None and array.shape == _canonical_shape(leaf.shape):
            leaf = jnp.asarray(native_array(array))
        leaves[path] = leaf
    return unflatten_dict(leaves)


def described(network: "Network | AnyNet") -> dict[str, ArrayInfo]:
    """Shape and type of every array of a network by canonical name."""
    return described_tree(as_network(network).variables)


def dtype_of(network: "Network | AnyNet") -> str:
    """NumPy's name of the type of a network's arrays; `float32` for bfloat16, which NumPy lacks."""
    return _numpy_type(jax.tree.leaves(as_network(network).variables)[0])


def get_weights(network: "Network | AnyNet") -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout.

    Raises `BackendError` for what is no network, `WeightsError` for one whose weights are not
    allocated.
    """
    variables = as_network(network).variables
    return to_canonical(variables["params"]) | to_canonical(variables.get("batch_stats", {}))


def set_weights(network: "Network", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Replace all arrays of a network by canonical ones, converted to its precision.

    Raises one `WeightsError` that lists all differences, and leaves the network as it was. A module
    has no weights of its own and is refused, too.
    """
    if isinstance(network, Classifier):
        raise no_weights(network, "a Flax module keeps none: make a network, as `create` does")
    put_weights(network, fit_arrays(described(network), arrays))


def put_weights(network: "Network", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Copy canonical arrays into a network, without checking them."""
    network.variables = {kind: like_tree(tree, arrays) for kind, tree in network.variables.items()}


def described_tree(variables: Tree) -> dict[str, ArrayInfo]:
    """Shape and type of every array of Flax variables by canonical name."""
    return {
        canonical_name(path): ArrayInfo(_canonical_shape(tuple(leaf.shape)), _numpy_type(leaf))
        for (_, *path), leaf in flatten_dict(variables).items()
    }


def like_tree(tree: Tree, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Canonical arrays as a tree with the structure, dtypes and devices of `tree`."""
    leaves = {}
    for path, leaf in flatten_dict(tree).items():
        array = native_array(arrays[canonical_name(path)])
        with jax.enable_x64(leaf.dtype == np.float64):
            leaves[path] = on_device(array, leaf.dtype, getattr(leaf, "sharding", None))
    return unflatten_dict(leaves)


def to_canonical(tree: Tree) -> dict[str, NDArray[Any]]:
    """A tree of parameters or statistics as canonical arrays."""
    return {
        canonical_name(path): canonical_array(leaf) for path, leaf in flatten_dict(tree).items()
    }


def to_variables(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Canonical arrays as Flax variables: `params` and `batch_stats`."""
    statistics = {name for name in arrays if name.endswith(("running_mean", "running_var"))}
    return {
        "params": to_tree({k: v for k, v in arrays.items() if k not in statistics}),
        "batch_stats": to_tree({k: v for k, v in arrays.items() if k in statistics}),
    }


def to_tree(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Canonical arrays as a tree of parameters or statistics."""
    leaves = {}
    for name, array in arrays.items():
        *modules, ending = name.split(".")
        flax = {"running_mean": "mean", "running_var": "var", "bias": "bias"}.get(ending)
        if flax is None:
            flax = "kernel" if array.ndim > 1 else "scale"
        leaves["net", *modules, flax] = on_device(native_array(array))
    return unflatten_dict(leaves)


def on_device(array: Any, dtype: Any = None, place: Any = None) -> jax.Array:
    """A copy of an array on a device, or as a sharding says.

    It is made by NumPy: `jnp.array` compiles a program for every shape, and a network has dozens.
    """
    return jax.device_put(np.array(array, dtype, order="C"), place)


def canonical_array(leaf: jax.Array) -> NDArray[Any]:
    """A copy of an array: HWIO kernels as OIHW, (in, out) linear weights as (out, in).

    bfloat16, which NumPy lacks, becomes float32.
    """
    array = np.array(leaf, _numpy_type(leaf))
    if array.ndim < 2:
        return array
    return np.ascontiguousarray(array.transpose(-1, -2, *range(array.ndim - 2)))


def native_array(array: NDArray[Any]) -> NDArray[Any]:
    """The array whose `canonical_array` is `array`."""
    return array if array.ndim < 2 else array.transpose(*range(2, array.ndim), 1, 0)


def canonical_name(path: Sequence[str]) -> str:
    """The canonical name of an array by its path in Flax, such as net, stem, conv, kernel."""
    *modules, name = path
    modules = modules[1:] if modules[:1] == ["net"] else modules
    return ".".join([*modules, _CANONICAL.get(name, name)])


def _canonical_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape if len(shape) < 2 else (shape[-1], shape[-2], *shape[:-2])


def _numpy_type(leaf: jax.Array) -> str:
    return "float32" if leaf.dtype == jnp.bfloat16 else np.dtype(leaf.dtype).name
