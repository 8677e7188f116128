"""Ready spaces by name, and spaces from files."""

import json
from dataclasses import replace
from math import inf

import pytest

from common.errors import SpecError
from common.spaces import (
    ANYNETX_A,
    ANYNETX_E,
    REGNETX,
    SPACES,
    Dimension,
    Limits,
    RegNetSpace,
    Space,
    Template,
    find_space,
    small,
    space_from_dict,
    space_to_dict,
)


def _name(space):
    return space.name


def _file(folder, text, name="mine.yaml"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("name", SPACES)
def test_a_space_is_found_by_its_name_in_any_case(name):
    assert find_space(name) is SPACES[name]
    assert find_space(name.upper()) is SPACES[name]
    assert SPACES[name].name == name


def test_there_is_a_small_space_for_every_one_but_mlps_which_are_small():
    names = [name for name in SPACES if SPACES[name].template.block != "mlp"]
    for ending in ("", "-uniform"):
        those = [name for name in names if name.endswith("-uniform") == bool(ending)]
        full = [name for name in those if not name.endswith(f"-small{ending}")]
        small_ones = [f"{name.removesuffix(ending)}-small{ending}" for name in full]
        assert small_ones == [name for name in those if name not in full]


@pytest.mark.parametrize("name", [name for name in SPACES if name.endswith("-small")])
def test_small_spaces_are_for_small_images(name):
    space, full = SPACES[name], SPACES[name.removesuffix("-small")]
    template = space.template
    assert (template.stem_stride, template.in_channels, template.num_classes) == (1, 1, 10)
    assert (template.block, template.se_ratio) == (full.template.block, full.template.se_ratio)
    assert space.stages == (4 if "deep" in name else 3)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("AnyNetF", "AnyNetXE"), ("regnet-x", "RegNetX"), ("regnety-smal", "RegNetY-small")],
)
def test_unknown_names_are_told_the_nearest(name, nearest):
    with pytest.raises(SpecError, match="space: must be a ready space or a file in") as error:
        find_space(name)
    assert nearest in str(error.value).partition("did you mean")[2]


def test_names_near_none_are_told_all():
    with pytest.raises(SpecError, match="got 'q'; anynet spaces lists them"):
        find_space("q")


LIMITED = replace(ANYNETX_A, limits=Limits(flops=(360e6, 400e6), params=(0, inf), image_size=28))
INVERTED = replace(ANYNETX_A, bottleneck_ratios=Dimension((0.25, 0.5, 1), "shared"))
UNEVEN = replace(ANYNETX_E, widths=Dimension((8, 24, 32), "decreasing"), depths=Dimension((3,)))


@pytest.mark.parametrize("space", [*SPACES.values(), LIMITED, UNEVEN, INVERTED], ids=_name)
def test_plain_data_give_the_space_back(space):
    text = json.dumps(space_to_dict(space), allow_nan=False)
    assert space_from_dict(json.loads(text)) == space


@pytest.mark.parametrize("space", [ANYNETX_E, REGNETX, LIMITED], ids=_name)
def test_json_files_give_the_space_back(tmp_path, space):
    path = _file(tmp_path, json.dumps(space_to_dict(space)), "mine.JSON")
    assert find_space(path) == space


def test_a_file_changes_what_it_names_of_a_ready_space(tmp_path):
    path = _file(tmp_path, """
        name: mine
        base: anynetxe-small
        depths: {range: [1, 6]}
        widths: {rule: free}
        template: {stem_channels: 8}
        limits: {flops: [1e6, 36e6], params: [0, null], image_size: 28}
    """)  # fmt: skip
    base = small(ANYNETX_E)
    assert find_space(str(path)) == replace(
        base,
        name="mine",
        depths=Dimension((1, 2, 3, 4, 5, 6), "increasing", "log"),
        widths=replace(base.widths, rule="free"),
        template=replace(base.template, stem_channels=8),
        limits=Limits(flops=(1e6, 36e6), params=(0, inf), image_size=28),
    )


def test_a_file_describes_a_whole_space(tmp_path):
    path = _file(tmp_path, """
        name: narrow
        stages: 3
        depths: {range: [1, 8], rule: increasing}
        widths: {range: [16, 256, 16], rule: increasing}
        bottleneck_ratios: {values: [1]}
        group_widths: {values: [8, 16], rule: shared}
        template: {stem_channels: 16, stem_stride: 1}
    """, "narrow.yml")  # fmt: skip
    assert find_space(path) == Space(
        "narrow",
        Dimension(range(1, 9), "increasing"),
        Dimension(range(16, 257, 16), "increasing"),
        Dimension((1,)),
        Dimension((8, 16), "shared"),
        3,
        Template(16, 1),
    )


