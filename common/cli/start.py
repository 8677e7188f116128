"""The network that `anynet train --weights` starts from."""

from typing import NamedTuple

import click

from common.arch import AnyNetSpec
from common.cli.checkpoints import choose_image_size, find_checkpoint, prepared_as, sized
from common.data import DataInfo, ImageDescription
from common.training import TrainConfig
from common.training.checks import check_images
from common.weights.foreign import starting_weights
from common.weights.hub import is_remote


class Start(NamedTuple):
    """The network in --weights with a head for the data, and how it saw its images."""

    spec: AnyNetSpec
    weights: str
    before: TrainConfig | None
    images: ImageDescription | None

    @classmethod
    def find(cls, text: str, data: DataInfo, seed: int) -> "Start":
        """What --weights names. Raises `ConfigError` unless it takes images such as the data's."""
        found = None if is_remote(text) else find_checkpoint(text)
        path = found.path if found else text
        start = starting_weights(path, len(data.classes), seed, data.classes)
        remedy = "take weights of a network for such images, or read them with --channels"
        check_images(start.spec, data.channels, len(data.classes), remedy)
        click.echo(f"{text}: {start.origin}", err=True)
        if start.images is not None:
            click.echo(f"{text}: {prepared_as(start.images)}", err=True)
        return cls(
            start.spec,
            str(found.path.absolute()) if found else text,
            found.config if found else None,
            start.images and start.images.images,
        )

    def image_size(
        self, given: int | tuple[int, int] | None, usual: tuple[int, int]
    ) -> tuple[int, int]:
        """The size given, or that of the network, or that of the data. Says when it is new."""
        usual = self.images.preprocessing.size if self.images else usual
        size = choose_image_size(self.spec, given, self.before, usual)
        if self.before is not None:
            click.echo(f"{self.weights}: images of {sized(size)} pixels, trained before on "
                       f"{sized(self.before.resize)}", err=True)  # fmt: skip
        return size
