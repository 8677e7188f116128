"""What a network is: the AnyNet template as frozen, validated data (chapter section 8.8.1)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, asdict, astuple, dataclass, fields, replace
from itertools import islice
from typing import Any, Final, get_args

from common.arch.constants import BN_EPSILON, BN_MOMENTUM
from common.arch.kinds import BlockKind, StemKind
from common.arch.stage import StageSpec, checked_stride
from common.bounds import MAX_BLOCKS, MAX_CHANNELS, MAX_SIDE, MIN_EPSILON, MIN_MOMENTUM
from common.errors import SpecError, shortened, shown
from common.files import check_format
from common.numbers import FieldChecker

FORMAT: Final = 1
"""Version of the JSON object of a spec; objects without one are read as version 1."""

_LATER: Final = {"batch_norm": True, "image_size": None, "stem": "simple"}
"""Fields that were added later, with their defaults."""

Arch = Sequence[Sequence[float | None]]
"""A tuple per stage, as in the chapter; its last elements may be left out.

(depth, channels, group_width, bottleneck_multiplier, stride)
"""


@dataclass(frozen=True)
class AnyNetSpec:
    """A whole network: stem, stages of blocks, head, and batch norm's constants.

    - `stem_channels`, `stem_stride`: of the stem's convolution, or linear layer of an mlp.
    - `stages`: the body.
    - `in_channels`, `num_classes`: of the images and the head.
    - `block`: the kind of all blocks.
    - `conv_bias`: whether the layers before batch norms have biases.
    - `se_ratio`: channels of squeeze-and-excitation over a block's input channels; 0 for none
      (RegNetX), 0.25 in RegNetY.
    - `bn_epsilon`, `bn_momentum`: of batch norm; momentum is the weight of the new batch.
    - `batch_norm`: false for a network without batch norms, such as `fuse` makes.
    - `image_size`: side in pixels of an mlp's images; None for other blocks, which take any size.
    - `stem`: its kind; the simple one for an mlp.

    An mlp has no strides: they are stored as 1. Raises `SpecError`.
    """

    stem_channels: int
    stages: tuple[StageSpec, ...]
    num_classes: int = 10
    in_channels: int = 1
    block: BlockKind = "resnext"
    stem_stride: int = 2
    conv_bias: bool = True
    se_ratio: float = 0.0
    bn_epsilon: float = BN_EPSILON
    bn_momentum: float = BN_MOMENTUM
    batch_norm: bool = True
    image_size: int | None = None
    stem: StemKind = "simple"

    def __post_init__(self) -> None:
        check = FieldChecker(self)
        for name in ("stem_channels", "num_classes", "in_channels"):
            check.integer(name, 1, MAX_CHANNELS)
        check.keep("stem_stride", checked_stride("stem_stride", self.stem_stride))
        check.choice("block", get_args(BlockKind))
        check.choice("stem", get_args(StemKind))
        for name in ("conv_bias", "batch_norm"):
            check.boolean(name)
        check.number("se_ratio", 0, 1, "a number from 0 to 1", lambda ratio: 0 <= ratio <= 1)
        check.number("bn_epsilon", MIN_EPSILON, 1, "a positive number", lambda epsilon: epsilon > 0)
        check.number("bn_momentum", MIN_MOMENTUM, 1, "above 0 and at most 1",
                     lambda momentum: 0 < momentum <= 1)  # fmt: skip
        self._check_stages()
        self._check_image_size()
        if self.block == "mlp":
            object.__setattr__(self, "stem_stride", 1)
            object.__setattr__(self, "stages", tuple(replace(s, stride=1) for s in self.stages))

    def _check_stages(self) -> None:
        if not isinstance(self.stages, Iterable):
            raise SpecError(f"stages must be a sequence; got {shortened(self.stages)}")
        stages = tuple(islice(self.stages, MAX_BLOCKS + 1))
        object.__setattr__(self, "stages", stages)
        if not stages:
            raise SpecError("stages must hold at least one stage; got none")
        blocks = 0
        for number, stage in enumerate(stages, 1):
            if not isinstance(stage, StageSpec):
                raise SpecError(f"stage {number}: must be a StageSpec; got {shortened(stage)}")
            self._check_block_fits(number, stage)
            blocks += stage.depth
            if blocks > MAX_BLOCKS:
                raise SpecError(
                    f"stages must have at most {MAX_BLOCKS:,} blocks in all; got {blocks:,} in "
                    f"the first {number:,}"
                )

    def _check_block_fits(self, number: int, stage: StageSpec) -> None:
        if self.block == "resnext":
            return
        if stage.groups != 1 or stage.bottleneck_multiplier != 1:
            kind = "an mlp" if self.block == "mlp" else f"a {self.block}"
            raise SpecError(
                f"stage {number}: {kind} block has no groups and no bottleneck; "
                f"got group_width {stage.group_width} and bottleneck_multiplier "
                f'{stage.bottleneck_multiplier}; use with_block("{self.block}") to drop them'
            )
        if self.se_ratio:
            raise SpecError(
                f"se_ratio must be 0 for {self.block} blocks; got {self.se_ratio}; "
                "only resnext blocks have squeeze-and-excitation"
            )

    def _check_image_size(self) -> None:
        if self.block == "mlp":
            if self.image_size is None:
                raise SpecError("image_size must be given for mlp blocks; got none")
            FieldChecker(self).integer("image_size", 1, MAX_SIDE)
            if self.stem != "simple":
                raise SpecError(f"stem must be simple for mlp blocks; got {self.stem}")
        elif self.image_size is not None:
            raise SpecError(
                f"image_size must be none for {self.block} blocks; got "
                f"{shortened(self.image_size)}; "
                "only an mlp is made for one size"
            )

    @classmethod
    def from_arch(
        cls,
        arch: Arch,
        stem_channels: int,
        num_classes: int = 10,
        in_channels: int = 1,
        **settings: Any,
    ) -> "AnyNetSpec":
        """Build a spec from the chapter's arch tuples.

        A tuple is `(depth, channels)` and, as far as given, `group_width`,
        `bottleneck_multiplier` and `stride`. `settings` are other fields of the spec by name.
        Raises `SpecError` naming the stage.
        """
        return cls(stem_channels, _stages_from(arch), num_classes, in_channels, **settings)

    @property
    def arch(self) -> tuple[tuple[float | None, ...], ...]:
        """The stages as the chapter's arch tuples, from which `from_arch` makes them again."""
        return tuple(astuple(stage) for stage in self.stages)

    def with_block(self, block: BlockKind, image_size: int | None = None) -> "AnyNetSpec":
        """The same depths and channels with another block kind (chapter exercise 2).

        Other blocks than `resnext` have no groups, bottlenecks or squeeze-and-excitation: these are
        dropped. `image_size` is required for an mlp, which has a simple stem.
        """
        if block == "resnext":
            return replace(self, block=block, image_size=image_size)
        plain = tuple(
            StageSpec(stage.depth, stage.channels, stride=stage.stride) for stage in self.stages
        )
        stem: StemKind = "simple" if block == "mlp" else self.stem
        return replace(self, block=block, stages=plain, se_ratio=0.0, stem=stem,
                       image_size=image_size)  # fmt: skip

    @property
    def stem_kernel(self) -> int:
        """Side of the kernel of the stem's convolution."""
        return 7 if self.stem == "resnet" else 3

    def se_channels(self, block_in_channels: int | None) -> int:
        """Channels of squeeze-and-excitation in a block; 0 if the network has none.

        Raises `SpecError` if it has, but `block_in_channels` is None.
        """
        if not self.se_ratio:
            return 0
        if block_in_channels is None:
            raise SpecError("in_channels: must be given for squeeze-and-excitation; got None")
        return max(1, round(block_in_channels * self.se_ratio))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, from which `from_dict` gives an equal spec.

        Fields of `_LATER` are left out where they have their defaults, as in files that were
        written before these fields existed.
        """
        data = asdict(self)
        data["stages"] = list(data["stages"])
        return {n: v for n, v in data.items() if n not in _LATER or v != _LATER[n]}

    def to_json(self) -> str:
        """A JSON object, from which `from_json` gives an equal spec."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "AnyNetSpec":
        """Read what `to_json` wrote. Raises `SpecError` for anything else."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError(f"spec: must be JSON; got {error}") from error
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: object) -> "AnyNetSpec":
        """Build a spec from the plain data that JSON holds. Raises `SpecError`."""
        if isinstance(data, dict) and "format" in data:
            check_format(data["format"], FORMAT, "spec", SpecError)
            data = {name: value for name, value in data.items() if name != "format"}
        values = _checked_fields(cls, "spec", data)
        stages = values.get("stages")
        if not isinstance(stages, list | tuple):
            raise SpecError(f"spec: stages must be a list; got {shortened(stages)}")
        values["stages"] = tuple(
            _in_stage(number, StageSpec, **_checked_fields(StageSpec, f"stage {number}", stage))
            for number, stage in enumerate(stages[: MAX_BLOCKS + 1], 1)
        )
        return cls(**values)


def resolve_spec(
    arch: Arch | None, stem_channels: int | None, num_classes: int, spec: AnyNetSpec | None
) -> AnyNetSpec:
    """The spec of an `AnyNet` that is made by the chapter's arguments, or by a spec.

    With both, as in a copy of a Flax module, they must agree. An `arch` of `None` leaves the
    number of classes to `spec`, unless `num_classes` is another one than 10, its default. Raises
    `SpecError`.
    """
    if spec is None:
        if arch is None or stem_channels is None:
            raise SpecError(
                "AnyNet: must be given arch and stem_channels, or a spec; got "
                f"arch {shortened(arch)} and stem_channels {shortened(stem_channels)}"
            )
        return AnyNetSpec.from_arch(arch, stem_channels, num_classes)
    if not isinstance(spec, AnyNetSpec):
        raise SpecError(f"spec: must be an AnyNetSpec; got {shown(spec)}")
    given: dict[str, Any] = {}
    if arch is not None:
        given["stages"] = _stages_from(arch)
    if stem_channels is not None:
        given["stem_channels"] = stem_channels
    if arch is not None or num_classes != 10:
        given["num_classes"] = num_classes
    check_agreement(spec, replace(spec, **given))
    return spec


def check_agreement(spec: AnyNetSpec, given: AnyNetSpec) -> None:
    """Raise `SpecError` for a `spec` beside arguments that give another one."""
    if spec == given:
        return
    name = next(f.name for f in fields(spec) if getattr(spec, f.name) != getattr(given, f.name))
    raise SpecError(
        f"{name}: must agree with spec where both are given; got "
        f"{shortened(getattr(given, name))} and {shortened(getattr(spec, name))} of the spec; "
        "change the spec by dataclasses.replace, and give it alone"
    )


def _stages_from(arch: Arch) -> tuple[StageSpec, ...]:
    if not isinstance(arch, Iterable):
        raise SpecError(f"arch must be a sequence of stage tuples; got {shortened(arch)}")
    first = islice(arch, MAX_BLOCKS + 1)
    return tuple(_stage_from_tuple(number, values) for number, values in enumerate(first, 1))


def _stage_from_tuple(number: int, values: Sequence[float | None]) -> StageSpec:
    if not isinstance(values, Sequence) or not 2 <= len(values) <= len(fields(StageSpec)):
        names = ", ".join(field.name for field in fields(StageSpec))
        raise SpecError(
            f"stage {number}: must be a tuple ({names}), two or more; got {shortened(values)}"
        )
    return _in_stage(number, StageSpec, *values)


def _in_stage(number: int, make: type[StageSpec], *values: Any, **named: Any) -> StageSpec:
    try:
        return make(*values, **named)
    except SpecError as error:
        raise SpecError(f"stage {number}: {error}") from error


def _checked_fields(kind: type, where: str, data: object) -> dict[str, Any]:
    """`data` as keyword arguments of the dataclass `kind`, its names checked."""
    if not isinstance(data, dict):
        raise SpecError(f"{where}: must be an object; got {shortened(data)}")
    known = [field.name for field in fields(kind)]
    unknown = [name for name in data if name not in known]
    missing = [f.name for f in fields(kind) if f.default is MISSING and f.name not in data]
    if unknown or missing:
        raise SpecError(
            f"{where}: fields must be among {', '.join(known)}; "
            f"got unknown {shortened(unknown)} and missing {missing}"
        )
    return dict(data)
