"""The report on a study: what its switches, brushes, tables and buttons do in a browser."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from common.arch import AnyNetSpec
from common.reports import write_study_report
from common.statistics import find
from common.studies import Result
from common.studies.networks import complexity, draw
from common.training import TrainConfig
from tests.common.studies.conftest import CONFIG
from tests.pages.browsing import serving

_COUNT = 12
_STUDY = replace(CONFIG, networks=_COUNT, init="he")


def _results():
    """Networks of two spaces, one of which diverged; the last one failed."""
    stream, found = np.random.default_rng(0), []
    for number, space in enumerate(_STUDY.spaces):
        for network in draw(space, 0, _COUNT, 0):
            errors = tuple((0.4 - 0.1 * number - stream.random(2) / 10).tolist())
            costs = complexity(network.spec, (28, 28))
            found.append(Result(network, "complete", **costs, error=errors[-1], errors=errors))
    found[3] = replace(found[3], error=1.0, message="loss is nan at step 3")
    found[-1] = replace(found[-1], state="failed", error=None, errors=(), message="</script>=1+1")
    return found


RESULTS = _results()
_DONE = len(RESULTS) - 1
"""Networks that have an error."""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Of the report, which is served by this machine."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.reports.analysis.find", partial(find, shuffles=3))
        write_study_report("first", _STUDY, RESULTS, folder)
    with serving(folder) as found:
        yield f"{found}/index.html"


@pytest.fixture
def report(visit, address):
    return visit(address)


def _left(page):
    """How many networks the report says are left."""
    return int(page.locator("#left").text_content().split()[0])


def _drawn(page, target):
    """A chart, or an axis of it, after it was scrolled to and drawn."""
    found = page.locator(target)
    found.scroll_into_view_if_needed()
    ready = "({ visible, dirty }) => visible && !dirty"
    chart = f"one => ({ready})(one.closest('.chart').chart)"
    page.wait_for_function(chart, arg=found.element_handle())
    return found


def _drag(page, target, start, end):
    """Drag over a chart between two points, each a share of its width and height."""
    chart = _drawn(page, target)
    box = chart.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=4)
    page.mouse.up()


def _picture(page, target):
    """What a chart shows, as pixels."""
    return np.array(Image.open(io.BytesIO(_drawn(page, target).screenshot())))


def _saved(page, press):
    with page.expect_download() as waiting:
        press()
    return list(csv.reader(io.StringIO(waiting.value.path().read_text())))


_FIRST = "#scatter figure >> nth=0"


def test_nothing_is_wrong_with_the_report(visit, address, each_window):
    found = visit(address, *each_window)
    found.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    assert found.complaints() == []


def test_a_space_is_switched_off_and_on(report):
    page = report.page
    chip = page.get_by_role("button", name="AnyNetXA-small", exact=True)
    before = _picture(page, "#edf")
    chip.click()
    assert (chip.get_attribute("aria-pressed"), _left(page)) == ("false", _COUNT - 1)
    assert (_picture(page, "#edf") != before).any()
    chip.click()
    page.mouse.move(0, 0)
    assert _left(page) == _DONE
    assert (_picture(page, "#edf") == before).all()


def test_bands_are_switched_off(report):
    before = _picture(report.page, "#edf")
    report.page.get_by_label("95 % bands").uncheck()
    assert (_picture(report.page, "#edf") != before).any()


def test_a_brush_over_a_chart_leaves_the_networks_in_it_and_redraws_the_rest(report):
    page = report.page
    before = _picture(page, "#edf"), _picture(page, "#parallel")
    _drag(page, _FIRST, (0.15, 0.5), (0.5, 0.5))
    assert 0 < _left(page) < _DONE
    assert (_picture(page, "#edf") != before[0]).any()
    assert (_picture(page, "#parallel") != before[1]).any()
    rows = page.locator("#networks tbody tr").count()
    assert rows == min(25, _left(page))
    page.get_by_role("button", name="remove all filters").click()
    assert _left(page) == _DONE


def test_a_drag_along_an_axis_filters_and_a_click_on_it_takes_the_filter_away(report):
    page = report.page
    _drag(page, "#parallel .axis >> nth=1", (0.5, 0.95), (0.5, 0.5))
    assert 0 < _left(page) < _DONE
    page.locator("#parallel .axis").nth(1).click()
    assert _left(page) == _DONE


def test_a_click_on_a_point_shows_its_network(report):
    page = report.page
    page.get_by_role("button", name="next worse").click()
    before = page.locator("#chosen").text_content()
    worst = max(RESULTS, key=lambda result: result.error if result.error not in (None, 1.0) else 0)
    page.get_by_role("button", name=worst.network.name, exact=True).first.click()
    assert page.locator("#chosen").text_content() == worst.network.name != before
    chart = _drawn(page, _FIRST).bounding_box()
    for share in np.linspace(0.15, 0.95, 60):
        page.mouse.click(chart["x"] + share * chart["width"], chart["y"] + 0.75 * chart["height"])
    assert page.locator("#chosen").text_content() != worst.network.name


def test_the_spec_and_the_commands_are_those_of_the_network(report):
    page = report.page
    best = min((x for x in RESULTS if x.error), key=lambda result: result.error)
    assert page.locator("#chosen").text_content() == best.network.name
    page.get_by_role("button", name="Copy spec").click()
    assert AnyNetSpec.from_json(report.clipboard()) == best.network.spec
    page.get_by_role("button", name="Copy commands").click()
    lines = report.clipboard().splitlines()
    trained = replace(_STUDY.training, spec=best.network.spec, init="he")
    assert TrainConfig.from_dict(json.loads(lines[1])) == trained
    name = best.network.name.replace("/", "-")
    assert lines[0] == f"cat > {name}.json <<'END'"
    assert lines[-1] == f"anynet train --config {name}.json --out {name}"


def test_the_table_of_networks_is_sorted_by_any_column(report):
    page = report.page
    page.locator("#networks").get_by_role("button", name="depth").click()
    depths = [int(x) for x in page.locator("#networks tbody td:nth-child(4)").all_text_contents()]
    assert depths == sorted(depths)
    page.locator("#networks").get_by_role("button", name="depth").click()
    assert page.locator("#networks th").nth(3).get_attribute("aria-sort") == "descending"
    assert int(page.locator("#networks tbody td:nth-child(4)").first.text_content()) == depths[-1]


def test_the_networks_that_are_left_are_downloaded(report):
    page = report.page
    _drag(page, _FIRST, (0.15, 0.5), (0.5, 0.5))
    head, *rows = _saved(page, page.locator("#download").click)
    assert len(rows) == _left(page)
    names = {result.network.name: result for result in RESULTS}
    for row in rows:
        own = dict(zip(head, row, strict=True))
        assert float(own["error"]) == pytest.approx(names[own["network"]].error, rel=1e-5)
        assert AnyNetSpec.from_json(own["spec"]) == names[own["network"]].network.spec


def test_the_table_of_spaces_is_sorted_and_downloaded(report):
    page = report.page
    page.get_by_role("button", name="mean", exact=True).click()
    first = page.locator("table[data-name=spaces] tbody td").first.text_content()
    assert first == "AnyNetXE-small"
    box = page.locator(".wide:has(table[data-name=spaces]) + p")
    head, *rows = _saved(page, box.get_by_role("button").click)
    assert (head[0], len(rows), rows[0][0]) == ("space", 2, first)


def test_a_remark_stays_text_on_the_page_and_in_a_spreadsheet(report):
    page = report.page
    assert page.get_by_role("cell", name="</script>=1+1").count() == 1
    rows = _saved(page, page.locator("#download").click)
    assert [row for row in rows if "</script>=1+1" in row]


def test_the_keyboard_reads_curves_filters_and_chooses(report):
    page = report.page
    page.locator("#edf canvas.marks").focus()
    page.keyboard.press("ArrowRight")
    assert re.match(
        r"error of at most .* AnyNetXA-small \d+ %", page.locator("#reading").text_content()
    )
    page.locator("details:has(#filters) summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("highest depth").focus()
    page.keyboard.type("6")
    page.keyboard.press("Tab")
    assert 0 < _left(page) < _DONE
    before = page.locator("#chosen").text_content()
    page.locator("#scatter canvas.marks").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#chosen").text_content() != before
    page.keyboard.press("Escape")
    assert _left(page) == _DONE


def _swipe(page, start, end):
    """Move a finger over the screen; both places are in pixels."""
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        places = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", start)
    for place in np.linspace(start, end, 8).tolist():
        touch("touchMove", place)
    touch("touchEnd")


def test_a_finger_filters_sideways_and_scrolls_up_and_down(visit, address):
    page = visit(address, "phone").page
    box = _drawn(page, _FIRST).bounding_box()
    x, y = box["x"] + 80, box["y"] + 150
    _swipe(page, (x, y), (x + 4, y - 120))
    assert _left(page) == _DONE
    box = _drawn(page, _FIRST).bounding_box()
    x, y = box["x"] + 60, box["y"] + 150
    _swipe(page, (x, y), (x + 100, y + 4))
    assert 0 < _left(page) < _DONE


def test_no_space_and_no_network_left_is_no_error(report):
    page = report.page
    page.get_by_role("button", name="none", exact=True).click()
    assert _left(page) == 0
    assert "no network is left" in page.locator("#listing").text_content()
    assert report.complaints() == []
