"""Tables of a run: for each section a head and rows of text."""

from collections.abc import Callable

from benchmarks.results import Measurement, Results
from benchmarks.sections import COPY, LOADER, PRODUCT
from benchmarks.table import Table, half, number, percent
from benchmarks.targets import gain, targets
from common.backends import FRAMEWORKS

BEST = {"inference": "folded"}
"""The form that competes with the other frameworks, by section; `ours` elsewhere."""

_STEP = ("case", "framework", "form", "images/s", "ms", "middle half of ms", "times plain",
         "of the fastest", "of the peak product", "of the copy rate")  # fmt: skip


def tables(results: Results) -> list[Table]:
    """Every table that the run has numbers for, the targets first."""
    promised = [
        (target.text, target.bound, target.measured, _MET[target.met])
        for target in targets(results)
    ]
    found = [
        Table("targets", "Targets", ("target", "bound", "measured", "met"), promised),
        *(make(results) for make in (_ceiling, _training, _inference, _shapes, _peers, _gpu)),
        *(make(results) for make in (_memory, _compilation, _loop, _pipeline, _spaces, _building)),
        _studies(results),
        *(make(results) for make in (_loading, _imports)),
    ]
    return [table for table in found if table.rows]


_MET = {True: "yes", False: "**no**", None: "open"}


def _names(item: Measurement) -> tuple[str, str, str]:
    title = FRAMEWORKS[item.backend].title
    return item.case, title, item.form


def _against_plain(results: Results, item: Measurement) -> str:
    return "" if item.form == "plain" else number(gain(results, item))


def _of_fastest(results: Results, item: Measurement, best: str) -> str:
    rivals = results.of(item.section, case=item.case, form=best)
    if not rivals:
        return ""
    return percent(min(rivals, key=lambda rival: rival.median).over(item))


def peaks(results: Results) -> tuple[float | None, float | None]:
    """Multiply-adds and bytes per second that the machine reaches."""
    product = results.one("ceiling", case=PRODUCT)
    copied = results.one("ceiling", case=COPY)
    side = results.cases.get(PRODUCT, {}).get("side", 0)
    size = results.cases.get(COPY, {}).get("bytes", 0)
    return (
        side**3 / product.median if product else None,
        2 * size / copied.median if copied else None,  # read and written
    )


def _steps(name: str, title: str, results: Results, factor: int, best: str = "ours") -> Table:
    """Rows of steps; `factor` is how many times the forward pass one is."""
    product, copied = peaks(results)
    rows = []
    for item in results.of(name):
        case = results.cases[item.case]
        rate = case["batch"] / item.median
        rows.append(
            (
                *_names(item),
                number(rate),
                number(1000 * item.median),
                half(item, 1000),
                _against_plain(results, item),
                _of_fastest(results, item, best),
                percent(rate * factor * case["flops"] / product if product else None),
                percent(rate * factor * case["traffic"] / copied if copied else None),
            )
        )
    return Table(name, title, _STEP, rows)


def _training(results: Results) -> Table:
    return _steps("training", "Training step", results, 3)


def _inference(results: Results) -> Table:
    return _steps("inference", "Inference", results, 1, BEST["inference"])


def _shapes(results: Results) -> Table:
    return _steps("shapes", "Training step, other shapes", results, 3)


def _ceiling(results: Results) -> Table:
    product, copied = peaks(results)
    side = results.cases.get(PRODUCT, {}).get("side")
    rate = f"{2 * product / 1e9:,.0f} GFLOP/s, two per multiply-add" if product else ""
    rows = [
        (f"{PRODUCT}, {side} x {side}", rate) if product else (),
        (COPY, f"{copied / 1e9:.1f} GB/s read and written") if copied else (),
    ]
    head = ("case", "measured")
    return Table("ceiling", "The machine's ceiling", head, [row for row in rows if row])


def _rated(name: str, title: str, results: Results, first: Callable[[str], str]) -> Table:
    """Images per second of cases `TASK, CASE`, with the ratio to the form that `first` names."""
    rows = []
    for item in results.of(name):
        case = results.cases.get(item.case.partition(", ")[2])
        if case is None:
            continue
        wanted = {"case": item.case, "backend": item.backend, "form": first(item.case)}
        own = results.one(name, **wanted)
        rows.append(
            (
                *_names(item),
                number(case["batch"] / item.median),
                number(1000 * item.median),
                half(item, 1000),
                number(item.over(own) if own else None),
            )
        )
    head = (
        "case",
        "framework",
        "form",
        "images/s",
        "ms",
        "middle half of ms",
        "times the time of ours",
    )
    return Table(name, title, head, rows)


