"""One training step in JAX, and the chapter's `Trainer`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.errors import InvalidRngError
from jax import Array
from numpy.typing import NDArray

from anynet_jax.capabilities import SUPPORTS_BFLOAT16, SUPPORTS_TF32
from anynet_jax.devices import find_device
from anynet_jax.layers import products, resize_images
from anynet_jax.model import AnyNet, Classifier, Network, in_mode
from anynet_jax.optimizer import load_own, make_optimizer, own_arrays, recipe_arrays
from anynet_jax.weights import as_network, described_tree, put_weights, to_canonical
from common.arrays import as_batch, as_pixels, never_empty
from common.chapter import own_builders, own_method
from common.errors import BackendError
from common.memory import give_back_freed_memory
from common.training import (
    CHAPTER_RECIPE,
    Device,
    Precision,
    Recipe,
    check_precision,
    check_rate,
    check_settings,
)
from common.training import Learner as BaseLearner
from common.training import Trainer as BaseTrainer
from common.weights import classes_of, fit_state, no_network, split_state

__all__ = ["Learner", "Trainer"]


class Program(NamedTuple):
    """What a compiled step depends on besides its arrays."""

    module: Classifier
    size: tuple[int, int]
    optimizer: optax.GradientTransformation
    precision: Precision


class TrainState(NamedTuple):
    """Everything that a step changes."""

    params: Any
    batch_stats: Any
    trace: optax.OptState


class Learner:
    """One network being trained on one device.

    `image_shape` is (channels, height, width) as the network sees images. Images are pixels
    (N, C, H, W) from 0 to 255, uint8 or other integers. Raises `BackendError` when the device is
    not there, `ConfigError` or `SpecError` for an `image_shape` that the network does not take.
    """

    def __init__(
        self,
        model: Classifier | Network,
        image_shape: tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float32",
    ) -> None:
        if not isinstance(model, Network | Classifier):
            raise no_network(model, "anynet_jax")
        check_settings(model, image_shape, recipe, device, precision)
        self._device = find_device(device)
        on_gpu = self._device.platform != "cpu"
        check_precision(precision, on_gpu, bfloat16=SUPPORTS_BFLOAT16, tf32=SUPPORTS_TF32)
        network = _initialised(model, image_shape)
        self._channels, size = image_shape[0], (image_shape[1], image_shape[2])
        self._classes = classes_of(network) or _classes(network, image_shape)
        if own_builders(network) or classes_of(network) is None:
            _check_traced(network, image_shape)
        self._optimizer, self._is_own = make_optimizer(network.module, recipe)
        self._program = Program(network.module, size, self._optimizer, precision)
        self._compiled: set[str] = set()
        with self._precisely():
            variables = self._placed(network.variables)
            params, batch_stats = variables["params"], variables.get("batch_stats", {})
            self._state = self._committed(params, batch_stats, self._optimizer.init(params))

    @property
    def network(self) -> Network:
        """The network with its newest weights."""
        with self._precisely():
            params, batch_stats = jax.tree.map(jnp.copy, self._state[:2])
        return Network(self._program.module, {"params": params, "batch_stats": batch_stats})

    def train_step(
        self, images: NDArray[np.uint8], labels: NDArray[np.int32], learning_rate: float
    ) -> tuple[Array, Array]:
        """Move the weights by one step; the mean loss and the number of correct images.

        There is one label below the number of classes for each image. The loss is
        NaN when a running statistic is not finite afterwards, or a weight of a network without.
        Raises `DataError`.
        """
        images, labels = as_batch(images, labels, self._channels, self._classes)
        if self._device.platform == "cpu":
            # JAX would go on reading the caller's memory, which may change before the step runs.
            images, labels = images.copy(), labels.copy()
        with self._precisely():
            batch = jax.device_put((images, labels), self._device)
            rate = 1.0 if self._is_own else check_rate(learning_rate)
            rate = _dtype(self._program).type(rate)
            step = _step_on(self._device.platform)
            self._state, loss, correct = step(self._state, *batch, rate, program=self._program)
        self._tidy("step", loss)
        return loss, correct

    def eval_step(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes) with the running statistics; N may be 0. Raises `DataError`."""
        images = as_pixels(images, self._channels)
        params, batch_stats, _ = self._state
        with self._precisely():
            batch = jax.device_put(never_empty(images), self._device)
            logits = _predict(params, batch_stats, batch, program=self._program)
        self._tidy("prediction", logits)
        return np.array(logits)[: len(images)]

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all weights and statistics; momentum buffers end in `.momentum`."""
        state = to_canonical(self._state.params) | to_canonical(self._state.batch_stats)
        arrays_of = own_arrays if self._is_own else recipe_arrays
        return state | arrays_of(self._state.trace)

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` returned, or weights alone, for which momentum starts at zero.

        Raises one `WeightsError` that lists all differences, and leaves the learner as it was.
        """
        params, batch_stats, _ = self._state
        found = described_tree({"params": params, "batch_stats": batch_stats})
        rest, own = split_state(arrays) if self._is_own else (arrays, {})
        weights, buffers = fit_state(found, list(described_tree({"params": params})), rest)
        with self._precisely():
            variables = self._placed(_like(params, batch_stats, weights))
            trace = self._optimizer.init(variables["params"])
            if own:
                trace = load_own(trace, own)
            elif buffers and isinstance(trace[1], optax.TraceState):
                moved = self._placed(_like(params, {}, buffers)["params"])
                trace = (trace[0], optax.TraceState(moved))
            self._state = self._committed(variables["params"], variables["batch_stats"], trace)

    def _placed(self, tree: Any) -> Any:
        """A copy on the device in the weights' precision, for a step reuses its state's memory."""
        dtype = _dtype(self._program)
        return jax.tree.map(lambda leaf: jnp.array(leaf, dtype, device=self._device), tree)

    def _committed(self, *state: Any) -> TrainState:
        """A state bound to the device, as a step returns it: another one is compiled for anew."""
        return TrainState(*jax.device_put(state, self._device))

    def _tidy(self, what: str, result: Array) -> None:
        """Give back what compiling took, after the first of its kind."""
        if what not in self._compiled:
            result.block_until_ready()
            give_back_freed_memory()
            self._compiled.add(what)

    @contextmanager
    def _precisely(self) -> Iterator[None]:
        """JAX on this learner's device, with or without float64, as its precision asks."""
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
        """The `loss` that a user gave `model`, of logits (N, classes) at labels (N,)."""
        module = getattr(model, "module", model)
        return float(module.loss(jnp.asarray(logits, "float32"), jnp.asarray(labels)))


