"""The design-space explorer: its arithmetic is that of `common`, and its controls work."""

import json
import subprocess

import numpy as np
import pytest

from common import AnyNetSpec, RegNetSpec, count
from common.arch import REGNETS
from common.errors import SpecError
from tests.pages.browsing import Visit

_COMPUTED = """async settings => {
    const { regnet, costs, specJson } = await import("../assets/explorer/network.js");
    return settings.map(given => {
        try {
            const { linear, levels, widths, stages } = regnet(given);
            const total = Object.entries(costs(given, stages).total);
            const counts = Object.fromEntries(total.map(([name, value]) => [name, String(value)]));
            return { linear, levels, widths, counts, json: specJson(given, stages) };
        } catch (error) {
            return { error: error.message };
        }
    });
}"""

_SQUARES = (1.21, 1.44, 1.5625, 1.69, 1.96, 2.25, 2.56, 2.89, 4, 6.25, 9)
"""Ratios on whose lines u_j may lie exactly between two levels."""

_BROKEN = {
    "depth": (0, -1, 12.5, 10_001, None),
    "w_0": (0, 4, 12, 2**20 + 8, 24.5, None),
    "w_a": (-0.5, 2**20, 2e6, 1234565 / 7, None),
    "w_m": (1, 0.5, 2e6, None),
    "group_width": (0, 2**21, 3.5),
    "bottleneck_multiplier": (0, 1.5, -2, 1e-7, 1 / 3000, 2e6, 2**20, 0.3),
    "se_ratio": (-0.1, 1.01, None),
    "stem_channels": (0, 8.25),
    "num_classes": (0, 2**21),
    "in_channels": (0, None),
    "image_size": (0, -3, 2**14 + 1, 17.5, None),
}


def _drawn(stream: np.random.Generator) -> dict[str, float | None]:
    """Settings, of which one in five has a value that is not allowed, or is at the limits."""
    w_0 = 8 * int(stream.integers(1, 65))
    ratio = stream.choice([stream.choice(_SQUARES), round(stream.uniform(1.1, 4), 2)])
    slope = stream.choice([w_0 / 2, w_0 / 8, 8 * stream.integers(0, 8), stream.uniform(0, 256)])
    settings = {
        "depth": int(stream.integers(1, 65)),
        "w_0": w_0,
        "w_a": round(float(slope), 2),
        "w_m": float(ratio),
        "group_width": int(stream.choice([1, 2, 8, 16, 24, 48, 112, 232, stream.integers(1, 300)])),
        "bottleneck_multiplier": float(stream.choice([1, 0.5, 0.25, 1 / 3, 2, 3, 4, 0.3])),
        "se_ratio": float(stream.choice([0, 0.25, round(stream.uniform(0, 1), 3)])),
        "stem_channels": int(stream.integers(1, 129)),
        "num_classes": int(stream.choice([10, 1000, 21843])),
        "in_channels": int(stream.choice([1, 3])),
        "image_size": int(stream.integers(1, 513)),
    }
    if stream.random() < 0.2:
        name = str(stream.choice(list(_BROKEN)))
        settings[name] = _BROKEN[name][int(stream.integers(len(_BROKEN[name])))]
    # A number of JavaScript is an integer wherever it is whole.
    return {name: _plain(value) for name, value in settings.items()}


def _plain(value):
    return value if value is None or value != int(value) else int(value)


def _by_common(settings):
    given = dict(settings)
    size, classes, channels = map(given.pop, ("image_size", "num_classes", "in_channels"))
    try:
        line = RegNetSpec(**given)
        spec = line.network(classes, channels)
        # Without an image size `count` takes one of its own.
        costs = count(spec, (size, size))
    except SpecError as error:
        return {"error": str(error)}
    return {
        "linear": list(line.linear_widths),
        "levels": list(line.levels),
        "widths": list(line.quantised_widths),
        "counts": {name: str(value) for name, value in vars(costs).items()},
        "json": spec.to_json(),
    }


@pytest.fixture
def explorer(visit, site):
    return visit(f"{site}/explorer/")


@pytest.fixture(scope="module")
def computed(browser, site):
    """What the page's modules make of a list of settings."""
    visited = Visit(browser, f"{site}/explorer/", "desktop", "light")
    yield lambda settings: visited.page.evaluate(_COMPUTED, settings)
    visited.close()


def test_a_thousand_networks_are_those_of_common_to_the_digit(computed):
    stream = np.random.default_rng(0)
    settings = [_drawn(stream) for _ in range(1000)]
    expected = [_by_common(one) for one in settings]
    assert 100 < sum("error" in one for one in expected) < 400
    found = computed(settings)
    differing = [
        (given, ours, theirs)
        for given, ours, theirs in zip(settings, found, expected, strict=True)
        if ours != theirs
    ]
    assert differing[:3] == []


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in _BROKEN.items() for value in values]
)
def test_a_broken_setting_has_the_error_of_common(computed, name, value):
    settings = {**vars(REGNETS["regnetx_400mf"]), "image_size": 224, "num_classes": 10}
    settings = {**settings, "in_channels": 3, name: value}
    plain = {name: _plain(value) for name, value in settings.items()}
    assert computed([plain]) == [_by_common(plain)]