def _peers(results: Results) -> Table:
    def ours(case: str) -> str:
        return "folded" if case.startswith("inference") else "ours"

    return _rated("peers", "Other libraries in PyTorch", results, ours)


def _gpu(results: Results) -> Table:
    table = _rated("gpu", "GPU", results, lambda case: "gpu float32 compiled")
    rows = []
    items = [item for item in results.of("gpu") if item.case.partition(", ")[2] in results.cases]
    for item, row in zip(items, table.rows, strict=True):
        precision = item.form.split()[1]
        product = results.one(
            "gpu", case="product on the GPU", backend=item.backend, form=precision
        )
        task, _, name = item.case.partition(", ")
        case, factor = results.cases[name], 3 if task == "training" else 1
        share = None
        if product:
            peak = results.cases["product on the GPU"]["side"] ** 3 / product.median
            share = factor * case["flops"] * case["batch"] / item.median / peak
        rows.append((*row[:-1], percent(share)))
    return Table("gpu", table.title, (*table.head[:-1], "of the peak product"), rows)


def _plainly(
    name: str, title: str, results: Results, unit: str, scale: float, quantity: str = "seconds"
) -> Table:
    """Medians with their ratio to plain, `ours / plain`."""
    rows = []
    for item in results.of(name, quantity=quantity):
        ratio = gain(results, item)
        share = "" if item.form == "plain" or not ratio else number(1 / ratio)
        rows.append((*_names(item), number(item.median * scale), half(item, scale), share))
    head = ("case", "framework", "form", unit, f"middle half of {unit}", "times plain's")
    return Table(name, title, head, rows)


def _memory(results: Results) -> Table:
    title = "Peak memory of training above the imports"
    return _plainly("memory", title, results, "MB", 1e-6, "bytes")


def _compilation(results: Results) -> Table:
    return _plainly("compilation", "First step of a large network", results, "s", 1)


def _building(results: Results) -> Table:
    return _plainly("building", "Building a network", results, "s", 1)


def _loop(results: Results) -> Table:
    rows = []
    for item in results.of("loop", form="fit"):
        bare = results.one("loop", case=item.case, backend=item.backend, form="bare")
        if bare:
            times = (number(1000 * bare.median), number(1000 * item.median))
            rows.append((*_names(item)[:2], *times, f"{100 * (bare.over(item) or 0):.1f} %"))
    head = ("case", "framework", "ms of the bare step", "ms in `Trainer.fit`", "throughput kept")
    return Table("loop", "The training loop", head, rows)


def _pipeline(results: Results) -> Table:
    rows = []
    for item in results.of("pipeline"):
        steps = results.of("training", backend=item.backend, form="ours")
        step = next((s for s in steps if s.case.startswith("RegNetX32") and LOADER in s.case), None)
        share = "" if step is None else f"{100 * item.median / step.median:.2f} %"
        rows.append((*_names(item)[:2], number(1 / item.median), number(1e6 * item.median), share))
    head = ("case", "framework", "batches/s", "microseconds", "of RegNetX32's step")
    return Table("pipeline", "The data loader alone", head, rows)


def _spaces(results: Results) -> Table:
    rows = []
    for item in results.of("spaces"):
        networks = results.cases[item.case]["networks"]
        rows.append((item.case, item.form, number(networks / item.median), number(item.median)))
    head = ("space", "form", "networks/s", f"s for {networks:,}" if rows else "s")
    return Table("spaces", "Design spaces on one core", head, rows)


def _studies(results: Results) -> Table:
    rows = [(*_names(item), number(item.median), half(item, 1)) for item in results.of("studies")]
    head = ("case", "framework", "form", "s", "middle half of s")
    return Table("studies", "Studies: a worker, a bare loop, and workers side by side", head, rows)


def _loading(results: Results) -> Table:
    rows = []
    for item in results.of("loading", form="ours", quantity="bytes"):
        wanted = {"case": item.case, "backend": item.backend}
        size = results.one("loading", **wanted, form="file")
        time = results.one("loading", **wanted, form="ours", quantity="seconds")
        if size and time:
            shown = (time.median, item.median / 1e6, size.median / 1e6, item.median / size.median)
            rows.append((*_names(item)[:2], *map(number, shown)))
    head = ("case", "framework", "s", "MB above the model", "MB of the file", "per byte")
    return Table("loading", "Loading weights", head, rows)


def _imports(results: Results) -> Table:
    rows = []
    for item in results.of("imports"):
        alone = results.one("imports", backend=item.backend, form="framework")
        ratio = item.over(alone) if alone else None
        rows.append((*_names(item), number(item.median), half(item, 1), number(ratio)))
    head = ("case", "framework", "form", "s", "middle half of s", "times the framework's")
    return Table("imports", "Imports", head, rows)
