"""What the networks of a population have in common."""

from dataclasses import dataclass, fields

from common.arch import AnyNetSpec, BlockKind, StageSpec, StemKind


@dataclass(frozen=True)
class Template:
    """What the networks of a population have in common: all fields of a spec but `stages`.

    Raises `SpecError`.
    """

    stem_channels: int = 32
    stem_stride: int = 2
    num_classes: int = 10
    in_channels: int = 1
    block: BlockKind = "resnext"
    conv_bias: bool = False
    se_ratio: float = 0.0
    image_size: int | None = None
    stem: StemKind = "simple"

    def __post_init__(self) -> None:
        checked = self.network((StageSpec(1, 1),))
        # The spec of an mlp has stem stride 1; the template keeps what was given.
        for item in fields(self):
            kept = self if item.name == "stem_stride" else checked
            object.__setattr__(self, item.name, getattr(kept, item.name))

    def network(self, stages: tuple[StageSpec, ...]) -> AnyNetSpec:
        """The network with these stages. Raises `SpecError`."""
        return AnyNetSpec(
            self.stem_channels,
            stages,
            self.num_classes,
            self.in_channels,
            self.block,
            self.stem_stride,
            self.conv_bias,
            self.se_ratio,
            image_size=self.image_size,
            stem=self.stem,
        )

    def describes(self, spec: AnyNetSpec) -> bool:
        """Whether `spec` differs from this template in its stages alone."""
        return spec.block == self.block and spec == self.network(spec.stages)
