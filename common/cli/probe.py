"""The devices of a framework, listed in a separate process, since a broken one may crash it."""

import json
import os
import signal

from common.backends import load_backend
from common.errors import BackendError, shortened, told
from common.processes import Completed, TimeoutExpired, run_python

_PATIENCE = 300
"""Seconds that a framework may take to start; on a busy machine the slowest takes a minute."""

_MARK = "anynet: "
"""Prefix of the answer's line, since frameworks print, too."""


def find_devices(name: str) -> list[str]:
    """The devices that an installed backend can use, best first.

    Raises `BackendError` if its framework fails in any way.
    """
    code = f'from common.cli.probe import answer; answer("{name}")'
    try:
        done = run_python("-c", code, timeout=_PATIENCE)
    except TimeoutExpired as error:
        raise BackendError(
            f"backend {name}: must start within {_PATIENCE} seconds; got no answer"
        ) from error
    answers = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if not answers:
        raise BackendError(f"backend {name}: must start; got {_end(done)}")
    found = json.loads(answers[-1].removeprefix(_MARK))
    if "error" in found:
        raise BackendError(found["error"])
    devices: list[str] = found["devices"]
    return devices


def _end(done: Completed) -> str:
    """How a process without an answer ended, and the last line that it printed."""
    code = done.returncode
    try:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        how = f"signal {-code}"
    lines = done.stderr.split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"its process ended by {how}{last and f', after: {shortened(last)}'}"


def answer(name: str) -> None:
    """Print the answer that `find_devices` reads, and exit."""
    found: dict[str, list[str] | str]
    try:
        found = {"devices": load_backend(name).devices()}
    except BackendError as error:
        found = {"error": str(error)}
    except Exception as error:
        found = {"error": f"backend {name}: must list its devices; got {told(error)}"}
    print(f"\n{_MARK}{json.dumps(found)}", flush=True)
    os._exit(0)  # a broken framework may fail again in its exit handlers
