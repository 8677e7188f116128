"""The sections of a run, each a function that measures one thing."""

import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.bench import Bench, Subject
from benchmarks.cases import (
    FLAGSHIPS,
    Case,
    RegNetX32,
    RegNetX_200MF,
    RegNetY_16GF,
    RegNetY_400MF,
)
from benchmarks.gpu import gpu
from benchmarks.peers import PEERS
from benchmarks.photos import make_photos
from benchmarks.processes import WorkerError
from common.data.shard_writer import prepare_shards
from common.data.sources import find_images
from common.processes import ROOT, run_python


def training(bench: Bench) -> None:
    """A training step: this project's and the plain one."""
    _product(bench, 2048)
    for case in map(bench.sized, FLAGSHIPS):
        bench.steps("training", case, bench.subjects("ours", "plain"), 7)


def bfloat16(bench: Bench) -> None:
    """A training step on the CPU in float32 and in bfloat16, where a framework has it."""
    case = bench.sized(RegNetX32)
    there = [name for name in bench.pythons if name != "mx"]
    subjects = [(backend, form) for backend in there for form in ("ours", "bfloat16")]
    bench.steps("training", case, subjects, 7)


def one_image(bench: Bench) -> None:
    """Logits of one image: the fused networks, and ONNX Runtime on the exported file."""
    case = replace(bench.sized(RegNetY_400MF), batch=1)
    subjects = [*bench.subjects("fused"), ("torch", "onnxruntime")]
    bench.steps("inference", case, subjects, 15)


def inference(bench: Bench) -> None:
    """Logits of a batch: without batch norms, with them, and plain."""
    for case in map(bench.sized, FLAGSHIPS):
        bench.steps("inference", case, bench.subjects("fused", "ours", "plain"))


def peers(bench: Bench) -> None:
    """Other libraries' networks beside ours in PyTorch, as far as they can be imported."""
    case = RegNetY_400MF
    case = replace(case, image_size=32, batch=4) if bench.quick else case  # timm's has all blocks
    for task, own in (("training", ["ours"]), ("inference", ["fused", "ours"])):
        subjects = [("torch", form) for form in (*own, *PEERS)]
        bench.steps(task, case, subjects, name=f"{task}, {case.name}")


def _product(bench: Bench, side: int) -> None:
    """PyTorch's product of two square matrices, the yardstick of arithmetic."""
    side = 256 if bench.quick else side
    bench.section.cases["matrix product"] = {"items": 1, "flops": side**3}
    subjects = [("torch", "float32 product")] if "torch" in bench.pythons else []
    bench.in_turn("matrix product", "product", subjects, {"side": side})


def memory(bench: Bench) -> None:
    """Peak memory of training above the imports, each in processes of its own, two at once."""
    for case in map(bench.sized, FLAGSHIPS):
        bench.tell(f"memory of {case.name}")
        subjects = bench.subjects("ours", "plain")
        with ThreadPoolExecutor(2) as pool:
            peaks = list(pool.map(partial(_peaks, bench, case), subjects * bench.rounds(3)))
        for number, subject in enumerate(subjects):
            found = [peak for peak in peaks[number :: len(subjects)] if peak]
            for index, when in enumerate(("first step", "later step") if found else ()):
                bench.add(f"{case.name}, {when}", subject, [peak[index] for peak in found])


def _peaks(bench: Bench, case: Case, subject: Subject) -> tuple[int, int] | None:
    """Peak bytes of building and the first step, and of a later step; none where it fails."""
    with bench.noting(f"memory, {subject[1]}"), bench.worker(*subject) as worker:
        before = worker.ask("memory")["now"]
        worker.ask("prepare", task="training", options={"case": case.to_dict()})
        first = worker.ask("memory")["peak"]
        worker.ask("time")
        return first - before, worker.ask("memory")["peak"] - before
    return None


def first_step(bench: Bench) -> None:
    """The first step of a large network, which compiles, without and with building it."""
    case = bench.sized(RegNetY_16GF)
    for subject in bench.subjects("ours", "plain"):
        taken = []
        for number in range(bench.rounds(2) if subject[0] in ("jax", "tf") else 0):
            bench.tell(f"{case.name}: {' '.join(subject)}, {number + 1}")
            with bench.noting(case.name), bench.worker(*subject) as worker:
                options = {"case": case.to_dict()}
                taken.append(worker.ask("prepare", task="training", options=options))
        if taken:
            first = [one["first"] for one in taken]
            bench.add(case.name, subject, first)
            both = [one["building"] + one["first"] for one in taken]
            bench.add(f"{case.name}, building included", subject, both)