def _shown(explorer, part):
    return explorer.page.locator(f"[data-part={part}]")


def _choose(explorer, name):
    explorer.page.get_by_label("Start from").select_option(name)


@pytest.mark.parametrize("name", REGNETS)
def test_a_model_of_the_paper_shows_its_parameters(explorer, name):
    _choose(explorer, name)
    assert f"{count(REGNETS[name].network()).params:,}" in _shown(explorer, "params").inner_text()


def test_arrow_keys_move_a_slider_and_all_that_depends_on_it(explorer):
    _choose(explorer, "regnetx_200mf")
    slider = explorer.page.get_by_role("slider", name="Depth d")
    slider.focus()
    slider.press("ArrowRight")
    assert explorer.page.get_by_role("spinbutton", name="Depth d").input_value() == "14"
    spec = RegNetSpec(14, 24, 36.44, 2.49, 8).network()
    assert f"{count(spec, 224).flops:,}" in _shown(explorer, "flops").inner_text()
    assert _shown(explorer, "stages").locator("tr").count() == len(spec.stages) + 2
    assert _shown(explorer, "widths").locator(".step").count() == len(spec.stages)
    assert _shown(explorer, "model").input_value() == ""


def test_a_slider_of_ratios_has_an_inverted_bottleneck(explorer):
    _choose(explorer, "regnetx_200mf")
    explorer.page.get_by_role("slider", name="Bottleneck ratio b").press("ArrowLeft")
    assert explorer.page.get_by_role("spinbutton", name="Bottleneck ratio b").input_value() == "0.5"
    spec = RegNetSpec(13, 24, 36.44, 2.49, 8, 2).network()
    assert f"{count(spec).params:,}" in _shown(explorer, "params").inner_text()


def test_a_setting_that_is_not_allowed_tells_the_rule_and_the_next_one_goes_on(explorer):
    width = explorer.page.get_by_role("spinbutton", name="Initial width w0")
    width.fill("50")
    assert _shown(explorer, "error").inner_text() == "w_0 must be a multiple of 8; got 50"
    assert width.get_attribute("aria-invalid") == "true"
    width.fill("56")
    assert _shown(explorer, "error").inner_text() == ""
    assert width.get_attribute("aria-invalid") == "false"


def test_the_copied_spec_is_that_of_common(explorer):
    _choose(explorer, "regnety_1.6gf")
    explorer.page.get_by_role("button", name="Copy the spec").click()
    explorer.page.get_by_text("Copied the spec.").wait_for()
    assert explorer.clipboard() == REGNETS["regnety_1.6gf"].network().to_json()


@pytest.mark.parametrize("package", ["anynet_torch", "anynet_jax"])
def test_the_copied_python_makes_the_network(explorer, package):
    _choose(explorer, "regnety_400mf")
    explorer.page.get_by_role("spinbutton", name="Classes").fill("10")
    explorer.page.locator("[data-part=framework]").select_option(package)
    explorer.page.get_by_role("button", name="Copy the Python").click()
    explorer.page.get_by_text("Copied the Python.").wait_for()
    first, *lines, last = explorer.clipboard().splitlines()
    assert first == f"import {package} as anynet"
    assert last == "network = anynet.create(spec, seed=0)"
    names = {}
    exec("\n".join(lines), names)
    assert names["spec"] == REGNETS["regnety_400mf"].network(num_classes=10)


def test_the_copied_command_prints_the_same_counts(explorer, tmp_path):
    explorer.page.get_by_role("button", name="Copy the command").click()
    explorer.page.get_by_text("Copied the command.").wait_for()
    command = explorer.clipboard().rstrip() + " --json"
    done = subprocess.run(["bash", "-ec", command], cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(done.stdout)
    for name in ("params", "flops", "activations"):
        assert f"{found[name]:,}" in _shown(explorer, name).inner_text()
    saved = AnyNetSpec.from_json((tmp_path / "spec.json").read_text())
    assert saved == REGNETS["regnetx_600mf"].network()


def test_the_address_leads_to_the_same_network(explorer, visit):
    _choose(explorer, "regnety_800mf")
    explorer.page.get_by_role("spinbutton", name="Stem width").fill("24")
    again = visit(explorer.page.url)
    assert _shown(again, "params").inner_text() == _shown(explorer, "params").inner_text()


def test_the_models_and_the_networks_of_a_study_lie_in_the_plane(explorer):
    plane = _shown(explorer, "plane")
    assert plane.locator(".regnetx").count() == plane.locator(".regnety").count() == 12
    explorer.page.locator("[data-part=population]").select_option("AnyNetXA-small")
    assert plane.locator(".population").count() == 64


def test_a_click_on_a_model_starts_from_it(explorer):
    _shown(explorer, "plane").locator("[data-model='regnety_32gf']").click()
    assert _shown(explorer, "model").input_value() == "regnety_32gf"
    params = count(REGNETS["regnety_32gf"].network()).params
    assert f"{params:,}" in _shown(explorer, "params").inner_text()


def test_nothing_is_wrong_after_an_error_in_any_window(visit, site, each_window):
    visited = visit(f"{site}/explorer/", *each_window)
    visited.page.get_by_role("spinbutton", name="Width ratio").fill("1")
    assert visited.complaints() == []
