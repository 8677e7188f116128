"""Sessions: one per backend, and lint, common, parity, docs, package, train and bench.

CI runs a bare `nox`. `nox -s full` takes hours: what is too long for every change.

`nox -s torch -- COMMAND ...` runs any command in that backend's environment.
"""

import shutil
import sys
from functools import partial
from itertools import count
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))

from tests.environments import (
    BARE,
    BYTECODE,
    COMMON,
    COMPILED_ONCE,
    COMPILED_QUICKLY,
    COMPILED_TO_TRAIN,
    EXTRAS,
    OLD_NUMPY,
    ONE_THREAD,
    PAGES,
    PARALLEL,
    PINNED,
    ROOT,
    XLA,
    backends,
    environment,
    install,
    run_in,
    run_with,
    skip_without_chromium,
    two_at_a_time,
)
from tests.relay import HANDED_ON, PARITY, RELAY, WHOLE, deployed, records_and_relay

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False  # a session without its Python is skipped aloud
nox.options.sessions = ["environments", "single", "common", "torch", "jax", "tf", "mx", "parity"]
SINGLE = ("package", "docs", "lint")
"""Sessions of one process, the longest first; the tests of all others run in two."""

PYTHONS = ("3.12", "3.13")
"""Later ones, with which `common`, JAX and TensorFlow are tested."""

DIST = Path("build/dist")
CASES = ("regnetx32", "odd size, no bias", "resnet block", "resnet stem, vr block", "mlp")
"""Those of parity in a bare `nox`, of a few steps; the full session has all. The tests of each
backend have squeeze-and-excitation, other bottlenecks, strides and constants; for more stages no
backend has code of its own."""


@nox.session(venv_backend="none")
def environments(session: nox.Session) -> None:
    """Make those of all other sessions, two at a time, for pip takes one core."""
    two_at_a_time(session, (*EXTRAS, "common"), "--install-only")


@nox.session(venv_backend="none")
def single(session: nox.Session) -> None:
    """The package, the site and lint, two at a time; what they print is shown if they fail."""
    two_at_a_time(session, SINGLE)


def test_backend(session: nox.Session, backend: str) -> None:
    """The tests of one backend; a missing framework fails here."""
    install(session, backend, f"{EXTRAS[backend]},test")
    if session.posargs:
        session.run(*session.posargs, env=BYTECODE)
        return
    shared = ["-m", BARE, *OLD_NUMPY] if backend == "mx" else []
    shutil.rmtree(XLA, ignore_errors=True)
    env = {"ANYNET_BACKEND": backend, **BYTECODE, **ONE_THREAD, **COMPILED_QUICKLY}
    session.run("pytest", *PARALLEL, *shared, "tests/backends", env=env)


@nox.session(python=PINNED)
def torch(session: nox.Session) -> None:
    """PyTorch: its tests, or the command after `--`."""
    test_backend(session, "torch")


@nox.session(python=PINNED)
def mx(session: nox.Session) -> None:
    """MXNet: its tests, or the command after `--`."""
    test_backend(session, "mx")


@nox.session
def tf(session: nox.Session) -> None:
    """TensorFlow: its tests, or the command after `--`."""
    test_backend(session, "tf")


@nox.session
def jax(session: nox.Session) -> None:
    """JAX: its tests, or the command after `--`."""
    test_backend(session, "jax")


