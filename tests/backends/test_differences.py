"""What the chapter's four tabs leave different (docs/differences.md), and that we do not.

Each test runs the chapter's own cells over its framework's plain layers and knows the size of the
error in all four. `python -m tests.backends.differences` prints the sizes.
"""

from functools import partial
from math import sqrt

import pytest

from common import REGNETX32
from common.errors import SpecError
from common.parity.quantities import FLOAT32_OUTPUTS
from common.weights import expected_shapes
from tests.backends import differences as measure
from tests.backends.tabs import known, open_tab

_exactly = partial(pytest.approx, rel=1e-3)
_about = partial(pytest.approx, rel=0.1, abs=FLOAT32_OUTPUTS)

_LATER_BLOCKS = {
    f"stage{number}.block{index}"
    for number, stage in enumerate(REGNETX32.stages, 1)
    for index in range(2, stage.depth + 1)
}


@pytest.fixture(scope="session")
def facts(name, backend):
    """What is known of the tab."""
    return known(name)


@pytest.fixture(scope="module")
def untouched(backend, name):
    """The tab's network as its cells build it."""
    return open_tab(name)


@pytest.fixture(scope="module")
def tab(backend, name):
    """The tab's network without the slip in `stage`, with the weights that ours has here."""
    tab = open_tab(name, mended=True)
    tab.load(measure.moved(REGNETX32))
    return tab


@pytest.fixture(scope="module")
def drawn(backend):
    """Our initial weights."""
    return backend.get_weights(backend.create(REGNETX32))


@pytest.fixture(scope="module")
def tab_logits(tab):
    """The tab's logits by the side of its images."""
    return {s: tab.logits(measure.pixels(4, s)) for s in (measure.EVEN, measure.ODD)}


@pytest.fixture(scope="module")
def after(backend, name):
    """A small network of the tab after one batch."""
    return measure.tab_after_batch(name)


@pytest.fixture(scope="module")
def ours_after(backend):
    """The same network of ours after the same batch."""
    return measure.our_after_batch(backend)


# The MXNet tab's `stage`.


def test_the_mxnet_tab_has_35_times_the_parameters(untouched, backend, native, facts):
    assert measure.parameters(untouched) == (6_291_594 if facts.slipped else 179_290)
    assert native.trainable(backend.create(REGNETX32)) == 179_290


def test_the_slip_changes_every_block_but_the_first_of_a_stage(untouched, facts):
    assert measure.differing_blocks(untouched) == (_LATER_BLOCKS if facts.slipped else set())


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        ("stage1.block2.conv2.weight", (512, 32, 3, 3)),
        ("stage2.block2.conv1.weight", (1280, 80, 1, 1)),
        ("stage2.block2.conv2.weight", (1280, 80, 3, 3)),
        ("stage2.block2.conv3.weight", (80, 1280, 1, 1)),
        ("stage2.block2.conv4.weight", (80, 80, 1, 1)),
    ],
)
def test_the_slip_widens_blocks_sixteenfold_and_projects(untouched, drawn, facts, array, shape):
    planned = expected_shapes(REGNETX32).get(array)
    assert planned != shape
    assert _shape(untouched.drawn, array) == (shape if facts.slipped else planned)
    assert _shape(drawn, array) == planned


def _shape(arrays, name):
    return arrays[name].shape if name in arrays else None


# `groups` in the arch tuple.


