"""MLPs whose widths fall from the image to the classes, along the line of a RegNet backwards."""

from dataclasses import dataclass

from common.arch.regnet import RegNetSpec
from common.arch.spec import AnyNetSpec
from common.arch.stage import StageSpec


@dataclass(frozen=True)
class MLPSpec:
    """An MLP by a RegNet's parameters: `depth` blocks on the line w_0 + w_a j, the last at j = 0.

    - `w_0`: width of the last block in units, a multiple of 8;
    - `w_a`: slope in units per block, towards the image;
    - `w_m`: ratio of the widths of successive stages;
    - `stem_channels`: width of the first layer, which reads the pixels.

    Raises `SpecError`.
    """

    depth: int
    w_0: int
    w_a: float
    w_m: float
    stem_channels: int = 256

    def __post_init__(self) -> None:
        line = self._line
        for name in ("depth", "w_0", "w_a", "w_m", "stem_channels"):
            object.__setattr__(self, name, getattr(line, name))

    @property
    def _line(self) -> RegNetSpec:
        return RegNetSpec(
            self.depth, self.w_0, self.w_a, self.w_m, 1, stem_channels=self.stem_channels
        )

    @property
    def stages(self) -> tuple[StageSpec, ...]:
        """A stage for each quantised width, the widest first."""
        return tuple(
            StageSpec(stage.depth, stage.channels, stride=1)
            for stage in reversed(self._line.stages)
        )

    def network(
        self, image_size: int = 28, num_classes: int = 10, in_channels: int = 1
    ) -> AnyNetSpec:
        """The whole network, by default for Fashion-MNIST; no biases before batch norms."""
        return AnyNetSpec(
            self.stem_channels,
            self.stages,
            num_classes,
            in_channels,
            "mlp",
            conv_bias=False,
            image_size=image_size,
        )
