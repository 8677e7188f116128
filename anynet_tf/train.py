"""One training step in TensorFlow, and the chapter's `Trainer`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from anynet_tf.capabilities import SUPPORTS_BFLOAT16, SUPPORTS_TF32
from anynet_tf.devices import find_device
from anynet_tf.freezing import frozen_norms
from anynet_tf.layers import mix_images, prepare_images, products
from anynet_tf.model import Classifier
from anynet_tf.optimizer import AdamW, Average, clipped, make_optimizer, recipe_variables
from anynet_tf.weights import (
    canonical_array,
    canonical_names,
    described,
    get_weights,
    named_variables,
    native_array,
    net_of,
    put_weights,
)
from common.arrays import never_empty
from common.data import Preprocessing
from common.errors import BackendError, shortened
from common.training import (
    CHAPTER_RECIPE,
    Device,
    Precision,
    Recipe,
    StepInputs,
    check_precision,
    check_rate,
    check_settings,
    frozen_parts,
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
        on_gpu = "GPU" in self._device
        check_precision(precision, on_gpu, bfloat16=SUPPORTS_BFLOAT16, tf32=SUPPORTS_TF32)
        self._precision, self._recipe = precision, recipe
        self._preprocessing = seen
        self._policy = "mixed_bfloat16" if precision == "bfloat16" else None
        self._dtype = tf.float64 if precision == "float64" else tf.float32
        self._optimizer = make_optimizer(model, recipe)
        with tf.device(self._device):
            if not model.built:
                model.build((None, *image_shape[1:], image_shape[0]))
            named_variables(model)
            classes = classes_of(model) or _classes(model, image_shape)
            self.network = model if precision != "float64" else _in_float64(model)
            trainable = canonical_names(self.network, self.network.trainable_variables)
            self._frozen = frozen_parts(freeze, model, trainable)
            self._trained = {
                name: v for name, v in trainable.items() if part_of(name) not in self._frozen
            }
            self._optimizer.build(list(self._trained.values()))
            self._average = Average(self.network, recipe.ema_decay)
        self._inputs = StepInputs.of(model, seen, classes, recipe, precision)
        # TensorFlow counts retraces per code object and warns of many: with bound methods, one
        # learner after another would look like a single function that is traced again and again.
        self._compiled_step = tf.function(partial(self._step), autograph=False)
        self._compiled_forward = tf.function(partial(self._forward), autograph=False)

    def train_step(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        learning_rate: float,
        shares: NDArray[Any] | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Update the weights by one step; returns the mean loss and the number of correct images.

        `labels` are integers (N,) below the number of classes, or target probabilities
        (N, classes). `shares` (N,) mix each image with its partner, as `common.data.mixup` says.
        The loss is NaN when a running statistic, or in a network without any a weight, is not
        finite after the step. Raises `DataError` for other arrays, `ConfigError` for a learning
        rate that is not finite.
        """
        images, labels, *mixing = self._inputs.batch(images, labels, shares)
        rate = check_rate(learning_rate)
        with tf.device(self._device), products(self._precision):
            return self._compiled_step(
                _to_nhwc(images),
                tf.constant(labels),
                tf.constant(rate, self._dtype),
                *map(tf.constant, mixing),
            )

    def eval_step(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Logits (N, classes) by the running statistics; N may be 0. Raises `DataError`.

        They are those of the averaged network if the recipe has an `ema_decay`.
        """
        images = self._inputs.images(images)
        with tf.device(self._device), products(self._precision):
            return self._compiled_forward(_to_nhwc(never_empty(images))).numpy()[: len(images)]

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of weights, running statistics and the optimizer's state, by canonical name.

        Names of momentum buffers end in `.momentum`, those of AdamW's moments in `.moment1` and
        `.moment2`, those of averages in `.average`; `optimizer_steps` are AdamW's.
        """
        state = get_weights(self.network)
        for ending, buffers in self._buffers().items():
            state |= {name + ending: canonical_array(buffer) for name, buffer in buffers.items()}
        if isinstance(self._optimizer, AdamW):
            state[STEPS] = np.array(self._optimizer.iterations.numpy(), np.int64)
        return state | self._average.state()

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `state` returned.

        Without the optimizer's arrays it starts anew, and averages without theirs as the weights.
        Raises one `WeightsError` that lists all differences, and leaves the learner as it was.
        """
        kept, averaged = self._recipe.buffers, self._recipe.ema_decay > 0
        found = fit_state(described(self.network), self._trained, arrays, kept, averaged)
        put_weights(self.network, found.weights)
        for ending, buffers in self._buffers().items():
            for name, buffer in buffers.items():
                array = found.buffers.get(ending, {}).get(name)
                buffer.assign(np.zeros(buffer.shape) if array is None else native_array(array))
        if isinstance(self._optimizer, AdamW):
            self._optimizer.iterations.assign(found.steps)
        self._average.load(found)

    def _step(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        learning_rate: tf.Tensor,
        shares: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        variables = list(self._trained.values())
        with tf.GradientTape() as tape, frozen_norms(self.network, self._frozen):
            logits = self._forward(images, shares, training=True)
            loss = self.network.loss(logits, labels)
        # Not by `Optimizer.apply`: it sums gradients over replicas, which keeps every graph alive,
        # and it rounds the learning rate to float32.
        gradients = clipped(tape.gradient(loss, variables), self._recipe.clip_norm)
        if isinstance(self._optimizer, AdamW):
            self._optimizer.iterations.assign_add(1)
        for gradient, variable in zip(gradients, variables, strict=True):
            self._optimizer.update_step(gradient, variable, learning_rate)
        self._average.update()
        expected = labels if labels.dtype.is_integer else tf.argmax(labels, 1, tf.int32)
        right = tf.argmax(logits, 1, expected.dtype) == expected
        return loss + self._zero_or_nan(), tf.reduce_sum(tf.cast(right, tf.int32))

    def _zero_or_nan(self) -> tf.Tensor:
        """Zero, or NaN if one of the checked arrays is not finite."""
        named = named_variables(self.network)
        fixed = {id(v) for name, v in named.items() if part_of(name) in self._frozen}
        others = [v for v in self.network.non_trainable_variables if id(v) not in fixed]
        statistics = [v for v in others if v.value.dtype.is_floating]
        checked = statistics or self._trained.values()
        arrays = [tf.reshape(variable.value, (-1,)) for variable in checked]
        return tf.reduce_sum(0 * tf.concat(arrays, 0))

    def _forward(
        self, images: tf.Tensor, shares: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        # Inside the trace, too: convolutions choose their algorithm by the device.
        with tf.device(self._device), _computing_in(self._policy, self.network):
            is_prepared = images.dtype.is_floating
            x = images if is_prepared else prepare_images(images, self._preprocessing, self._dtype)
            x = x if shares is None else mix_images(x, shares)
            logits = self.network(x, training=True) if training else self._average.logits(x)
            return tf.cast(logits, self._dtype)

    def _buffers(self) -> dict[str, dict[str, keras.Variable]]:
        """The optimizer's variables by the suffix of their names, and by their weight's name."""
        kept = recipe_variables(self._optimizer)
        return {
            ending: dict(zip(self._trained, kept[ending], strict=True))
            for ending in self._recipe.buffers
        }


class Trainer(BaseTrainer):
    """Fits a model to data, as in the chapter (section 3.2.4)."""

    backend: ClassVar[str] = "tf"
    framework: ClassVar[str] = "tensorflow"
    learner_class: ClassVar[type[BaseLearner]] = Learner

    def own_loss(
        self, model: Classifier, logits: NDArray[np.float64], labels: NDArray[np.int32]
    ) -> float:
        """The user-defined `loss` of `model`, of logits (N, classes) at labels (N,)."""
        return float(model.loss(tf.constant(logits, tf.float32), tf.constant(labels)))


def _to_nhwc(images: NDArray[Any]) -> tf.Tensor:
    # In NumPy: on some CPUs TensorFlow transposes uint8 slowly, and warns of it.
    return tf.constant(images.transpose(0, 2, 3, 1))


def _classes(model: Classifier, image_shape: tuple[int, int, int]) -> int:
    channels, height, width = image_shape
    return model(tf.zeros((1, height, width, channels)), training=False).shape[-1]


def _in_float64(model: Classifier) -> Classifier:
    """A copy of `model` with float64 variables: the dtype of a Keras variable is fixed."""
    kind = type(model)
    try:
        network = kind.from_config({**model.get_config(), "dtype": "float64"})
    except TypeError as error:  # as Keras says it
        raise BackendError(
            "precision: Keras must make a network again for float64; got "
            f"{shortened(kind.__name__)}, whose constructor takes no dtype; use float32"
        ) from error
    layers = (
        part for part in network._flatten_layers() if type(part) is not keras.layers.InputLayer
    )
    rounded = [part.name for part in layers if part.compute_dtype == "float32"]
    if rounded:
        raise BackendError(
            "precision: all layers must be float64; got float32 in "
            f"{shortened(', '.join(rounded))}; give own layers dtype=self.dtype_policy"
        )
    put_weights(network, get_weights(model))
    return network


@contextmanager
def _computing_in(policy: str | None, network: Classifier) -> Iterator[None]:
    """Set another dtype policy for a network's float32 layers; weights stay float32.

    `_flatten_layers` is private: Keras 3.15 has no public list of nested layers.
    """
    layers = network._flatten_layers() if policy else []
    before = [layer.dtype_policy for layer in layers]
    for layer in layers:
        if layer.dtype_policy.name == "float32":
            layer.dtype_policy = policy
    try:
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            layer.dtype_policy = own
