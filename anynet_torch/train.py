"""One training step in PyTorch, and the chapter's `Trainer`."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, ClassVar, SupportsFloat

import numpy as np
import torch
from numpy.typing import NDArray

from anynet_torch.capabilities import SUPPORTS_BFLOAT16, SUPPORTS_TF32
from anynet_torch.devices import data_room, find_device
from anynet_torch.freezing import Frozen
from anynet_torch.graphs import CudaRecorder, Outputs, Replayed, is_recordable, tensors_of
from anynet_torch.joined import compile_norms
from anynet_torch.layers import mix_images, prepare_images, products
from anynet_torch.model import Classifier
from anynet_torch.optimizer import (
    Average,
    clip_gradients,
    load_own,
    load_recipe,
    make_optimizer,
    own_arrays,
    recipe_arrays,
)
from anynet_torch.parallel import Alone, lead_team, team_time
from anynet_torch.sending import Sender
from anynet_torch.weights import (
    allocate,
    described,
    get_weights,
    named_tensors,
    net_of,
    put_weights,
)
from common.arrays import never_empty
from common.data import Preprocessing
from common.training import (
    CHAPTER_RECIPE,
    Device,
    Precision,
    Recipe,
    StepInputs,
    check_precision,
    check_rate,
    check_settings,
)
from common.training import Learner as BaseLearner
from common.training import Trainer as BaseTrainer
from common.weights import fit_state, part_of, split_state

__all__ = ["Learner", "Trainer"]


class Learner:
    """One network being trained, on one device or several.

    - `model`: a network of this package; its weights are drawn or allocated if they are not yet.
    - `preprocessing`: how pixels become the network's input; (channels, height, width) stands for
      resizing them to that shape and scaling them to [0, 1].
    - `recipe`: what a step does to the weights, and the schedule of the learning rate.
    - `device`: `cpu`, `gpu`, or `auto` for a GPU where there is one.
    - `precision`: `float32`, `tf32`, `bfloat16` or `float64`; weights are float32 but in float64.
    - `freeze`: parts of the network that do not change, such as `stem` and `stage1`.
    - `devices`: how many devices share each batch, in equal parts. For each but the first another
      process is started, which ends with a `Trainer`'s `fit` or with this process.

    Batches are pixels (N, C, H, W), integers from 0 to 255 of any size, scaled and resized inside
    of a step; floats are prepared images, taken as they are. Raises `BackendError` for what is no
    network and for a device or precision that is not there, `ConfigError` or `SpecError` for images
    that the network does not take.
    """

    def __init__(
        self,
        model: Classifier,
        preprocessing: Preprocessing | tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float32",
        freeze: Sequence[str] = (),
        devices: int = 1,
    ) -> None:
        net_of(model)
        seen = check_settings(model, preprocessing, recipe, device, precision)
        image_shape = seen.image_shape
        self._device = find_device(device, devices)
        on_gpu = self._device.type == "cuda"
        check_precision(precision, on_gpu, bfloat16=SUPPORTS_BFLOAT16, tf32=SUPPORTS_TF32)
        self._preprocessing = seen
        self._precision = precision
        self._dtype = torch.float64 if precision == "float64" else torch.float32
        classes = allocate(model, image_shape)
        self._inputs = StepInputs.of(model, seen, classes, recipe, precision, devices == 1)
        named_tensors(model)
        self._recipe = recipe
        self.network = model.to(self._device, self._dtype, memory_format=torch.channels_last)
        self._frozen = Frozen(model, freeze)
        statistics = [array for array in model.buffers() if array.is_floating_point()]
        moved = self._frozen.without(model.parameters())
        self._checked = self._frozen.without(statistics) or moved
        self._optimizer, self._is_own = make_optimizer(model, recipe, moved)
        self._average = Average(model, recipe.ema_decay)
        self._sender = Sender(self._device)
        self._run_step: Callable[..., Outputs] = self._step
        self._run_logits: Callable[..., Outputs] = self._logits
        reads_rate = isinstance(self._optimizer.param_groups[0]["lr"], torch.Tensor)
        self._called: torch.nn.Module = model
        self._team = Alone()
        if devices > 1:
            self._team = team = lead_team(model, devices, on_gpu)
            self._called = team.make(self, self._frozen, seen, recipe, device, precision, freeze)
        elif on_gpu:
            compile_norms(model, torch.bfloat16 if precision == "bfloat16" else self._dtype)
            if reads_rate and not self._is_own and is_recordable(model, Classifier):
                recorder = CudaRecorder()
                self._run_step = Replayed(self._step, self._tensors, recorder)
                self._run_logits = Replayed(self._logits, self._tensors, recorder)

    @cached_property
    def data_room(self) -> int:
        """Bytes of images that may be kept on the device as a whole; 0 on several devices."""
        return data_room(self._device) if self._inputs.takes_rows else 0

    def train_step(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        learning_rate: float,
        shares: NDArray[Any] | None = None,
    ) -> tuple[SupportsFloat, SupportsFloat]:
        """Update the weights by one step; returns the mean loss and the number of correct images.

        `labels` are integers (N,) below the number of classes, or target probabilities
        (N, classes). `shares` (N,) mix each image with its partner, as `common.data.mixup` says.
        The loss is NaN when a running statistic, or in a network without any a weight, is not
        finite after the step. Raises `DataError` for other arrays, `ConfigError` for a learning
        rate that is not finite.
        """
        batch = self._inputs.batch(images, labels, shares)
        return self._team.train(self, check_rate(learning_rate), *batch)

    def run_step(self, rate: float, *batch: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """`train_step` with this device's part of a batch, which is checked."""
        self._set_rate(rate)
        with products(self._precision):
            loss, correct = self._run_step(*map(self._sender.send, batch))
        if not self.network.training:  # a replayed step does not set it
            self._train_mode()
        return loss, correct

    def eval_step(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Logits (N, classes) by the running statistics; N may be 0. Raises `DataError`.

        They are those of the averaged network if the recipe has an `ema_decay`.
        """
        return self.begin_eval(images)()

    def begin_eval(self, images: NDArray[Any]) -> Callable[[], NDArray[np.float32]]:
        """Begin an `eval_step`; the result waits for its logits."""
        images = self._inputs.images(images)
        logits = self._team.predict(self, never_empty(images))
        return self._sender.fetch(logits[: len(images)])

    def run_logits(self, images: NDArray[Any]) -> torch.Tensor:
        """Logits (N, classes) of a batch, of which this is the device's part, which is checked."""
        with torch.no_grad(), products(self._precision):
            (logits,) = self._run_logits(self._sender.send(images))
        if self.network.training:
            self.network.eval()
        return logits

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of weights, running statistics and the optimizer's state, by canonical name.

        Names of momentum buffers end in `.momentum`, those of AdamW's moments in `.moment1` and
        `.moment2`, those of averages in `.average`; `optimizer_steps` are AdamW's. Names of the
        arrays of a model's own optimizer begin with `optimizer.`.
        """
        if self._is_own:
            return get_weights(self.network) | own_arrays(self._optimizer, self.network)
        state = get_weights(self.network)
        state |= recipe_arrays(self._optimizer, self._trained(), self._recipe)
        return state | self._average.state()

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `state` returned.

        Without the optimizer's arrays it starts anew, and averages without theirs as the weights.
        Raises one `WeightsError` that lists all differences, and leaves the learner as it was.
        """
        trained = self._trained()
        rest, own = split_state(arrays) if self._is_own else (arrays, {})
        averaged = self._recipe.ema_decay > 0
        found = fit_state(described(self.network), trained, rest, self._recipe.buffers, averaged)
        if self._is_own:
            load_own(self._optimizer, self.network, own)
        put_weights(self.network, found.weights)
        if not self._is_own:
            load_recipe(self._optimizer, trained, self._recipe, found)
        self._average.load(found)
        self._team.load(self, arrays)

    def _step(
        self, images: torch.Tensor, labels: torch.Tensor, shares: torch.Tensor | None = None
    ) -> Outputs:
        """One step on the device: the loss, and the number of correct images."""
        self._train_mode()
        is_hard = labels.ndim == 1
        targets = labels.to(torch.int64) if is_hard else labels
        with self._team.norms(self.network), self._frozen.without_gradients():
            logits = self._forward(images, shares)
        loss = self.network.loss(logits, targets)
        self._optimizer.zero_grad()
        loss.backward()
        if self._recipe.clip_norm:
            clip_gradients(self._trained().values(), self._recipe.clip_norm)
        self._optimizer.step()
        self._average.update()
        expected = targets if is_hard else targets.argmax(1)
        return loss.detach() + self._zero_or_nan(), (logits.argmax(1) == expected).sum()

    def _train_mode(self) -> None:
        self.network.train()
        self._frozen.stop_norms()

    def _set_rate(self, rate: float) -> None:
        for group in () if self._is_own else self._optimizer.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)  # in place: a captured CUDA graph reads it
            else:
                group["lr"] = rate

    def _tensors(self) -> list[torch.Tensor]:
        """The tensors that a step and a prediction read or write besides their inputs."""
        return [*tensors_of(self.network), *self._average.arrays.values()]

    def _zero_or_nan(self) -> torch.Tensor:
        """Zero, or NaN if one of the checked arrays is not finite."""
        return 0 * torch.cat([array.detach().flatten() for array in self._checked]).sum()

    def _logits(self, images: torch.Tensor) -> Outputs:
        self.network.eval()
        return (self._forward(images, network=self._average.network()),)

    def _forward(
        self,
        images: torch.Tensor,
        shares: torch.Tensor | None = None,
        network: Callable[..., Any] | None = None,
    ) -> torch.Tensor:
        """Logits by the network, or by a function in its place."""
        is_prepared = images.is_floating_point()
        x = images if is_prepared else prepare_images(images, self._preprocessing, self._dtype)
        x = x if shares is None else mix_images(x, shares)
        x = x.contiguous(memory_format=torch.channels_last)
        bfloat16 = self._precision == "bfloat16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
            return (network or self._called)(x).to(self._dtype)

    def _trained(self) -> dict[str, torch.nn.Parameter]:
        named = self.network.net.named_parameters()
        return {
            name: parameter
            for name, parameter in named
            if parameter.requires_grad and part_of(name) not in self._frozen.parts
        }


class Trainer(BaseTrainer):
    """Fits a model to data, as in the chapter (section 3.2.4)."""

    backend: ClassVar[str] = "torch"
    framework: ClassVar[str] = "torch"
    learner_class: ClassVar[type[BaseLearner]] = Learner

    def _processes(self) -> AbstractContextManager[None]:
        """The time in which other processes may compute for this trainer's learners."""
        return team_time()

    def own_loss(
        self, model: Classifier, logits: NDArray[np.float64], labels: NDArray[np.int32]
    ) -> float:
        """The user-defined `loss` of `model`, of logits (N, classes) at labels (N,)."""
        device = next(model.parameters()).device
        found = torch.from_numpy(logits).to(device, torch.float32)
        return float(model.loss(found, torch.from_numpy(labels).to(device, torch.int64)))
