"""What the pages on studies say, recomputed from the committed records.

A claim is a piece of a page with numbers in it. `text` puts the recomputed numbers into it; a test
looks for the result on the page, and another one for numbers that no claim contains.
"""

import json
import re
from functools import cache

import numpy as np
from scipy import stats

from common import AnyNetSpec, count
from common.statistics import mean_difference, mean_error
from tests.documents import ROOT
from tests.published import Population, numbers_of

FOLDERS = {path.name: path for path in (ROOT / "docs/studies").iterdir() if path.is_dir()}


def page_text(name):
    """A page's prose and tables in one line, without code, links' targets and headings' anchors."""
    text = (ROOT / "docs" / name).read_text()
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\s+", " ", text)


def percent(share, digits=2):
    """A share in percent, as 14.35 %."""
    return f"{100 * share:.{digits}f} %"


def signed(interval):
    """A difference with its range, as +0.61 % (-0.20 to 1.48)."""
    low, middle, high = (100 * end for end in interval)
    return f"{middle:+.2f} % ({low:.2f} to {high:.2f})"


def p_value(value):
    """A p-value with two digits."""
    return f"{value:.2g}"


@cache
def networks(study, *spaces):
    """The networks of some spaces of a study."""
    return Population(FOLDERS[study], *spaces)


@cache
def comparison(study, first, second):
    """The tests of a pair of spaces."""
    found = numbers_of(FOLDERS[study])["comparisons"]
    (one,) = (one for one in found if (one["first"], one["second"]) == (first, second))
    return one


def difference(study, first, second):
    """The mean error of the second minus that of the first, with its range."""
    errors = [networks(study, space).errors for space in (first, second)]
    found = mean_difference(*errors)
    return found.low, found.middle, found.high


def verdict(one, **names):
    """A verdict without the numbers of networks, and with short names of spaces."""
    words = one["verdict"].rpartition(" (n = ")[0]
    for long, short in names.items():
        words = words.replace(long.replace("_", "-"), short)
    return words


def rank(x, y):
    """The rank correlation."""
    return float(stats.spearmanr(x, y).statistic)


@cache
def cubic_residuals(study):
    """Errors minus a cubic of the logarithm of the parameters, and the share that it explains."""
    own = networks(study)
    x = np.log(own.params)
    rest = own.errors - np.polyval(np.polyfit(x, own.errors, 3), x)
    return rest, 1 - rest.var() / own.errors.var()


def residual(study, space):
    """The mean residual of a space with its range, in percent."""
    rest, _ = cubic_residuals(study)
    found = mean_error(rest[networks(study).spaces == space])
    return tuple(100 * end for end in (found.low, found.middle, found.high))


@cache
def run(name):
    """A run of the exercises: its last epoch's errors, and its network's costs."""
    folder = FOLDERS["exercises"] / "runs" / name
    rows = [json.loads(line) for line in (folder / "record.jsonl").read_text().splitlines()]
    last = [row for row in rows if row["kind"] == "epoch"][-1]
    spec = AnyNetSpec.from_dict(json.loads((folder / "config.json").read_text())["spec"])
    costs = count(spec, (28, 28))
    return {
        "error": 1 - last["val_accuracy"],
        "training": 1 - last["train_accuracy"],
        "params": costs.params,
        "flops": costs.flops,
        "depth": sum(stage.depth for stage in spec.stages),
        "spec": spec,
    }


def missing(page, claims):
    """The claims that are not on a page."""
    text = page_text(page)
    return [claim for claim in claims if claim not in text]


_NUMBER = re.compile(r"(?<![\w`-])-?\d[\d,]*(?:\.\d+)*(?:e-?\d+)?(?: x \d+)?(?: %)?(?![\w`])")


def left_over(page, claims, heading=""):
    """The numbers of a page, from a heading on, that remain after all claims are cut out of it."""
    text = page_text(page)
    text = text[text.index(heading) :]
    for claim in sorted(claims, key=len, reverse=True):
        text = text.replace(claim, " ")
    return {number.rstrip(",.") for number in _NUMBER.findall(text)}
