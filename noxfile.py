"""Sessions: one per backend, and lint, common, parity, docs, package, train and bench.

CI runs a bare `nox`. `nox -s full` takes hours: what is too long for every change.

`nox -s torch -- COMMAND ...` runs any command in that backend's environment.
"""

import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False  # a session without its Python is skipped aloud
nox.options.sessions = [
    "lint", "common", "torch", "jax", "tf", "mx", "parity", "docs", "package",
]  # fmt: skip

ROOT = Path(__file__).parent
EXTRAS = {
    "torch": "torch,huggingface,notebook,postgresql,ray",
    "jax": "jax,notebook",
    "tf": "tf-cpu,notebook",
    "mx": "mx,notebook,onnx,postgresql",
}
COMMON = "test,lint,onnx,postgresql"
"""Extras of the environment for what needs no framework: tests and linters."""

PARALLEL = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two processes, which take the files in the order of `tests/conftest.py`, each as a whole."""

ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1",
}  # fmt: skip
"""For sessions of two processes: threads that wait for each other while others have their cores
make a training step forty times as long."""

OLD_NUMPY = [
    *(f"tests/common/{part}" for part in (
        "arch", "data", "export", "parity", "plotting", "reference", "spaces", "training",
        "weights",
    )),
    "tests/common/cli/test_checkpoints.py",
    "tests/common/cli/test_command.py",
    "tests/common/cli/test_convert.py",
    "tests/common/cli/test_spaces.py",
    "tests/common/reports",
    "tests/common/test_bounds.py",
    "tests/common/test_statistics.py",
    "tests/common/studies/test_study.py",
    "tests/common/test_formats.py",
]  # fmt: skip
"""Tests of what computes with NumPy: once more in MXNet's environment, which has NumPy 1.23."""

PINNED = "3.11"
"""The Python of PyTorch's and MXNet's environments; all others are made with the one that runs nox.

MXNet needs NumPy below 1.24, of which no later Python has a build. For PyTorch others may be named,
as in `nox -s torch -P 3.13`: for them, most indexes have builds for CUDA, of some gigabytes.
"""

PYTHONS = ("3.12", "3.13")
"""Later ones, with which `common`, JAX and TensorFlow are tested."""

FORMER_NAMES = ("anynet",)
"""Distributions as which this project was installed before; two of it share their command."""

MUTANTS = 100_000
DIST = Path("build/dist")
MADE = Path("build/environments")
PARITY = Path("build/parity")
RELAY = Path("build/relay")
WHOLE, HANDED_ON = RELAY / "whole", RELAY / "handed on"


def install(session: nox.Session, name: str, extras: str) -> None:
    """Install this project with `extras`, everything pinned by the constraints of `name`.

    An environment that was made for the same extras, requirements and constraints stays as it is.
    """
    constraints = f".constraints/{name}.txt"
    wanted = "\n".join(
        [extras, *(Path(file).read_text() for file in ("pyproject.toml", constraints))]
    )
    made_for = Path(session.virtualenv.location) / "made-for.txt"
    if made_for.exists() and made_for.read_text() == wanted:
        return
    session.run_install("python", "-m", "pip", "uninstall", "--yes", *FORMER_NAMES, silent=True)
    # Most modules of a framework are never imported: those that are get compiled then.
    session.install("--no-compile", "-e", f".[{extras}]", "-c", constraints)
    made_for.write_text(wanted)


def in_environment(
    session: nox.Session, name: str, *command: str, env: dict[str, str] | None = None
) -> None:
    """Run `command` in the environment of a session, which is made when it is missing.

    An error where there is no Python for it.
    """
    nested = ("-m", "nox", "--error-on-missing-interpreters", "-s", name, "--", *command)
    session.run(sys.executable, *nested, external=True, env=env)


def is_there(session: nox.Session, name: str) -> bool:
    """Whether there is an environment for a session, which is made when it is missing.

    Says so where there is no Python for it.
    """
    mark = ROOT / MADE / name
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    touch = ("python", "-c", f"open({str(mark)!r}, 'w')")
    session.run(sys.executable, "-m", "nox", "-s", name, "--", *touch, external=True)
    if not mark.exists():
        session.warn(f"{name} is left out: it needs Python {PINNED}, which is not there")
    return mark.exists()


