"""The one seeded draw of initial weights that every framework starts from."""

import os
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, Layer, buffers, plan
from common.bounds import MAX_SEED
from common.errors import SpecError
from common.numbers import checked_choice, checked_integer

if TYPE_CHECKING:
    from numpy.random import Generator

Array = NDArray[np.float32]
Arrays = dict[str, Array]
"""Canonical arrays by canonical name: OIHW kernels, (out, in) linear weights, float32."""

Init = Literal["xavier", "he", "he_zero_gamma", "zeros"]
"""`xavier`: the chapter's; `he`: the RegNet paper's; `he_zero_gamma`: the same, but the batch norm
that ends a block's residual starts at zero; `zeros`: no draw, for weights that are loaded next."""

_LINEAR_DEVIATION = 0.01
"""Of the weights of the last layer, as in pycls."""

_CHUNK = 1 << 15
"""Numbers drawn at a time, so that they are still in the cache when they are rounded."""

_LEVELS = 1 << 16

Draw = Callable[["Generator", int], NDArray[Any]]
"""From a stream and a number of weights to the weights."""


def initial_weights(spec: AnyNetSpec, seed: int = 0, init: Init = "xavier") -> Arrays:
    """Kernels as `init` says, zero biases, unit batch norms.

    Each array has its own stream, drawn from the seed and the array's name, so that two networks
    that share a layer share its initial weights. Raises `SpecError` for an unknown `init`, a seed
    that is not from 0 to 2^63 - 1, and weights that are larger than the machine's memory.
    """
    from concurrent.futures import ThreadPoolExecutor

    init = checked_choice("init", init, get_args(Init))
    seed = checked_integer("seed", seed, 0, MAX_SEED)
    layers = plan(spec)
    _check_memory(layers)
    zero_gammas = set(_residual_ends(layers)) if init == "he_zero_gamma" else set()
    arrays, draws = Arrays(), dict[str, Draw]()
    for layer in layers:
        for name, shape in layer.parameters.items():
            # Zeros cost nothing before they are written.
            arrays[name] = np.zeros(shape, np.float32)
            if len(shape) > 1 and init != "zeros":
                draws[name] = _draw(layer, shape, init)
            elif len(shape) == 1 and name.endswith(".weight") and layer.name not in zero_gammas:
                arrays[name][:] = 1
    for name, shape in buffers(spec).items():
        start = np.ones if name.endswith("running_var") else np.zeros
        arrays[name] = start(shape, np.float32)
    # Streams are independent, and NumPy lets other threads run while it draws.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: _fill(arrays[name], _stream(seed, name), draws[name]), draws))
    return arrays


def _check_memory(layers: tuple[Layer, ...]) -> None:
    """Refuse a network whose weights alone are larger than the machine's memory."""
    needed = 4 * sum(prod(shape) for layer in layers for shape in layer.parameters.values())
    if not hasattr(os, "sysconf"):  # Windows
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise SpecError(
            f"weights must fit into the machine's memory, {memory / 2**30:,.3g} GiB; got "
            f"{needed / 2**30:,.3g} GiB; make the network smaller"
        )


def _stream(seed: int, name: str) -> "Generator":
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _residual_ends(layers: tuple[Layer, ...]) -> Iterator[str]:
    """Names of the layers whose output is added to a shortcut."""
    return (layer.inputs[0] for layer in layers if layer.op == "add")


def _fill(array: Array, stream: "Generator", draw: Draw) -> None:
    flat = array.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        part[:] = draw(stream, part.size)


def _draw(layer: Layer, shape: tuple[int, ...], init: Init) -> Draw:
    """How the kernel or linear weight of a layer is drawn."""
    taps = prod(shape[2:])
    if init == "xavier":
        # Fans count as in PyTorch.
        limit = sqrt(6.0 / ((shape[0] + shape[1]) * taps))
        return lambda stream, number: stream.random(number) * (2 * limit) - limit
    # Squeeze-and-excitation is made of 1x1 convolutions in pycls.
    deviation = _LINEAR_DEVIATION if layer.name == "head.fc" else sqrt(2.0 / (shape[0] * taps))
    weights = _normal_quantiles() * np.float32(deviation)
    return lambda stream, number: weights[stream.integers(0, _LEVELS, number, np.uint16)]


@cache
def _normal_quantiles() -> Array:
    """The standard normal distribution in equally likely steps, each by its middle.

    To look weights up is three times as fast as `standard_normal`, and their bits depend on no
    mathematical library of the machine.
    """
    from statistics import NormalDist

    inverse = NormalDist().inv_cdf
    return np.array([inverse((step + 0.5) / _LEVELS) for step in range(_LEVELS)], np.float32)
