"""The processes of several devices in PyTorch: killed, refused, and left behind."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import anynet_torch as anynet  # noqa: E402
from anynet_torch import collectives, layers, parallel  # noqa: E402
from common import AnyNetSpec  # noqa: E402
from common.errors import BackendError, ConfigError  # noqa: E402
from tests.backends.several import fit  # noqa: E402

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1),), 8)
_SHAPE = (1, 12, 12)
_IMAGES = np.random.default_rng(0).integers(0, 256, (12, *_SHAPE), np.uint8)
_LABELS = np.arange(12, dtype=np.int32) % 10


@pytest.fixture(autouse=True)
def _ended():
    yield
    parallel.end_team()


def _learner(devices=2, model=None):
    return anynet.Learner(model or anynet.create(_SPEC), _SHAPE, device="cpu", devices=devices)


@pytest.mark.full
def test_a_run_whose_other_process_is_killed_resumes_exactly(monkeypatch, tmp_path):
    whole = fit(anynet, tmp_path / "whole", 2)
    steps = iter(range(9))  # of the run and, before each validation, of precise batch norm
    run_step = anynet.Learner.run_step

    def killing(self, *batch):
        if next(steps, None) == 5:
            parallel._team._others._processes[0].kill()
        return run_step(self, *batch)

    monkeypatch.setattr(anynet.Learner, "run_step", killing)
    with pytest.raises(BackendError, match=r"^devices: .* device 1, which was killed by SIGKILL; "):
        fit(anynet, tmp_path / "killed", 2)
    monkeypatch.undo()
    assert not torch.distributed.is_initialized()
    resumed = fit(anynet, tmp_path / "killed", 2, resume=True)
    assert [name for name in whole if (whole[name] != resumed[name]).any()] == []


def test_a_network_can_be_trained_by_hand_after_its_processes_have_ended():
    learner = _learner()
    learner.train_step(_IMAGES, _LABELS, 0.1)
    parallel.end_team()
    network = learner.network.train()
    network.loss(network(torch.rand(4, *_SHAPE)), torch.zeros(4, dtype=torch.int64)).backward()
    assert network.net.stem.conv.weight.grad.abs().sum() > 0
    with pytest.raises(BackendError, match="^devices: a learner's processes must not have ended"):
        learner.train_step(_IMAGES, _LABELS, 0.1)


def test_batches_without_equal_parts_are_refused_and_images_to_predict_are_filled_up():
    learner, single = _learner(), _learner(1)
    with pytest.raises(ConfigError, match="^devices: the batch size must be a multiple of 2"):
        learner.train_step(_IMAGES[:5], _LABELS[:5], 0.1)
    for count in (5, 0):
        found, wanted = learner.eval_step(_IMAGES[:count]), single.eval_step(_IMAGES[:count])
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


class _OwnLoss(anynet.AnyNet):
    def loss(self, logits, labels):
        return super().loss(logits, labels)


def _hooked():
    model = anynet.create(_SPEC)
    model.net.register_forward_hook(lambda *_: None)
    return model


@pytest.mark.parametrize("make", [lambda: _OwnLoss(spec=_SPEC), _hooked])
def test_a_model_that_no_spec_describes_is_refused(make):
    with pytest.raises(BackendError, match="^devices: must be 1 for a model with layers, hooks, "):
        _learner(2, make())


def test_a_process_of_another_group_is_refused(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with pytest.raises(BackendError, match="^devices: must be 1 in a process that is in a group"):
        _learner()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(6, 4, 3, 2), (6, 4), (1, 4)])
def test_a_synced_batch_norm_of_one_process_is_the_usual_one(monkeypatch, dtype, shape):
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 1)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda tensor: None)
    monkeypatch.setattr("torch.distributed.all_gather", lambda out, part: out[0].copy_(part))
    x = torch.from_numpy(np.random.default_rng(0).normal(size=shape)).to(dtype)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    found = []
    for synced in (False, True):
        norm = layers.BatchNorm(4).to(wide)
        with torch.no_grad():
            norm.weight.copy_(torch.arange(1, 5) / 4)
        norm.synced = synced
        given = x.clone().requires_grad_()
        y = norm(given)
        (y.float() ** 3).sum().backward()
        found.append([y.detach(), given.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()])
    within = 1e-12 if dtype == torch.float64 else 3e-2
    for usual, one in zip(*found, strict=True):
        torch.testing.assert_close(one, usual, rtol=within, atol=within)


@pytest.mark.parametrize(
    ("kind", "live", "expected"),
    [
        ("nccl", True, ["destroyed"]),
        ("nccl", False, ["aborted", "destroyed"]),
        ("gloo", False, ["destroyed"]),
    ],
)
def test_nccl_does_not_wait_for_a_process_that_has_ended(kind, live, expected, monkeypatch):
    done = []
    world = SimpleNamespace(abort=lambda: done.append("aborted"))
    stand_in = SimpleNamespace(
        get_backend=lambda: kind,
        group=SimpleNamespace(WORLD=world),
        destroy_process_group=lambda: done.append("destroyed"),
    )
    monkeypatch.setattr(collectives, "dist", stand_in)
    collectives.leave(live)
    assert done == expected


def test_the_first_process_knows_that_another_one_has_ended():
    _learner()
    others = parallel._team._others
    assert others.live
    others._processes[0].kill()
    others._processes[0].wait()
    assert not others.live


def test_variables_for_connecting_are_there_for_that_long_and_a_users_own_stay(monkeypatch):
    name = "TORCH_NCCL_ASYNC_ERROR_HANDLING"
    monkeypatch.delenv(name, raising=False)
    with collectives._variables(on_gpu=True):
        assert os.environ[name] == "0"
    assert name not in os.environ
    monkeypatch.setenv(name, "1")
    with collectives._variables(on_gpu=True):
        assert os.environ[name] == "1"
    assert os.environ[name] == "1"
