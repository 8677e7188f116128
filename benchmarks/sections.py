"""The sections of a run, each a function that measures one thing; here those that take turns."""

from collections.abc import Callable

from benchmarks.bench import Bench, Subject
from benchmarks.cases import BUILT_CASES, FLAGSHIPS, REGNETX32_CASE, SHAPES
from benchmarks.gpu import CASES, PRECISIONS, forms
from benchmarks.peers import PEERS
from benchmarks.separate import compilation, imports, loading, loop, memory
from benchmarks.studies import studies
from benchmarks.tasks import COPIED, COUNTED, MATRIX

PRODUCT, COPY = "float32 matrix product", "copy of memory"
"""Names of the two ceilings."""

LOADER = "batch of 128"
"""Name of the case of the data loader."""


def ceiling(bench: Bench) -> None:
    """The machine's own limits: a float32 matrix product and a copy of memory in PyTorch."""
    for task, case, options in (
        ("product", PRODUCT, {"side": 256 if bench.quick else MATRIX}),
        ("copy", COPY, {"bytes": COPIED // 64 if bench.quick else COPIED}),
    ):
        bench.results.cases[case] = options
        bench.in_turn("ceiling", case, task, [("torch", "machine")], options, 9)


def training(bench: Bench) -> None:
    """A training step: this project's and the plain one."""
    for case in map(bench.sized, FLAGSHIPS):
        options = {"case": case.to_dict()}
        subjects = bench.subjects("ours", "plain")
        bench.in_turn("training", case.name, "training", subjects, options, 7, 4)


def inference(bench: Bench) -> None:
    """Logits of a batch: batch norms folded, not folded, and plain."""
    for case in map(bench.sized, FLAGSHIPS):
        options = {"case": case.to_dict()}
        subjects = bench.subjects("folded", "ours", "plain")
        bench.in_turn("inference", case.name, "inference", subjects, options, 9)


def shapes(bench: Bench) -> None:
    """A training step at other group widths, networks and sizes."""
    for case in dict.fromkeys(map(bench.sized, SHAPES)):  # a quick run makes some equal
        options = {"case": case.to_dict()}
        subjects = bench.subjects("ours", "plain")
        bench.in_turn("shapes", case.name, "training", subjects, options, 5, 3)


def peers(bench: Bench) -> None:
    """Other libraries' networks beside ours in PyTorch, as far as they can be imported."""
    for case in (bench.sized(case, whole=True) for case in FLAGSHIPS):
        options = {"case": case.to_dict()}
        others = [("torch", name) for name, peer in PEERS.items() if peer.has(case.network)]
        for task, own in (("training", ("ours",)), ("inference", ("folded", "ours"))):
            subjects = [*(("torch", form) for form in own), *others]
            bench.in_turn("peers", f"{task}, {case.name}", task, subjects, options, 9)


def gpu(bench: Bench) -> None:
    """PyTorch and JAX on a GPU, where there is one, in three precisions."""
    found = []
    for backend in (name for name in ("torch", "jax") if name in bench.team.backends):
        devices = bench.team.ask(backend, "facts")["devices"]
        if devices[0].startswith("gpu"):
            found.append(backend)
    if not found:
        bench.note("gpu: not measured; neither PyTorch nor JAX sees one")
        return
    for case in map(bench.sized, CASES):
        options = {"case": case.to_dict()}
        subjects: list[Subject] = [(b, form) for b in found for form in forms(b)]
        for task in ("training", "inference"):
            bench.in_turn("gpu", f"{task}, {case.name}", task, subjects, options, 9)
    side = 256 if bench.quick else 8192
    bench.results.cases["product on the GPU"] = {"side": side}
    subjects = [(backend, precision) for backend in found for precision in PRECISIONS]
    bench.in_turn("gpu", "product on the GPU", "gpu_product", subjects, {"side": side}, 9)


def building(bench: Bench) -> None:
    """A network with its weights drawn."""
    for case in map(bench.sized, BUILT_CASES):
        subjects = bench.subjects("xavier", "he", "plain")
        options = {"case": case.to_dict()}
        bench.in_turn("building", case.name, "building", subjects, options, 4)


def pipeline(bench: Bench) -> None:
    """A batch from the data loader."""
    bench.results.cases[LOADER] = {"batch": REGNETX32_CASE.batch}
    options = {"batch": REGNETX32_CASE.batch}
    bench.in_turn("pipeline", LOADER, "pipeline", bench.subjects("ours"), options, 9)


def spaces(bench: Bench) -> None:
    """Populations of design spaces: no framework takes part."""
    for name in ("AnyNetXA", "AnyNetXE", "RegNetX"):
        bench.results.cases[name] = {"networks": 1000 if bench.quick else 1_000_000}
        options = {"space": name, **bench.results.cases[name]}
        bench.in_turn(
            "spaces", name, "sampling", [("torch", "sampled"), ("torch", COUNTED)], options, 5
        )


SECTIONS: dict[str, Callable[[Bench], None]] = {
    section.__name__: section
    for section in (
        ceiling, training, inference, peers, shapes, gpu, pipeline, spaces, building,
        studies, loop, memory, compilation, loading, imports,
    )
}  # fmt: skip
"""Every section by its name, in the order of a run."""
