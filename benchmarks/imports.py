"""What an import costs: each package against its framework alone, in turn, in fresh processes.

Run it in the environment of its backend: `python benchmarks/imports.py torch`.
"""

import statistics
import subprocess
import sys
import time

from common.backends import FRAMEWORKS

REPEATS = 7


def seconds(statement: str) -> float:
    """Wall time of a new interpreter that runs `statement`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
    return time.perf_counter() - began


def main(backend: str) -> None:
    """Print medians in seconds and the ratio of the package to its framework."""
    framework = FRAMEWORKS[backend]
    alone = f"import {', '.join(framework.distributions)}"
    statements = {"bare": "pass", "common": "import common", "framework": alone}
    statements["package"] = f"import {framework.package}"
    times: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(REPEATS):
        for name, statement in statements.items():
            times[name].append(seconds(statement))
    bare, common, alone_s, package = (statistics.median(values) for values in times.values())
    print(f"import common: {common - bare:.3f} s")
    print(
        f"import {framework.package}: {package:.2f} s; {alone}: {alone_s:.2f} s; "
        f"ratio {package / alone_s:.3f}"
    )


if __name__ == "__main__":
    main(sys.argv[1])
