"""The compiled training step and prediction in JAX, as pure functions."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from anynet_jax.freezing import frozen_norms, joined_parts, split_parts
from anynet_jax.joined import joined_norms
from anynet_jax.layers import mix_images, prepare_images
from anynet_jax.model import Classifier, in_mode
from common.data import Preprocessing
from common.training import Precision

__all__ = ["Program", "TrainState", "predict", "step_on", "weights_dtype"]


class Program(NamedTuple):
    """What a compiled step depends on besides its arrays."""

    module: Classifier
    preprocessing: Preprocessing
    optimizer: optax.GradientTransformation
    precision: Precision
    ema_decay: float
    frozen: frozenset[str]


class TrainState(NamedTuple):
    """Everything that a step updates."""

    params: Any
    batch_stats: Any
    trace: optax.OptState
    average: Any
    """Averages of the first two fields, `()` without them."""


def weights_dtype(program: Program) -> np.dtype:
    """The dtype of weights and losses; in bfloat16, activations alone are bfloat16."""
    return np.dtype("float64" if program.precision == "float64" else "float32")


def _prepared(program: Program, images: Array, shares: Array | None) -> Array:
    """Pixels, or prepared floats, (N, C, H, W) as the network sees them, mixed by `shares`."""
    x = images.transpose(0, 2, 3, 1)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = prepare_images(x, program.preprocessing, weights_dtype(program))
    return x if shares is None else mix_images(x, shares)


def _forward(
    program: Program, params: Any, batch_stats: Any, x: Array, training: bool
) -> tuple[Array, Any]:
    """Logits of prepared images (N, H, W, C), and the updated running statistics."""
    if program.precision == "bfloat16":
        x, params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), (x, params))
    joined = joined_norms() if training else nullcontext()
    with joined, frozen_norms(program.frozen if training else frozenset()):
        logits, updates = in_mode(program.module, training).apply(
            {"params": params, "batch_stats": batch_stats}, x, mutable=["batch_stats"]
        )
    return logits.astype(weights_dtype(program)), updates.get("batch_stats", {})


@partial(jax.jit, static_argnames="program")
def predict(params: Any, batch_stats: Any, images: Array, program: Program) -> Array:
    """Logits (N, classes) of pixels (N, C, H, W), by the running statistics."""
    x = _prepared(program, images, None)
    return _forward(program, params, batch_stats, x, training=False)[0]


@cache
def step_on(platform: str) -> Callable[..., tuple[TrainState, Array, Array]]:
    """The step, compiled for a platform.

    XLA's CPU backend removes optimization barriers (its pass `cse_barrier_expander`) before fusion,
    which defeats `materialize` and `remat`; without the pass they are kept. So it is in jaxlib
    0.10; the option can go when `test_jax.py`'s tests of a step's memory pass without it.
    """
    keep_barriers = {"xla_disable_hlo_passes": "cse_barrier_expander"}
    options = keep_barriers if platform == "cpu" else None
    return jax.jit(
        _step, static_argnames="program", donate_argnames="state", compiler_options=options
    )


def _step(
    state: TrainState,
    images: Array,
    labels: Array,
    learning_rate: Array,
    shares: Array | None = None,
    *,
    program: Program,
) -> tuple[TrainState, Array, Array]:
    """The state after one step, its mean loss, and its number of correct images."""
    trained, fixed = split_parts(state.params, program.frozen)

    def loss_of(trained: Any) -> tuple[Array, tuple[Array, Any]]:
        params = joined_parts(trained, fixed)
        x = _prepared(program, images, shares)
        logits, batch_stats = _forward(program, params, state.batch_stats, x, training=True)
        return program.module.loss(logits, labels), (logits, batch_stats)

    (loss, (logits, batch_stats)), gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
    moves, trace = program.optimizer.update(gradients, state.trace, trained)
    trained = jax.tree.map(lambda weight, move: weight - learning_rate * move, trained, moves)
    params = joined_parts(trained, fixed)
    new = 1 - program.ema_decay
    average = jax.tree.map(
        lambda average, array: average + new * (array - average),
        state.average,
        (params, batch_stats) if program.ema_decay else (),
    )
    expected = labels if labels.ndim == 1 else labels.argmax(1)
    correct = (logits.argmax(1) == expected).sum()
    changed = split_parts(batch_stats, program.frozen)[0]
    loss += _zero_or_nan(changed or trained)
    return TrainState(params, batch_stats, trace, average), loss, correct


def _zero_or_nan(arrays: Any) -> Array:
    """Zero, or NaN if one of the arrays is not finite."""
    return sum(jnp.sum(0 * leaf) for leaf in jax.tree.leaves(arrays))
