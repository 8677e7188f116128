"""The table of the page on recipes has the numbers of the code."""

import pytest

from common.training import RECIPE_DEFAULTS, RECIPES, Recipe
from tests.documents import ROOT

_ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in (ROOT / "docs/recipes.md").read_text().splitlines()
    if line.startswith("| `") and len(cells := [c.strip() for c in line.split("|")[1:-1]]) == 11
}


def _cells(name):
    """The row of a recipe."""
    recipe, more = RECIPES[name], RECIPE_DEFAULTS.get(name)
    cells = [
        f"{recipe.momentum:g}", "yes" if recipe.nesterov else "no", f"{recipe.weight_decay:g}",
        f"{recipe.warmup_epochs:g}", recipe.schedule + " by epoch" * recipe.epochwise,
        f"{recipe.label_smoothing:g}",
    ]  # fmt: skip
    if more is None:
        return [*cells, "", "", "", ""]
    rate = f"{more.learning_rate:g}" + (" x batch / 128" if more.linear else "")
    init = "" if more.init == "xavier" else f"`{more.init}`"
    return [*cells, f"`{more.augmentation}`", f"{more.epochs}", rate, init]


def test_every_recipe_is_in_the_table():
    assert list(_ROWS) == list(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_row_of_the_table_has_the_numbers_of_the_recipe(name):
    assert _ROWS[name] == _cells(name)


@pytest.mark.parametrize("name", RECIPES)
def test_what_the_table_leaves_out_is_at_its_default(name):
    recipe, shown = RECIPES[name], ("momentum", "nesterov", "weight_decay", "warmup_epochs",
                                    "schedule", "label_smoothing", "epochwise")  # fmt: skip
    assert Recipe(**{field: getattr(recipe, field) for field in shown}) == recipe
