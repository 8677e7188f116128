"""What recipes by name set besides the `Recipe`: augmentation, epochs, rate, initial weights."""

from dataclasses import dataclass
from typing import Final

from common.weights import Init

RATE_BATCH: Final = 128
"""Batch size for which the rates of recipes are stated."""


@dataclass(frozen=True)
class RecipeDefaults:
    """Defaults that a recipe by name brings to `anynet train`; options that are given come first.

    - `augmentation`: of training images, by its name.
    - `epochs`: number of epochs.
    - `learning_rate`: for a batch of `RATE_BATCH` images.
    - `linear`: whether the rate grows in proportion to the batch size (Goyal et al., 2017).
    - `init`: how initial weights are drawn.
    """

    augmentation: str
    epochs: int
    learning_rate: float
    linear: bool = True
    init: Init = "xavier"

    def rate_at(self, batch_size: int) -> float:
        """The learning rate for batches of a size."""
        return self.learning_rate * (batch_size / RATE_BATCH if self.linear else 1)


RECIPE_DEFAULTS: Final = {
    "imagenet": RecipeDefaults("imagenet", epochs=100, learning_rate=0.1, init="he"),
    "cifar": RecipeDefaults("cifar", epochs=200, learning_rate=0.1, init="he"),
    "finetune": RecipeDefaults("crop", epochs=10, learning_rate=0.01, linear=False),
}
"""Those of the recipes that bring some, by name.

- `imagenet`: pycls' training of the RegNets (configs/dds_baselines; RegNet paper, section 5 and
  appendix D): 100 epochs, rate 0.8 for 1024 images.
- `cifar`: pycls' training of ResNet-56 (configs/archive/cifar): 200 epochs, rate 0.1 for 128
  images, which are varied as by He et al. (2016).
- `finetune`: random resized crops and flips as Kornblith et al. (2019) fine-tune with; a rate
  within the range that they search.
"""
