"""The pages of parity and of several runs, in a browser."""

import math

import numpy as np
import pytest

from common.pages import write_runs_page
from common.parity.compare import Finding
from common.parity.page import write_parity_page
from common.parity.quantities import EVAL_OUTPUTS, GRADIENT, Key
from common.plotting.parity import FreeRun
from tests.pages.browsing import serving


def _findings():
    """Two layers in two backends; one of them is far from the reference."""
    for quantity in (EVAL_OUTPUTS, GRADIENT):
        for backend in ("torch", "mx"):
            for layer in ("stem.conv", "head.fc"):
                ratio = 7.0 if (quantity, backend, layer) == (GRADIENT, "mx", "head.fc") else 0.25
                key = Key("small", "float64", quantity, layer)
                yield Finding((backend, "reference"), key, 1e-13, ratio)


def _rows(shift):
    rows = [{"kind": "interval", "epoch": k / 4, "step": k, "loss": 2 / k + shift}
            for k in range(1, 9)]  # fmt: skip
    return rows + [
        {"kind": "epoch", "epoch": k, "val_accuracy": 0.5 + k / 10, "val_loss": math.nan,
         "train_loss": 1.0} for k in (1, 2)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Of a folder with both pages."""
    folder = tmp_path_factory.mktemp("pages")
    run = FreeRun("small", np.array([1e-16, 1e-9, np.inf]), {"torch": np.array([0, 1e-12, 1e-3])})
    write_parity_page(folder / "parity.html", list(_findings()), "small", [run])
    runs = {"one": _rows(0), "<b>two</b>": _rows(0.1)}
    write_runs_page(folder / "runs.html", runs, [_rows(0.05)], {"<b>two</b>": (0.1, 0.2)})
    with serving(folder) as found:
        yield found


@pytest.mark.parametrize("name", ["parity", "runs"])
def test_nothing_is_wrong_with_the_page(visit, address, name, each_window):
    assert visit(f"{address}/{name}.html", *each_window).complaints() == []


def test_the_quantity_that_disagrees_is_shown_first(visit, address):
    page = visit(f"{address}/parity.html").page
    assert page.locator("#quantity").input_value() == "gradient"
    assert page.locator("#layers td.bad").all_text_contents() == ["7.0"]
    page.locator("#layers td.bad").click()
    assert page.locator("#said").text_content().startswith("head.fc, mx: 7.0; error 1.0e-13")
    page.locator("#quantity").select_option("eval outputs")
    assert page.locator("#layers td.bad").count() == 0


def test_layers_are_sorted_by_a_backends_errors(visit, address):
    page = visit(f"{address}/parity.html").page
    page.locator("#heat").get_by_role("button", name="mx").click()
    page.locator("#heat").get_by_role("button", name="mx").click()
    assert page.locator("#layers td").first.text_content() == "head.fc"


def test_a_run_is_switched_off_in_all_charts(visit, address):
    page = visit(f"{address}/runs.html").page
    chart = page.locator("#charts canvas.marks").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    assert "<b>two</b>" in page.locator("#charts .read").first.text_content()
    page.get_by_role("button", name="<b>two</b>").click()
    chart.focus()
    page.keyboard.press("ArrowRight")
    assert "<b>two</b>" not in page.locator("#charts .read").first.text_content()
