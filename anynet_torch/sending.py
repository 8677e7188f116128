"""Batches on their way to a device, and results on their way back, while the device computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.data.rows import Kept, Rows

__all__ = ["Sender"]


class Sender:
    """Copies arrays to a device and back; copies from and to a GPU overlap with its steps.

    Rows of an array are gathered on the device, which gets the whole array with the first of them.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copies = torch.cuda.Stream() if device.type == "cuda" else None
        self._kept = Kept(self._whole)

    def send(self, array: NDArray[Any] | Rows) -> Tensor:
        """`array` on the device; on a CPU it may share its memory."""
        if isinstance(array, Rows):
            indices = self.send(array.indices.astype(np.int32))
            return self._kept.copy(array.array).index_select(0, indices)
        tensor = torch.from_numpy(array)
        if self._copies is None:
            return tensor
        now = torch.cuda.current_stream()
        with torch.cuda.stream(self._copies):
            copy = tensor.pin_memory().to(self._device, non_blocking=True)
        now.wait_stream(self._copies)
        copy.record_stream(now)
        return copy

    def fetch(self, tensor: Tensor) -> Callable[[], NDArray[Any]]:
        """Begin to copy `tensor` to the CPU; the result waits for it, but for no later step."""
        if self._copies is None:
            return tensor.numpy
        there = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        there.copy_(tensor, non_blocking=True)
        done = torch.cuda.Event()
        done.record()

        def wait() -> NDArray[Any]:
            done.synchronize()
            return there.numpy().copy()

        return wait

    def _whole(self, array: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(array).to(self._device)
