"""Populations: the parameters of many networks as arrays, and their costs, vectorised."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, StageSpec, image_shape
from common.bounds import MAX_CHANNELS, MAX_COUNTED
from common.errors import SpecError
from common.spaces.template import Template

Integers = NDArray[np.int64]
Numbers = NDArray[np.int64] | NDArray[np.float64]

_ROWS = 1 << 14
"""Networks per batch of counting; larger arrays would not fit into a core's cache."""


@dataclass(frozen=True)
class Costs:
    """Complexity of every network as by `common.count`: arrays (n,)."""

    params: Integers
    flops: Integers
    activations: Integers


@dataclass(frozen=True, eq=False)
class Population:
    """Networks as integer arrays (n, stages); an index gives the spec of one.

    `widths` are in channels. `bottleneck_ratios` are the paper's b: int64, or float64 if some are
    below 1, such as 1/2 in blocks whose 3x3 convolution is twice as wide. A network lacks the
    stages whose depth is 0.
    """

    depths: Integers
    widths: Integers
    group_widths: Integers
    bottleneck_ratios: Numbers
    template: Template = field(default_factory=Template)

    def __len__(self) -> int:
        return len(self.depths)

    def __getitem__(self, index: int) -> AnyNetSpec:
        rows = zip(*(array[index].tolist() for array in self._arrays), strict=True)
        grouped = self.template.block == "resnext"
        return self.template.network(
            tuple(
                StageSpec(depth, width, group_width, inverse(ratio))
                if grouped
                else StageSpec(depth, width)
                for depth, width, group_width, ratio in rows
                if depth
            )
        )

    def __iter__(self) -> Iterator[AnyNetSpec]:
        return (self[index] for index in range(len(self)))

    def where(self, chosen: NDArray[np.bool_] | Integers | slice) -> "Population":
        """The networks that a mask (n,), indices or a slice select."""
        return _population([array[chosen] for array in self._arrays], self.template)

    def costs(self, image_size: int) -> Costs:
        """Parameters, multiply-adds and activations of every network.

        `image_size` is the side of the images in pixels. Raises `SpecError` for a size that the
        networks do not take, and for numbers above `MAX_COUNTED`.
        """
        image_size = image_shape(self.template.network((StageSpec(1, 1),)), image_size)[1]
        count = _count_mlps if self.template.block == "mlp" else _count
        pieces = []
        for start in range(0, len(self), _ROWS):
            piece = self.where(slice(start, start + _ROWS))
            _check_counts(piece, image_size, count)
            pieces.append(count(piece, image_size))
        columns = zip(*pieces, strict=True) if pieces else [[np.zeros(0, np.int64)]] * 3
        return Costs(*(np.concatenate(list(column)) for column in columns))

    @property
    def _arrays(self) -> tuple[Integers, Integers, Integers, Numbers]:
        return self.depths, self.widths, self.group_widths, self.bottleneck_ratios

    @staticmethod
    def of(specs: Sequence[AnyNetSpec], template: Template) -> "Population":
        """A population of specs with equal numbers of stages, which `template` describes."""
        rows = [
            [(s.depth, s.channels, s.group_width or s.bottleneck_channels) for s in spec.stages]
            for spec in specs
        ]
        stages = len(rows[0]) if rows else 0
        table = np.array(rows, np.int64).reshape(len(rows), stages, 3)
        ratios = [[inverse(s.bottleneck_multiplier) for s in spec.stages] for spec in specs]
        return _population([*np.moveaxis(table, -1, 0), _ratios(ratios, stages)], template)

    @staticmethod
    def joined(parts: "list[Population]") -> "Population":
        """The concatenation of populations with one template."""
        columns = zip(*(part._arrays for part in parts if len(part)), strict=True)
        arrays = [np.concatenate(column) for column in columns] or list(parts[0]._arrays)
        return _population(arrays, parts[0].template)


def inverse(number: float) -> float:
    """A bottleneck ratio from a multiplier, or back; one of both is an integer."""
    return round(1 / number) if number < 1 else 1 / number


def _ratios(rows: list[list[float]], stages: int) -> Numbers:
    """Bottleneck ratios as an array, of integers if none is below 1."""
    ratios = np.array(rows, np.float64).reshape(len(rows), stages)
    return ratios if (ratios < 1).any() else np.rint(ratios).astype(np.int64)


