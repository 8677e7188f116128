"""What PyTorch's learner does on a GPU, with stand-ins that run on a CPU."""

import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import anynet_torch  # noqa: E402
from anynet_torch import graphs, joined, layers  # noqa: E402
from anynet_torch.graphs import WARM_UP, Replayed, is_recordable  # noqa: E402
from anynet_torch.model import Classifier  # noqa: E402
from common.arch import AnyNetSpec, StageSpec  # noqa: E402
from common.training import Recipe  # noqa: E402

_SHAPE = (1, 16, 16)


class OnCPU:
    """Records a function by keeping it; what it is given stays what the recording reads."""

    def __init__(self, fails=False):
        self.fails, self.recorded = fails, 0

    def warm_up(self, function, inputs):
        return function(*inputs)

    def record(self, function, inputs):
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.recorded += 1
        return lambda: function(*inputs)


def _double(x):
    return (2 * x,)


@pytest.mark.parametrize("call", range(WARM_UP + 2))
def test_every_call_gives_what_the_function_gives(call):
    replayed = Replayed(_double, tuple, OnCPU())
    outputs = [replayed(torch.full((3,), float(i)))[0] for i in range(call + 1)]
    assert outputs[call].tolist() == [2.0 * call] * 3


def test_an_output_is_not_changed_by_the_next_call():
    buffer = torch.zeros(3)
    replayed = Replayed(lambda x: (buffer.copy_(x),), tuple, OnCPU())
    outputs = [replayed(torch.full((3,), float(i)))[0] for i in range(WARM_UP + 3)]
    assert [output[0].item() for output in outputs[WARM_UP:]] == [3.0, 4.0, 5.0]


def test_it_is_recorded_once():
    recorder = OnCPU()
    replayed = Replayed(_double, tuple, recorder)
    for _ in range(WARM_UP + 4):
        replayed(torch.ones(3))
    assert recorder.recorded == 1


def test_inputs_of_another_shape_are_recorded_anew():
    recorder = OnCPU()
    replayed = Replayed(_double, tuple, recorder)
    shapes = [(3,)] * (WARM_UP + 1) + [(4,)] * (WARM_UP + 1)
    assert [replayed(torch.ones(shape))[0].shape for shape in shapes] == shapes
    assert recorder.recorded == 2


@pytest.mark.parametrize("change", ["moved", "frozen"])
def test_a_tensor_that_changes_its_place_is_recorded_anew(change):
    weight = torch.ones(3, requires_grad=True)
    held, recorder = [weight], OnCPU()
    replayed = Replayed(lambda x: (held[0] * x,), lambda: held, recorder)
    for _ in range(WARM_UP + 1):
        replayed(torch.ones(3))
    if change == "moved":
        held[0] = torch.full((3,), 5.0, requires_grad=True)
    else:
        weight.requires_grad_(False)
    results = [replayed(torch.ones(3))[0].detach() for _ in range(WARM_UP + 1)]
    assert recorder.recorded == 2
    assert results[-1].tolist() == held[0].tolist()


def test_what_cannot_be_recorded_runs_as_it_is_and_is_told_of_once(caplog):
    replayed = Replayed(_double, tuple, OnCPU(fails=True))
    outputs = [replayed(torch.ones(1))[0].item() for _ in range(WARM_UP + 3)]
    assert outputs == [2.0] * (WARM_UP + 3)
    assert len([r for r in caplog.records if "not recorded" in r.message]) == 1


_OPTIONS = {
    "SGD": ({}, ()),
    "every option": ({"optimizer": "adamw", "clip_norm": 0.1, "ema_decay": 0.9}, ("stage1",)),
}


def _losses(replay, recipe, freeze):
    network = anynet_torch.create("RegNetX32")
    learner = anynet_torch.Learner(network, _SHAPE, Recipe(**recipe), "cpu", "float64", freeze)
    recorder = OnCPU()
    if replay:
        learner._run_step = Replayed(learner._step, learner._tensors, recorder)
    stream = np.random.default_rng(0)
    losses = []
    for step in range(WARM_UP + 3):
        images = stream.integers(0, 256, (4, *_SHAPE), np.uint8)
        labels = stream.integers(0, 10, 4, np.int32)
        losses.append(float(learner.train_step(images, labels, 0.01 * step)[0]))
    return losses, learner.state(), recorder.recorded


@pytest.mark.parametrize("options", _OPTIONS.values(), ids=_OPTIONS)
def test_a_learner_that_replays_its_step_learns_the_same(options):
    plain, state, _ = _losses(False, *options)
    replayed, other, recorded = _losses(True, *options)
    assert recorded == 1
    assert replayed == plain
    assert all(np.array_equal(state[name], other[name]) for name in state)


def test_replayed_steps_leave_the_network_in_the_mode_of_the_last():
    network = anynet_torch.create("RegNetX32")
    learner = anynet_torch.Learner(network, _SHAPE, device="cpu", freeze=("stem",))
    learner._run_logits = Replayed(learner._logits, learner._tensors, _Forgetful())
    learner._run_step = Replayed(learner._step, learner._tensors, _Forgetful())
    images, labels = np.zeros((4, *_SHAPE), np.uint8), np.zeros(4, np.int32)
    for _ in range(WARM_UP + 2):
        learner.train_step(images, labels, 0.1)
        assert network.net.stage1.training
        assert not network.net.stem.bn.training  # a frozen norm
        learner.eval_step(images)
        assert not any(layer.training for layer in network.modules())