def loop(bench: Bench) -> None:
    """A step inside `Trainer.fit` against the bare step, each framework by itself."""
    case = replace(bench.sized(RegNetX32), batch=RegNetX32.batch)
    for backend in bench.pythons:
        bench.tell(f"{case.name}: {backend}")
        with bench.noting(backend), bench.worker(backend) as worker:
            for form, taken in worker.ask("loop", case=case.to_dict()).items():
                bench.add(case.name, (backend, form), taken)


def preparing(bench: Bench) -> None:
    """`anynet data prepare` against Pillow in a pool of processes, both as whole commands."""
    backend, count = next(iter(bench.pythons)), 20 if bench.quick else 2000
    python = bench.pythons[backend].absolute()
    name = f"{count:,} JPEGs of 500 x 375"
    bench.section.cases[name] = {"items": count}
    with tempfile.TemporaryDirectory() as folder:
        photos, out = Path(folder, "photos"), Path(folder, "shards")
        bench.tell(f"{name}: making them")
        make_photos(photos, count - 2)
        commands = {
            "data prepare": ("-m", "common.cli", "data", "prepare", photos, out),
            "Pillow pool": ("-m", "benchmarks.photos", photos, out),
            "Pillow pool, nothing kept": ("-m", "benchmarks.photos", photos),
        }
        values: dict[str, list[float]] = {form: [] for form in commands}
        for number in range(bench.rounds(5) + 1):
            bench.tell(f"{name}: round {number}")
            for form, command in commands.items():
                began = time.perf_counter()
                done = run_python(*command, python=python, cwd=ROOT)
                values[form].append(time.perf_counter() - began)
                if done.returncode:
                    raise WorkerError(f"{form}: must run; got {done.stderr.strip()[-500:]}")
                shutil.rmtree(out, ignore_errors=True)
    for form, taken in values.items():
        bench.add(name, (backend, form), taken[1:])  # files are in memory from then on


def feeding(bench: Bench) -> None:
    """Training from shards and photos with augmentation, against images that are prepared."""
    case, steps = bench.sized(RegNetX_200MF), 2 if bench.quick else 8
    bench.section.cases[case.name] = {"items": case.batch * steps}
    with tempfile.TemporaryDirectory() as folder:
        photos, shards = Path(folder, "photos"), Path(folder, "shards")
        bench.tell(f"{case.name}: making photos")
        make_photos(photos, case.batch * steps)
        prepare_shards(find_images(photos), shards)
        options = {
            "case": case.to_dict(), "steps": steps, "photos": str(photos), "shards": str(shards),
        }  # fmt: skip
        for backend in bench.pythons:
            subjects = [(backend, form) for form in ("memory", "shards", "photos")]
            bench.in_turn(case.name, "epoch", subjects, options, 7)


def populations(bench: Bench) -> None:
    """Design spaces sampled and counted, and a study by one worker and by two."""
    backend, networks = next(iter(bench.pythons)), 1000 if bench.quick else 1_000_000
    for space in ("AnyNetXA", "AnyNetXE", "RegNetX"):
        bench.section.cases[space] = {"items": networks}
        options = {"space": space, "networks": networks}
        bench.in_turn(space, "sampling", [(backend, "sampled and counted")], options, 5)
    networks = 4 if bench.quick else 64
    name = f"{networks} small networks, three epochs of the sample"
    bench.section.cases[name] = {"items": networks}
    for workers in (1, 2):
        bench.tell(f"{name}, workers: {workers}")
        with bench.noting(name):
            options = ("--space", "AnyNetXA-small", "--workers", workers, "--threads", 1)
            seconds = bench.study(backend, networks, *options)
            bench.add(name, (backend, "one worker" if workers == 1 else "two workers"), [seconds])


SECTIONS: dict[str, Callable[[Bench], None]] = {
    section.__name__: section
    for section in (
        training, bfloat16, inference, one_image, peers, memory, first_step, loop, preparing,
        feeding, populations, gpu,
    )
}  # fmt: skip
"""Every section by its name, in the order of a run."""
