"""A function of tensors that is captured once in a CUDA graph and replayed.

A training step of RegNetX32 launches some 600 kernels, and at usual batch sizes the CPU needs
longer for a launch than the GPU for the kernel. Replaying the graph is one launch.
"""

import logging
import os
from collections.abc import Callable, Iterable
from functools import cache
from threading import Lock
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

__all__ = [
    "CUDA_GRAPHS",
    "CudaRecorder",
    "Recorder",
    "Replayed",
    "has_hooks",
    "is_plain",
    "is_recordable",
    "launching",
    "tensors_of",
]

CUDA_GRAPHS = "ANYNET_CUDA_GRAPHS"
"""Environment variable; 0 disables capturing."""

WARM_UP = 3
"""Calls that run eagerly first, in which libraries select kernels and allocate workspaces."""

launching = Lock()
"""Held by the thread that captures a graph, runs eagerly what it will capture, or compiles kernels.

Libraries create handles and allocate workspaces in eager calls, and some of that is not permitted
in any thread while one of them captures.
"""

Outputs = tuple[Tensor, ...]
Function = Callable[..., Outputs]

_warn = logging.getLogger("anynet").warning


class Recorder(Protocol):
    """Captures a function for replay; tests have an implementation for the CPU."""

    def warm_up(self, function: Function, inputs: Iterable[Tensor]) -> Outputs:
        """Run `function` as it will be captured, and return its outputs."""

    def record(self, function: Function, inputs: Iterable[Tensor]) -> Callable[[], Outputs]:
        """Capture `function` without running it; the result runs it on the memory of `inputs`."""


class CudaRecorder:
    """Captures a CUDA graph on a side stream, as PyTorch requires."""

    def __init__(self) -> None:
        self._stream = _capture_stream(torch.cuda.current_device())

    def warm_up(self, function: Function, inputs: Iterable[Tensor]) -> Outputs:
        """Run `function` on the stream of the capture, and return its outputs."""
        now = torch.cuda.current_stream()
        with launching:
            self._stream.wait_stream(now)
            with torch.cuda.stream(self._stream):
                outputs = function(*inputs)
            now.wait_stream(self._stream)
            for output in outputs:  # whose memory the next network would get while `now` reads it
                output.record_stream(now)
        return outputs

    def record(self, function: Function, inputs: Iterable[Tensor]) -> Callable[[], Outputs]:
        """Capture what `function` launches; the result replays the graph."""
        graph = torch.cuda.CUDAGraph()
        capture = torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local")
        with launching, capture:
            outputs = function(*inputs)

        def replay() -> Outputs:
            graph.replay()
            return outputs

        return replay


@cache
def _capture_stream(device: int) -> torch.cuda.Stream:
    """The stream on which this process captures graphs on a device, one at a time.

    `torch.cuda.Stream()` hands out 32 streams in turn. Were this one of them, another thread would
    sooner or later copy images on it, and the copies would become part of the graph. Streams of
    high priority are 32 others, which nothing else here uses.
    """
    return torch.cuda.Stream(device, priority=-1)


class Replayed:
    """A function of tensors that is captured after a few calls, and replayed from then on.

    `watched` returns the tensors that the function reads and writes besides its inputs. If one of
    them moves in memory or changes `requires_grad`, or an input's shape or dtype changes, the
    function is captured again. A function that cannot be captured runs eagerly, with one warning.
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
        """The function's outputs, as copies that a later call does not overwrite."""
        if self._refused:
            return self._function(*inputs)
        seen = (*((x.shape, x.dtype) for x in inputs), *map(_place, self._watched()))
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


def tensors_of(network: nn.Module) -> list[Tensor]:
    """Parameters and buffers of a network.

    It takes a quarter of the time of `parameters()` and `buffers()`, and is called in every step.
    """
    found: list[Tensor | None] = []
    layers: list[nn.Module | None] = [network]
    while layers:
        layer = layers.pop()
        if layer is not None:
            found += layer._parameters.values()
            found += layer._buffers.values()
            layers += layer._modules.values()
    return [tensor for tensor in found if tensor is not None]


def is_recordable(model: nn.Module, own: type[nn.Module]) -> bool:
    """Whether replaying a graph has all effects of a training step of `model`.

    Python code runs only at the capture, which is enough for a plain model. `own` is as there.
    """
    return os.environ.get(CUDA_GRAPHS) != "0" and is_plain(model, own)


def is_plain(model: nn.Module, own: type[nn.Module]) -> bool:
    """Whether `model` has no layers, hooks, `forward` and `loss` but those of this package.

    Others may have effects in Python. `forward` and `loss` are those of the class `own`.
    """
    methods = ("forward", "loss", "__call__")
    if any(getattr(type(model), name) is not getattr(own, name) for name in methods):
        return False
    layers = [module for module in model.modules() if module is not model]
    known = all(type(layer).__module__.startswith(("torch.", "anynet_torch.")) for layer in layers)
    return known and not any(has_hooks(module) for module in (model, *layers))


def has_hooks(module: nn.Module) -> bool:
    """Whether forward or backward hooks are registered on this layer, or on all modules."""
    hooks = (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    )
    return any(hooks) or bool(_has_any_global_hook())