@nox.session
def common(session: nox.Session) -> None:
    """The tests that need no framework, or the command after `--`."""
    install(session, "common", COMMON)
    env = BYTECODE if session.posargs else BYTECODE | ONE_THREAD
    session.run(*session.posargs or ("pytest", *PARALLEL, "tests/common"), env=env)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Lint, format and types, in the environment of `common`."""
    folder = environment(session, "common")
    for command in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        run_in(session, folder, *command)


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """The site: `site/index.html`; `nox -s docs -- serve` shows it while it is being written.

    In the environment of `common`.
    """
    command = ("python", "-m", "mkdocs", *(session.posargs or ("build", "--strict")))
    run_with(session, "common", *command, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def pages(session: nox.Session) -> None:
    """Every page of the site in headless Chromium; options after `--` are those of pytest."""
    skip_without_chromium(session)
    build = ("python", "-m", "mkdocs", "build", "--strict")
    run_with(session, "common", *build, env={"NO_MKDOCS_2_WARNING": "1"})
    install(session, "pages", PAGES)
    session.run("pytest", "-n", "2", "tests/pages", *session.posargs, env=BYTECODE | ONE_THREAD)


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, look into it, and take the quickstart with nothing else installed.

    In an empty environment with MXNet, with JAX on a later Python, or with the backends after `--`.
    """
    session.install("build", "pytest", "pytest-timeout", "-c", ".constraints/package.txt")
    for folder in (DIST, XLA):
        shutil.rmtree(folder, ignore_errors=True)
    session.env.update(BYTECODE)
    session.run("python", "-m", "build", "--outdir", str(DIST))
    (wheel,) = DIST.glob("*.whl")
    session.run("pytest", "tests/package", env={"ANYNET_WHEEL": str(wheel)})
    for backend in session.posargs or ["mx" if sys.version_info[:2] == (3, 11) else "jax"]:
        empty = Path(session.create_tmp()) / backend
        session.run("python", "-m", "venv", "--clear", "--without-pip", str(empty))
        wanted = f"{wheel.resolve()}[{backend},study]"
        session.run("python", "-m", "pip", "--python", str(empty), "install", "--quiet",
                    "--no-compile", wanted, "-c", f".constraints/{backend}.txt")  # fmt: skip
        # -P, for the packages to be those of the wheel and not of this folder.
        walk = ("tests/documents.py", "docs/quickstart.md", backend)
        run_in(session, empty, "python", "-P", *walk, env=COMPILED_TO_TRAIN)


@nox.session(venv_backend="none")
def parity(session: nox.Session) -> None:
    """Run all four backends and the NumPy reference on the same cases and compare every pair.

    Those in `CASES`, or with `-- all` every one. A backend whose Python is not there is left out
    aloud. A run that is handed from framework to framework must have the losses of a run in one.
    """
    programs = COMPILED_ONCE if session.posargs else COMPILED_QUICKLY
    there, run = backends(session), partial(run_in, session, env=ONE_THREAD | programs)
    cases = () if session.posargs else tuple(f"--case={case}" for case in CASES)
    steps = () if session.posargs else ("--steps", "5")
    shutil.rmtree(RELAY, ignore_errors=True)
    for left_out in set(EXTRAS) - set(there):
        (PARITY / f"{left_out}.safetensors").unlink(missing_ok=True)  # of an earlier run
    records_and_relay(run, there, (*cases, *steps))
    first = next(iter(there.values()))
    compare = ("anynet", "parity", "compare", str(PARITY), "--overwrite")
    run(first, *compare, *cases, "--expect", ",".join(there))
    picture = ("--out", str(PARITY / "relay.png"), "--overwrite", "--tolerance", "1e-9")
    run(first, "anynet", "curves", str(WHOLE), str(HANDED_ON), *picture)


@nox.session(venv_backend="none")
def full(session: nox.Session) -> None:
    """All that is too long for every change, some three hours on two cores: not in a bare `nox`.

    Changed files for every reader, the tests marked `full` or `perf`, other Pythons, the lowest
    versions, pages in a browser, the wheel with JAX.
    """
    for name in ("robustness", "marked", "kernels", "pythons", "lowest", "pages"):
        session.notify(name)
    session.notify("package", ["jax"])
    session.notify("parity", ["all"])


@nox.session(venv_backend="none")
def robustness(session: nox.Session) -> None:
    """Every reader of files on 100,000 that were changed at random; options after `--`.

    In PyTorch's environment, which has all readers; 3 to 18 minutes.
    """
    given = session.posargs or ("--mutants", "100000")
    if folder := environment(session, "torch"):
        run_in(session, folder, "python", "-W", "ignore", "-m", "tests.robustness", *given)


