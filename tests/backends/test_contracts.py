"""What the public functions do with good and with bad input, the same in all four frameworks.

`tests/backends/contracts.py` lists, for every public name, where its contract is tested: here is
what no other file is about.
"""

import numpy as np
import pytest

from common import AnyNetSpec
from common.backends import FRAMEWORKS
from common.errors import (
    BackendError,
    ConfigError,
    DataError,
    SpecError,
    WeightsError,
)
from common.reference import cross_entropy
from common.training import Recipe

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, num_classes=5)
_SHAPE = (1, 8, 8)
_STREAM = np.random.default_rng(0)
_PIXELS = _STREAM.integers(0, 256, (4, *_SHAPE), np.uint8)
_IMAGES = (_PIXELS / 255).astype(np.float32)
_LABELS = np.arange(4, dtype=np.int32)
_BIAS = "head.fc.bias"


@pytest.fixture(scope="module")
def network(backend):
    return backend.create(_SPEC)


def _learner(backend, **settings):
    return backend.Learner(backend.create(_SPEC), _SHAPE, device="cpu", **settings)


def _assert_equal(found, expected):
    assert found.keys() == expected.keys()
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []


# Making networks.

_NO_NETWORK = {
    "a number for a name": {"name_or_spec": 7},
    "nothing": {"name_or_spec": None},
    "an empty name": {"name_or_spec": ""},
    "a negative seed": {"seed": -1},
    "half a seed": {"seed": 0.5},
    "a seed in words": {"seed": "0"},
    "a seed beyond 64 bits": {"seed": 2**63},
    "no initialisation": {"init": None},
}


@pytest.mark.parametrize("changed", _NO_NETWORK.values(), ids=_NO_NETWORK)
def test_what_describes_no_network_is_a_spec_error(backend, changed):
    with pytest.raises(SpecError):
        backend.create(**{"name_or_spec": _SPEC, **changed})


@pytest.mark.parametrize(
    "changed",
    [{"num_classes": 0}, {"num_classes": "10"}, {"in_channels": 1.5}, {"in_channels": 0},
     {"name": 7}, {"seed": -1}],
    ids=str,
)  # fmt: skip
def test_a_regnet_that_is_none_is_a_spec_error(backend, changed):
    with pytest.raises(SpecError):
        backend.regnet(**{"name": "regnetx_200mf", **changed})


_NO_BLOCKS = {
    "a group width that does not divide": ("ResNeXtBlock", (80, 24, 1), "group_width must divide"),
    "no channels": ("ResNeXtBlock", (0, 1, 1), "channels must be at least 1"),
    "half a channel": ("ResNetBlock", (8.5,), "channels must be an integer"),
    "channels in words": ("VanillaBlock", ("8",), "channels must be an integer"),
    "a negative width": ("MLPBlock", (-1,), "channels must be at least 1"),
}


@pytest.mark.parametrize(("kind", "given", "message"), _NO_BLOCKS.values(), ids=_NO_BLOCKS)
def test_what_is_no_block_is_a_spec_error_at_its_first_call_at_the_latest(
    backend, native, kind, given, message
):
    shape = (1, 8) if kind == "MLPBlock" else (1, 8, 4, 4)
    with pytest.raises(SpecError, match=f"^{message}"):
        native.call_block(getattr(backend, kind)(*given), shape)


# Weights.


def test_weights_that_are_read_are_copies(backend, network):
    before = backend.get_weights(network)
    for array in backend.get_weights(network).values():
        array += 1
    _assert_equal(backend.get_weights(network), before)


def test_weights_that_are_put_in_are_copied(backend):
    network = backend.create(_SPEC)
    arrays = {name: array + 1 for name, array in backend.get_weights(network).items()}
    expected = {name: array.copy() for name, array in arrays.items()}
    backend.set_weights(network, arrays)
    for array in arrays.values():
        array[...] = 7
    _assert_equal(backend.get_weights(network), expected)


# Computing.


@pytest.mark.parametrize("function", ["logits", "layer_outputs"])
def test_images_stay_as_they_are(backend, network, function):
    images = _IMAGES.copy()
    getattr(backend, function)(network, images)
    assert np.array_equal(images, _IMAGES)


@pytest.mark.parametrize("training", [False, True])
def test_outputs_belong_to_the_caller(backend, network, training):
    first = backend.logits(network, _IMAGES, training)
    first[...] = np.nan
    assert np.isfinite(backend.logits(network, _IMAGES, training)).all()


def test_a_fused_network_has_the_learning_rate_of_the_one_it_is_made_of(backend):
    network = backend.AnyNet.from_spec(_SPEC, lr=0.3)
    assert backend.fuse(network).lr == 0.3


def test_second_derivatives_are_computed_or_refused_by_name(backend, network):
    direction = {
        name: a for name, a in backend.get_weights(network).items() if "running" not in name
    }
    arguments = (network, _IMAGES, _LABELS, direction)
    if backend.SUPPORTS_SECOND_DERIVATIVES:
        assert backend.hessian_product(*arguments).keys() == direction.keys()
        return
    with pytest.raises(BackendError, match="^hessian_product: needs second derivatives"):
        backend.hessian_product(*arguments)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # PyTorch's own
