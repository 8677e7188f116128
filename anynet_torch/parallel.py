"""One process per device, each with a learner of the same network and a part of every batch.

The first process runs everything else: the training loop, the data and the record. It tells the
others what their learners are to do, through pipes. They get a network as its spec, never import a
user's script, and nothing is pickled.
"""

import atexit
import os
import shutil
import sys
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn

from anynet_torch.collectives import gather, join, leave, parallel, totals
from anynet_torch.freezing import Frozen
from anynet_torch.graphs import is_plain
from anynet_torch.joined import fused_norms
from anynet_torch.layers import synced_norms
from anynet_torch.model import AnyNet, Classifier
from common.arch import AnyNetSpec
from common.chapter import overrides_optimizer
from common.data import Preprocessing
from common.errors import BackendError
from common.training import Recipe
from common.training.parallel import READY, Others, check_parts, filled, read_message
from common.weights import described_by, spec_of

__all__ = ["Alone", "Result", "Team", "end_team", "lead_team", "team_time", "work"]


class Alone:
    """One process, with one device: it computes whole batches."""

    def train(self, learner: Any, rate: float, *batch: NDArray[Any]) -> Any:
        """A step of `learner` on a batch: its loss, and its number of correct images."""
        return learner.run_step(rate, *batch)

    def predict(self, learner: Any, images: NDArray[Any]) -> torch.Tensor:
        """Logits of images."""
        return learner.run_logits(images)

    def load(self, learner: Any, arrays: dict[str, NDArray[Any]]) -> None:
        """Called when `learner` has loaded a state."""

    def norms(self, network: nn.Module) -> AbstractContextManager[None]:
        """Context of a forward pass in training."""
        return fused_norms(network)


