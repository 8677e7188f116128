"""Batches on their way to a device, and results on their way back, while the device computes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from anynet_jax.devices import Placement
from common.data.rows import Kept, Rows

__all__ = ["Sender"]


class Sender:
    """Copies arrays to a device and back; copies from and to a GPU overlap with its steps.

    Rows of an array are gathered on the device, which gets the whole array with the first of them.

    - `place`: the device, or how batches are divided among several.
    - `is_cpu`: whether that is a CPU.
    """

    def __init__(self, place: Placement, is_cpu: bool) -> None:
        self._place, self._is_cpu = place, is_cpu
        self._kept = Kept(self._whole)

    def send(self, *arrays: NDArray[Any] | Rows) -> list[Array]:
        """`arrays` on the device."""
        plain = [x.indices.astype(np.int32) if isinstance(x, Rows) else x for x in arrays]
        if self._is_cpu:
            # `device_put` aliases NumPy's memory on a CPU, which the caller may change meanwhile.
            plain = [array.copy() for array in plain]
        sent = jax.device_put(plain, self._place)
        return [
            _gather(self._kept.copy(given.array), there) if isinstance(given, Rows) else there
            for given, there in zip(arrays, sent, strict=True)
        ]

    def fetch(self, array: Array) -> Callable[[], NDArray[Any]]:
        """Begin to copy `array` to the CPU; the result waits for it, but for no later step."""
        if self._is_cpu:
            found = np.array(array)  # at once: steps on a CPU need the memory of those before
            return lambda: found
        array.copy_to_host_async()
        return lambda: np.array(array)

    def _whole(self, array: NDArray[np.uint8]) -> Array:
        return jnp.array(array, device=self._place)


@jax.jit
def _gather(array: Array, indices: Array) -> Array:
    return array.at[indices].get(mode="promise_in_bounds")
