"""The environments of the sessions of noxfile.py: installed, found, and commands run in them."""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import nox

ROOT = Path(__file__).parents[1]
EXTRAS = {
    "torch": "torch,hub,huggingface,notebook,postgresql,ray",
    "jax": "jax,notebook",
    "tf": "tf-cpu,notebook",
    "mx": "mx,notebook,onnx,postgresql",
}
COMMON = "test,lint,onnx,postgresql,tensorboard,docs"
"""Extras of the environment for what needs no framework: tests, linters and the site."""

PAGES = "browser,study,test"
"""Extras of the environment of the tests in a browser."""

BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Modules are compiled once, also where the user's settings say otherwise: tests start many
processes, and compiling the modules of a framework takes longer than all else in its import."""

ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1",
}  # fmt: skip
"""For sessions of two processes: threads that wait for each other while others have their cores
make a training step forty times as long."""

XLA = Path("build/xla")
COMPILED_ONCE = {
    "JAX_COMPILATION_CACHE_DIR": str(ROOT / XLA),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_COMPILATION_CACHE_MAX_SIZE": "1000000000",  # with a limit, processes take turns
}
"""Programs of XLA that several tests of one session have in common."""


_IN_ONE_THREAD = "--xla_cpu_parallel_codegen_split_count=1"


def _compiled(*flags: str) -> dict[str, str]:
    return COMPILED_ONCE | {"XLA_FLAGS": " ".join(flags)}


COMPILED_QUICKLY = _compiled(
    _IN_ONE_THREAD, "--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false"
)
"""For programs that run a few times: XLA's own passes are as always, LLVM's are left out.

The kernels of fusions are written by XLA's older emitter: without LLVM's passes, all of it compiles
in a third of the time. With them it takes longer than the newer one.
The full session has programs as users compile them: in all cases of parity, and in JAX's tests on
later Pythons."""

COMPILED_TO_TRAIN = _compiled(_IN_ONE_THREAD, "--xla_backend_optimization_level=1")
"""For programs that train for an epoch: with the first of LLVM's three levels."""

PINNED = "3.11"
"""The Python of PyTorch's and MXNet's environments; all others are made with the one that runs nox.

MXNet needs NumPy below 1.24, of which no later Python has a build. For PyTorch others may be named,
as in `nox -s torch -P 3.13`: for them, most indexes have builds for CUDA, of some gigabytes.
"""

FORMER_NAMES = ("anynet",)
"""Distributions as which this project was installed before; two of it share their command."""

PARALLEL = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two processes, which take the files in the order of `tests/conftest.py`, each as a whole."""

OLD_NUMPY = [f"tests/common/{part}" for part in (
    "arch", "reference", "test_bounds.py", "test_formats.py", "test_importance.py",
    "test_statistics.py",
)]  # fmt: skip
"""Tests of what computes with NumPy: once more in MXNet's environment, which has NumPy 1.23.

MXNet's own tests train, read data and weights with it; the full session has all of `common`."""

BARE = "not long and not full and not perf"
"""What is left to run of the tests of `common` in other environments than its own."""


def install(session: "nox.Session", name: str, extras: str) -> None:
    """Install this project with `extras`, everything pinned by the constraints of `name`.

    An environment made for the same extras, requirements and constraints is left as it is.
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


def _nested(name: str) -> tuple[str, ...]:
    """The command that runs one session from within another."""
    return (sys.executable, "-m", "nox", "-s", name)


def two_at_a_time(session: "nox.Session", names: Sequence[str], *options: str) -> None:
    """Run other sessions, each of which takes one core; an error of one is raised at the end."""

    def run(name: str) -> None:
        session.run(*_nested(name), *options, external=True, silent=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, names))


def environment(session: "nox.Session", name: str) -> Path | None:
    """The folder of the environment of a session, which is made when it is missing.

    Prints a line if there is no Python for it.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "prefix.txt"
        tell = f"import sys; open({str(told)!r}, 'w').write(sys.prefix)"
        session.run(*_nested(name), "--", "python", "-c", tell, external=True)
        if told.exists():
            return Path(told.read_text())
    session.warn(f"{name} is left out: it needs Python {PINNED}, which is not there")
    return None


def run_in(
    session: "nox.Session", folder: Path, *command: str, env: dict[str, str] | None = None
) -> None:
    """Run `command` of the environment in `folder`."""
    programs = folder / "bin"
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    session.run(str(programs / command[0]), *command[1:], external=True,
                env=BYTECODE | path | (env or {}))  # fmt: skip


def run_with(
    session: "nox.Session", name: str, *command: str, env: dict[str, str] | None = None
) -> None:
    """Run `command` in the environment of a session; an error where there is no Python for it."""
    folder = environment(session, name)
    if folder is None:
        session.error(f"{command[0]} needs the environment of {name}")
    run_in(session, folder, *command, env=env)


def backends(session: "nox.Session") -> dict[str, Path]:
    """The environments of the four backends, as far as their Pythons are installed."""
    found = {backend: environment(session, backend) for backend in EXTRAS}
    return {backend: folder for backend, folder in found.items() if folder}


def chromium() -> str | None:
    """The path of Chromium or Chrome, if one is installed."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def skip_without_chromium(session: "nox.Session") -> None:
    """End the session with a line that says so where no Chromium is installed."""
    if chromium() is None:
        session.skip("left out, for Chromium is not there; in Debian: apt-get install chromium")