def backends(session: nox.Session) -> list[str]:
    """All four, or those whose environments there are."""
    return [backend for backend in EXTRAS if is_there(session, backend)]


def test_backend(session: nox.Session, backend: str) -> None:
    """The tests of one backend; a missing framework fails here."""
    install(session, backend, f"{EXTRAS[backend]},test")
    if session.posargs:
        session.run(*session.posargs)
        return
    shared = ["-m", "not long and not full", *OLD_NUMPY] if backend == "mx" else []
    env = {"ANYNET_BACKEND": backend, **ONE_THREAD}
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
    env = {} if session.posargs else ONE_THREAD
    session.run(*session.posargs or ("pytest", *PARALLEL, "tests/common"), env=env)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Lint, format and types, in the environment of `common`."""
    for command in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        in_environment(session, "common", *command)


@nox.session
def docs(session: nox.Session) -> None:
    """The site: `site/index.html`; `nox -s docs -- serve` shows it while it is being written."""
    install(session, "docs", "docs,study")
    command = session.posargs or ["build", "--strict"]
    session.run("python", "-m", "mkdocs", *command, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, look into it, and take the quickstart with nothing else installed.

    In an empty environment with JAX, or with the backends after `--`.
    """
    session.install("build", "pytest", "pytest-timeout", "-c", ".constraints/package.txt")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(DIST))
    (wheel,) = DIST.glob("*.whl")
    session.run("pytest", "tests/package", env={"ANYNET_WHEEL": str(wheel)})
    for backend in session.posargs or ["jax"]:
        empty = Path(session.create_tmp()) / backend
        session.run("python", "-m", "venv", "--clear", str(empty))
        python = str(empty / "bin" / "python")
        wanted = f"{wheel.resolve()}[{backend},study]"
        pins = f".constraints/{backend}.txt"
        session.run(python, "-m", "pip", "install", "--quiet", wanted, "-c", pins, external=True)
        # -P, for the packages to be those of the wheel and not of this folder.
        walk = ("tests/documents.py", "docs/quickstart.md", backend)
        session.run(python, "-P", *walk, external=True)


@nox.session(venv_backend="none")
def parity(session: nox.Session) -> None:
    """Run all four backends and the NumPy reference on the same cases and compare every pair.

    A backend whose Python is not there is left out aloud. A run that is handed from framework to
    framework must have the losses of a run in one; it takes one core, and what the records leave of
    the other.
    """
    there, run = backends(session), partial(in_environment, session, env=ONE_THREAD)
    shutil.rmtree(RELAY, ignore_errors=True)
    for left_out in set(EXTRAS) - set(there):
        (PARITY / f"{left_out}.safetensors").unlink(missing_ok=True)  # of an earlier run
    with ThreadPoolExecutor() as pool:
        for job in [pool.submit(job, run, there) for job in (records, relay)]:
            job.result()
    compare = ("anynet", "parity", "compare", str(PARITY), "--overwrite")
    run(there[0], *compare, "--expect", ",".join(there))
    picture = ("--out", str(PARITY / "relay.png"), "--overwrite", "--tolerance", "1e-9")
    run(there[0], "anynet", "curves", str(WHOLE), str(HANDED_ON), *picture)


def records(run: Callable[..., None], backends: list[str]) -> None:
    """Write the record of every backend and of the reference."""
    for subject in ("reference", *backends):
        environment = backends[0] if subject == "reference" else subject
        command = ("anynet", "parity", "record", subject, "--out", str(PARITY), "--overwrite")
        run(environment, *command)


def relay(run: Callable[..., None], backends: list[str]) -> None:
    """Train one run in the first framework, and another from framework to framework."""
    settings = (
        "--precision", "float64", "--data", "sample", "--image-size", "16", "--batch-size", "200",
        "--lr", "0.001", "--recipe", "regnet", "--warmup-epochs", "1",
        "--epochs", str(len(backends)), "--log-every", "5",
    )  # fmt: skip
    first = backends[0]
    run(first, "anynet", "train", "--backend", first, *settings, "--out", str(WHOLE))
    for epoch, backend in enumerate(backends, 1):
        start = ("--resume", str(HANDED_ON)) if epoch > 1 else (*settings, "--out", str(HANDED_ON))
        options = ("--backend", backend, *start, "--stop-after", str(epoch))
        run(backend, "anynet", "train", *options)


