"""Faults planted one at a time, and the test of a bare `nox` that finds each: a table.

`python -m tests.mutants torch` plants those of PyTorch in a copy of the sources and runs, in this
environment, the tests that should find them; `common` has those that need no framework. The exit
code is the number of faults that nothing found. `nox -s mutants` runs all.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS = 600
"""For the tests of one fault; those that take longer have not found it."""

TRAINING = "tests/backends/test_training.py"
SPACES = "tests/backends/test_spaces.py"
PARITY = "tests/backends/test_parity.py"
UPDATES = "tests/backends/test_updates.py"


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in `file`, where it is once; `tests` are arguments of pytest."""

    what: str
    file: str
    old: str
    new: str
    tests: str


SHARED = {
    "weight decay is left out": (f"{TRAINING} -k weight_decay", {
        "torch": ("optimizer", "nesterov,\n        weight_decay=recipe.weight_decay",
                  "nesterov"),
        "mx": ("optimizer", "move + recipe.weight_decay * array", "move"),
        "tf": ("optimizer", "+= self.coupled_decay * variable", "+= 0 * variable"),
        "jax": ("optimizer", "add_decayed_weights(recipe.weight_decay)", "add_decayed_weights(0)"),
    }),
    "Nesterov's momentum is the plain one": (f"{TRAINING} -k second_step", {
        "torch": ("optimizer", "nesterov=recipe.nesterov", "nesterov=False"),
        "mx": ("optimizer", "if recipe.nesterov else state", "if False else state"),
        "tf": ("optimizer", "if self.nesterov else moved", "if False else moved"),
        "jax": ("optimizer", "recipe.momentum, recipe.nesterov", "recipe.momentum, False"),
    }),
    "another running variance": (f"{TRAINING} -k running_statistics_average", {
        "torch": ("layers", "alpha=(n - 1) / n", "alpha=1"),
        "mx": ("layers", "old = 1 - shared_momentum(", "old = shared_momentum("),
        "tf": ("layers", "batch_variance * ((n - 1) / n)", "batch_variance"),
        "jax": ("layers", "old * var.value + (1 - old)", "(1 - old) * var.value + old"),
    }),
    "images are resized by height and width in turn": (f"{TRAINING} -k resizing_equals", {
        "torch": ("layers", "_resize_matrix(height, size[0]", "_resize_matrix(height, size[1]"),
        "mx": ("layers", "_resize_matrix(height, size[0]", "_resize_matrix(height, size[1]"),
        "tf": ("layers", "resize_matrix(height, size[0])", "resize_matrix(height, size[1])"),
        "jax": ("layers", "resize_matrix(height, size[0])", "resize_matrix(height, size[1])"),
    }),
    "momentum is not put back": (f"{TRAINING} -k state_put_back_continues", {
        "torch": ("optimizer", "elif array is not None:", "elif False:"),
        "mx": ("train", "0 if array is None else np.array(", "0 if True else np.array("),
        "tf": ("train", "if array is None else native_array(array)", "if True else None"),
        "jax": ("optimizer", "return optax.TraceState(trees[MOMENTUM])", "return part"),
    }),
    "AdamW's second moment has the first one's decay": (f"{UPDATES} -k references", {
        "torch": ("optimizer", "recipe.beta1, recipe.beta2", "recipe.beta1, recipe.beta1"),
        "mx": ("optimizer", "second += (1 - recipe.beta2)", "second += (1 - recipe.beta1)"),
        "tf": ("optimizer", "second, (1 - self.beta_2)", "second, (1 - self.beta_1)"),
        "jax": ("optimizer", "recipe.beta1, recipe.beta2", "recipe.beta1, recipe.beta1"),
    }),
    "gradients are not clipped": (f"{UPDATES} -k references", {
        "torch": ("optimizer", "gradient.mul_(factor)", "gradient.mul_(1)"),
        "mx": ("optimizer", "gradient *= factor", "gradient *= 1"),
        "tf": ("optimizer", "[0] if clip_norm else gradients", "[0] if False else gradients"),
        "jax": ("optimizer", "[optax.clip_by_global_norm(recipe.clip_norm)]", "[]"),
    }),
    "frozen batch norms use the batch": (f"{UPDATES} -k references", {
        "torch": ("freezing", "norm.eval()", "norm.train()"),
        "mx": ("freezing", '["use_global_stats"] = block.is_frozen', '["x"] = block.is_frozen'),
        "tf": ("freezing", "norm.trainable = False", "norm.trainable = True"),
        "jax": ("freezing", '"use_running_average": True', '"use_running_average": False'),
    }),
    "squeeze-and-excitation has another gate": (f"{SPACES} -k RegNetY", {
        "torch": ("layers", "x.mean((2, 3))", "x.amax((2, 3))"),
        "mx": ("layers", "F.npx.sigmoid(self.fc2", "F.npx.relu(self.fc2"),
        "tf": ("layers", "tf.reduce_mean(x, (1, 2))", "tf.reduce_max(x, (1, 2))"),
        "jax": ("layers", "x.mean((1, 2))", "x.max((1, 2))"),
    }),
    "a fixed epsilon in batch norms": (f"{PARITY} -k other_kinds", {
        "torch": ("layers", "super().__init__(in_channels, epsilon,",
                  "super().__init__(in_channels, 1e-5,"),
        "mx": ("layers", "epsilon=epsilon, in_channels", "epsilon=1e-5, in_channels"),
        "tf": ("layers", "epsilon=self.epsilon,", "epsilon=1e-5,"),
        "jax": ("layers", "_normalise_batch(x, scale, bias, self.epsilon)",
                "_normalise_batch(x, scale, bias, 1e-5)"),
    }),
}  # fmt: skip
"""By what is wrong: the tests, and by backend the file, what stands there, and the fault."""

