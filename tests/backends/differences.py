"""How far a tab of the chapter, as it stands, is from the shared definition, and how far we are.

`python -m tests.backends.differences tf` prints the numbers of docs/differences.md for one
framework, in its environment; with the directory of a run as well, what they do to its accuracy.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from math import nan, prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from common import REGNETX32, AnyNetSpec, reference
from common.arch import BN_EPSILON, shared_momentum
from common.backends import load_backend
from common.data import FashionMNIST, prepare
from common.parity import Case
from common.weights import Arrays, expected_shapes
from tests.backends.native import open_native, to_layout, to_nchw
from tests.backends.tabs import known, open_tab

EVEN, ODD = 96, 97
"""The chapter's size, and one at which `same` padding at stride 2 is alike on all sides."""

LAYERS = ("stem.conv", "stage1.block1.conv2", "stage2.block1.conv2", "head.fc")
"""Where initial weights are measured; shapes that the MXNet tab's slip leaves alone."""

_SMALL_ARCH = ((1, 32, 16, 1),)
SMALL = AnyNetSpec.from_arch(_SMALL_ARCH, 32)
"""The network of the statistics: its last batch norm averages 25 positions of 17x17 pixels."""

_MEAN, _VARIANCE = "stage1.block1.bn3.running_mean", "stage1.block1.bn3.running_var"
_SMALL_SIDE = 17


def moved(spec: AnyNetSpec) -> Arrays:
    """Weights with every bias, scale and running statistic moved off its default."""
    return Case("differences", spec).arrays()


@lru_cache
def sample() -> tuple[np.ndarray, np.ndarray]:
    """The validation images, uint8 (1000, 1, 28, 28), and labels of the shipped sample."""
    data = FashionMNIST(source="sample").val
    return data.images, data.labels


def pixels(number: int, side: int) -> np.ndarray:
    """The first images as networks should see them."""
    return prepare(sample()[0][:number], (side, side))


def parameters(tab: Any) -> int:
    """Trainable parameters of a tab's network."""
    return sum(array.size for name, array in tab.drawn.items() if ".running_" not in name)


def differing_blocks(tab: Any) -> set[str]:
    """Blocks in which a tab has other arrays, or of other shapes, than the plan."""
    found = {name: array.shape for name, array in tab.drawn.items()}
    differing = found.items() ^ expected_shapes(REGNETX32).items()
    return {name.rsplit(".", 2)[0] for name, _ in differing}


def misread(spec: AnyNetSpec) -> AnyNetSpec:
    """`spec` with every group width taken for the number of groups."""
    stages = tuple(replace(stage, group_width=stage.groups) for stage in spec.stages)
    return replace(spec, stages=stages)


@lru_cache
def reference_logits(side: int, epsilon: float = BN_EPSILON) -> np.ndarray:
    """What logits of four images should be with the weights `moved` and this epsilon."""
    network = reference.create(replace(REGNETX32, bn_epsilon=epsilon))
    reference.set_weights(network, moved(REGNETX32))
    return reference.layer_outputs(network, pixels(4, side))["head.fc"]