@nox.session(venv_backend="none")
def full(session: nox.Session) -> None:
    """All that is too long for every change, some two hours on two cores: not in a bare `nox`.

    Changed files for every reader, the tests marked `full`, other Pythons, the lowest versions.
    """
    for name in ("robustness", "marked", "kernels", "pythons", "lowest"):
        session.notify(name)


@nox.session(venv_backend="none")
def robustness(session: nox.Session) -> None:
    """Every reader of files on 100,000 that were changed at random; options after `--`.

    In PyTorch's environment, which has all readers; some 15 minutes.
    """
    given = session.posargs or ("--mutants", str(MUTANTS))
    if not is_there(session, "torch"):
        session.skip(f"needs Python {PINNED}")
    in_environment(session, "torch", "python", "-W", "ignore", "-m", "tests.robustness", *given)


@nox.session(venv_backend="none")
def marked(session: nox.Session) -> None:
    """The tests that are marked `full`, in the environments that they are for.

    And all of `common` in MXNet's, which has the oldest NumPy.
    """
    there, run = backends(session), partial(in_environment, session, env=ONE_THREAD)
    run("common", "pytest", *PARALLEL, "-m", "full", "tests/common")
    for backend in there:
        run(backend, "pytest", *PARALLEL, "-m", "full", "tests/backends")
    if "mx" in there:
        run("mx", "pytest", *PARALLEL, "-m", "not long and not full", "tests/common")


@nox.session(python=PYTHONS)
@nox.parametrize("extras", ["onnx,postgresql", EXTRAS["jax"], EXTRAS["tf"]])
def pythons(session: nox.Session, extras: str) -> None:
    """The tests of `common`, JAX and TensorFlow on later Pythons, where they are installed."""
    backend = {"jax": "jax", "tf-cpu": "tf"}.get(extras.split(",")[0])
    install(session, backend or "common", f"{extras},test")
    folder = "tests/backends" if backend else "tests/common"
    env = ONE_THREAD | ({"ANYNET_BACKEND": backend} if backend else {})
    session.run("pytest", *PARALLEL, "-m", "not long and not full", folder, env=env)


@nox.session(python="3.11")
def kernels(session: nox.Session) -> None:
    """PyTorch's kernels for GPUs, run by Triton's interpreter."""
    install(session, "torch", "torch,test")
    # The interpreter of this release takes numbers from arrays as NumPy 2.4 no longer allows.
    session.install("triton==3.6.0", "numpy==2.2.6")
    tests = "tests/backends/test_torch_kernels.py"
    session.run("pytest", tests, env={"ANYNET_BACKEND": "torch", "TRITON_INTERPRET": "1"})


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """The tests of `common` with the lowest versions that the requirements allow."""
    install(session, "lowest", "test,onnx,postgresql")
    command = ("pytest", *PARALLEL, "-m", "not long and not full", "tests/common")
    session.run(*command, env=ONE_THREAD)


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure all four backends side by side; options after `--` are those of the benchmarks.

    `nox -s bench -- --quick` is a check of a few minutes, `--help` lists the sections.
    """
    there = backends(session)
    for backend in there:
        in_environment(session, backend, "anynet", "backends")
    in_environment(session, there[0], "python", "-m", "benchmarks", *session.posargs)


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
        backend = "torch" if is_there(session, "torch") else "jax"
    defaults = ["--data", "sample", "--epochs", "4"]
    if "--resume" in given:
        defaults = []
    elif "--out" not in given:
        defaults += ["--out", str(free_directory(f"runs/{backend}"))]
    in_environment(session, backend, "anynet", "train", "--backend", backend, *defaults, *given)


def free_directory(stem: str) -> Path:
    """The first of stem-1, stem-2, ... that does not exist."""
    number = 1
    while (ROOT / f"{stem}-{number}").exists():
        number += 1
    return Path(f"{stem}-{number}")
