"""`anynet spaces` as a user meets it."""

import json

import pytest
from click.testing import CliRunner

from common import AnyNetSpec, count
from common.cli import main
from common.spaces import SPACES, space_from_dict


def _run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_spaces_are_listed_with_their_candidates():
    output = _run("spaces").stdout
    assert "1,846,757,322,198,614,016   none: all parameters are free" in output
    assert "817,446,539,520   depths and widths never decrease; one bottleneck ratio" in output


def test_a_space_shows_networks_that_it_contains():
    data = json.loads(_run("spaces", "anynetxe-small", "--n", 3, "--seed", 5, "--json").stdout)
    networks = [AnyNetSpec.from_dict(shown["spec"]) for shown in data["networks"]]
    assert networks == list(SPACES["AnyNetXE-small"].sample(3, seed=5))
    assert data["candidates"] == SPACES["AnyNetXE-small"].size()
    assert space_from_dict(data["space"]) == SPACES["AnyNetXE-small"]


@pytest.mark.parametrize(
    ("arguments", "size"),
    [(["RegNetX"], 224), (["RegNetX-small"], 96), (["RegNetX", "--image-size", "64"], 64)],
    ids=str,
)
def test_networks_of_a_space_are_counted(arguments, size):
    data = json.loads(_run("spaces", *arguments, "--n", 1, "--json").stdout)
    shown = data["networks"][0]
    expected = count(AnyNetSpec.from_dict(shown["spec"]), size)
    assert data["image_size"] == size
    assert (shown["params"], shown["flops"]) == (expected.params, expected.flops)
    assert data["summary"]["flops"]["min"] <= data["summary"]["flops"]["median"]


def test_a_space_file_shows_networks_within_its_limits(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("{name: mine, base: RegNetX, limits: {flops: [3e8, 4e8], image_size: 160}}")
    result = _run("spaces", path, "--n", 2)
    assert "flops from 300,000,000 to 400,000,000 at 160 pixels" in result.stdout
    assert "sampled with seed 0, at 160x160" in result.stdout
