"""MLPs: widths that fall from the image to the classes, along a RegNet's line read backwards."""

from dataclasses import dataclass

from common.arch.regnet import RegNetSpec
from common.arch.spec import AnyNetSpec
from common.arch.stage import StageSpec


@dataclass(frozen=True)
class MLPSpec:
    """An MLP by a RegNet's parameters: `depth` blocks on the line w_0 + w_a j, the last at j = 0.

    `w_0` is the width of the last block in units, `w_a` what widths grow by from block to block
    towards the image, and `w_m` the ratio of the widths of successive stages. `stem_channels` is
    the width of the layer that reads the pixels. Raises `SpecError`.
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
        """Blocks of one quantised width are a stage, the widest first."""
        return tuple(
            StageSpec(stage.depth, stage.channels, stride=1)
            for stage in reversed(self._line.stages)
        )

    def network(
        self, image_size: int = 28, num_classes: int = 10, in_channels: int = 1
    ) -> AnyNetSpec:
        """The whole network, for Fashion-MNIST unless told, without biases before batch norms."""
        return AnyNetSpec(
            self.stem_channels,
            self.stages,
            num_classes,
            in_channels,
            "mlp",
            conv_bias=False,
            image_size=image_size,
        )