class Team(Alone):
    """The processes that train together, as one of them sees them.

    - `rank`, `size`: the number of this process, from 0, and of all; 0 leads the others.
    - `on_gpu`: whether each has a GPU.
    - `folder`: where they find each other.
    - `others`: the other processes, known to the first one only.
    """

    def __init__(
        self, rank: int, size: int, on_gpu: bool, folder: Path, others: Others | None = None
    ) -> None:
        self.rank, self.size, self.on_gpu = rank, size, on_gpu
        self._others = others
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._gone: list[int] = []
        self._threads = torch.get_num_threads()
        with self.watched():
            join(rank, size, on_gpu, folder)
        if not on_gpu:
            torch.set_num_threads(max(1, self._threads // size))

    def make(
        self,
        learner: Any,
        frozen: Frozen,
        preprocessing: Preprocessing,
        recipe: Recipe,
        *rest: str | Sequence[str],
    ) -> nn.Module:
        """Have the others make learners as this one; its network with gradients of whole batches.

        `frozen` are the parts without any, and `rest` the last arguments of a learner.
        """
        number = max(self._numbers.values(), default=0) + 1
        self._numbers[learner] = number
        weakref.finalize(learner, self._gone.append, number)
        network = learner.network
        self._tell(
            learner, "make", spec=spec_of(network).to_dict(), lr=network.lr,
            preprocessing=preprocessing.to_dict(), recipe=recipe.to_dict(), rest=rest,
            fixed=[name for name, p in network.named_parameters() if not p.requires_grad],
        )  # fmt: skip
        like = next(network.parameters())
        with self.watched(), frozen.without_gradients():
            wrapped = parallel(network, like.new_zeros((1, *preprocessing.image_shape)))
        self.load(learner, learner.state())
        return wrapped

    def train(self, learner: Any, rate: float, *batch: NDArray[Any]) -> Any:
        """A step of all processes: the loss and the number of correct images of the whole batch."""
        own = self._share(learner, "train", *batch, rate=rate)
        with self.watched():
            return [Result(number, self) for number in totals(*learner.run_step(rate, *own))]

    def predict(self, learner: Any, images: NDArray[Any]) -> torch.Tensor:
        """Logits of images, of which each process computes a part."""
        (own,) = self._share(learner, "predict", images)
        with self.watched():
            logits = gather(learner.run_logits(own))
            if self.rank == 0:
                float(Result(logits[0, 0], self))  # waits
        return logits

    def load(self, learner: Any, arrays: dict[str, NDArray[Any]]) -> None:
        """Have the others' learners load the same state as this one."""
        state = {name: np.asarray(array) for name, array in arrays.items()}
        self._tell(learner, "load", [state] * self.size)

    def norms(self, network: nn.Module) -> AbstractContextManager[None]:
        """Context of a forward pass in training: statistics are those of whole batches."""
        return synced_norms(network)

    def _share(self, learner: Any, what: str, *arrays: NDArray[Any], **more: Any) -> Any:
        """Have the others do `what` with their parts of arrays; this process's parts."""
        if self._others is None:
            return arrays
        if what == "train":
            check_parts(len(arrays[0]), self.size, mixup=len(arrays) > 2)
        split = (np.split(filled(array, self.size), self.size) for array in arrays)
        parts = list(zip(*split, strict=True))
        self._tell(learner, what, [dict(zip("abc", part, strict=False)) for part in parts], **more)
        return parts[0]

    def _tell(self, learner: Any, what: str, arrays: Any = (), **more: Any) -> None:
        if self._others is None:
            return
        if self is not _team:
            raise BackendError(
                "devices: a learner's processes must not have ended; got one whose did; make "
                "another learner"
            )
        gone, self._gone[:] = list(self._gone), []
        header = {"what": what, "learner": self._numbers[learner], "gone": gone, **more}
        self._others.tell(header, list(arrays[1:]) or [{}] * (self.size - 1))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Context in which an error is a `BackendError` if it comes from another process's end."""
        if self._others is None:
            yield
            return
        with self._others.watched():
            yield

    def check(self) -> None:
        """Raise `BackendError` if another process has ended."""
        if self._others is not None:
            self._others.check()

    def end(self) -> None:
        """Leave the group, and end the others."""
        if self._others is not None:
            leave(self._others.live)
            self._others.end()
            torch.set_num_threads(self._threads)


class Result:
    """A number that may still be computed: `float` waits for it, as long as all processes live.

    On a GPU, to wait for a process that has ended would be to wait forever.
    """

    def __init__(self, tensor: torch.Tensor, team: Team) -> None:
        self._tensor, self._team = tensor, team
        self._event = torch.cuda.Event() if tensor.is_cuda else None
        if self._event:
            self._event.record()

    def __float__(self) -> float:
        while self._event and not self._event.query():
            self._team.check()
            time.sleep(1e-4)
        return float(self._tensor)


_team: Team | None = None
"""This process's team: PyTorch has one default group of processes."""


def lead_team(model: Classifier, size: int, on_gpu: bool) -> Team:
    """This process's team for training `model`, which is started if there is none of that size.

    Raises `BackendError` for a model that other processes cannot make from its spec alone, in a
    process that is in another group, and for a process that does not start.
    """
    global _team
    if described_by(model) is None or overrides_optimizer(model) or not is_plain(model, Classifier):
        raise BackendError(
            "devices: must be 1 for a model with layers, hooks, loss or optimizer of its own, as "
            f"other processes cannot make it; got {size}; train it on one device, or in JAX"
        )
    if _team is not None and (_team.size, _team.on_gpu) == (size, on_gpu):
        return _team
    end_team()
    if dist.is_initialized():
        raise BackendError(
            "devices: must be 1 in a process that is in a group of torch.distributed already; got "
            f"{size}; start processes yourself, or let a Trainer start them, but not both"
        )
    first = torch.cuda.current_device() if on_gpu else None
    others = Others(f"from anynet_torch.parallel import work; work({first})", size)
    try:
        _team = Team(0, size, on_gpu, others.folder, others)
    except BaseException:
        others.end(0.0)
        raise
    atexit.register(end_team)
    return _team


def end_team() -> None:
    """End the other processes of this one's team, if there is one."""
    global _team
    team, _team = _team, None
    if team is not None:
        atexit.unregister(end_team)
        team.end()


@contextmanager
def team_time() -> Iterator[None]:
    """Context at whose end the team ends."""
    try:
        yield
    finally:
        end_team()


def work(first_gpu: int | None) -> None:
    """What the other processes run: do what the first one says, until it closes the pipe."""
    global _team
    from anynet_torch.train import Learner

    rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    if first_gpu is not None:
        torch.cuda.set_device((first_gpu + rank) % torch.cuda.device_count())
    os.write(1, READY)
    os.dup2(2, 1)
    _team = Team(rank, size, first_gpu is not None, folder)
    learners: dict[int, Learner] = {}
    while (message := read_message(sys.stdin.buffer)) is not None:
        header, arrays = message
        for number in header["gone"]:
            del learners[number]
        if header["what"] == "make":
            learners[header["learner"]] = _made(header)
            continue
        learner = learners[header["learner"]]
        if header["what"] == "load":
            learner.load_state(arrays)
        elif header["what"] == "train":
            _team.train(learner, header["rate"], *arrays.values())
        else:
            _team.predict(learner, *arrays.values())
    shutil.rmtree(folder, ignore_errors=True)  # the first process may have been killed
    os._exit(0)  # at once: that process is not there to leave the group with


def _made(header: dict[str, Any]) -> Any:
    """A learner as that of the first process."""
    from anynet_torch.train import Learner

    spec = AnyNetSpec.from_dict(header["spec"])
    model = AnyNet.from_spec(spec, lr=header["lr"], init="zeros")
    seen, recipe = Preprocessing.from_dict(header["preprocessing"]), Recipe(**header["recipe"])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in header["fixed"])
    device, precision, freeze = header["rest"]
    return Learner(model, seen, recipe, device, precision, freeze, _team.size if _team else 1)