@nox.session(venv_backend="none")
def marked(session: nox.Session) -> None:
    """The tests that are marked `full` or `perf`, in the environments that they are for.

    And all of `common` in MXNet's, which has the oldest NumPy; and runs on photos in all four.
    """
    tests = ("pytest", *PARALLEL, "-m")
    run_with(session, "common", *tests, "full or perf", "tests/common", env=ONE_THREAD)
    there = backends(session)
    for backend, folder in there.items():
        env = {"ANYNET_BACKEND": backend, **ONE_THREAD, **COMPILED_ONCE}
        run_in(session, folder, *tests, "full or perf", "tests/backends", env=env)
    if "mx" in there:
        run_in(session, there["mx"], *tests, BARE, "tests/common", env=ONE_THREAD)
    deployed(partial(run_in, session, env=ONE_THREAD), there)


@nox.session(venv_backend="none")
def mutants(session: nox.Session) -> None:
    """Plant faults one at a time; print a table of the tests that find them, an error without one.

    In all environments, or in those after `--`.
    """
    for name in session.posargs or ["common", *backends(session)]:
        run_with(session, name, "python", "-m", "tests.mutants", name, env=ONE_THREAD)


@nox.session(python=PYTHONS)
@nox.parametrize("extras", ["onnx,postgresql", EXTRAS["jax"], EXTRAS["tf"]])
def pythons(session: nox.Session, extras: str) -> None:
    """The tests of `common`, JAX and TensorFlow on later Pythons, where they are installed."""
    backend = {"jax": "jax", "tf-cpu": "tf"}.get(extras.split(",")[0])
    install(session, backend or "common", f"{extras},test")
    folder = "tests/backends" if backend else "tests/common"
    env = BYTECODE | ONE_THREAD | ({"ANYNET_BACKEND": backend, **COMPILED_ONCE} if backend else {})
    session.run("pytest", *PARALLEL, "-m", BARE, folder, env=env)


@nox.session(python="3.11")
def kernels(session: nox.Session) -> None:
    """PyTorch's kernels for GPUs: run by Triton's interpreter, and compiled by Triton."""
    install(session, "torch", "torch,test")
    session.install("triton==3.6.0", "numpy==2.2.6")  # its interpreter fails with NumPy 2.4
    for name, interpret in {"kernels": "1", "compiled": "0"}.items():
        env = {"ANYNET_BACKEND": "torch", "TRITON_INTERPRET": interpret}
        session.run("pytest", f"tests/backends/test_torch_{name}.py", env=env)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """The tests of `common` with the lowest versions that the requirements allow."""
    install(session, "lowest", "test,onnx,postgresql")
    session.run("pytest", *PARALLEL, "-m", BARE, "tests/common", env=BYTECODE | ONE_THREAD)


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure all four backends side by side; options after `--` are those of the benchmarks.

    `nox -s bench -- --quick` is a check of a few minutes, `--help` lists the sections.
    """
    there = backends(session)
    for folder in there.values():
        run_in(session, folder, "anynet", "backends")
    run_in(session, next(iter(there.values())), "python", "-m", "benchmarks", *session.posargs)


@nox.session(venv_backend="none")
def train(session: nox.Session) -> None:
    """Train RegNetX32 on Fashion-MNIST; options after `--` are those of `anynet train`.

    Without options: PyTorch, or JAX where there is no Python for PyTorch; the shipped sample, four
    epochs, about two minutes on two cores.
    """
    given = list(session.posargs)
    if "--backend" in given:
        backend = given[given.index("--backend") + 1]
    else:
        backend = "torch" if environment(session, "torch") else "jax"
    defaults = ["--data", "sample", "--epochs", "4"]
    if "--resume" in given:
        defaults = []
    elif "--out" not in given:
        runs = (f"runs/{backend}-{number}" for number in count(1))
        defaults += ["--out", next(run for run in runs if not (ROOT / run).exists())]
    run_with(session, backend, "anynet", "train", "--backend", backend, *defaults, *given)
