"""Every number of docs/exercises.md and of the study in docs/mlp.md is recomputed from records."""

import numpy as np
import pytest

from common.statistics import networks_needed
from tests.common.published.claims import (
    FOLDERS,
    comparison,
    difference,
    left_over,
    missing,
    networks,
    p_value,
    percent,
    rank,
    run,
    signed,
    verdict,
)
from tests.published import config_of, numbers_of, results_of

STUDY = "exercises"
BASE, DEEP, RESNET, VANILLA = (
    f"RegNetX-{kind}small" for kind in ("", "deep-", "resnet-", "vanilla-")
)


def _at_depth(space, depth):
    """The mean error of a space's networks of one depth, and how many there are."""
    own = networks(STUDY, space)
    chosen = own.errors[own.depths == depth]
    return percent(chosen.mean(), 1), len(chosen)


def _millions(number):
    return f"{number / 1e6:.1f} million"


def _first():
    one = comparison(STUDY, BASE, DEEP)
    low, middle, high = difference(STUDY, BASE, DEEP)
    assert "majorises" in one["verdict"]
    assert "n = 64 and 64" in one["verdict"]
    yield f"mean error is {percent(middle)} higher ({100 * low:.2f} to {100 * high:.2f})"
    yield (
        f"to the 90th percentile (p {p_value(one['p_dominance'])}; 64 and 64 networks; all "
        "p-values of this page are corrected by Holm for the "
        f"{numbers_of(FOLDERS[STUDY])['tests']} tests of the report)"
    )
    deep, base = networks(STUDY, DEEP), networks(STUDY, BASE)
    yield f"(median {np.median(deep.depths):.0f} blocks against {np.median(base.depths):.0f})"
    assert np.median(deep.params) / np.median(base.params) == pytest.approx(2.5, abs=0.05)
    errors, counts = zip(*(_at_depth(DEEP, depth) for depth in (14, 25)), strict=True)
    yield (f"{errors[0]} with 14 blocks ({counts[0]} networks), {errors[1]} with 25 ({counts[1]})")
    best = deep.results[int(deep.errors.argmin())]
    first, second, third, fourth = (stage.depth for stage in best.network.spec.stages)
    yield f"({first}, {second}, {third} and {fourth} blocks, {percent(best.error, 1)})"
    own = {name: run(name) for name in ("x32-stem2-seed0", "x32-stem2-seed1", "x32-stem1-seed0",
           "deep-stem2-seed0", "deep-stem2-seed1", "deep-stem1-seed0")}  # fmt: skip
    for title, kind in (("RegNetX32, two stages", "x32"), ("four stages", "deep")):
        for stride in (2, 1):
            one = own[f"{kind}-stem{stride}-seed0"]
            again = own.get(f"{kind}-stem{stride}-seed1")
            yield (
                f"| {title} | {stride} | {one['depth']} | {_millions(one['flops'])} "
                f"| {one['params']:,} | {percent(one['error'])} "
                f"| {percent(again['error']) + ' ' if again else ''}|"
            )
    gaps = [own[f"deep-{end}"]["error"] - own[f"x32-{end}"]["error"]
            for end in ("stem1-seed0", "stem2-seed0", "stem2-seed1")]  # fmt: skip
    yield f"from {100 * middle:.1f} to between {100 * min(gaps):.2f} and {percent(max(gaps))}"
    yield (
        f"({percent(own['deep-stem1-seed0']['training'], 1)} error against "
        f"{percent(own['x32-stem1-seed0']['training'], 1)})"
    )
    gains = [own[f"{kind}-stem2-seed0"]["error"] - own[f"{kind}-stem1-seed0"]["error"]
             for kind in ("x32", "deep")]  # fmt: skip
    yield f"reduces the two errors by {100 * gains[0]:.2f} and {percent(gains[1])}"


def _second():
    one = comparison(STUDY, BASE, RESNET)
    low, middle, high = (-end for end in difference(STUDY, BASE, RESNET))
    assert "majorises" in one["verdict"]
    yield f"have {percent(middle)} less error on average ({100 * high:.2f} to {100 * low:.2f})"
    yield f"to the 90th percentile (p {p_value(one['p_dominance'])}; 64 and 64 networks). At equal"
    resnet, base, vanilla = (networks(STUDY, space) for space in (RESNET, BASE, VANILLA))
    yield f"(median {np.median(resnet.depths):.0f} against {np.median(base.depths):.0f})"
    yield f"{np.median(resnet.activations) / np.median(base.activations):.1f} of the activations"
    four = _at_depth(RESNET, 4)
    assert four == _at_depth(VANILLA, 4)
    yield f"have the same error ({four[0]}, {four[1]} networks each)"
    seven = _at_depth(RESNET, 7), _at_depth(VANILLA, 7)
    yield (
        f"with seven, {seven[0][0]} with them ({seven[0][1]} networks) and {seven[1][0]} without "
        f"({seven[1][1]})"
    )
    yield (
        f"is {rank(resnet.depths, resnet.errors):.2f} with shortcuts, "
        f"{rank(vanilla.depths, vanilla.errors):.2f} without (64 each)"
    )
    one = comparison(STUDY, VANILLA, RESNET)
    assert one["verdict"].startswith(f"the mean error of {RESNET} is smaller; dominance is not")
    yield f"than that of vanilla ones (p {p_value(one['p_mean'])}; 64 and 64 networks)"
    for title, name in (("ResNeXt, the chapter's", "x32"), ("ResNet", "resnet"),
                        ("vanilla", "vanilla")):  # fmt: skip
        own = run(f"{name}-stem2-seed0")
        yield (
            f"| {title} | {percent(own['error'])} | {percent(own['training'], 1)} "
            f"| {_millions(own['flops'])} | {own['params']:,} |"
        )
    own, other = run("resnet-stem2-seed0"), run("x32-stem2-seed0")
    yield (
        f"costs {own['flops'] / other['flops']:.1f} times as much for a gain of "
        f"{percent(other['error'] - own['error'], 1)}"
    )