class _Forgetful(OnCPU):
    """A recorder whose recordings do nothing in Python, as those of a GPU."""

    def record(self, function, inputs):
        outputs = function(*inputs)
        return lambda: outputs


def test_a_walk_through_the_layers_finds_all_parameters_and_buffers():
    network = anynet_torch.create("RegNetY-200MF")
    network.net.shared = network.net.stem
    network.net.nothing = None
    expected = [*network.parameters(), *network.buffers()]
    assert {id(x) for x in graphs.tensors_of(network)} == {id(x) for x in expected}


def _compiling(monkeypatch, compile_kernels):
    """Let kernels for a GPU be compiled by a stand-in."""
    module = types.ModuleType("anynet_torch.fused_norm")
    module.compile_kernels = compile_kernels
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(joined, "_without_kernels", [])


def test_kernels_are_compiled_for_the_norms_that_a_network_has(monkeypatch):
    asked = []
    _compiling(monkeypatch, lambda *arguments: asked.append(arguments))
    spec = AnyNetSpec(8, (StageSpec(1, 16), StageSpec(1, 24)), conv_bias=True)
    joined.compile_norms(anynet_torch.create(spec), torch.bfloat16)
    assert asked == [({8, 16, 24}, torch.bfloat16, torch.device("cpu"), True)]
    joined.compile_norms(anynet_torch.create(spec).double(), torch.float64)
    joined.compile_norms(_with_hook(), torch.float32)
    joined.compile_norms(anynet_torch.fuse(anynet_torch.create(spec)), torch.float32)
    assert len(asked) == 1


def test_without_a_compiler_norms_are_not_fused_and_one_warning_says_so(monkeypatch, caplog):
    def fail(*arguments):
        raise RuntimeError("Failed to find C compiler.\nPlease specify via CC")

    _compiling(monkeypatch, fail)
    on_gpu = types.SimpleNamespace(is_cuda=True)
    network = anynet_torch.create("RegNetX32")
    assert joined._fuses(network.net.stem.bn, on_gpu)
    for _ in range(2):
        joined.compile_norms(network, torch.float32)
    assert not joined._fuses(network.net.stem.bn, on_gpu)
    (record,) = caplog.records
    assert record.getMessage().endswith("Triton fails: RuntimeError: Failed to find C compiler.")


class _WithoutWaiting(TorchDispatchMode):
    """Refuses to read a number from a tensor, for which a CPU would wait for the GPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default, "a value was read"
        return func(*args, **(kwargs or {}))


def test_clipping_averaging_and_freezing_read_no_value_of_the_gpu():
    network, recipe = anynet_torch.create("RegNetX32"), Recipe(clip_norm=0.1, ema_decay=0.9)
    learner = anynet_torch.Learner(network, _SHAPE, recipe, "cpu", freeze=("stem",))
    images, labels = np.zeros((4, *_SHAPE), np.uint8), np.zeros(4, np.int32)
    with _WithoutWaiting():
        learner.train_step(images, labels, 0.1)


class _OwnLayer(torch.nn.Module):
    def forward(self, x):
        return x


class _OwnLoss(anynet_torch.RegNetX32):
    def loss(self, logits, labels):
        return super().loss(logits, labels)


class _OwnStem(anynet_torch.RegNetX32):
    def stem(self, num_channels):
        return torch.nn.Sequential(torch.nn.Conv2d(1, num_channels, 3, 2, 1), torch.nn.ReLU())


def _with_layer():
    network = anynet_torch.RegNetX32()
    network.net.stem.append(_OwnLayer())
    return network


def _with_hook():
    network = anynet_torch.RegNetX32()
    network.net.stem.register_forward_hook(lambda *arguments: None)
    return network


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (anynet_torch.RegNetX32, True),
        (_OwnStem, True),
        (_OwnLoss, False),
        (_with_layer, False),
        (_with_hook, False),
    ],
)
def test_only_steps_that_a_graph_repeats_whole_are_recorded(make, expected):
    assert is_recordable(make(), Classifier) is expected


@pytest.mark.parametrize(
    ("make", "expected"), [(anynet_torch.RegNetX32, True), (_with_hook, False)]
)
def test_a_network_with_hooks_is_not_fused(make, expected):
    network = make()
    norms = [layer for layer in network.modules() if isinstance(layer, layers.BatchNorm)]
    with joined.fused_norms(network):
        assert {norm.joins for norm in norms} == {expected}
    assert not any(norm.joins for norm in norms)


def test_an_environment_variable_turns_recording_off(monkeypatch):
    monkeypatch.setenv(graphs.CUDA_GRAPHS, "0")
    assert not is_recordable(anynet_torch.RegNetX32(), Classifier)


def test_precision_settings_last_as_long_as_any_thread_needs_them():
    backend = torch.backends.cuda.matmul
    before = backend.allow_tf32
    first, second = layers.products("float32"), layers.products("tf32")
    with first:
        assert not backend.allow_tf32
        second.__enter__()
        assert backend.allow_tf32
    assert backend.allow_tf32  # the first one ends before the second
    assert torch.backends.cudnn.deterministic
    second.__exit__(None, None, None)
    assert (backend.allow_tf32, torch.backends.cudnn.deterministic) == (before, False)