def _initialised(model: Classifier | Network, image_shape: tuple[int, int, int]) -> Network:
    """The network; by `apply_init`, Flax's own initialisers, for a module written by hand."""
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
    """Raise `BackendError` for a user's layers that need random keys in training, as dropout."""
    module = in_mode(network.module, training=True)
    forward = partial(module.apply, mutable=["batch_stats"])
    try:
        jax.eval_shape(forward, network.variables, _image(image_shape))
    except InvalidRngError as error:
        raise BackendError(
            "model: must need no random keys in training, for JAX's steps have none; got layers "
            f"such as dropout in {type(module).__name__}; leave them out, or take another backend"
        ) from error


def _image(image_shape: tuple[int, int, int]) -> Array:
    channels, height, width = image_shape
    return jnp.zeros((1, height, width, channels))


def _like(params: Any, batch_stats: Any, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Canonical arrays as variables of the same structure."""
    network = Network(Classifier(), {"params": params, "batch_stats": batch_stats})
    put_weights(network, arrays)
    return {"params": {}, "batch_stats": {}} | network.variables


def _dtype(program: Program) -> np.dtype:
    """The precision of weights and losses; bfloat16 is for what lies between."""
    return np.dtype("float64" if program.precision == "float64" else "float32")


def _forward(
    program: Program, params: Any, batch_stats: Any, images: Array, training: bool
) -> tuple[Array, Any]:
    """Logits of uint8 NCHW images and the new statistics; weights stay float32 throughout."""
    x = resize_images(images.transpose(0, 2, 3, 1), program.size, _dtype(program))
    if program.precision == "bfloat16":
        x, params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (x, params))
    logits, updates = in_mode(program.module, training).apply(
        {"params": params, "batch_stats": batch_stats}, x, mutable=["batch_stats"]
    )
    return logits.astype(_dtype(program)), updates.get("batch_stats", {})


@partial(jax.jit, static_argnames="program")
def _predict(params: Any, batch_stats: Any, images: Array, program: Program) -> Array:
    return _forward(program, params, batch_stats, images, training=False)[0]


@cache
def _step_on(platform: str) -> Callable[..., tuple[TrainState, Array, Array]]:
    """The step, compiled for a platform.

    XLA's CPU backend takes barriers out before it chooses what to compute together, so that
    nothing would be `materialize`, and all would be kept that is to be `remat`.
    """
    barriers = {"xla_disable_hlo_passes": "cse_barrier_expander"} if platform == "cpu" else None
    return jax.jit(
        _step, static_argnames="program", donate_argnames="state", compiler_options=barriers
    )


def _step(
    state: TrainState, images: Array, labels: Array, learning_rate: Array, program: Program
) -> tuple[TrainState, Array, Array]:
    def loss_of(params: Any) -> tuple[Array, tuple[Array, Any]]:
        logits, batch_stats = _forward(program, params, state.batch_stats, images, training=True)
        return program.module.loss(logits, labels), (logits, batch_stats)

    (loss, (logits, batch_stats)), gradients = jax.value_and_grad(loss_of, has_aux=True)(
        state.params
    )
    moves, trace = program.optimizer.update(gradients, state.trace, state.params)
    params = jax.tree.map(lambda weight, move: weight - learning_rate * move, state.params, moves)
    correct = (logits.argmax(1) == labels).sum()
    loss += _zero_or_nan(batch_stats or params)
    return TrainState(params, batch_stats, trace), loss, correct


def _zero_or_nan(arrays: Any) -> Array:
    """Zero, or NaN when one of the arrays is not finite."""
    return sum(jnp.sum(0 * leaf) for leaf in jax.tree.leaves(arrays))
