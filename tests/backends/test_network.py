"""Each backend's networks against the plan."""

import logging
import re
from importlib import import_module
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import REGNETX32, AnyNetSpec, count, plan
from common.arch import parts
from common.errors import SpecError, WeightsError
from common.training import devices
from common.weights import expected_shapes, initial_weights
from tests.backends.native import to_layout
from tests.specs import specs

_SQUEEZED = AnyNetSpec.from_arch(
    ((1, 16, 8, 2), (2, 24, 8, 1, 1)), 8, 5, 3, stem_stride=1, conv_bias=False, se_ratio=0.25
)
_RESNET = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8, 5, 3, stem="resnet", conv_bias=False)
_MLP = AnyNetSpec.from_arch(((2, 24), (1, 16)), 32, 5, 3, block="mlp", image_size=9)
_SPECS = {
    "regnetx32": REGNETX32,
    "resnet": REGNETX32.with_block("resnet"),
    "vanilla": REGNETX32.with_block("vanilla"),
    "v": REGNETX32.with_block("v"),
    "vr": REGNETX32.with_block("vr"),
    "squeezed": _SQUEEZED,
    "resnet stem": _RESNET,
    "mlp": _MLP,
}
_SIZES = (28, 32, 33, 96, 97, 224)
_LINE = re.compile(r"^(\w+) .*output shape:\t\(([\d, ]+)\)$", re.MULTILINE)


def _images(spec, size, batch=2):
    shape = (batch, spec.in_channels, size, size)
    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize("spec", _SPECS.values(), ids=_SPECS)
def test_trainable_parameters_equal_the_plan(backend, native, spec):
    assert native.trainable(backend.create(spec)) == count(spec).params


@pytest.mark.parametrize("spec", _SPECS.values(), ids=_SPECS)
def test_arrays_are_those_of_the_plan(backend, spec):
    arrays = backend.get_weights(backend.create(spec))
    assert {name: array.shape for name, array in arrays.items()} == expected_shapes(spec)


@pytest.mark.bare("torch", "mx", "tf")  # those of design spaces, in JAX, too
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(spec=specs(), size=st.sampled_from(_SIZES))
def test_random_networks_equal_the_plan(backend, native, spec, size):
    size = spec.image_size or size
    network = backend.create(spec)
    arrays = backend.get_weights(network)
    assert {name: array.shape for name, array in arrays.items()} == expected_shapes(spec)
    assert native.trainable(network) == count(spec, size).params
    outputs = backend.layer_outputs(network, _images(spec, size, batch=1))
    shapes = {layer.name: (1, *layer.out_shape) for layer in plan(spec, size)}
    assert {name: output.shape for name, output in outputs.items()} == {
        name: shapes[name] for name in outputs
    }
    ends = {layer.name.split(".")[0]: layer.name for layer in plan(spec, size)}
    assert set(ends.values()) <= outputs.keys()


@pytest.mark.parametrize(
    ("spec", "size"),
    [*product([REGNETX32, _SQUEEZED], _SIZES), (_RESNET, 33), (_MLP, 9)],
    ids=lambda v: v if isinstance(v, int) else f"{v.block}{v.se_ratio}{v.stem}",
)
def test_what_flows_through_has_the_shapes_of_the_plan(backend, native, capsys, spec, size):
    model = backend.AnyNet.from_spec(spec)
    model.layer_summary(to_layout(backend, (1, spec.in_channels, size, size)))
    printed = dict(_LINE.findall(capsys.readouterr().out))
    last = {layer.name.split(".")[0]: layer.out_shape for layer in plan(spec, size)}
    expected = {part: to_layout(backend, (1, *last[part])) for part in parts(spec)}
    assert {part: tuple(map(int, s.split(","))) for part, s in printed.items()} == expected


def test_a_seed_is_the_same_network_as_the_shared_draw(backend):
    arrays = backend.get_weights(backend.create("regnetx32", seed=3))
    drawn = initial_weights(REGNETX32, seed=3)
    assert [name for name in drawn if not np.array_equal(arrays[name], drawn[name])] == []


def test_the_chapters_constructor_gives_the_chapters_network(backend):
    model = backend.AnyNet(((4, 32, 16, 1), (6, 80, 16, 1)), 32)
    assert model.spec == backend.RegNetX32().spec == REGNETX32


def test_a_spec_alone_makes_the_network_that_create_makes(backend):
    model = backend.AnyNet(spec=_SQUEEZED, lr=0.05)
    assert (model.spec, model.lr) == (_SQUEEZED, 0.05)
    made, created = (backend.get_weights(n) for n in (model, backend.create(_SQUEEZED)))
    assert {name: array.tobytes() for name, array in made.items()} == {
        name: array.tobytes() for name, array in created.items()
    }


