"""Whatever takes a network takes any: a module, a created, a trained, a fused one; and no other."""

import numpy as np
import pytest

from common import REGNETX32, AnyNetSpec
from common.errors import BackendError, ConfigError, SpecError, WeightsError
from common.weights import initial_weights

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, num_classes=5)
_PIXELS = np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8), np.uint8)
_LABELS = np.arange(4, dtype=np.int32)
_IMAGES = (_PIXELS / 255).astype(np.float32)

_FUNCTIONS = {
    "logits": lambda backend, network, path: backend.logits(network, _IMAGES),
    "layer_outputs": lambda backend, network, path: backend.layer_outputs(network, _IMAGES),
    "get_weights": lambda backend, network, path: backend.get_weights(network),
    "save": lambda backend, network, path: backend.save(network, path),
    "fuse": lambda backend, network, path: backend.fuse(network),
    "export": lambda backend, network, path: backend.export(network, path, 8),
    "Learner": lambda backend, network, path: backend.Learner(network, (1, 8, 8), device="cpu"),
}


def _trained(backend):
    learner = backend.Learner(backend.AnyNet.from_spec(_SPEC), (1, 8, 8), device="cpu")
    learner.train_step(_PIXELS, _LABELS, 0.1)
    return learner.network


_NETWORKS = {
    "created": lambda backend: backend.create(_SPEC),
    "from a spec": lambda backend: backend.AnyNet.from_spec(_SPEC),
    "AnyNet": lambda backend: backend.AnyNet(((1, 8, 4, 1),), 8, num_classes=5, seed=3),
    "trained": _trained,
    "fused": lambda backend: backend.fuse(backend.create(_SPEC)),
}


@pytest.mark.parametrize("make", _NETWORKS.values(), ids=_NETWORKS)
def test_every_function_takes_every_network(backend, tmp_path, make):
    network = make(backend)
    logits = backend.logits(network, _IMAGES)
    last = backend.layer_outputs(network, _IMAGES)["head.fc"]
    np.testing.assert_allclose(last, logits, atol=1e-6)
    backend.save(network, tmp_path / "a.safetensors")
    again = backend.load(tmp_path / "a.safetensors")
    np.testing.assert_allclose(backend.logits(again, _IMAGES), logits, atol=1e-6)
    np.testing.assert_allclose(backend.logits(backend.fuse(network), _IMAGES), logits, atol=1e-5)
    learner = backend.Learner(network, (1, 8, 8), device="cpu")
    np.testing.assert_allclose(learner.eval_step(_PIXELS), logits, atol=1e-5)


def test_a_module_has_the_weights_that_its_seed_draws(backend):
    arrays, drawn = backend.get_weights(backend.RegNetX32(seed=3)), initial_weights(REGNETX32, 3)
    assert arrays.keys() == drawn.keys()
    assert [name for name in drawn if not np.array_equal(arrays[name], drawn[name])] == []


@pytest.mark.parametrize("function", _FUNCTIONS.values(), ids=_FUNCTIONS)
@pytest.mark.parametrize("network", ["regnetx32", None, 7], ids=str)
def test_anything_else_is_a_backend_error(backend, tmp_path, function, network):
    with pytest.raises(BackendError, match="network: must be one of anynet_"):
        function(backend, network, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_weights_are_put_into_networks_alone(backend):
    with pytest.raises(BackendError, match="network: must be one of anynet_.*; got str"):
        backend.set_weights("regnetx32", {})


def test_a_trainer_takes_networks_alone(backend):
    with pytest.raises(BackendError, match="model: must be a network .*; got str"):
        backend.Trainer(1, 0, progress=False).fit("regnetx32", None)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"precision": "float16"}, ConfigError, "precision: must be one of"),
        ({"device": "cuda"}, ConfigError, "device: must be one of"),
        ({"preprocessing": (3, 8, 8)}, ConfigError, "must have the 1 channels"),
        ({"preprocessing": (1, 0, 8)}, ConfigError, "height must be at least 1"),
        ({"recipe": {"momentum": 0.9}}, ConfigError, "recipe: must be a Recipe; got {'momentum'"),
        (
            {"preprocessing": 8},
            ConfigError,
            r"must be a Preprocessing or \(channels, height, width\); got 8",
        ),
    ],
)
def test_a_learner_refuses_settings_that_it_does_not_know(backend, settings, error, message):
    with pytest.raises(error, match=message):
        backend.Learner(backend.create(_SPEC), **{"preprocessing": (1, 8, 8), **settings})


@pytest.mark.parametrize("name_of", ["save", "fuse", "export", "layer_outputs"])
def test_a_network_written_by_hand_has_no_spec(backend, native, tmp_path, name_of):
    with pytest.raises(SpecError, match="network: must have a spec, as AnyNet has"):
        _FUNCTIONS[name_of](backend, native.by_hand(backend, True), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_network_written_by_hand_is_compared_with_itself(backend, native):
    network = native.by_hand(backend, True)
    arrays = {name: array + 1 for name, array in backend.get_weights(network).items()}
    backend.set_weights(network, arrays)
    found = backend.get_weights(network)
    assert [name for name in arrays if not np.array_equal(found[name], arrays[name])] == []
    with pytest.raises(WeightsError, match="extra nope"):
        backend.set_weights(network, arrays | {"nope": np.ones(1)})
    assert backend.logits(network, _IMAGES).shape == (4, 5)
    assert backend.logits(network, _IMAGES[:0]).shape == (0, 5)


def test_a_network_written_by_hand_learns_labels_below_its_classes(backend, native):
    learner = backend.Learner(native.by_hand(backend, False), (1, 8, 8), device="cpu")
    learner.train_step(_PIXELS, _LABELS, 0.1)
    with pytest.raises(ValueError, match="labels: must be from 0 to 4"):
        learner.train_step(_PIXELS, _LABELS + 2, 0.1)
    learner.load_state(learner.state())


@pytest.mark.parametrize("function", sorted(set(_FUNCTIONS) - {"Learner"}))
def test_a_network_without_weights_says_so(backend, native, tmp_path, function):
    with pytest.raises(WeightsError, match="network: must have its weights"):
        _FUNCTIONS[function](backend, native.by_hand(backend, False), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
