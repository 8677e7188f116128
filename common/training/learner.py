"""The interface between the training loop and a framework."""

import math
from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, Protocol, SupportsFloat, get_args

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.arch import image_shape as shape_of_images
from common.chapter import MODEL_HOOKS, OPTIMIZER, check_signature, refuse_overrides
from common.data import Preprocessing
from common.errors import BackendError, ConfigError, shortened
from common.numbers import checked_choice, checked_integer, checked_number
from common.training.config import Device, Precision
from common.training.inputs import check_own_loss
from common.training.recipe import CHAPTER_RECIPE, Recipe, check_recipe

_LARGEST = 1 << 20
"""Upper bound of channels, height and width."""


class Learner(Protocol):
    """One network being trained, on one device or several.

    Images are pixels (N, C, H, W) of any size, integers from 0 to 255, which the step resizes and
    normalises on the device; or floats (N, C, H, W) of the network's input size, which are prepared
    already and taken as they are. uint8 and int32 arrays are not converted. The constructor raises
    `BackendError` for a device or precision that is not available, and `ConfigError` or `SpecError`
    for images that the network does not accept. Methods raise `DataError` for other arrays.

    - `model`: the network, which the learner moves to the device and trains in place.
    - `preprocessing`: how pixels become the network's input; (channels, height, width) stands for
      resizing them to that shape and scaling them to [0, 1].
    - `recipe`: optimizer settings; the learning rate is given for each step.
    - `device`, `precision`: where and in what to compute.
    - `freeze`: parts of the network that do not change, such as `stem` and `stage1`.
    - `devices`: how many devices share each batch, which is divided into equal parts; statistics of
      batch norms and gradients are over the whole batch.

    Two more members may be there, as in PyTorch and JAX. `begin_eval` begins an `eval_step` and
    returns a function that waits for its logits. `data_room` is how many bytes of images the
    learner keeps on its device: of data that fit, it is given `common.data.rows.Rows`.
    """

    def __init__(
        self,
        model: Any,
        preprocessing: Preprocessing | tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float32",
        freeze: Sequence[str] = (),
        devices: int = 1,
    ) -> None: ...

    @property
    def network(self) -> Any:
        """The network with its current weights; use `load_state` to change them."""

    def train_step(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        learning_rate: float,
        shares: NDArray[Any] | None = None,
    ) -> tuple[SupportsFloat, SupportsFloat]:
        """Update the weights by one step; return mean loss and number of correct images.

        - `labels`: integers (N,) below the number of classes, or target probabilities (N, classes),
          whose largest one is the label of a correct image.
        - `shares`: for mixup, the share (N,) of each image that is its own; the rest is its
          partner's, as `common.data.mixup` says. Targets are mixed alike.

        Both may still be computed when this returns: `float()` waits for them. The loss is NaN if a
        running statistic (in a network without batch norms, a weight) is not finite after the step:
        the logits alone do not show it, as the fastest ReLU of some frameworks maps NaN to 0.
        """

    def eval_step(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Logits (N, classes) in inference mode, with running statistics; N may be 0.

        They are those of the averaged network if the recipe has an `ema_decay`.
        """

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all weights and statistics, and of what a step updates besides them.

        These are momentum buffers `*.momentum`; AdamW's `*.moment1`, `*.moment2` and
        `optimizer_steps`; and averages `*.average`.
        """

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Restore what `state` returned.

        The optimizer starts anew if its arrays are missing, and averages start as the weights.
        Raises one `WeightsError` that lists all mismatches; the learner is then unchanged.
        """


def check_model(model: object) -> None:
    """Raise `BackendError` unless `model` is a network that can be trained.

    It must have a learning rate `lr`. It must not override methods of d2l that training does not
    call, nor `forward` and `loss` with other arguments than training passes.
    """
    if not isinstance(getattr(model, "lr", None), Real):
        raise BackendError(
            "model: must be a network with a learning rate `lr`, such as RegNetX32(lr=0.05); "
            f"got {type(model).__name__}"
        )
    module = getattr(model, "module", model)
    refuse_overrides(module, MODEL_HOOKS)
    for forward in ("forward", "call", "__call__"):
        check_signature(module, forward, "images")
    check_signature(module, "loss", "logits", "labels")


def own_optimizer(model: Any, recipe: Recipe) -> Any:
    """The result of a user's `configure_optimizers` method of `model`.

    Raises `ConfigError` if a recipe is given, too, as all but its label smoothing would be ignored.
    """
    if replace(recipe, label_smoothing=0.0) != CHAPTER_RECIPE:
        raise ConfigError(
            f"recipe: must be left out for a model with its own {OPTIMIZER}; got {recipe}; give "
            "that method the momentum, the weight decay and what else it needs"
        )
    return model.configure_optimizers()


def refuse_optimizer(model: object, framework: str) -> None:
    """Raise `BackendError` if a user overrode `configure_optimizers` of `model`."""
    remedy = "give Trainer a recipe, or train in PyTorch or JAX"
    refuse_overrides(model, {OPTIMIZER: f"{framework} uses the recipe's optimizer here; {remedy}"})


def check_settings(
    model: object, preprocessing: object, recipe: object, device: object, precision: object
) -> Preprocessing:
    """Check the arguments of a learner's constructor, and return how it prepares images.

    Raises `BackendError` if `model` is not a network, `SpecError` for an image size that the
    network does not accept, and `ConfigError` for any other argument.
    """
    check_model(model)
    checked_choice("device:", device, get_args(Device), ConfigError)
    checked_choice("precision:", precision, get_args(Precision), ConfigError)
    check_own_loss(model, check_recipe(recipe).label_smoothing)
    seen = as_preprocessing(preprocessing)
    spec = getattr(model, "spec", None)
    if isinstance(spec, AnyNetSpec):
        shape_of_images(spec, seen.size)
        if seen.channels != spec.in_channels:
            raise ConfigError(
                f"preprocessing: must have the {spec.in_channels} channels that the network takes; "
                f"got {seen.channels}"
            )
    return seen


def as_preprocessing(value: object) -> Preprocessing:
    """`value`, or resizing to (channels, height, width) and scaling to [0, 1]."""
    if isinstance(value, Preprocessing):
        return value
    if not isinstance(value, tuple | list) or len(value) != 3:
        raise ConfigError(
            "preprocessing: must be a Preprocessing or (channels, height, width); got "
            f"{shortened(value)}"
        )
    channels, height, width = (
        checked_integer(f"preprocessing: {name}", number, 1, _LARGEST, ConfigError)
        for name, number in zip(("channels", "height", "width"), value, strict=True)
    )
    return Preprocessing(channels, (height, width))


def check_rate(learning_rate: SupportsFloat) -> float:
    """A step's learning rate as a float. Raises `ConfigError` unless it is finite."""
    return checked_number("learning_rate:", learning_rate, -math.inf, math.inf, error=ConfigError)
