"""What users pass as images, pixels, labels and weights: one answer in every framework."""

import numpy as np
import pytest

from common import AnyNetSpec
from common.errors import ConfigError, DataError, WeightsError
from common.training import Recipe

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, num_classes=5)
_SHAPE = (1, 8, 8)
_PIXELS = np.random.default_rng(0).integers(0, 256, (4, *_SHAPE), np.uint8)
_IMAGES = (_PIXELS / 255).astype(np.float32)
_LABELS = np.array([0, 1, 2, 4], np.int32)
_BIAS = "head.fc.bias"


@pytest.fixture(scope="module")
def network(backend):
    return backend.create(_SPEC)


@pytest.fixture(scope="module")
def learner(backend):
    return backend.Learner(backend.create(_SPEC), _SHAPE, Recipe(momentum=0.9), device="cpu")


def _read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


_LAYOUTS = {
    "negative strides": lambda x: np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1],
    "Fortran order": np.asfortranarray,
    "read-only": _read_only,
    "a list": lambda x: x.tolist(),
    "a view": lambda x: np.repeat(x, 2, axis=3)[..., ::2],
}
_TYPES = {
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "float64": lambda x: x.astype(np.float64),
    **_LAYOUTS,
}


@pytest.mark.parametrize("kind", _TYPES)
def test_logits_convert_any_array(backend, network, kind):
    expected = backend.logits(network, _IMAGES)
    np.testing.assert_array_equal(backend.logits(network, _TYPES[kind](_IMAGES)), expected)


@pytest.mark.parametrize("dtype", ["float16", "int64", "uint8", "bool"])
def test_numbers_of_other_types_are_converted_without_scaling(backend, network, dtype):
    images = (_PIXELS > 127).astype(dtype)
    expected = backend.logits(network, images.astype(np.float32))
    np.testing.assert_array_equal(backend.logits(network, images), expected)


def test_the_frameworks_own_arrays_are_converted(backend, native, network):
    expected = backend.logits(network, _IMAGES)
    np.testing.assert_array_equal(backend.logits(network, native.array(_IMAGES)), expected)


@pytest.mark.parametrize("training", [False, True])
def test_no_images_give_no_outputs(backend, network, learner, training):
    assert backend.logits(network, _IMAGES[:0], training).shape == (0, 5)
    outputs = backend.layer_outputs(network, _IMAGES[:0], training)
    whole = backend.layer_outputs(network, _IMAGES)
    assert {name: output.shape for name, output in outputs.items()} == {
        name: (0, *output.shape[1:]) for name, output in whole.items()
    }
    assert learner.eval_step(_PIXELS[:0]).shape == (0, 5)


_BAD_IMAGES = {
    "three dimensions": (_IMAGES[:, 0], r"shape \(N, 1, height, width\); got \(4, 8, 8\)"),
    "channels last": (_IMAGES.transpose(0, 2, 3, 1), "puts the channels first"),
    "three channels": (np.repeat(_IMAGES, 3, 1), "got"),
    "no pixels": (_IMAGES[..., :0], r"got \(4, 1, 8, 0\)"),
    "objects": (_IMAGES.astype(object), "real numbers"),
    "text": ("images.npy", "real numbers"),
    "nothing": (None, "real numbers"),
    "a ragged list": ([[1], [1, 2]], "real numbers"),
    "complex": (_IMAGES.astype(complex), "real numbers; got complex128"),
    "masked": (np.ma.masked_less(_IMAGES, 0.5), "masked"),
    "beyond float32": (np.full((1, 1, 8, 8), 1e300), "range of float32"),
}


@pytest.mark.parametrize(("images", "message"), _BAD_IMAGES.values(), ids=_BAD_IMAGES)
def test_other_images_are_a_data_error(backend, network, images, message):
    for function in (backend.logits, backend.layer_outputs):
        with pytest.raises(DataError, match=f"images: must .*{message}"):
            function(network, images)


@pytest.mark.parametrize("kind", [*_LAYOUTS, "int64"])
def test_a_learner_converts_whole_pixels(learner, kind):
    convert = {"int64": lambda x: x.astype(np.int64), **_LAYOUTS}[kind]
    np.testing.assert_array_equal(learner.eval_step(convert(_PIXELS)), learner.eval_step(_PIXELS))


_BAD_PIXELS = {
    "truth values": (_PIXELS > 127, "got bool"),
    "above 255": (_PIXELS.astype(int) + 255, "from 0 to 255; got"),
    "two channels": (np.repeat(_PIXELS, 2, 1), r"\(N, 1, height, width\)"),
}


def test_a_learner_takes_floats_as_the_networks_input(backend, learner):
    expected = backend.logits(learner.network, _IMAGES)
    np.testing.assert_allclose(learner.eval_step(_IMAGES), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("images", "message"), _BAD_PIXELS.values(), ids=_BAD_PIXELS)
def test_a_learner_refuses_what_are_no_pixels(learner, images, message):
    with pytest.raises(DataError, match=message):
        learner.eval_step(images)
    with pytest.raises(DataError, match=message):
        learner.train_step(images, _LABELS, 0.1)


_BAD_LABELS = {
    "a label too large": (np.array([0, 1, 2, 5]), "labels: must be from 0 to 4"),
    "a negative label": (np.array([0, 1, 2, -1]), "labels: must be from 0 to 4"),
    "too few": (_LABELS[:3], r"labels: must be one for each image, of shape \(4,\); got \(3,\)"),
    "one-hot": (np.eye(5, dtype=int)[_LABELS], "one for each image"),
    "floats": (_LABELS.astype(float), "labels: must be integers; got float64"),
}


