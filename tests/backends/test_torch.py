"""What PyTorch users expect of a module."""

import copy
import re
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import anynet_torch as anynet  # noqa: E402
from anynet_torch.joined import fused_norms  # noqa: E402
from anynet_torch.layers import BatchNorm  # noqa: E402
from common import REGNETX32, AnyNetSpec  # noqa: E402
from common.weights import expected_shapes  # noqa: E402

_SPEC = AnyNetSpec.from_arch(((1, 8, 4, 1), (1, 16, 4, 2)), 8, se_ratio=0.25)
_X = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    return anynet.create(_SPEC).eval()


def test_state_dict_keys_are_canonical_names():
    keys = set(anynet.RegNetX32().net.state_dict())
    assert {key for key in keys if not key.endswith("num_batches_tracked")} == set(
        expected_shapes(REGNETX32)
    )


def test_torch_export_gives_the_same_logits(model):
    exported = torch.export.export(model, (_X,))
    torch.testing.assert_close(exported.module()(_X), model(_X))


def test_torch_export_takes_any_batch_size(model):
    batch = torch.export.Dim("batch", min=1)
    exported = torch.export.export(model, (_X,), dynamic_shapes=({0: batch},))
    x = torch.cat([_X, _X, _X])
    torch.testing.assert_close(exported.module()(x), model(x))


def test_torch_compile_traces_the_whole_module_in_one_graph(model):
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(_X), model(_X))


def test_torch_compile_traces_training_in_one_graph(model):
    eager, traced = model.train(), copy.deepcopy(model).train()
    compiled = torch.compile(traced, fullgraph=True, backend="aot_eager")
    eager(_X).sum().backward()
    compiled(_X).sum().backward()
    torch.testing.assert_close(traced.net.stem.conv.weight.grad, eager.net.stem.conv.weight.grad)
    torch.testing.assert_close(traced.net.stem.bn.running_var, eager.net.stem.bn.running_var)


def test_a_module_works_in_float64(model):
    assert model.double()(_X.double()).dtype == torch.float64


def test_a_stage_without_in_channels_finds_them_at_the_first_call():
    stage = anynet.RegNetX32().stage(2, 32, 16, 1)
    assert stage(torch.zeros(2, 5, 8, 8)).shape == (2, 32, 4, 4)


def test_building_on_the_meta_device_allocates_nothing():
    with torch.device("meta"):
        block = anynet.ResNeXtBlock(32, 16, 1, True, 2, in_channels=8)
    assert {parameter.device.type for parameter in block.parameters()} == {"meta"}


def test_a_network_on_the_meta_device_draws_nothing():
    with torch.device("meta"):
        network = anynet.regnet("regnety_32gf")
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"meta"}


def test_building_leaves_pytorchs_random_stream_alone():
    before = torch.get_rng_state()
    anynet.create(_SPEC, init="he")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_new_network_trains_with_its_buffers_on_the_cpu(model):
    model.train()(_X).sum().backward()
    assert model.net.stem.conv.weight.grad is not None
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"cpu"}


def test_logits_keep_the_mode_of_the_network(model):
    anynet.logits(model, np.zeros((2, 1, 16, 16), np.float32), training=True)
    assert not model.training


def test_update_bn_averages_all_batches_alike(model):
    batches = [torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(i)) for i in (1, 2)]
    averaged = torch.optim.swa_utils.AveragedModel(model)
    torch.optim.swa_utils.update_bn(batches, averaged)
    bn, conv = averaged.module.net.stem.bn, averaged.module.net.stem.conv
    outputs = [conv(batch).detach().transpose(0, 1).flatten(1) for batch in batches]
    means, variances = zip(*((y.mean(1), y.var(1, unbiased=False)) for y in outputs), strict=True)
    torch.testing.assert_close(bn.running_mean, sum(means) / 2)
    torch.testing.assert_close(bn.running_var, sum(variances) / 2)


def test_batch_norms_count_batches_but_not_those_of_logits(model):
    model.train()(_X)
    anynet.logits(model, _X, training=True)
    assert model.net.stem.bn.num_batches_tracked == 1
    model.net.stem.bn.reset_running_stats()
    assert model.net.stem.bn.num_batches_tracked == 0


def test_apply_init_allocates_by_a_batch_and_draws():
    model = anynet.Classifier()
    model.net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(5))
    model.apply_init([torch.zeros(2, 1, 8, 8)], anynet.init_cnn)
    bound = (6 / (8 * 8 + 5)) ** 0.5
    assert 0.9 * bound < float(model.net[1].weight.detach().abs().max()) <= bound