@pytest.mark.parametrize("channels", [32, 80])
def test_groups_is_the_width_of_a_group_not_the_number(tab, drawn, channels):
    name = "stage1.block1.conv2.weight" if channels == 32 else "stage2.block1.conv2.weight"
    assert drawn[name].shape == tab.arrays()[name].shape == (channels, 16, 3, 3)
    assert tuple(tab.grouped_kernel(channels, groups=16)) == (channels, channels // 16, 3, 3)


def test_taking_groups_for_the_number_loses_a_third_of_the_parameters(backend, native):
    network = backend.create(measure.misread(REGNETX32))
    assert native.trainable(network) == 115_642


def test_a_width_that_does_not_divide_is_silently_another_one(backend, name):
    arch = ((1, 40, 16, 1),)
    assert open_tab(name, arch).drawn["stage1.block1.conv2.weight"].shape == (40, 20, 3, 3)
    with pytest.raises(SpecError, match="group_width must divide the bottleneck channels"):
        backend.AnyNet(arch, 32)


# Padding and epsilon, seen in the logits: relative to the largest one, with equal weights.


def test_same_padding_moves_logits_at_even_sizes(tab_logits, facts):
    truth = measure.reference_logits(measure.EVEN, facts.epsilon)
    error = measure.relative(tab_logits[measure.EVEN], truth)
    assert error == _about(facts.padding_error)


def test_at_odd_sizes_the_tab_is_the_definition_with_its_epsilon(tab_logits, facts):
    truth = measure.reference_logits(measure.ODD, facts.epsilon)
    assert measure.relative(tab_logits[measure.ODD], truth) <= FLOAT32_OUTPUTS


def test_keras_epsilon_moves_logits(tab_logits, facts):
    truth = measure.reference_logits(measure.ODD)
    error = measure.relative(tab_logits[measure.ODD], truth)
    assert error == _about(facts.epsilon_error)


def test_our_logits_have_neither_error(backend):
    ours = measure.our_network(backend, REGNETX32)
    found = backend.logits(ours, measure.pixels(4, measure.EVEN))
    assert measure.relative(found, measure.reference_logits(measure.EVEN)) <= FLOAT32_OUTPUTS


# Running statistics after one batch.


def test_the_new_batch_counts_a_tenth_as_much_in_keras_and_flax(after, facts):
    assert measure.new_weight(after.arrays, facts.epsilon) == _exactly(facts.new_weight)


def test_momentum_means_the_new_batch_in_pytorch_and_the_old_average_elsewhere(tab, facts):
    assert tab.new_weight(momentum=0.1) == _exactly(facts.momentum_weight)


def test_pytorch_averages_the_unbiased_variance(after, facts):
    positions = 2 * 5 * 5
    factor = positions / (positions - 1) if facts.unbiased else 1
    found = measure.variance_factor(after.arrays, facts.epsilon)
    assert found == _exactly(factor)


def test_one_batch_of_other_statistics_moves_logits(after, facts):
    truth = measure.reference_after_batch(facts.epsilon).logits
    assert measure.relative(after.logits, truth) == _about(facts.statistics_error)


def test_our_statistics_have_none_of_these_differences(ours_after):
    assert measure.new_weight(ours_after.arrays) == _exactly(0.1)
    assert measure.variance_factor(ours_after.arrays) == _exactly(1)
    truth = measure.reference_after_batch().logits
    assert measure.relative(ours_after.logits, truth) <= FLOAT32_OUTPUTS


# Initial weights: standard deviations relative to Xavier's rule.


@pytest.mark.parametrize("layer", measure.LAYERS)
def test_the_tabs_draw_weights_of_different_sizes(untouched, drawn, facts, layer):
    inputs, outputs = measure.fans(layer)
    xavier, lecun = sqrt(2 / (inputs + outputs)), sqrt(1 / inputs)
    # `init_cnn` passes over PyTorch's lazy layers: their own uniform draw stays.
    theirs = {"torch": lecun / sqrt(3), "xavier": xavier, "lecun": lecun}[facts.draw]
    assert measure.spread(untouched.drawn, layer) == _about(theirs / xavier)
    assert measure.spread(drawn, layer) == _about(1)


def test_the_pytorch_tab_alone_draws_biases(untouched, drawn, facts):
    assert (untouched.drawn["stem.conv.bias"].std() > 0.1) == facts.draws_biases
    assert not drawn["stem.conv.bias"].any()


# Images resized from 28 to 96 pixels.


def test_pytorch_and_mxnet_round_resized_images_to_whole_levels(tab, facts):
    if facts.levels is None:
        pytest.skip("the JAX tab resizes with TensorFlow, which its environment does not have")
    resized = tab.resize(measure.sample()[0][:100], 96)
    assert measure.pixel_error(resized) == _about(facts.levels / 255)


def test_our_images_are_resized_as_defined(backend, name):
    assert measure.pixel_error(measure.our_pixels(name, backend)) <= 1e-6