def _third():
    lost = {letter: difference("spaces", f"VioNet-{letter}-small", "AnyNetXE-small")[1]
            for letter in "wd"}  # fmt: skip
    yield f"Falling widths cost {percent(-lost['w'])} and falling depths {percent(-lost['d'])}"
    tests = numbers_of(FOLDERS["freed"])["tests"]
    for letter, rule in FREED_RULES.items():
        yield _freed(letter, rule)
    yield f"corrected by Holm for the {tests} tests of the report"
    deviation = networks("freed", BASE_E).errors.std(ddof=1)
    needed = networks_needed(0.005, deviation, tests=tests).mean
    yield f"deviation of E, {percent(deviation)}, `anynet study power` asks for {needed} networks"
    count = config_of(FOLDERS["freed"]).networks
    yield f"and {count} networks of each space:"
    yield f"what is shown, of {count} and {count} networks"
    yield f'"no difference shown" of {count} networks'


BASE_E = "AnyNetXE-small"
FREED_RULES = {
    "b": "one bottleneck ratio for all stages",
    "g": "one group width for all stages",
    "w": "widths never decrease",
    "d": "depths never decrease",
}


def _freed(letter, rule):
    """A row: what it costs to drop one rule of AnyNetX E."""
    space = f"AnyNetXE-free-{letter}-small"
    one = comparison("freed", BASE_E, space)
    shown = verdict(one, **{BASE_E: "E", space: "the freed space"})
    own = networks("freed", space)
    return (
        f"| {rule} | {percent(own.errors.mean())} | {signed(difference('freed', BASE_E, space))} "
        f"| {p_value(one['p_mean'])} | {p_value(one['p_dominance'])} | {shown} |"
    )


SETTINGS = {
    "1", "2", "3", "4", "28", "60,000", "13", "25", "12", "64", "5", "2 x 2", "7 x 7", "2,345",
    "95 %", "188", "320", "0.5 %", "640", "0", "80", "10",
}  # fmt: skip
"""Numbers of exercises, of spaces and settings, and sizes of data."""


@pytest.mark.parametrize("claims", [_first, _second, _third], ids=["first", "second", "third"])
def test_an_answer_says_what_the_records_say(claims):
    assert missing("exercises.md", claims()) == []


def test_every_number_of_the_answers_is_recomputed():
    assert left_over("exercises.md", [*_first(), *_second(), *_third()]) - SETTINGS == set()


def test_both_studies_trained_the_same_regnets_to_the_same_errors():
    found = [
        [one.error for one in results_of(FOLDERS[study]) if one.network.space == BASE]
        for study in (STUDY, "spaces")
    ]
    assert len(found[0]) == 64
    assert found[0] == found[1]


MLPS = {"MLP": "`MLP`, free widths", **{f"MLP-{rule}": f"`MLP-{rule}`" for rule in
        ("falling", "rising", "constant", "line")}}  # fmt: skip


def _mlps():
    both = [networks(f"mlps-{size}") for size in ("small", "large")]
    for space, title in MLPS.items():
        means = [percent(own.errors[own.spaces == space].mean()) for own in both]
        yield f"| {title} | {means[0]} | {means[1]} |"
    for low, high, word in ((3, 5, " networks"), (6, 8, ""), (9, 12, "")):
        chosen = [own.errors[(low <= own.depths) & (own.depths <= high)] for own in both]
        yield (
            f"| {low} to {high} blocks | {percent(chosen[0].mean())} ({len(chosen[0])}{word}) "
            f"| {percent(chosen[1].mean())} ({len(chosen[1])}) |"
        )
    ranks = [rank(own.depths, own.errors) for own in both]
    yield (
        f"is {ranks[0]:.2f} among the small networks and {ranks[1]:.2f} among the large ones "
        f"({len(both[0].errors)} each)"
    )
    means = [[own.errors[own.spaces == space].mean() for space in MLPS] for own in both]
    yield f"(rank correlation of the five means {rank(*means):.1f}, which"
    pair = comparison("mlps-large", "MLP", "MLP-line")
    assert pair["verdict"].startswith("the mean error of MLP is smaller; dominance is not shown")
    yield f"smaller than that of the line (corrected p {p_value(pair['p_mean'])})"
    pair = comparison("mlps-large", "MLP-falling", "MLP-rising")
    assert pair["verdict"].startswith("MLP-falling is ahead of MLP-rising somewhere")
    yield f"ahead of rising ones somewhere ({p_value(pair['p_behind'])})"
    best = min(both[0].errors.min(), both[1].errors.min())
    yield f"all 640 networks has {percent(best, 1)} error, and falling widths"


def test_the_page_on_mlps_says_what_the_records_say():
    assert missing("mlp.md", _mlps()) == []
    settings = {"0.3", "0.6", "1.2", "1.8", "4", "5", "6,000", "64", "95 %"}
    assert left_over("mlp.md", _mlps(), "Which MLPs are good") - settings == set()
    verdicts = [one["verdict"] for one in numbers_of(FOLDERS["mlps-small"])["comparisons"]]
    assert set(verdicts) == {"no difference shown (n = 64 and 64)"}
