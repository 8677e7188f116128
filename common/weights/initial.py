"""The one seeded draw of initial weights that every framework starts from."""

import zlib
from math import prod

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, buffers, parameters

Arrays = dict[str, NDArray[np.float32]]
"""Canonical arrays by canonical name: OIHW kernels, (out, in) linear weights, float32."""


def initial_weights(spec: AnyNetSpec, seed: int = 0) -> Arrays:
    """Xavier-uniform kernels, zero biases, unit batch norms, as in the chapter's `init_cnn`.

    Each array has its own stream, drawn from the seed and the array's name, so that two networks
    that share a layer share its initial weights.
    """
    arrays: Arrays = {}
    for name, shape in parameters(spec).items():
        if len(shape) > 1:
            arrays[name] = _xavier_uniform(name, shape, seed)
        elif name.endswith(".weight"):
            arrays[name] = np.ones(shape, np.float32)
        else:
            arrays[name] = np.zeros(shape, np.float32)
    for name, shape in buffers(spec).items():
        start = np.ones if name.endswith("running_var") else np.zeros
        arrays[name] = start(shape, np.float32)
    return arrays


def _xavier_uniform(name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Uniform within sqrt(6 / (fan_in + fan_out)) of zero; fans count as in PyTorch."""
    taps = prod(shape[2:])
    limit = np.sqrt(6.0 / ((shape[0] + shape[1]) * taps))
    stream = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return stream.uniform(-limit, limit, shape).astype(np.float32)
