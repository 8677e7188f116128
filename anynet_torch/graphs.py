"""A function of tensors, recorded once into a CUDA graph and replayed.

A training step of RegNetX32 is some 600 launches of kernels, each of which takes the processor
longer than the GPU at usual batch sizes; replaying them all is one launch.
"""

import logging
import os
from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

__all__ = ["CUDA_GRAPHS", "CudaRecorder", "Recorder", "Replayed", "has_hooks", "is_recordable"]

CUDA_GRAPHS = "ANYNET_CUDA_GRAPHS"
"""The environment variable that keeps PyTorch from recording graphs when it is 0."""

WARM_UP = 3
"""Calls that run as they are, in which libraries choose their kernels and allocate."""

Outputs = tuple[Tensor, ...]
Function = Callable[..., Outputs]

_warn = logging.getLogger("anynet").warning


class Recorder(Protocol):
    """What records a function; tests have one for the CPU."""

    def warm_up(self, function: Function, inputs: Iterable[Tensor]) -> Outputs:
        """What `function` returns, in surroundings like those it is recorded in."""

    def record(self, function: Function, inputs: Iterable[Tensor]) -> Callable[[], Outputs]:
        """What does again all that `function` does with the memory of `inputs`; not done yet."""


class CudaRecorder:
    """Records into a CUDA graph, on a stream of its own, as PyTorch asks for."""

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()

    def warm_up(self, function: Function, inputs: Iterable[Tensor]) -> Outputs:
        """What `function` returns, from the stream that it will be recorded on."""
        now = torch.cuda.current_stream()
        self._stream.wait_stream(now)
        with torch.cuda.stream(self._stream):
            outputs = function(*inputs)
        now.wait_stream(self._stream)
        return outputs

    def record(self, function: Function, inputs: Iterable[Tensor]) -> Callable[[], Outputs]:
        """A graph of the work that `function` would launch."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            outputs = function(*inputs)

        def replay() -> Outputs:
            graph.replay()
            return outputs

        return replay


class Replayed:
    """A function of tensors that is recorded after a few calls, and replayed from then on.

    `watched` gives the tensors that the function reads and writes besides its inputs: where one
    has moved in memory or is frozen, or an input has another shape, recording begins anew. A
    function that cannot be recorded runs as it is, which is said once.
    """

    def __init__(
        self, function: Function, watched: Callable[[], Iterable[Tensor]], recorder: Recorder
    ) -> None:
        self._function, self._watched, self._recorder = function, watched, recorder
        self._seen: tuple[object, ...] = ()
        self._calls = 0
        self._inputs: Outputs = ()
        self._replay: Callable[[], Outputs] | None = None
        self._refused = False

    def __call__(self, *inputs: Tensor) -> Outputs:
        """What the function returns, in memory of its own."""
        if self._refused:
            return self._function(*inputs)
        seen = (*(x.shape for x in inputs), *map(_place, self._watched()))
        if seen != self._seen:
            self._seen, self._calls, self._inputs, self._replay = seen, 0, (), None
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._recorder.warm_up(self._function, inputs)
        if self._replay is None:
            self._inputs = tuple(x.clone() for x in inputs)
            try:
                self._replay = self._recorder.record(self._function, self._inputs)
            except RuntimeError as error:
                _warn("PyTorch: the step is not recorded into a CUDA graph: %s", error)
                self._refused = True
                return self._function(*inputs)
        for kept, given in zip(self._inputs, inputs, strict=True):
            kept.copy_(given)
        return tuple(output.clone() for output in self._replay())


def _place(tensor: Tensor) -> tuple[int, bool]:
    return tensor.data_ptr(), tensor.requires_grad


def is_recordable(model: nn.Module, own: type[nn.Module]) -> bool:
    """Whether a graph repeats all that a step of `model` does.

    Python runs once, when the graph is recorded: layers other than PyTorch's and this package's,
    hooks, and a `forward` or `loss` other than `own`'s may do there what has to be done each time.
    """
    if os.environ.get(CUDA_GRAPHS) == "0":
        return False
    methods = ("forward", "loss", "__call__")
    if any(getattr(type(model), name) is not getattr(own, name) for name in methods):
        return False
    layers = [module for module in model.modules() if module is not model]
    known = all(type(layer).__module__.startswith(("torch.", "anynet_torch.")) for layer in layers)
    return known and not any(has_hooks(module) for module in (model, *layers))


def has_hooks(module: nn.Module) -> bool:
    """Whether something is called before or after this layer."""
    hooks = (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    )
    return any(hooks)
