"""Seconds to build a network with its weights drawn, beside PyTorch's own layers.

The yardstick are plain PyTorch layers, initialised as torchvision's RegNet does: each draws the
default of its class, then the convolutions and the classifier are drawn again. Run it in the
environment of its backend, with the yardstick where PyTorch is installed:
`python benchmarks/building.py torch regnety_16gf`.
"""

import gc
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from common import AnyNetSpec, plan
from common.arch import find_spec
from common.backends import load_backend

REPEATS = 7


def plain_layers(spec: AnyNetSpec) -> Any:
    """The layers of `spec` in PyTorch with torchvision's initial weights."""
    from torch import nn

    layers = nn.ModuleList()
    for layer in plan(spec, 1):
        inputs, outputs = layer.in_shape[0], layer.out_shape[0]
        if layer.op == "batch_norm":
            layers.append(nn.BatchNorm2d(outputs))
        elif layer.name == "head.fc":
            layers.append(nn.Linear(inputs, outputs))
        elif layer.op in ("conv", "linear"):
            conv = nn.Conv2d(inputs, outputs, layer.kernel, groups=layer.groups, bias=layer.bias)
            layers.append(conv)
    for module in layers:
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] ** 2 * module.out_channels
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
    return layers


def seconds(build: Callable[[], Any]) -> float:
    """Wall time of one call, whose result is thrown away outside it."""
    began = time.perf_counter()
    network = build()
    elapsed = time.perf_counter() - began
    del network
    gc.collect()
    return elapsed


def main(backend: str, name: str) -> None:
    """Print medians in seconds and, with PyTorch, the median ratio to its plain layers."""
    module, spec = load_backend(backend), find_spec(name)
    builds = {init: partial(module.create, spec, init=init) for init in ("xavier", "he")}
    if importlib.util.find_spec("torch"):
        builds["plain layers"] = partial(plain_layers, spec)
    times: dict[str, list[float]] = {label: [] for label in builds}
    for _ in range(REPEATS):
        for label, build in builds.items():
            times[label].append(seconds(build))
    for label, values in times.items():
        pairs = zip(values, times.get("plain layers", values), strict=True)
        ratio = statistics.median(ours / plain for ours, plain in pairs)
        beside = f"; {ratio:.2f} times plain layers" if "plain layers" in times else ""
        print(f"{backend}, {name}, {label}: {statistics.median(values):.2f} s{beside}")


if __name__ == "__main__":
    main(*sys.argv[1:])
