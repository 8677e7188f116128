"""Tables of a run in Markdown, by the names that pages know them by."""

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.results import AGREEMENT, Measurement, Results, Section
from benchmarks.targets import targets
from common.frameworks import FRAMEWORKS

Row = Sequence[str]

_MET = {True: "yes", False: "**no**", None: "open"}


def tables(results: Results) -> dict[str, str]:
    """Every table that the run has numbers for."""
    promised = [(*row, _MET[kept]) for *row, kept in targets(results)]
    found = {
        "machine": _runs(results),
        "targets": _table(("promise", "ratio", "measured", "kept"), promised),
    }
    for name, section in results.items():
        if name in _TABLES and section.measurements:
            found[name] = _TABLES[name](section)
    return found


def _table(head: Row, rows: Sequence[Row]) -> str:
    """Columns whose first cell begins with a digit are right-aligned."""
    rule = ["---:" if rows and rows[0][i][:1].isdigit() else "---" for i in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many digits that count, and no exponent."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{float(f'{value:.{digits}g}'):g}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _names(item: Measurement) -> tuple[str, str]:
    return item.case, FRAMEWORKS[item.backend].title


def _runs(results: Results) -> str:
    """A line per machine and versions, with the sections that were measured there, and when."""
    runs: dict[str, list[str]] = {}
    for name, section in results.items():
        facts = section.facts
        where = f"{facts['processor']}, {facts['cores']} cores, {facts['memory'] / 1e9:.0f} GB, "
        where += ", ".join(f"{module} {version}" for module, version in facts["versions"].items())
        runs.setdefault(where, []).append(f"{name} {facts['time'][:16].replace('T', ' ')}")
    return "".join(f"- {where}: {', '.join(names)} (UTC)\n" for where, names in runs.items())


def _against_plain(section: Section, forms: Sequence[str], heads: Row) -> str:
    """Items per second in each form, the first of which is the one that competes."""
    peak, rows = section.peak(), []
    for item in section.of(form=forms[0]):
        there = [section.one(case=item.case, backend=item.backend, form=form) for form in forms]
        row = [*_names(item), *(number(section.rate(one)) if one else "" for one in there)]
        row += [number(section.gain(item)), _percent(section.fastest(item).over(item))]
        rows.append([*row, _percent(section.rate(item, "flops") / peak)] if peak else row)
    head = ["network", "framework", *heads, "times plain", "of the fastest"]
    return _table([*head, "of the matrix product"] if peak else head, rows)


def _pairs(section: Section, forms: tuple[str, str], heads: Row, scale: float) -> str:
    """Medians of two forms, and the ratio of the first to the second."""
    rows = []
    for item in section.of(form=forms[0]):
        other = section.one(case=item.case, backend=item.backend, form=forms[1])
        if other:
            numbers = (item.median * scale, other.median * scale, item.over(other))
            rows.append((*_names(item), *map(number, numbers)))
    return _table(("network", "framework", *heads), rows)


def _all_forms(section: Section, unit: str = "images", clock: str = "ms") -> str:
    """A row per measurement, with its time against that of the first form of its framework.

    And, where they were measured, its share of the matrix product in its precision.
    """
    rows = []
    for item in (item for item in section.measurements if not item.form.endswith(" product")):
        first = section.of(case=item.case, backend=item.backend)[0]
        seconds = item.median * (1000 if clock == "ms" else 1)
        numbers = (section.rate(item), seconds, item.over(first))
        peak = section.peak(item.form.split()[0])
        share = _percent(section.rate(item, "flops") / peak if peak else None)
        rows.append((*_names(item), item.form, *map(number, numbers), share))
    head = ("case", "framework", "form", f"{unit}/s", clock, "times the first's time")
    if any(row[-1] for row in rows):
        return _table((*head, "of the matrix product"), rows)
    return _table(head, [row[:-1] for row in rows])


_WIDTHS = {"bfloat16": 2, "compiled": 2}
"""Bytes of an activation; 4 in other forms."""


def _on_gpu(section: Section) -> str:
    """A row per form: its time, and its shares of the product and of the copy, and its memory."""
    copy, rows = section.one(form="copy"), []
    bandwidth = section.rate(copy, "moves") if copy else None
    for item in section.measurements:
        costs = section.cases.get(item.case, {})
        if item.form.endswith(" product") or item.form == "copy" or "items" not in costs:
            continue
        form = item.form.partition(",")[0]
        words = form.split()
        peak = section.peak("bfloat16" if words[-1] == "compiled" else words[-1])
        moves = _WIDTHS.get(words[-1], 4) * costs.get("moves", 0) / item.median
        kept = section.one(case=f"memory, {item.case}", backend=item.backend, form=form)
        rows.append((
            *_names(item),
            item.form,
            number(1000 * item.median),
            number(section.rate(item)),
            _percent(section.rate(item, "flops") / peak if peak and "flops" in costs else None),
            _percent(moves / bandwidth if bandwidth and moves else None),
            number(kept.median / 1e9 if kept else None),
        ))  # fmt: skip
    head = ("case", "framework", "form", "ms", "items/s", "of the product", "of the copy", "GB")
    exact = [item for item in section.measurements if item.case == AGREEMENT]
    shares = [(*_names(item), item.form, f"{item.median:.1e}") for item in exact]
    differences = _table(("case", "framework", "of", "largest relative difference"), shares)
    return _table(head, rows) + (f"\n{differences}" if shares else "")


_TABLES: dict[str, Callable[[Section], str]] = {
    "training": partial(_against_plain, forms=("ours", "plain"), heads=("images/s", "plain")),
    "inference": partial(
        _against_plain,
        forms=("fused", "ours", "plain"),
        heads=("images/s, fused", "with batch norms", "plain"),
    ),
    "bfloat16": _all_forms,
    "one_image": _all_forms,
    "peers": _all_forms,
    "memory": partial(
        _pairs, forms=("ours", "plain"), heads=("MB", "plain", "times plain's"), scale=1e-6
    ),
    "first_step": partial(
        _pairs, forms=("ours", "plain"), heads=("s", "plain", "times plain's"), scale=1
    ),
    "loop": partial(
        _pairs, forms=("fit", "bare"), heads=("ms in `fit`", "bare", "times bare's"), scale=1000
    ),
    "preparing": partial(_all_forms, clock="s"),
    "feeding": partial(_all_forms, clock="s"),
    "populations": partial(_all_forms, unit="networks", clock="s"),
    "gpu": _on_gpu,
}
