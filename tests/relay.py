"""What sessions run in all environments: records of parity, runs handed on, runs on photos."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PARITY = Path("build/parity")
RELAY = Path("build/relay")
WHOLE, HANDED_ON = RELAY / "whole", RELAY / "handed on"
DEPLOYED = Path("build/deployed")

_NETWORK = {
    "stem_channels": 8,
    "stages": [
        {"depth": 1, "channels": 16, "group_width": 8, "bottleneck_multiplier": 1},
        {"depth": 2, "channels": 24, "group_width": 8, "bottleneck_multiplier": 1},
    ],
    "num_classes": 10,
    "in_channels": 1,
    "se_ratio": 0.25,
}
"""The network of the run that is handed on, with one block of each kind: JAX and TensorFlow compile
it in seconds, in each of their processes."""

Run = Callable[..., None]
"""Runs a command in the environment of a folder."""

_LONGEST_FIRST = ("jax", "tf", "reference", "torch", "mx")


def records_and_relay(run: Run, backends: dict[str, Path], options: tuple[str, ...]) -> None:
    """Two at a time, the longest first: the relay, and the records of backends and reference."""
    first = next(iter(backends.values()))
    subjects = {"reference": first, **backends}
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(relay, run, backends)]
        for subject in sorted(subjects, key=_LONGEST_FIRST.index):
            command = ("anynet", "parity", "record", subject, "--out", str(PARITY), "--overwrite")
            jobs.append(pool.submit(run, subjects[subject], *command, *options))
        for job in jobs:
            job.result()


def relay(run: Run, backends: dict[str, Path]) -> None:
    """Train one run in the first framework, and another from framework to framework.

    With every option of a step; `test_steps_are_the_references` has them with SGD's momentum.
    """
    RELAY.mkdir(parents=True, exist_ok=True)
    network = RELAY / "network.json"
    network.write_text(json.dumps(_NETWORK))
    settings = (
        "--model", str(network), "--precision", "float64",
        "--data", "sample", "--image-size", "16", "--batch-size", "200", "--lr", "0.001",
        "--recipe", "regnet", "--warmup-epochs", "1", "--optimizer", "adamw",
        "--epsilon", "0.001", "--clip-norm", "1", "--ema-decay", "0.9", "--freeze", "stage1",
        "--label-smoothing", "0.1", "--mixup", "0.2",
        "--epochs", str(len(backends)), "--log-every", "5",
    )  # fmt: skip
    first, folder = next(iter(backends.items()))
    run(folder, "anynet", "train", "--backend", first, *settings, "--out", str(WHOLE))
    for epoch, (backend, folder) in enumerate(backends.items(), 1):
        start = ("--resume", str(HANDED_ON)) if epoch > 1 else (*settings, "--out", str(HANDED_ON))
        options = ("--backend", backend, *start, "--stop-after", str(epoch))
        run(folder, "anynet", "train", *options)


def deployed(run: Run, backends: dict[str, Path]) -> None:
    """Train on photos in every framework; all four and ONNX Runtime must give the same logits."""
    shutil.rmtree(DEPLOYED, ignore_errors=True)
    for do in ("train", "predict"):
        for backend, folder in backends.items():
            run(folder, "python", "-m", "tests.deployed", do, backend, str(DEPLOYED))
    first = next(iter(backends.values()))
    run(first, "python", "-m", "tests.deployed", "compare", str(DEPLOYED))
