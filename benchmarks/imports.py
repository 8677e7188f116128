"""What an import costs: each package against its framework alone, in turn, in fresh processes.

Run it in the environment of its backend: `python benchmarks/imports.py torch`.
"""

import os
import statistics
import subprocess
import sys

from common.backends import FRAMEWORKS

REPEATS = 11

# Bytecode is kept between the repeats, as it is where a package was installed.
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

TIMED = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def seconds(modules: str) -> float:
    """Wall time of importing `modules` in a new interpreter."""
    command = [sys.executable, "-c", TIMED.format(modules)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=_ENVIRONMENT).stdout
    return float(printed.split()[-1])


def main(backend: str) -> None:
    """Print medians in seconds and the ratio of the package to its framework."""
    framework = FRAMEWORKS[backend]
    alone = ", ".join(framework.distributions)
    times: dict[str, list[float]] = {"common": [], alone: [], framework.package: []}
    for _ in range(REPEATS):
        for modules, measured in times.items():
            measured.append(seconds(modules))
    medians = {modules: statistics.median(measured) for modules, measured in times.items()}
    for modules, median in medians.items():
        print(f"import {modules}: {median:.3f} s")
    print(f"ratio: {medians[framework.package] / medians[alone]:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
