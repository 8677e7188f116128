"""Initial weights, drawn in NumPy so that every framework starts from the same ones."""

import os
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from math import prod, sqrt
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

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
"""`xavier`: uniform, as in the chapter (Glorot and Bengio, 2010). `he`: normal by the fan-out, as
in the RegNet paper (He et al., 2015). `he_zero_gamma`: the same, with gamma 0 in the last batch
norm of every residual branch (Goyal et al., 2017). `zeros`: for weights that are loaded next."""

DRAWN: Final = tuple(name for name in get_args(Init) if name != "zeros")
"""Those that a training may begin with: a network of zeros learns nothing."""

_LINEAR_DEVIATION = 0.01
"""Standard deviation of the last layer's weights with `he`, as in pycls."""

_CHUNK = 1 << 15
"""Numbers drawn at a time, few enough to stay in the cache until they are rounded."""

_LEVELS = 1 << 16

Draw = Callable[["Generator", int], NDArray[Any]]
"""A function that draws a number of weights from a random stream."""


def initial_weights(spec: AnyNetSpec, seed: int = 0, init: Init = "xavier") -> Arrays:
    """Canonical arrays, float32: kernels drawn by `init`, biases 0, batch norms the identity.

    Each array has its own random stream, seeded by `seed` and the array's name, so that networks
    with a layer in common share its initial weights. Raises `SpecError` for an unknown `init`, a
    seed that is not from 0 to 2^63 - 1, and weights larger than the machine's memory.
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
            # Pages of `np.zeros` are allocated when they are first written.
            arrays[name] = np.zeros(shape, np.float32)
            if len(shape) > 1 and init != "zeros":
                draws[name] = _draw(layer, shape, init)
            elif len(shape) == 1 and name.endswith(".weight") and layer.name not in zero_gammas:
                arrays[name][:] = 1
    for name, shape in buffers(spec).items():
        start = np.ones if name.endswith("running_var") else np.zeros
        arrays[name] = start(shape, np.float32)
    # Streams are independent, and NumPy releases the GIL while it draws.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: _fill(arrays[name], _stream(seed, name), draws[name]), draws))
    return arrays


def _check_memory(layers: tuple[Layer, ...]) -> None:
    """Raise `SpecError` if the weights alone are larger than the machine's memory."""
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
        # Fan-in and fan-out are computed from the kernel's shape, as in PyTorch.
        limit = sqrt(6.0 / ((shape[0] + shape[1]) * taps))
        return lambda stream, number: stream.random(number) * (2 * limit) - limit
    # pycls writes squeeze-and-excitation as 1x1 convolutions, which it draws like all others.
    deviation = _LINEAR_DEVIATION if layer.name == "head.fc" else sqrt(2.0 / (shape[0] * taps))
    weights = _normal_quantiles() * np.float32(deviation)
    return lambda stream, number: weights[stream.integers(0, _LEVELS, number, np.uint16)]


@cache
def _normal_quantiles() -> Array:
    """Quantiles of the standard normal distribution at the midpoints of 2^16 equal intervals.

    A table lookup is three times as fast as `standard_normal`, and its bits do not depend on the
    machine's mathematical library.
    """
    from statistics import NormalDist

    inverse = NormalDist().inv_cdf
    return np.array([inverse((step + 0.5) / _LEVELS) for step in range(_LEVELS)], np.float32)