def test_the_forward_mode_gives_the_slope_of_the_logits(backend, native):
    if not backend.SUPPORTS_FORWARD_MODE:
        pytest.skip("this framework has no forward mode")
    network = _learner(backend, precision="float64").network
    images, step = _IMAGES.astype(np.float64), 1e-6
    direction = np.random.default_rng(1).normal(size=images.shape)
    after, before = (
        backend.layer_outputs(network, images + sign * step * direction)["head.fc"]
        for sign in (1, -1)
    )
    found = native.slope(network, images, direction)
    np.testing.assert_allclose(found, (after - before) / (2 * step), atol=1e-7)


# Files.

_NO_WEIGHT_FILES = {
    "an empty file": b"",
    "text": b"weights",
    "another format": b"PK\x03\x04" + bytes(64),
    "half a header": (400).to_bytes(8, "little") + b'{"a"',
}


@pytest.mark.parametrize("content", _NO_WEIGHT_FILES.values(), ids=_NO_WEIGHT_FILES)
def test_what_is_no_weight_file_is_a_weights_error_that_names_it(backend, tmp_path, content):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="net.safetensors: must be"):
        backend.load(path)


def test_a_folder_is_no_weight_file(backend, tmp_path):
    with pytest.raises(WeightsError, match=str(tmp_path)):
        backend.load(tmp_path)


@pytest.mark.parametrize("kind", ["float64", "not finite"])
def test_a_network_that_no_file_holds_leaves_the_file_as_it_was(backend, tmp_path, kind):
    learner = _learner(backend, precision="float64" if kind == "float64" else "float32")
    if kind == "not finite":
        for rate in (1e30, 1e30):
            learner.train_step(_PIXELS, _LABELS, rate)
    path = tmp_path / "net.safetensors"
    path.write_bytes(b"before")
    with pytest.raises(WeightsError, match="float32|finite"):
        backend.save(learner.network, path)
    assert [item.read_bytes() for item in tmp_path.iterdir()] == [b"before"]


def test_what_an_export_makes_is_known_without_the_framework(backend, name):
    assert FRAMEWORKS[name].exports_folder == backend.EXPORTS_FOLDER


def test_an_export_replaces_a_file_and_no_folder_in_use(backend, network, tmp_path):
    path = tmp_path / "net"
    path.mkdir()
    (path / "mine.txt").write_text("kept")
    with pytest.raises(ConfigError, match="net: must be"):
        backend.export(network, path, 8)
    assert [item.name for item in path.iterdir()] == ["mine.txt"]
    file = tmp_path / "net.bin"
    file.write_bytes(b"before")
    if backend.EXPORTS_FOLDER:
        with pytest.raises(ConfigError, match="net.bin: must be a new or an empty folder"):
            backend.export(network, file, 8)
        assert file.read_bytes() == b"before"
        return
    backend.export(network, file, 8)
    assert file.read_bytes() != b"before"


# Training.


def test_a_learners_network_has_the_newest_weights(backend):
    learner = _learner(backend)
    learner.train_step(_PIXELS, _LABELS, 0.1)
    _assert_equal(backend.get_weights(learner.network), learner.state())


def test_a_learner_evaluates_without_changing_itself(backend):
    learner = _learner(backend, recipe=Recipe(momentum=0.9))
    learner.train_step(_PIXELS, _LABELS, 0.1)
    before = learner.state()
    learner.eval_step(_PIXELS)
    _assert_equal(learner.state(), before)


def test_no_images_are_no_step(backend):
    learner = _learner(backend)
    before = learner.state()
    with pytest.raises(DataError, match="images: must be one at least to learn from; got none"):
        learner.train_step(_PIXELS[:0], _LABELS[:0], 0.1)
    _assert_equal(learner.state(), before)


@pytest.mark.parametrize("state", [None, [], {"nope": 1}], ids=str)
def test_what_is_no_state_is_a_weights_error(backend, state):
    with pytest.raises(WeightsError, match="^state: "):
        _learner(backend).load_state(state)


def test_a_trainers_learner_has_its_recipe_and_device(backend):
    trainer = backend.Trainer(1, 0, Recipe(momentum=0.9), progress=False)
    learner = trainer.make_learner(backend.create(_SPEC), _SHAPE)
    assert isinstance(learner, backend.Learner)
    learner.train_step(_PIXELS, _LABELS, 0.1)
    assert f"{_BIAS}.momentum" in learner.state()


def test_a_trainer_computes_the_loss_of_a_model(backend):
    logits = np.random.default_rng(2).normal(size=(4, 5))
    found = backend.Trainer(1, 0, progress=False).own_loss(backend.create(_SPEC), logits, _LABELS)
    assert found == pytest.approx(cross_entropy(logits, _LABELS)[0], rel=1e-5)


# Devices and memory.


@pytest.mark.parametrize("number", [-1, 0.5, "0", None, True])
def test_what_numbers_no_gpu_is_a_config_error(backend, number):
    with pytest.raises(ConfigError, match="^try_gpu: i must be"):
        backend.try_gpu(number)


def test_networks_live_on_when_caches_are_cleared(backend):
    network = backend.create(_SPEC)
    expected = backend.logits(network, _IMAGES)
    backend.clear_caches()
    assert np.array_equal(backend.logits(network, _IMAGES), expected)
