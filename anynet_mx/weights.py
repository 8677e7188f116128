"""Canonical arrays in and out of a network; Gluon's layouts are the canonical ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy
from mxnet import nd
from mxnet.gluon import Parameter
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anynet_mx.model import Classifier

__all__ = ["get_weights", "named_parameters", "set_weights"]

_CANONICAL = {"gamma": "weight", "beta": "bias"}
"""Canonical ending of an array's name by its name in Gluon, where they differ."""


def named_parameters(network: "Classifier") -> dict[str, Parameter]:
    """Every parameter and running statistic of a network by canonical name."""
    named = {}
    for path, parameter in network.net._collect_params_with_prefix().items():
        layer, _, name = path.rpartition(".")
        named[f"{layer}.{_CANONICAL.get(name, name)}"] = parameter
    return named


def get_weights(network: "Classifier") -> dict[str, NDArray[Any]]:
    """Copies of all weights and running statistics, by canonical name in canonical layout."""
    return {name: p.data().asnumpy() for name, p in named_parameters(network).items()}


def set_weights(network: "Classifier", arrays: Mapping[str, NDArray[Any]]) -> None:
    """Put canonical arrays into a network."""
    for name, parameter in named_parameters(network).items():
        # A view: MXNet shares its memory, and makes what it is given read-only.
        array = numpy.ascontiguousarray(arrays[name]).view()
        nd.from_numpy(array).as_np_ndarray().copyto(parameter.data())
        parameter.data().wait_to_read()  # while the array is there
