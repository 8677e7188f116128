"""What the training loop asks of a framework."""

import math
from numbers import Real
from typing import Any, Protocol, SupportsFloat, get_args

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec
from common.arch import image_shape as shape_of_images
from common.chapter import MODEL_HOOKS, OPTIMIZER, check_signature, refuse_overrides
from common.errors import BackendError, ConfigError, shortened
from common.numbers import checked_choice, checked_integer, checked_number
from common.training.config import Device, Precision
from common.training.recipe import CHAPTER_RECIPE, Recipe, check_recipe

_LARGEST = 1 << 20
"""Channels, or pixels of a side, that no image has more of."""


class Learner(Protocol):
    """One network being trained on one device.

    Images are pixels (N, C, H, W), integers from 0 to 255 of any size, and labels (N,) integers
    below the number of classes; uint8 and int32 arrays are taken as they are. Scaling and resizing
    happen on the device, inside the step. `image_shape` is (channels, height, width) as the network
    sees images. Raises `BackendError` for a device or precision that is not there, `ConfigError`
    or `SpecError` for an `image_shape` that the network does not take; methods raise `DataError`
    for other arrays.
    """

    def __init__(
        self,
        model: Any,
        image_shape: tuple[int, int, int],
        recipe: Recipe = CHAPTER_RECIPE,
        device: Device = "auto",
        precision: Precision = "float32",
    ) -> None: ...

    @property
    def network(self) -> Any:
        """The network with its newest weights, to be read; `load_state` changes them."""

    def train_step(
        self, images: NDArray[np.uint8], labels: NDArray[np.int32], learning_rate: float
    ) -> tuple[SupportsFloat, SupportsFloat]:
        """Move the weights by one step; the mean loss and the number of correct images.

        The loss is NaN when a running statistic is not finite afterwards, or a weight of a network
        without: some frameworks' fastest ReLUs make 0 of NaN.
        Both may still be on their way: `float()` waits for them.
        """

    def eval_step(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes) with the running statistics; N may be 0."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of all weights and statistics; momentum buffers end in `.momentum`."""

    def load_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back what `state` returned, or weights alone, for which momentum starts at zero.

        Raises one `WeightsError` that lists all differences, and leaves the learner as it was.
        """


def check_model(model: object) -> None:
    """Raise `BackendError` unless `model` says how fast it learns, as every network does.

    Nor may it override what training does not call, or with other arguments than it is given.
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
    """What the `configure_optimizers` that a user gave `model` returns.

    Raises `ConfigError` for a recipe beside it, which would be ignored.
    """
    if recipe != CHAPTER_RECIPE:
        raise ConfigError(
            f"recipe: must be left out for a model with its own {OPTIMIZER}; got {recipe}; give "
            "that method the momentum and the weight decay"
        )
    return model.configure_optimizers()


def refuse_optimizer(model: object, framework: str) -> None:
    """Raise `BackendError` when a user gave `model` a `configure_optimizers`."""
    remedy = "give Trainer a recipe, or train in PyTorch or JAX"
    refuse_overrides(model, {OPTIMIZER: f"{framework} moves weights by the recipe here; {remedy}"})


def check_settings(
    model: object, image_shape: object, recipe: object, device: object, precision: object
) -> None:
    """Refuse what no learner of `model` can be made with.

    Raises `BackendError` for what is no network, `ConfigError` for the other settings, and
    `SpecError` for images of a size that the network does not take.
    """
    check_model(model)
    checked_choice("device:", device, get_args(Device), ConfigError)
    checked_choice("precision:", precision, get_args(Precision), ConfigError)
    check_recipe(recipe)
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 3:
        raise ConfigError(
            f"image_shape: must be (channels, height, width); got {shortened(image_shape)}"
        )
    channels, height, width = image_shape
    for name, value in (("channels", channels), ("height", height), ("width", width)):
        checked_integer(f"image_shape: {name}", value, 1, _LARGEST, ConfigError)
    spec = getattr(model, "spec", None)
    if not isinstance(spec, AnyNetSpec):
        return
    shape_of_images(spec, (height, width))
    if channels != spec.in_channels:
        raise ConfigError(
            f"image_shape: must have the {spec.in_channels} channels that the network takes; "
            f"got {channels}"
        )


def check_rate(learning_rate: SupportsFloat) -> float:
    """The learning rate of a step. Raises `ConfigError` unless it is a finite number."""
    return checked_number("learning_rate:", learning_rate, -math.inf, math.inf, error=ConfigError)
