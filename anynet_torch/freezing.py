"""Frozen parts of a network: no gradients, and batch norms in evaluation mode."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TypeVar

from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from anynet_torch.model import Classifier
from common.training import frozen_parts
from common.weights import part_of

__all__ = ["Frozen"]

_Array = TypeVar("_Array", bound=Tensor)


class Frozen:
    """The `parts` of a network that do not change, such as `stem` and `stage1`.

    Only a step of a learner treats them otherwise: the network's own settings stay. Raises
    `ConfigError` for parts that are not there, and if no other is left.
    """

    def __init__(self, network: Classifier, freeze: Sequence[str]) -> None:
        net = network.net
        trainable = {name: p for name, p in net.named_parameters() if p.requires_grad}
        self.parts = frozen_parts(freeze, network, trainable)
        self._weights = [p for name, p in trainable.items() if part_of(name) in self.parts]
        self._norms = [
            layer
            for name, layer in net.named_modules()
            if isinstance(layer, _BatchNorm) and part_of(name) in self.parts
        ]
        named = chain(net.named_parameters(), net.named_buffers())
        self._fixed = {id(tensor) for name, tensor in named if part_of(name) in self.parts}

    def without(self, tensors: Iterable[_Array]) -> list[_Array]:
        """Those of the network's parameters or buffers that are not frozen."""
        return [tensor for tensor in tensors if id(tensor) not in self._fixed]

    def stop_norms(self) -> None:
        """Put batch norms into evaluation mode."""
        for norm in self._norms:
            norm.eval()

    @contextmanager
    def without_gradients(self) -> Iterator[None]:
        """Context in which a forward pass records no gradients of the frozen weights."""
        for weight in self._weights:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in self._weights:
                weight.requires_grad_(True)