def relative(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest error, relative to the largest true value."""
    return float(np.abs(found - truth).max() / np.abs(truth).max())


def our_network(backend: Any, spec: AnyNetSpec) -> Any:
    """Our network with the weights `moved`."""
    network = backend.create(spec)
    backend.set_weights(network, moved(spec))
    return network


class AfterBatch(NamedTuple):
    """Arrays of a network after one batch of two images, and its logits of them."""

    arrays: Arrays
    logits: np.ndarray


def tab_after_batch(name: str) -> AfterBatch:
    """The tab's SMALL."""
    tab, batch = open_tab(name, _SMALL_ARCH), pixels(2, _SMALL_SIDE)
    tab.load(moved(SMALL))
    tab.learn_statistics(batch)
    return AfterBatch(tab.arrays(), tab.logits(batch))


def our_after_batch(backend: Any) -> AfterBatch:
    """Our SMALL, after a step that leaves the weights."""
    images, labels = sample()[0][:2], sample()[1][:2]
    learner = backend.Learner(our_network(backend, SMALL), (1, _SMALL_SIDE, _SMALL_SIDE))
    learner.train_step(images, labels, 0.0)
    return AfterBatch(learner.state(), learner.eval_step(images))


@lru_cache
def reference_after_batch(epsilon: float = BN_EPSILON) -> AfterBatch:
    """What both should have, with this epsilon."""
    network, batch = reference.create(replace(SMALL, bn_epsilon=epsilon)), pixels(2, _SMALL_SIDE)
    reference.set_weights(network, moved(SMALL))
    statistics = reference.gradients(network, batch, sample()[1][:2]).statistics
    reference.set_weights(network, moved(SMALL) | statistics)
    return AfterBatch(statistics, reference.layer_outputs(network, batch)["head.fc"])


def _batch_statistics(epsilon: float) -> Arrays:
    """The means and biased variances of that batch."""
    old, weight = moved(SMALL), shared_momentum(SMALL.bn_momentum)
    averages = reference_after_batch(epsilon).arrays
    return {k: (new - (1 - weight) * old[k]) / weight for k, new in averages.items()}


def new_weight(statistics: Arrays, epsilon: float = BN_EPSILON) -> float:
    """The weight of the new batch in the last running mean."""
    before, batch = moved(SMALL)[_MEAN], _batch_statistics(epsilon)[_MEAN]
    return float(np.median((statistics[_MEAN] - before) / (batch - before)))


def variance_factor(statistics: Arrays, epsilon: float = BN_EPSILON) -> float:
    """What the last running variance averages, relative to the batch's biased variance."""
    weight = new_weight(statistics, epsilon)
    averaged = (statistics[_VARIANCE] - (1 - weight) * moved(SMALL)[_VARIANCE]) / weight
    return float(np.median(averaged / _batch_statistics(epsilon)[_VARIANCE]))


def fans(layer: str) -> tuple[int, int]:
    """Inputs and outputs of a weight, as Xavier's rule counts them."""
    outputs, inputs, *taps = expected_shapes(REGNETX32)[f"{layer}.weight"]
    return inputs * prod(taps), outputs * prod(taps)


def spread(arrays: Arrays, layer: str) -> float:
    """Standard deviation of a drawn weight, relative to that of Xavier's rule."""
    return float(arrays[f"{layer}.weight"].std() / sqrt(2 / sum(fans(layer))))


def pixel_error(resized: np.ndarray) -> float:
    """Largest error of images resized to 96 pixels and scaled to [0, 1]."""
    return float(np.abs(resized - pixels(len(resized), 96)).max())


def our_pixels(name: str, backend: Any) -> np.ndarray:
    """The first 100 images as our backend resizes them to 96 pixels."""
    images = open_native(name).array(to_layout(backend, sample()[0][:100]))
    return to_nchw(backend, backend.resize_images(images, (96, 96)))


def _rows(name: str) -> Iterator[tuple[str, float, float]]:
    """Every measure: its name, the tab's number and ours."""
    backend, tab, epsilon = load_backend(name), open_tab(name), known(name).epsilon
    network, trainable = backend.create(REGNETX32), open_native(name).trainable
    drawn, other = backend.get_weights(network), backend.create(misread(REGNETX32))
    yield "parameters", parameters(tab), trainable(network)
    yield "parameters, groups as a number", trainable(other), trainable(network)
    for layer in LAYERS:
        yield f"spread of {layer}", spread(tab.drawn, layer), spread(drawn, layer)
    yield from _logit_rows(name, backend)
    after, own = tab_after_batch(name), our_after_batch(backend)
    yield "weight of the new batch", new_weight(after.arrays, epsilon), new_weight(own.arrays)
    yield "the same for momentum=0.1", tab.new_weight(0.1), new_weight(own.arrays)
    yield "running variance", variance_factor(after.arrays, epsilon), variance_factor(own.arrays)
    yield (
        "logits, by statistics",
        relative(after.logits, reference_after_batch(epsilon).logits),
        relative(own.logits, reference_after_batch().logits),
    )
    # The JAX tab resizes with TensorFlow, which its environment does not have.
    resized = pixel_error(tab.resize(sample()[0][:100], 96)) if tab.resize else nan
    yield "pixels, in units of 1/255", 255 * resized, 255 * pixel_error(our_pixels(name, backend))


def _logit_rows(name: str, backend: Any) -> Iterator[tuple[str, float, float]]:
    tab, ours = open_tab(name, mended=True), our_network(backend, REGNETX32)
    tab.load(moved(REGNETX32))
    measures = (
        ("padding", EVEN, known(name).epsilon),
        ("padding at 97 pixels", ODD, known(name).epsilon),
        ("epsilon", ODD, BN_EPSILON),
    )
    for cause, side, epsilon in measures:
        found, own = tab.logits(pixels(4, side)), backend.logits(ours, pixels(4, side))
        yield (
            f"logits, by {cause}",
            relative(found, reference_logits(side, epsilon)),
            relative(own, reference_logits(side)),
        )


def _accuracies(name: str, run: str) -> Iterator[tuple[str, float, float]]:
    """What a trained network loses in the tab: in its layers, and by its resizing."""
    backend, tab = load_backend(name), open_tab(name, mended=True)
    network = backend.load(f"{run}/model.safetensors")
    tab.load(backend.get_weights(network))
    right, prepared = _right(partial(backend.logits, network)), pixels(1000, 96)
    yield "right of 1000, by layers", _right(tab.logits)(prepared), right(prepared)
    if tab.resize:
        yield "right of 1000, by pixels", right(tab.resize(sample()[0], 96)), right(prepared)


def _right(logits: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], int]:
    """Number of images of the sample that are classified correctly."""

    def count(images: np.ndarray) -> int:
        parts = [logits(part).argmax(1) for part in np.split(images, 10)]
        return int((np.concatenate(parts) == sample()[1]).sum())

    return count


def main(name: str, run: str | None = None) -> None:
    """Print one line per measure: the tab's number and ours."""
    for measure, tab, ours in _accuracies(name, run) if run else _rows(name):
        print(f"{name:6}{measure:32}{tab:14.7g}{ours:14.7g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