ALONE = {
    "torch": [
        Mutant("a resumed run begins its epoch again", "common/training/loop.py",
               "train_batches(self.learner, self.data, self.config.seed, epoch, start)",
               "train_batches(self.learner, self.data, self.config.seed, epoch, 0)",
               "tests/backends/test_killed.py"),
        Mutant("a study's weights are drawn by each process", "common/studies/worker.py",
               "backend.create(spec, config.seed, **drawn)",
               "backend.create(spec, id(config) % 97, **drawn)",
               "tests/backends/test_studies.py -k two_workers"),
    ],
    "mx": [
        Mutant("a function that NumPy 2 alone has", "common/spaces/population.py",
               "np.concatenate(list(column))", "np.concat(list(column))",
               "tests/common/spaces/test_spaces.py"),
    ],
    "jax": [
        Mutant("a running mean lacks the bias that a step leaves out", "anynet_jax/layers.py",
               "batch_mean if offset is None else batch_mean + offset", "batch_mean",
               "tests/backends/test_jax_joined.py"),
    ],
    "common": [
        Mutant("a network is given up with its first worker", "common/studies/trials.py",
               "ATTEMPTS: Final = 3", "ATTEMPTS: Final = 1",
               "tests/common/studies/test_killed.py"),
        Mutant("a pool outlives the process that made it", "common/processes.py",
               "Thread(target=_end_with_parent, daemon=True).start()", "pass",
               "tests/common/test_processes.py -k killed"),
        Mutant("widths that are to decrease increase", "common/spaces/dimension.py",
               "stages, stream)[:, ::-1]]", "stages, stream)]",
               "tests/common/spaces/test_million.py"),
        Mutant("arrays are not held against their digest", "common/weights/files.py",
               "if opened.digest is not None and", "if False and",
               "tests/common/weights/test_integrity.py"),
        Mutant("a file is written in its place", "common/files.py",
               "yield temporary\n        temporary.chmod(0o666",
               "yield target\n        temporary.chmod(0o666",
               "tests/common/test_files.py"),
        Mutant("sizes are rounded down", "common/arch/plan.py",
               "(side - 1) // stride + 1", "side // stride", "tests/common/arch/test_plan.py"),
        Mutant("parity forgives any difference", "common/parity/compare.py",
               "return self.ratio <= 1", "return self.ratio <= 1e9",
               "tests/common/parity/test_compare.py"),
        Mutant("the gradient of a variance is left out", "common/reference/ops.py",
               "_per_channel(of_bias / n, x) - correlated", "_per_channel(of_bias / n, x)",
               "tests/common/reference"),
    ],
}  # fmt: skip
"""Those of one environment."""


def mutants(name: str) -> Iterator[Mutant]:
    """Those of an environment."""
    for what, (tests, places) in SHARED.items():
        if name in places:
            file, old, new = places[name]
            yield Mutant(what, f"anynet_{name}/{file}.py", old, new, tests)
    yield from ALONE.get(name, [])


def found_by(mutant: Mutant, name: str, tree: Path) -> str | None:
    """The test that fails with a fault planted in `tree`, or None; `name` is the environment."""
    path = tree / mutant.file
    source = path.read_text()
    if source.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file}: must have once: {mutant.old}")
    path.write_text(source.replace(mutant.old, mutant.new))
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                   *mutant.tests.split()]  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(tree), "ANYNET_BACKEND": name}
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return None
    finally:
        path.write_text(source)
    if done.returncode not in (0, 1):  # no test was run
        raise SystemExit(done.stdout + done.stderr)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failed[0].split(" - ")[0].rpartition("/")[2] if failed else None


def main(names: list[str]) -> int:
    """Print the table; returns the number of faults that were not found."""
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        listing = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in listing.stdout.splitlines():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
        for name in names:
            for mutant in mutants(name):
                test = found_by(mutant, name, tree)
                lost += test is None
                print(f"| {name} | {mutant.what} | {test or '**nothing**'} |", flush=True)
    return lost


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