def fitted(
    depths: Integers,
    widths: Integers,
    bottleneck_ratios: Numbers,
    group_widths: Integers,
    template: Template,
) -> Population:
    """`compatible_stage` for many networks at once: arrays (n, stages)."""
    if bottleneck_ratios.dtype.kind != "i":
        narrower = np.maximum(1, np.rint(bottleneck_ratios)).astype(np.int64)
        wider = np.maximum(1, np.rint(1 / bottleneck_ratios)).astype(np.int64)
        bottlenecks = np.maximum(1, widths * wider // narrower)
        group_widths = np.minimum(group_widths, bottlenecks)
        multiples = np.lcm(group_widths, wider)
        fitting = np.maximum(1, np.rint(bottlenecks / multiples)).astype(np.int64) * multiples
        widths = fitting * narrower // wider
    else:
        bottlenecks = np.maximum(1, widths // cast(Integers, bottleneck_ratios))
        group_widths = np.minimum(group_widths, bottlenecks)
        groups = np.maximum(1, np.rint(bottlenecks / group_widths)).astype(np.int64)
        widths = groups * group_widths * cast(Integers, bottleneck_ratios)
    return Population(depths, widths, group_widths, bottleneck_ratios, template)


def _check_counts(population: Population, image_size: int, count: "_Counter") -> None:
    """Raise `SpecError` if a network's costs do not fit into 64 bits.

    Costs are computed in float64, which does not wrap around. If no network lacks a stage, those
    of one network that is in every stage at least as large as any of them are an upper bound; a
    missing stage would not halve the resolution.
    """
    depths, *others = population._arrays
    sizes, ratios = others[:2], others[2]
    if depths.min(initial=0) < 0 or min(array.min(initial=1) for array in sizes) < 1:
        raise SpecError("population: depths must be at least 0, and all else at least 1")
    if ratios.min(initial=1) < 1 / MAX_CHANNELS:
        raise SpecError("population: bottleneck ratios must be positive")
    if len(depths) and depths.min() > 0:
        *arrays, ratios = population._arrays
        largest = [*(array.max(0, keepdims=True) for array in arrays), ratios.min(0, keepdims=True)]
        one = count(_floats(largest, population.template), image_size)
        if max(float(values[0]) for values in one) < MAX_COUNTED / 2:
            return
    counted = count(_floats(population._arrays, population.template), image_size)
    for name, values in zip(_COUNTED, counted, strict=True):
        # The rounding error of the sum is far below 1e-9.
        if values.max(initial=0) > MAX_COUNTED * (1 - 1e-9):
            raise SpecError(
                f"{name} must be at most {MAX_COUNTED:,}; got {values.max():.4g} in a network of "
                "the population"
            )


def _floats(arrays: Sequence[Numbers], template: Template) -> Population:
    """A population of float64 arrays, to be counted without overflow."""
    return _population([array.astype(np.float64) for array in arrays], template)


def _population(arrays: Sequence[Any], template: Template) -> Population:
    depths, widths, group_widths, bottleneck_ratios = arrays
    return Population(depths, widths, group_widths, bottleneck_ratios, template)


_COUNTED = ("params", "flops", "activations")
_Counter = Callable[[Population, int], tuple[Integers, Integers, Integers]]


class _Sum:
    """A running total of the costs of convolutions and linear layers."""

    def __init__(self, one: Integers, conv_bias: bool) -> None:
        self.params, self.flops, self.activations = (np.zeros_like(one) for _ in range(3))
        self._bias = int(conv_bias)

    def conv(
        self, times: Integers, fan: Integers | int, channels: Integers | int, positions: Integers
    ) -> None:
        """Add `times` convolutions with batch norm, with `fan` weights per output channel."""
        self._add(times, fan + self._bias, channels, positions)
        self.params += times * 2 * channels

    def linear(self, times: Integers | int, fan: Integers, channels: Integers | int) -> None:
        """Add `times` linear layers."""
        self._add(times, fan + 1, channels, 1)

    def _add(
        self,
        times: Integers | int,
        weights: Integers | int,
        channels: Integers | int,
        positions: Integers | int,
    ) -> None:
        outputs = times * channels * positions
        self.params += times * weights * channels
        self.flops += outputs * weights
        self.activations += outputs


def _count(population: Population, image_size: int) -> tuple[Integers, Integers, Integers]:
    """The totals of every network's plan, for networks of convolutions."""
    template, one = population.template, np.ones_like(population.depths, shape=len(population))
    total = _Sum(one, template.conv_bias)
    side = _strided(one * image_size, template.stem_stride)
    channels = one * template.stem_channels
    kernel = template.network((StageSpec(1, 1),)).stem_kernel
    total.conv(one, kernel**2 * template.in_channels, template.stem_channels, side**2)
    if template.stem == "resnet":
        side = _strided(side, 2)
        total.activations += channels * side**2
    whole = population.bottleneck_ratios.dtype.kind == "i"
    for depths, widths, group_widths, ratios in zip(
        *(array.T for array in population._arrays), strict=True
    ):
        there = np.minimum(depths, 1)
        new_side = _strided(side, 2)
        old, new = side**2, new_side**2
        middle = widths // ratios if whole else np.rint(widths / ratios).astype(widths.dtype)
        if template.block == "resnext":
            for times, entry, before in ((there, channels, old), (depths - there, widths, new)):
                total.conv(times, entry, middle, before)
                total.conv(times, 9 * group_widths, middle, new)
                if template.se_ratio:
                    squeezed = np.maximum(1, np.rint(entry * template.se_ratio)).astype(np.int64)
                    total.linear(times, middle, squeezed)
                    total.linear(times, squeezed, middle)
                total.conv(times, middle, widths, new)
        else:
            total.conv(there, 9 * channels, widths, new)
            convolutions = 1 if template.block in ("v", "vr") else 2
            total.conv(convolutions * depths - there, 9 * widths, widths, new)
        if template.block not in ("vanilla", "v"):
            total.conv(there, channels, widths, new)
        side = np.where(there, new_side, side)
        channels = np.where(there, widths, channels)
    total.linear(1, channels, template.num_classes)
    return total.params, total.flops, total.activations


def _count_mlps(population: Population, image_size: int) -> tuple[Integers, Integers, Integers]:
    """The totals of every MLP's plan: a linear layer counts as a convolution of one pixel."""
    template, one = population.template, np.ones_like(population.depths, shape=len(population))
    total = _Sum(one, template.conv_bias)
    channels = one * template.stem_channels
    total.conv(one, template.in_channels * image_size**2, channels, one)
    for depths, widths in zip(population.depths.T, population.widths.T, strict=True):
        there = np.minimum(depths, 1)
        total.conv(there, channels, widths, one)
        total.conv(depths - there, widths, widths, one)
        channels = np.where(there, widths, channels)
    total.linear(1, channels, template.num_classes)
    return total.params, total.flops, total.activations


def _strided(side: Integers, stride: int) -> Integers:
    return (side - 1) // stride + 1