def test_a_file_describes_lines(tmp_path):
    path = _file(tmp_path, """
        name: gentle
        kind: regnet
        depths: [3, 12]
        slopes: [2, 12.5]
        group_widths: [8]
        stages: 3
    """)  # fmt: skip
    assert find_space(path) == RegNetSpace(
        "gentle", depths=(3, 12), slopes=(2, 12.5), group_widths=(8,), stages=3
    )


def test_a_file_of_plain_blocks_needs_no_groups(tmp_path):
    path = _file(tmp_path, """
        name: plain
        depths: {values: [1, 2]}
        widths: {values: [8, 16]}
        template: {block: vanilla}
    """)  # fmt: skip
    space = find_space(path)
    assert space.size() == (2 * 2) ** 4
    assert space.contains(space.sample(1, seed=0)[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a mapping of keys to values; got None"),
        ("name: [", "must be YAML or JSON as its name says; got"),
        ("name: a\nname: b", "a key must stand once; got 'name'"),
        ("? [a, b]\n: c", "a key must be text; got ['a', 'b']"),
        ("stages: 3", "must have a name; got ['stages']"),
        ("name: 3\nbase: RegNetX", "name must be text; got 3"),
        ("name: a", "must have depths, widths, bottleneck_ratios, group_widths; got no depths"),
        ("name: a\nkind: other", "kind: must be one of anynet, regnet, mlp; got 'other'"),
        ("name: a\nbase: RegNetX\nkind: anynet", "kind: must be that of the base, regnet"),
        ("name: a\nbase: AnyNetXF", "base: must be a ready space; got 'AnyNetXF'; did you mean"),
        ("name: a\nbase: RegNetX\ndepth: [1, 2]", "got 'depth'; did you mean depths?"),
        ("name: a\nbase: RegNetX\ndepths: [5, 2]", "depths must be a rising range from 1 on"),
        ("name: a\nbase: AnyNetXA\ndepths: {rule: up}", "depths: rule must be one of free, shared"),
        ("name: a\nbase: AnyNetXA\ndepths: [1, 2]", "depths: must be a mapping of keys"),
        (
            "name: a\nbase: AnyNetXA\ndepths: {distribution: normal}",
            "depths: distribution must be one of uniform, log; got 'normal'",
        ),
        ("name: a\nbase: AnyNetXA\ndepths: {values: [0.5, 1]}", "depths must be rising positive"),
        ("name: a\nbase: RegNetX\nlimits: {params_line: 3}", "params_line must be a and b of a +"),
        ("name: a\nbase: RegNetX\nlimits: {activations_root: -1}", "activations_root must be at"),
        ("name: a\nbase: AnyNetXA\ndepths: {values: 3}", "depths: values: must be a list; got 3"),
        ("name: a\nbase: AnyNetXA\ndepths: {values: [2.5]}", "depths: values must be rising"),
        (
            "name: a\nbase: AnyNetXA\ndepths: {values: [1], range: [1, 2]}",
            "depths: must have values or a range; got 'both'; drop one",
        ),
        (
            "name: a\nbase: AnyNetXA\ndepths: {range: [0, 2]}",
            "depths: range: must be [first, last, step] of positive integers, the last included",
        ),
        ("name: a\nbase: AnyNetXA\ndepths: {range: [3, 2]}", "depths: values must be rising"),
        ("name: a\nbase: AnyNetXA\nstages: 0", "stages must be at least 1; got 0"),
        ("name: a\nbase: AnyNetXA\ntemplate: {stem_stride: 3}", "template: stem_stride must be"),
        ("name: a\nbase: AnyNetXA\ntemplate: {block: resnet}", "bottleneck_ratios must be 1 alone"),
        ("name: a\nbase: AnyNetXA\nlimits: {flops: [3, 2]}", "limits: flops must be a rising"),
        ("name: a\nbase: AnyNetXA\nlimits: {flop: [1, 2]}", "got 'flop'; did you mean flops?"),
    ],
)
def test_a_file_that_breaks_a_rule_is_one_error(tmp_path, text, message):
    path = _file(tmp_path, text)
    with pytest.raises(SpecError) as error:
        find_space(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_one_error():
    with pytest.raises(SpecError, match="none.yaml: must be a readable file of a space; got"):
        find_space("none.yaml")
