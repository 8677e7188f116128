"""What the processes of several devices compute together, each on its part of a batch.

The parts are equal, and sums are taken in the same order in every process and every step: all
processes have bit for bit the same weights, and a resumed run those of an uninterrupted one.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

__all__ = ["average", "batch_norm", "gather", "join", "leave", "parallel", "totals"]


class _BatchNorm(torch.autograd.Function):
    """First derivatives only."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        own = torch.var_mean(x.to(weight.dtype), _positions(x), correction=0)
        variances, means = gather(torch.stack(own)[None]).unbind(1)
        mean = means.mean(0)
        variance = variances.mean(0) + means.var(0, correction=0)
        inverse = (variance + epsilon).rsqrt()
        y = (x - _column(mean, x)) * _column(inverse * weight, x) + _column(bias, x)
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return y.to(x.dtype), mean, variance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, dy: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensors
        centred, dy = x - _column(mean, x), dy.to(weight.dtype)
        own = torch.stack([dy.sum(_positions(x)), (dy * centred).sum(_positions(x))])
        plain, stretched = average(own) * (x.shape[1] / x.numel())
        dx = dy - _column(plain, x) - centred * _column(inverse**2 * stretched, x)
        dx = dx * _column(inverse * weight, x)
        return dx.to(x.dtype), own[1] * inverse, own[0], None


def join(rank: int, size: int, on_gpu: bool, folder: Path) -> None:
    """Enter a group of `size` processes as number `rank`; they find each other in `folder`.

    It is PyTorch's default group of the process.
    """
    store = dist.FileStore(str(folder / "store"), size)
    with _variables(on_gpu), _excepthook_kept():
        kind = "nccl" if on_gpu else "gloo"
        dist.init_process_group(kind, store=store, rank=rank, world_size=size)


def leave(others_live: bool) -> None:
    """Leave the group. If another process has ended, give up what is under way on GPUs.

    NCCL would wait for that process for ever.
    """
    if not others_live and dist.get_backend() == "nccl":
        dist.group.WORLD.abort()
    dist.destroy_process_group()


def batch_norm(
    x: Tensor, weight: Tensor, bias: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The batch norm of this process's part, by the mean and biased variance of the whole batch.

    `x` is (N, C, H, W) or (N, C), and as large in every process; `weight` and `bias` are (C,).
    Returns the normalised `x`, the mean and the variance.
    """
    normalised, mean, variance = _BatchNorm.apply(x, weight, bias, epsilon)
    return normalised, mean, variance


def gather(part: Tensor) -> Tensor:
    """The parts (n, ...) of all processes in the order of their ranks, (processes * n, ...)."""
    parts = [torch.empty_like(part) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, part.contiguous())
    return torch.cat(parts)


def average(own: Tensor) -> Tensor:
    """The mean of a tensor over all processes."""
    total = own.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def totals(loss: Tensor, correct: Tensor) -> tuple[Tensor, Tensor]:
    """The mean loss and the number of correct images of a whole batch, from those of the parts."""
    found = average(torch.stack([loss, correct.to(loss.dtype)]))
    return found[0], found[1] * dist.get_world_size()


def parallel(network: nn.Module, image: Tensor) -> nn.Module:
    """`network`, with gradients that are means over all processes; its weights become the first's.

    `image` (1, C, H, W) is one that it takes. After its first backward pass PyTorch orders the
    gradients anew in its buffers, which changes how they are summed up. That pass is therefore done
    here, so that the first step of a resumed run has the order of all others.
    """
    wrapped = DistributedDataParallel(network, forward_sync_buffers=False)
    training = network.training
    network.eval()
    wrapped(image).sum().backward()
    network.zero_grad()
    network.train(training)
    return wrapped


def _positions(x: Tensor) -> list[int]:
    """All axes but the channels."""
    return [0, *range(2, x.ndim)]


def _column(values: Tensor, x: Tensor) -> Tensor:
    """Values of channels in a shape that broadcasts to `x`."""
    return values.view(-1, *(1,) * (x.ndim - 2))


@contextmanager
def _excepthook_kept() -> Iterator[None]:
    """Context after which errors are printed as before: PyTorch would add the rank to each line."""
    before = sys.excepthook
    try:
        yield
    finally:
        sys.excepthook = before


@contextmanager
def _variables(on_gpu: bool) -> Iterator[None]:
    """Context with what the libraries read when they connect, where their user has not set it.

    gloo listens on this machine's own interface alone. NCCL's watchdog does not end this process
    when another one ends: the first process watches the others itself, and has an error to raise.
    """
    loopback = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    wanted = {"TORCH_NCCL_ASYNC_ERROR_HANDLING": "0"} if on_gpu else {}
    if loopback:
        wanted["GLOO_SOCKET_IFNAME"] = loopback[0]
    added = wanted.keys() - os.environ.keys()
    os.environ.update({name: wanted[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