@pytest.mark.parametrize(("labels", "message"), _BAD_LABELS.values(), ids=_BAD_LABELS)
def test_a_step_refuses_other_labels_and_moves_nothing(learner, labels, message):
    before = learner.state()
    with pytest.raises(DataError, match=message):
        learner.train_step(_PIXELS, labels, 0.1)
    _assert_equal(learner.state(), before)


def test_a_step_needs_an_image_and_a_finite_rate(learner):
    with pytest.raises(DataError, match="one at least"):
        learner.train_step(_PIXELS[:0], _LABELS[:0], 0.1)
    with pytest.raises(ConfigError, match="learning_rate: must be a finite number; got nan"):
        learner.train_step(_PIXELS, _LABELS, np.nan)


def test_one_value_per_channel_has_no_variance(backend):
    spec = AnyNetSpec.from_arch(((1, 4, 4, 1),), 4, stem_stride=2)
    learner = backend.Learner(backend.create(spec), (1, 2, 2), device="cpu")
    before = learner.state()
    loss, _ = learner.train_step(_PIXELS[:1, :, :2, :2], _LABELS[:1], 0.1)
    after = learner.state()
    assert float(loss) == pytest.approx(np.log(10), abs=1e-5)  # all activations are biases, of 0
    for name, array in after.items():
        assert np.isfinite(array).all(), name
        if name.endswith("running_var"):
            np.testing.assert_allclose(array, 0.9 * before[name], rtol=1e-6)


def _assert_equal(found, expected):
    assert found.keys() == expected.keys()
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []


_BAD_WEIGHTS = {
    "one array alone": (lambda arrays: {_BIAS: arrays[_BIAS]}, "missing stem.conv.weight"),
    "another shape": (
        lambda arrays: arrays | {_BIAS: np.ones(1)},
        r"head.fc.bias must have shape \(5,\), got \(1,\)",
    ),
    "an unknown name": (lambda arrays: arrays | {"nope": np.ones(1)}, "extra nope"),
    "not a number": (lambda arrays: arrays | {_BIAS: np.full(5, np.nan)}, "fc.bias must be finite"),
    "beyond float32": (lambda arrays: arrays | {_BIAS: np.full(5, 1e39)}, "fc.bias must be finite"),
    "text": (lambda arrays: arrays | {_BIAS: "bias"}, "head.fc.bias: must be an array"),
    "a list": (list, "weights: must be arrays by name; got list"),
}


@pytest.mark.parametrize(("change", "message"), _BAD_WEIGHTS.values(), ids=_BAD_WEIGHTS)
def test_weights_that_do_not_fit_leave_the_network_as_it_was(backend, network, change, message):
    before = backend.get_weights(network)
    with pytest.raises(WeightsError, match=message):
        backend.set_weights(network, change({name: array + 1 for name, array in before.items()}))
    _assert_equal(backend.get_weights(network), before)


def test_one_error_lists_all_differences(backend, network):
    arrays = backend.get_weights(network)
    del arrays["stem.conv.weight"]
    arrays |= {_BIAS: np.ones(1), "stem.bn.bias": np.full(8, np.inf), "nope": np.ones(1)}
    with pytest.raises(WeightsError) as caught:
        backend.set_weights(network, arrays)
    for name in ("missing stem.conv.weight", "extra nope", _BIAS, "stem.bn.bias"):
        assert name in str(caught.value)


@pytest.mark.parametrize("kind", _TYPES)
def test_weights_of_any_layout_are_converted(backend, kind):
    network, arrays = backend.create(_SPEC, seed=1), backend.get_weights(backend.create(_SPEC))
    convert = _TYPES[kind]
    if kind in ("negative strides", "a view"):
        convert = lambda x: np.repeat(x, 2, axis=-1)[..., ::-2][..., ::-1]  # noqa: E731
    backend.set_weights(network, {name: convert(array) for name, array in arrays.items()})
    _assert_equal(backend.get_weights(network), arrays)


_BAD_STATES = {
    "no weights": lambda state: {k: v for k, v in state.items() if k.endswith(".momentum")},
    "a buffer alone is missing": lambda state: {
        k: v for k, v in state.items() if k != f"{_BIAS}.momentum"
    },
    "a buffer of another shape": lambda state: state | {f"{_BIAS}.momentum": np.ones(1)},
    "a buffer of no weight": lambda state: state | {"nope.momentum": np.ones(1)},
}


@pytest.mark.parametrize("change", _BAD_STATES.values(), ids=_BAD_STATES)
def test_a_state_that_does_not_fit_leaves_the_learner_as_it_was(backend, change):
    learner = backend.Learner(backend.create(_SPEC), _SHAPE, Recipe(momentum=0.9), device="cpu")
    learner.train_step(_PIXELS, _LABELS, 0.1)
    before = learner.state()
    with pytest.raises(WeightsError, match="state: arrays must be those of the network"):
        learner.load_state(change({name: array + 1 for name, array in before.items()}))
    _assert_equal(learner.state(), before)


@pytest.mark.parametrize("what", ["images", "labels"])
def test_a_step_is_done_with_its_arrays_when_it_returns(backend, what):
    pixels, labels = np.full((64, 1, 32, 32), 100, np.uint8), np.zeros(64, np.int32)
    learner = backend.Learner(backend.create(_SPEC), (1, 32, 32), device="cpu")
    losses = [learner.train_step(pixels, labels, 0.0)[0] for _ in range(8)]
    {"images": pixels, "labels": labels}[what][:] = 3
    assert len({float(loss) for loss in losses}) == 1