class _Convolutions(TorchDispatchMode):
    """Notes the kernel size of each convolution."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.convolution.default:
            self.seen.append(tuple(args[1].shape[2:]))
        return func(*args, **(kwargs or {}))


def _sizes(network, images, train=False):
    """Kernel sizes of the convolutions that a forward pass calls."""
    with _Convolutions() as noting, torch.set_grad_enabled(train):
        network(images)
    return set(noting.seen)


@pytest.mark.parametrize("few", [True, False])
def test_1x1_convolutions_of_few_images_are_products(model, few):
    assert ((1, 1) in _sizes(model, torch.zeros(1 if few else 16, 1, 16, 16))) is not few
    assert (1, 1) in _sizes(model, torch.zeros(1, 1, 16, 16), train=True)


def test_products_give_what_convolutions_give():
    network = anynet.create(REGNETX32, init="he").eval()
    images = torch.rand(16, 1, 33, 35, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    assert (together - alone).abs().max() < 2e-6 * together.abs().max()


@pytest.mark.parametrize("changed", ["hook", "hook on all", "forward", "forward of all"])
def test_what_a_user_does_to_a_1x1_convolution_is_done(model, changed, monkeypatch):
    conv, seen, plain = model.net.stage1[0].conv1, [], torch.nn.Conv2d.forward
    remove = lambda: None  # noqa: E731

    def forward(layer, x):
        seen.append(layer)
        return plain(layer, x)

    def hook(layer, *_):
        seen.append(layer)

    if changed == "hook":
        conv.register_forward_hook(hook)
    elif changed == "hook on all":
        remove = torch.nn.modules.module.register_module_forward_hook(hook).remove
    elif changed == "forward":
        conv.forward = partial(forward, conv)
    else:
        monkeypatch.setattr(torch.nn.Conv2d, "forward", forward)
    with torch.no_grad():
        model(torch.zeros(1, 1, 16, 16))
    remove()
    assert seen.count(conv) == 1


def _step(network, images, joined):
    """Logits, gradients and running statistics of a forward and a backward pass."""
    network = copy.deepcopy(network).train()
    with fused_norms(network) if joined else nullcontext():
        logits = network(images)
    (logits**3).mean().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    return {"logits": logits.detach()} | gradients | dict(network.named_buffers())


_JOINED = {
    "squeezed": _SPEC,
    "resnet stem, vr": replace(_SPEC, stem="resnet", se_ratio=0.0).with_block("vr"),
    "no biases": replace(_SPEC, conv_bias=False),
    "mlp": AnyNetSpec.from_arch(((1, 8), (1, 6)), 8, block="mlp", image_size=16),
    "one value to normalise": AnyNetSpec.from_arch(((1, 8, 4, 1),) * 4, 8),
}


@pytest.mark.parametrize("spec", _JOINED.values(), ids=_JOINED)
def test_a_step_without_the_biases_that_batch_norms_cancel_is_the_step_with_them(spec):
    network = anynet.create(spec).double()
    stream = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.add_(torch.empty_like(parameter).uniform_(-0.3, 0.3, generator=stream))
    count = 1 if spec is _JOINED["one value to normalise"] else 6
    images = torch.rand(count, 1, 16, 16, generator=stream, dtype=torch.float64)
    found, expected = (_step(network, images, joined) for joined in (True, False))
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    cancelled = [name for name in found if re.search(r"(conv\d?|stem.fc|fc1)\.bias$", name)]
    assert [name for name in cancelled if "se." not in name and found[name].any()] == []


@pytest.mark.parametrize("changed", ["class", "forward", "activation", "norm"])
def test_a_step_calls_the_layers_of_a_user(model, changed):
    class Doubled(torch.nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x) + x.mean()

    stem = model.net.stem
    if changed == "class":
        stem.conv.__class__ = Doubled
    elif changed == "forward":
        stem.conv.forward = partial(Doubled.forward, Doubled(1, 8, 3, 2, 1))
    elif changed == "norm":
        stem.bn.__class__ = type("Squared", (BatchNorm,), {"forward": lambda self, x: x**2})
    else:
        stem.relu = torch.nn.Tanh()
    found, expected = (_step(model, _X, joined) for joined in (True, False))
    torch.testing.assert_close(found, expected)
