"""One training step in JAX, and the chapter's `Trainer`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax.errors import InvalidRngError
from jax import Array
from numpy.typing import NDArray

from anynet_jax.capabilities import SUPPORTS_BFLOAT16, SUPPORTS_TF32
from anynet_jax.devices import data_room, find_devices, placements
from anynet_jax.freezing import split_parts
from anynet_jax.layers import products
from anynet_jax.model import AnyNet, Classifier, Network, in_mode
from anynet_jax.optimizer import (
    load_own,
    load_recipe,
    make_optimizer,
    own_arrays,
    recipe_arrays,
)
from anynet_jax.sending import Sender
from anynet_jax.step import Program, TrainState, predict, step_on, weights_dtype
from anynet_jax.weights import as_network, described_tree, like_tree, on_device, to_canonical
from common.arrays import never_empty
from common.chapter import own_builders, own_method
from common.data import Preprocessing
from common.errors import BackendError
from common.memory import give_back_freed_memory
from common.training import (
    CHAPTER_RECIPE,
    Device,
    Precision,
    Recipe,
    StepInputs,
    check_parts,
    check_precision,
    check_rate,
    check_settings,
    filled,
    frozen_parts,
)
from common.training import Learner as BaseLearner
from common.training import Trainer as BaseTrainer
from common.weights import AVERAGE, classes_of, fit_state, no_network, split_state

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
    - `devices`: how many devices share each batch; its parts are equal.

    Batches are pixels (N, C, H, W), integers from 0 to 255 of any size, scaled and resized inside
    of a step; floats are prepared images, taken as they are. Raises `BackendError` for what is no
    network and for a device or precision that is not there, `ConfigError` or `SpecError` for images
    that the network does not take.
    """

    def __init__(
        self,
        model: Classifier | Network,
        preprocessing: Preprocessing | tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float32",
        freeze: Sequence[str] = (),
        devices: int = 1,
    ) -> None:
        if not isinstance(model, Network | Classifier):
            raise no_network(model, "anynet_jax")
        seen = check_settings(model, preprocessing, recipe, device, precision)
        self._devices = find_devices(device, devices)
        self._device = self._devices[0]
        self._whole, divided = placements(self._devices)
        on_gpu = self._device.platform != "cpu"
        self._sender = Sender(divided, is_cpu=not on_gpu)
        check_precision(precision, on_gpu, bfloat16=SUPPORTS_BFLOAT16, tf32=SUPPORTS_TF32)
        network = _initialised(model, seen.image_shape)
        classes = classes_of(network) or _classes(network, seen.image_shape)
        self._inputs = StepInputs.of(network, seen, classes, recipe, precision, devices == 1)
        if own_builders(network) or classes_of(network) is None:
            _check_traced(network, seen.image_shape)
        self._optimizer, self._is_own = make_optimizer(network.module, recipe)
        self._recipe = recipe
        trainable = described_tree({"params": network.variables["params"]})
        frozen = frozen_parts(freeze, network, trainable)
        self._program = Program(
            network.module, seen, self._optimizer, precision, recipe.ema_decay, frozen
        )
        self._compiled: set[str] = set()
        with self._precisely():
            variables = self._placed(network.variables)
            params, batch_stats = variables["params"], variables.get("batch_stats", {})
            average = self._placed((params, batch_stats)) if recipe.ema_decay else ()
            trace = self._first_trace(split_parts(params, frozen)[0])
            self._state = self._committed(params, batch_stats, trace, average)

    @property
    def network(self) -> Network:
        """The network with its newest weights."""
        with self._precisely():
            params, batch_stats = _copied(self._state[:2])
            if len(self._devices) > 1:
                params, batch_stats = jax.device_put((params, batch_stats), self._device)
        return Network(self._program.module, {"params": params, "batch_stats": batch_stats})

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
    ) -> tuple[Array, Array]:
        """Update the weights by one step; returns the mean loss and the number of correct images.

        `labels` are integers (N,) below the number of classes, or target probabilities
        (N, classes). `shares` (N,) mix each image with its partner, as `common.data.mixup` says.
        The loss is NaN when a running statistic, or in a network without any a weight, is not
        finite after the step. Raises `DataError` for other arrays, `ConfigError` for a learning
        rate that is not finite.
        """
        batch = self._inputs.batch(images, labels, shares)
        check_parts(len(batch[0]), len(self._devices), shares is not None)
        with self._precisely():
            images, labels, *mixing = self._sender.send(*batch)
            rate = 1.0 if self._is_own else check_rate(learning_rate)
            rate = weights_dtype(self._program).type(rate)
            step = step_on(self._device.platform)
            self._state, loss, correct = step(
                self._state, images, labels, rate, *mixing, program=self._program
            )
        self._tidy("step", loss)
        return loss, correct

    def eval_step(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Logits (N, classes) by the running statistics; N may be 0. Raises `DataError`.

        They are those of the averaged network if the recipe has an `ema_decay`.
        """
        return self.begin_eval(images)()

    def begin_eval(self, images: NDArray[Any]) -> Callable[[], NDArray[np.float32]]:
        """Begin an `eval_step`; the result waits for its logits."""
        images = self._inputs.images(images)
        params, batch_stats = self._state.average or self._state[:2]
        with self._precisely():
            (batch,) = self._sender.send(filled(never_empty(images), len(self._devices)))
            logits = predict(params, batch_stats, batch, program=self._program)
        self._tidy("prediction", logits)
        result = self._sender.fetch(logits)
        return lambda: result()[: len(images)]

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of weights, running statistics and the optimizer's state, by canonical name.

        Names of momentum buffers end in `.momentum`, those of AdamW's moments in `.moment1` and
        `.moment2`, those of averages in `.average`; `optimizer_steps` are AdamW's. Names of the
        arrays of a model's own optimizer begin with `optimizer.`.
        """
        state = to_canonical(self._state.params) | to_canonical(self._state.batch_stats)
        arrays_of = own_arrays if self._is_own else recipe_arrays
        state |= arrays_of(self._state.trace)
        for tree in self._state.average:
            state |= {name + AVERAGE: array for name, array in to_canonical(tree).items()}
        return state

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `state` returned.

        Without the optimizer's arrays it starts anew, and averages without theirs as the weights.
        Raises one `WeightsError` that lists all differences, and leaves the learner as it was.
        """
        params, batch_stats = self._state[:2]
        expected = described_tree({"params": params, "batch_stats": batch_stats})
        rest, own = split_state(arrays) if self._is_own else (arrays, {})
        changing = split_parts(params, self._program.frozen)[0]
        trained, averaged = list(described_tree({"params": changing})), self._recipe.ema_decay > 0
        found = fit_state(expected, trained, rest, self._recipe.buffers, averaged)

        def placed(tree: Any, arrays: dict[str, NDArray[Any]]) -> Any:
            return self._placed(like_tree(tree, arrays))

        with self._precisely():
            trees = params, batch_stats
            params, batch_stats = (placed(tree, found.weights) for tree in trees)
            changing = split_parts(params, self._program.frozen)[0]
            trace = self._first_trace(changing)
            if own:
                trace = load_own(trace, own)
            elif not self._is_own:
                trace = load_recipe(trace, found, partial(placed, changing))
            shown = found.average or found.weights
            average = tuple(placed(tree, shown) for tree in trees) if averaged else ()
            self._state = self._committed(params, batch_stats, trace, average)

    def _placed(self, tree: Any) -> Any:
        """A copy on each device in the weights' dtype; a step donates its state's memory."""
        dtype = weights_dtype(self._program)
        return jax.tree.map(lambda leaf: on_device(leaf, dtype, self._whole), tree)

    def _first_trace(self, params: Any) -> Any:
        """The optimizer's state before the first step; a recipe's is zeros."""
        if self._is_own:
            return self._optimizer.init(params)
        return jax.tree.map(
            lambda leaf: on_device(np.zeros(leaf.shape), leaf.dtype, self._whole),
            jax.eval_shape(self._optimizer.init, params),
        )

    def _committed(self, *state: Any) -> TrainState:
        """A state committed to the devices as a step returns it; another triggers recompilation."""
        return TrainState(*jax.device_put(state, self._whole))

    def _tidy(self, what: str, result: Array) -> None:
        """Return the compiler's memory to the system after a function's first call."""
        if what not in self._compiled:
            result.block_until_ready()
            give_back_freed_memory()
            self._compiled.add(what)

    @contextmanager
    def _precisely(self) -> Iterator[None]:
        """This learner's device and precision as JAX's defaults."""
        precision = self._program.precision
        in_float64 = jax.enable_x64(precision == "float64")
        with jax.default_device(self._device), in_float64, products(precision):
            yield


class Trainer(BaseTrainer):
    """Fits a model to data, as in the chapter (section 3.2.4)."""

    backend: ClassVar[str] = "jax"
    framework: ClassVar[str] = "jax"
    learner_class: ClassVar[type[BaseLearner]] = Learner

    def own_loss(self, model: Any, logits: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
        """The user-defined `loss` of `model`, of logits (N, classes) at labels (N,)."""
        module = getattr(model, "module", model)
        return float(module.loss(jnp.asarray(logits, "float32"), jnp.asarray(labels)))


def _initialised(model: Classifier | Network, image_shape: tuple[int, int, int]) -> Network:
    """The network, with its variables; of a user-defined module, by `apply_init` or `init`."""
    if isinstance(model, Network) or model.scope is not None:
        return as_network(model)
    if own_method(model, "apply_init"):
        return Network(model, model.apply_init([_image(image_shape)], jax.random.key(0)))
    if isinstance(model, AnyNet):
        return as_network(model)
    return Network(model, jax.jit(model.init)(jax.random.key(0), _image(image_shape)))


def _classes(network: Network, image_shape: tuple[int, int, int]) -> int:
    module = in_mode(network.module, training=False)
    return jax.eval_shape(module.apply, network.variables, _image(image_shape)).shape[-1]


def _check_traced(network: Network, image_shape: tuple[int, int, int]) -> None:
    """Raise `BackendError` for user-defined layers that need random keys, such as dropout."""
    module = in_mode(network.module, training=True)
    forward = partial(module.apply, mutable=["batch_stats"])
    try:
        jax.eval_shape(forward, network.variables, _image(image_shape))
    except InvalidRngError as error:
        raise BackendError(
            "model: must need no random keys in training, for JAX's steps have none; got layers "
            f"such as dropout in {type(module).__name__}; leave them out, or take another backend"
        ) from error


@jax.jit
def _copied(tree: Any) -> Any:
    return jax.tree.map(jnp.copy, tree)


def _image(image_shape: tuple[int, int, int]) -> Array:
    channels, height, width = image_shape
    return jnp.zeros((1, height, width, channels))
