"""`anynet spaces`: the predefined design spaces, and networks sampled from one."""

import json
from collections.abc import Sequence
from typing import Any, Final

import click
import numpy as np

from common.cli import completion
from common.cli.checkpoints import choose_image_size
from common.cli.options import image_size_option
from common.cli.tables import print_table
from common.cli.types import SEED, Integer
from common.spaces import (
    SPACES,
    Costs,
    DesignSpace,
    Limits,
    MLPSpace,
    Population,
    RegNetSpace,
    Rule,
    Space,
    find_space,
    space_to_dict,
)

_COSTS = ("params", "flops", "activations")
_MAX_SHOWN = 10_000
_SUMMED = 1000
"""Networks from which a space's summary is computed."""

_QUANTILES = {"min": 0.0, "5 %": 0.05, "median": 0.5, "95 %": 0.95, "max": 1.0}
_NEVER: Final[dict[Rule, str]] = {"increasing": "decrease", "decreasing": "increase"}
_FREE = "none: all parameters are free in every stage"
_PARAMETERS = ("depths", "widths", "bottleneck_ratios", "group_widths")


@click.command()
@click.argument("space", metavar="[NAME|FILE]", required=False, shell_complete=completion.spaces)
@click.option(
    "--n", default=5, show_default=True, type=Integer(1, _MAX_SHOWN), help="Networks to show."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Draws the networks.")
@image_size_option()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def spaces(
    context: click.Context, space: str | None, n: int, seed: int, image_size: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """List the predefined design spaces, or show networks of one.

    SPACE is a name in any case, or a .yaml, .yml or .json file that describes a space
    (see docs/spaces.md). The networks are those of its `sample` for the same seed; the summary
    is computed from the first thousand. FLOPs are multiply-adds.

    \b
    anynet spaces
    anynet spaces AnyNetXE-small --n 10 --image-size 28
    """
    if space is None:
        given = [name for name in ("n", "seed", "image_size") if _is_given(context, name)]
        if given:
            raise click.UsageError(f"{', '.join(given)}: needs a space; add a name or a file")
        _list(as_json)
        return
    found = find_space(space)
    population = found.sample(max(n, _SUMMED), seed)
    image_size = image_size or _image_size(found, population)
    costs = population.costs(image_size)
    if as_json:
        networks = [
            {"spec": population[index].to_dict(), **_row(costs, index)} for index in range(n)
        ]
        summary = {name: dict(zip(_QUANTILES, values, strict=True))
                   for name, values in _summary(population, costs)}  # fmt: skip
        shown = {**_described(found), "image_size": image_size, "networks": networks,
                 "summary": summary}  # fmt: skip
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(f"{found.name}: {_stages(found)}, {found.size():,} candidates; {_constraint(found)}")
    _print_networks(found, population, costs, n, seed, image_size)
    head = (f"of {len(population):,} networks", *_QUANTILES)
    print_table("", head, [(name, *values) for name, values in _summary(population, costs)])


def _is_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _list(as_json: bool) -> None:
    described = [_described(space) for space in SPACES.values()]
    if as_json:
        click.echo(json.dumps(described, indent=2))
        return
    head = ("name", "stages", "candidates", "constraint")
    print_table("", head, [[space[name] for name in head] for space in described])


def _described(space: DesignSpace) -> dict[str, Any]:
    return {
        "name": space.name,
        "stages": space.stages,
        "candidates": space.size(),
        "constraint": _constraint(space),
        "space": space_to_dict(space),
    }


def _constraint(space: DesignSpace) -> str:
    """The constraints of a space and its distributions, in words."""
    rules = _rules(space) if isinstance(space, Space) else _line(space)
    template = space.template
    if template.block != "resnext":
        rules.append(f"{template.block} blocks")
    if template.se_ratio:
        rules.append("squeeze-and-excitation")
    rules += [
        f"{name} from {limit[0]:,.15g} to {limit[1]:,.15g} at {space.limits.image_size} pixels"
        for name in _COSTS
        if (limit := getattr(space.limits, name)) is not None
    ]
    if space.limits.params_line is not None:
        first, slope = space.limits.params_line
        rules.append(f"at most {first:g} + {slope:g} F million parameters with F billion FLOPs")
    if space.limits.activations_root is not None:
        rules.append(f"at most {space.limits.activations_root:g} sqrt(F) million activations")
    return "; ".join([*(rules or [_FREE]), *_log_uniform(space)])


def _log_uniform(space: DesignSpace) -> list[str]:
    if isinstance(space, Space):
        log = [_words(name) for name in _PARAMETERS if getattr(space, name).distribution == "log"]
        return [f"log-uniform {' and '.join(log)}"] if log else []
    is_log = isinstance(space, RegNetSpace) and space.distribution == "log"
    return ["log-uniform w_0, w_a and w_m"] if is_log else []


def _line(space: RegNetSpace | MLPSpace) -> list[str]:
    ends = {"depth": space.depths, "w_0": space.initial_widths, "w_a": space.slopes,
            "w_m": space.width_ratios}  # fmt: skip
    ranges = [f"{name} {low:g} to {high:g}" for name, (low, high) in ends.items()]
    if isinstance(space, MLPSpace):
        return ["widths on a falling line", *ranges]
    ratios = ", ".join(f"{ratio:g}" for ratio in space.bottleneck_ratios)
    return ["widths on a line", *ranges, f"b {ratios}"]


def _rules(space: Space) -> list[str]:
    chosen = [name for name in _PARAMETERS if len(getattr(space, name).values) > 1]

    def those(rule: Rule) -> list[str]:
        return [_words(name) for name in chosen if getattr(space, name).rule == rule]

    return [
        *(f"{' and '.join(names)} never {verb}"
          for rule, verb in _NEVER.items() if (names := those(rule))),
        *(f"one {name.removesuffix('s')}" for name in those("shared")),
    ]  # fmt: skip


def _words(name: str) -> str:
    return name.replace("_", " ")


def _stages(space: DesignSpace) -> str:
    return f"{space.stages} stage{'s' * (space.stages > 1)}"


def _image_size(space: DesignSpace, population: Population) -> int:
    """The image size of the space's limits, if it has any."""
    limited = space.limits != Limits(image_size=space.limits.image_size)
    return space.limits.image_size if limited else choose_image_size(population[0])[0]


def _row(costs: Costs, index: int) -> dict[str, int]:
    return {name: int(getattr(costs, name)[index]) for name in _COSTS}


def _print_networks(
    space: DesignSpace, population: Population, costs: Costs, n: int, seed: int, image_size: int
) -> None:
    names = [name for name in _PARAMETERS if np.any(getattr(population, name) > 1)]
    rows = [
        [index, *(", ".join(map(str, getattr(population, name)[index])) for name in names),
         *_row(costs, index).values()]
        for index in range(n)
    ]  # fmt: skip
    head = ["", *map(_words, names), *_COSTS]
    print_table(f"sampled with seed {seed}, at {image_size}x{image_size}", head, rows)


def _summary(population: Population, costs: Costs) -> list[tuple[str, Sequence[int]]]:
    """Quantiles of each network's total depth, maximum width and costs."""
    totals = {
        "depth": population.depths.sum(axis=1),
        "widest stage": population.widths.max(axis=1),
        **{name: getattr(costs, name) for name in _COSTS},
    }
    shares = list(_QUANTILES.values())
    return [
        (name, np.quantile(values, shares, method="nearest").tolist())
        for name, values in totals.items()
    ]
