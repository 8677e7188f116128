"""One training step in MXNet, and the chapter's `Trainer`."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy
from mxnet import autograd, gluon, np
from numpy.typing import NDArray

from anynet_mx.capabilities import SUPPORTS_BFLOAT16, SUPPORTS_TF32
from anynet_mx.devices import find_device
from anynet_mx.freezing import freeze_parts
from anynet_mx.layers import mix_images, prepare_images
from anynet_mx.model import Classifier
from anynet_mx.optimizer import AdamW, Average, clip_gradients, make_optimizer
from anynet_mx.weights import (
    described,
    get_weights,
    named_arrays,
    named_parameters,
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
from common.weights import STEPS, classes_of, fit_state, part_of

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
    - `devices`: 1, as this framework trains on one device here.

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
        on_gpu = self._device.device_type == "gpu"
        check_precision(precision, on_gpu, bfloat16=SUPPORTS_BFLOAT16, tf32=SUPPORTS_TF32)
        self._preprocessing = seen
        self._dtype, self._recipe = precision, recipe
        self.network = model
        model.collect_params().reset_ctx(self._device)
        images = np.zeros((1, *image_shape), ctx=self._device)
        if any(parameter._data is None for parameter in model.collect_params().values()):
            model(images)  # finishes Gluon's deferred allocation, in float32
        model.cast(precision)
        classes = classes_of(model) or model(images.astype(precision)).shape[-1]
        self._inputs = StepInputs.of(model, seen, classes, recipe, precision)
        named_arrays(model)
        frozen = freeze_parts(model, freeze)
        if isinstance(model.net, gluon.HybridBlock):
            model.net.hybridize(static_alloc=True, static_shape=True)
        self._trained = {
            name: p for name, p in named_parameters(model).items() if p.grad_req != "null"
        }
        fixed = {id(p) for name, p in named_parameters(model).items() if part_of(name) in frozen}
        every = [p for p in model.collect_params().values() if id(p) not in fixed]
        statistics = [p for p in every if p.grad_req == "null"]
        # With the first layer's weight, whose gradient comes last: to read it is to wait for the
        # end of the backward pass, which updates the running statistics.
        self._checked = [*statistics, *list(self._trained.values())[:1]] if statistics else every
        self._optimizer = make_optimizer(model, recipe)
        parameters = list(self._trained.values())
        self._trainer = gluon.Trainer(parameters, self._optimizer, kvstore=None)
        self._average = Average(model, recipe.ema_decay)

    def train_step(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        learning_rate: float,
        shares: NDArray[Any] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Update the weights by one step; returns the mean loss and the number of correct images.

        `labels` are integers (N,) below the number of classes, or target probabilities
        (N, classes). `shares` (N,) mix each image with its partner, as `common.data.mixup` says.
        The loss is NaN when a running statistic, or in a network without any a weight, is not
        finite after the step. Raises `DataError` for other arrays, `ConfigError` for a learning
        rate that is not finite.
        """
        images, labels, *mixing = self._inputs.batch(images, labels, shares)
        rate = check_rate(learning_rate)
        x, targets = self._prepared(images), self._sent(labels)
        if mixing:
            x = mix_images(x, self._sent(*mixing))
        with autograd.record():
            logits = self.network(x)
            loss = self.network.loss(logits, targets)
        loss.backward()
        if self._recipe.clip_norm:
            clip_gradients(self._trained.values(), self._recipe.clip_norm)
        if isinstance(self._optimizer, AdamW):
            self._optimizer.steps += 1
        self._trainer.set_learning_rate(rate)
        self._trainer.step(1)  # the loss is a mean already
        if self._average.arrays:
            # The backward pass updates running statistics, which reading them does not wait for.
            self._checked[-1].data().wait_to_read()
        self._average.update()
        expected = targets if targets.ndim == 1 else targets.argmax(1).astype("int32")
        return loss + self._zero_or_nan(), (logits.argmax(1).astype("int32") == expected).sum()

    def eval_step(self, images: NDArray[Any]) -> NDArray[numpy.float32]:
        """Logits (N, classes) by the running statistics; N may be 0. Raises `DataError`.

        They are those of the averaged network if the recipe has an `ema_decay`.
        """
        images = self._inputs.images(images)
        with self._average.used():
            return self.network(self._prepared(never_empty(images))).asnumpy()[: len(images)]

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of weights, running statistics and the optimizer's state, by canonical name.

        Names of momentum buffers end in `.momentum`, those of AdamW's moments in `.moment1` and
        `.moment2`, those of averages in `.average`; `optimizer_steps` are AdamW's.
        """
        state, is_adamw = get_weights(self.network), isinstance(self._optimizer, AdamW)
        for index, (name, parameter) in enumerate(self._trained.items()):
            if is_adamw:
                self._optimizer.create_state(index, parameter.data())
            for ending, buffers in self._optimizer.buffers.items():
                if index in buffers:
                    state[name + ending] = buffers[index].asnumpy()
        if is_adamw:
            state[STEPS] = numpy.array(self._optimizer.steps, numpy.int64)
        return state | self._average.state()

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `state` returned.

        Without the optimizer's arrays it starts anew, and averages without theirs as the weights.
        Raises one `WeightsError` that lists all differences, and leaves the learner as it was.
        """
        kept, averaged = self._recipe.buffers, self._recipe.ema_decay > 0
        found = fit_state(described(self.network), self._trained, arrays, kept, averaged)
        put_weights(self.network, found.weights)
        for index, (name, parameter) in enumerate(self._trained.items()):
            self._optimizer.create_state(index, parameter.data())
            for ending, buffers in self._optimizer.buffers.items():
                buffer, array = buffers[index], found.buffers.get(ending, {}).get(name)
                buffer[:] = 0 if array is None else np.array(array, dtype=buffer.dtype)
        if isinstance(self._optimizer, AdamW):
            self._optimizer.steps = found.steps
        self._average.load(found)

    def _zero_or_nan(self) -> np.ndarray:
        """Zero, or NaN if one of the checked arrays is not finite."""
        return (0 * np.concatenate([p.data() for p in self._checked], axis=None)).sum()

    def _prepared(self, images: NDArray[Any]) -> np.ndarray:
        """Images of `_inputs` as the network sees them, on the device."""
        sent = self._sent(images)
        if images.dtype.kind == "f":
            return sent
        return prepare_images(sent, self._preprocessing, self._dtype)

    def _sent(self, array: NDArray[Any]) -> np.ndarray:
        """`array` on the device, in its own dtype."""
        return np.array(array, dtype=array.dtype.name, ctx=self._device)


class Trainer(BaseTrainer):
    """Fits a model to data, as in the chapter (section 3.2.4)."""

    backend: ClassVar[str] = "mx"
    framework: ClassVar[str] = "mxnet"
    learner_class: ClassVar[type[BaseLearner]] = Learner

    def own_loss(
        self, model: Classifier, logits: NDArray[numpy.float64], labels: NDArray[numpy.int32]
    ) -> float:
        """The user-defined `loss` of `model`, of logits (N, classes) at labels (N,)."""
        found = np.array(logits, dtype="float32"), np.array(labels, dtype="int32")
        return float(model.loss(*found))