def test_a_spec_may_stand_beside_arguments_that_agree_with_it(backend):
    model = backend.AnyNet(_SQUEEZED.arch, 8, 0.1, 5, spec=_SQUEEZED)
    assert model.spec == _SQUEEZED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "AnyNet: must be given arch and stem_channels, or a spec"),
        ({"spec": _SQUEEZED, "num_classes": 7}, "num_classes: must agree with spec"),
        ({"spec": _SQUEEZED, "stem_channels": 16}, "stem_channels: must agree with spec"),
        ({"spec": _SQUEEZED, "arch": ((1, 8),), "num_classes": 5}, "stages: must agree with spec"),
        ({"spec": "regnetx32"}, "spec: must be an AnyNetSpec"),
    ],
)
def test_no_spec_and_two_specs_are_refused(backend, arguments, message):
    with pytest.raises(SpecError, match=f"^{message}"):
        backend.AnyNet(**arguments)


@pytest.mark.parametrize("field", ["in_channels", "block", "conv_bias", "bn_epsilon", "batch_norm"])
def test_other_fields_of_a_spec_are_no_arguments_of_a_network(backend, field):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{field}'"):
        backend.AnyNet(((1, 8),), 8, **{field: 1})


@pytest.mark.parametrize("strides", [0, 3, 1.5])
@pytest.mark.parametrize("kind", ["ResNeXtBlock", "ResNetBlock", "VanillaBlock", "VRBlock"])
def test_a_block_has_stride_1_or_2(backend, native, kind, strides):
    widths = (8, 1) if kind == "ResNeXtBlock" else ()
    with pytest.raises(SpecError, match="^strides must be "):
        native.call_block(getattr(backend, kind)(8, *widths, strides=strides), (1, 8, 4, 4))


def test_a_block_makes_its_layers_by_the_factories_that_it_is_given(backend, native):
    calls = []

    def counted(kind, make):
        return lambda *arguments, **named: calls.append(kind) or make(*arguments, **named)

    blocks = import_module(f"{backend.__name__}.blocks")
    factories = {
        kind: counted(kind, make) for kind, make in blocks.layer_factories(REGNETX32).items()
    }
    block = backend.ResNeXtBlock(16, 8, 0.5, use_1x1conv=True, **factories)
    native.call_block(block, (2, 16, 4, 4))
    assert (calls.count("conv"), calls.count("norm")) == (4, 4)


def test_the_learning_rate_belongs_to_the_model(backend):
    assert backend.RegNetX32(lr=0.05).lr == 0.05


def test_a_bad_arch_is_a_spec_error(backend):
    with pytest.raises(SpecError, match="stage 2: group_width must divide"):
        backend.AnyNet(((4, 32, 16, 1), (6, 80, 24, 1)), 32)


def test_an_unknown_name_is_a_spec_error(backend):
    with pytest.raises(SpecError, match="did you mean regnetx32"):
        backend.create("regnetx31")


def test_logits_are_float32_and_finite(backend):
    logits = backend.logits(backend.create(_SQUEEZED), _images(_SQUEEZED, 16, batch=3))
    assert logits.dtype == np.float32
    assert logits.shape == (3, 5)
    assert np.isfinite(logits).all()


def test_training_logits_normalise_by_the_batch(backend):
    network, images = backend.create(_SQUEEZED), _images(_SQUEEZED, 16, batch=4)
    running, batch = (backend.logits(network, images, training=flag) for flag in (False, True))
    assert np.abs(running - batch).max() > 1e-3


def test_training_logits_leave_the_network_as_it_was(backend):
    network, images = backend.create(_SQUEEZED), _images(_SQUEEZED, 16, batch=4)
    before = backend.get_weights(network)
    backend.logits(network, images, training=True)
    after = backend.get_weights(network)
    assert [name for name in before if not np.array_equal(before[name], after[name])] == []


def test_a_saved_network_comes_back(backend, tmp_path):
    network = backend.create(_SQUEEZED, seed=5)
    backend.save(network, tmp_path / "a.safetensors")
    loaded, images = backend.load(tmp_path / "a.safetensors"), _images(_SQUEEZED, 16)
    assert loaded.spec == _SQUEEZED
    assert np.array_equal(backend.logits(loaded, images), backend.logits(network, images))


def test_rewriting_a_weight_file_changes_no_byte(backend, tmp_path):
    backend.save(backend.create(_SQUEEZED, seed=5), tmp_path / "a.safetensors")
    backend.save(backend.load(tmp_path / "a.safetensors"), tmp_path / "b.safetensors")
    first, second = (tmp_path / name for name in ("a.safetensors", "b.safetensors"))
    assert first.read_bytes() == second.read_bytes()


def test_a_missing_weight_file_is_a_weights_error(backend, tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        backend.load(tmp_path / "none.safetensors")


def test_devices_end_with_the_cpu(backend):
    assert backend.devices()[-1] == "cpu"


def test_training_on_the_cpu_tells_once_of_a_gpu_that_is_not_seen(backend, monkeypatch, caplog):
    if backend.devices() != ["cpu"]:
        pytest.skip("this framework sees a GPU")
    caplog.set_level(logging.WARNING, "anynet")
    monkeypatch.setattr(devices, "find_nvidia", lambda: "NVIDIA H100")
    devices._tell.cache_clear()
    for _ in range(2):
        backend.Learner(backend.create(_SQUEEZED), (3, 9, 9))
    devices._tell.cache_clear()
    (line,) = caplog.messages
    assert line.startswith("computing on the CPU: this machine has an NVIDIA device (NVIDIA H100)")
