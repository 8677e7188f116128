"""Checkpoints of other libraries beside the libraries themselves."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import anynet_torch as anynet  # noqa: E402
from common import REGNETX32, reference  # noqa: E402
from common.arch import RESNET_SPECS, find_spec  # noqa: E402
from common.weights.foreign import (  # noqa: E402
    LAYOUTS,
    export_weights,
    foreign_names,
    import_weights,
    read_foreign,
)
from tests.foreign import (  # noqa: E402
    CHAPTER,
    HUGGINGFACE,
    REGNETY_200MF,
    SMALL_Y,
    TOLERANCE,
    images,
    random_arrays,
    state,
)


def _randomise(module):
    """Statistics and scales as training leaves them, so that batch norms are not the identity."""
    stream = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=stream)
        elif name.endswith("running_mean") or (tensor.ndim == 1 and name.endswith("bias")):
            tensor.normal_(0, 0.3, generator=stream)
    return module.eval()


def _assert_same_logits(path, layout, module, x):
    found = read_foreign(path)
    network = anynet.create(found.spec)
    anynet.set_weights(network, found.arrays)
    with torch.no_grad():
        wanted = module(torch.from_numpy(x))
    wanted = getattr(wanted, "logits", wanted).numpy()
    assert found.layout == layout
    error = np.abs(anynet.logits(network, x) - wanted).max()
    assert error < TOLERANCE * np.abs(wanted).max()


def _transformers(spec):
    """The class that transformers publishes, for the same network."""
    transformers = pytest.importorskip("transformers")
    config = transformers.RegNetConfig(
        depths=[stage.depth for stage in spec.stages],
        hidden_sizes=[stage.channels for stage in spec.stages],
        groups_width=max(stage.group_width for stage in spec.stages),
        layer_type="y" if spec.se_ratio else "x",
        embedding_size=spec.stem_channels,
        num_labels=spec.num_classes,
    )
    return transformers.RegNetForImageClassification(config)


@pytest.mark.parametrize("spec", HUGGINGFACE.values(), ids=HUGGINGFACE)
def test_the_reference_gives_the_logits_of_transformers_in_float64(spec):
    arrays = random_arrays(spec)
    model = _transformers(spec).double().eval()
    tensors = {k: torch.from_numpy(v) for k, v in state("huggingface", spec, arrays).items()}
    model.load_state_dict(tensors)
    with torch.no_grad():
        wanted = model(torch.from_numpy(images()).double()).logits.numpy()
    network = reference.create(spec)
    reference.set_weights(network, arrays)
    found = reference.layer_outputs(network, images())["head.fc"]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("spec", HUGGINGFACE.values(), ids=HUGGINGFACE)
def test_a_random_transformers_model_gives_its_logits(tmp_path, spec):
    model = _randomise(_transformers(spec))
    model.save_pretrained(tmp_path)
    _assert_same_logits(tmp_path / "model.safetensors", "huggingface", model, images())


def test_a_transformers_model_in_several_files_gives_its_logits(tmp_path):
    model = _randomise(_transformers(SMALL_Y))
    model.save_pretrained(tmp_path, max_shard_size="100KB")
    assert not (tmp_path / "model.safetensors").exists()
    _assert_same_logits(tmp_path, "huggingface", model, images())


def test_a_transformers_trunk_gives_its_features(tmp_path):
    model = _randomise(_transformers(SMALL_Y).regnet)
    model.save_pretrained(tmp_path)
    spec, arrays = import_weights(tmp_path, num_classes=SMALL_Y.num_classes)
    network = anynet.create(spec)
    anynet.set_weights(network, arrays)
    with torch.no_grad():
        features = model(torch.from_numpy(images())).pooler_output.flatten(1).numpy()
    wanted = features @ arrays["head.fc.weight"].T + arrays["head.fc.bias"]
    error = np.abs(anynet.logits(network, images()) - wanted).max()
    assert spec == SMALL_Y
    assert error < TOLERANCE * np.abs(wanted).max()


def test_transformers_loads_what_was_exported(tmp_path):
    model = _transformers(REGNETY_200MF)
    model.config.save_pretrained(tmp_path)
    arrays = random_arrays(REGNETY_200MF)
    path = tmp_path / "model.safetensors"
    export_weights(path, REGNETY_200MF, arrays, "huggingface")
    loaded = type(model).from_pretrained(tmp_path).eval()
    _assert_same_logits(path, "huggingface", loaded, images())


def _torchvision():
    return pytest.importorskip("torchvision").models.regnet_y_400mf(weights=None)


def _timm():
    return pytest.importorskip("timm").create_model("regnety_004")


def _pycls():
    return pytest.importorskip("pycls.models.anynet").AnyNet(
        {
            "stem_type": "simple_stem_in", "stem_w": 32, "block_type": "res_bottleneck_block",
            "depths": [1, 3, 6, 6], "widths": [48, 104, 208, 440], "strides": [2, 2, 2, 2],
            "bot_muls": [1.0] * 4, "group_ws": [8] * 4, "head_w": 0, "se_r": 0.25,
            "num_classes": 1000,
        }
    )  # fmt: skip


@pytest.mark.parametrize("library", [_torchvision, _timm, _pycls])
def test_a_model_of_another_library_gives_its_logits(tmp_path, library):
    model = _randomise(library())
    torch.save(model.state_dict(), tmp_path / "model.pth")
    _assert_same_logits(tmp_path / "model.pth", library.__name__[1:], model, images())


def test_this_projects_state_dict_gives_its_logits(tmp_path):
    model = _randomise(anynet.create(CHAPTER))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    _assert_same_logits(tmp_path / "model.pt", "anynet_torch", model, images()[:, :1])


class _ChapterBlock(torch.nn.Module):
    """`d2l.ResNeXtBlock` as chapter section 8.6.5 prints it."""

    def __init__(self, num_channels, groups, bot_mul, use_1x1conv=False, strides=1):
        super().__init__()
        bot_channels = round(num_channels * bot_mul)
        self.conv1 = torch.nn.LazyConv2d(bot_channels, kernel_size=1, stride=1)
        self.conv2 = torch.nn.LazyConv2d(bot_channels, kernel_size=3, stride=strides, padding=1,
                                         groups=bot_channels // groups)  # fmt: skip
        self.conv3 = torch.nn.LazyConv2d(num_channels, kernel_size=1, stride=1)
        self.bn1, self.bn2, self.bn3 = (torch.nn.LazyBatchNorm2d() for _ in range(3))
        self.conv4 = torch.nn.LazyConv2d(num_channels, kernel_size=1, stride=strides) if (
            use_1x1conv) else None  # fmt: skip
        self.bn4 = torch.nn.LazyBatchNorm2d() if use_1x1conv else None

    def forward(self, x):
        relu = torch.nn.functional.relu
        y = self.bn3(self.conv3(relu(self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))))
        return relu(y + (self.bn4(self.conv4(x)) if self.conv4 else x))


class _ChapterNet(torch.nn.Module):
    """The chapter's RegNetX32 in its PyTorch tab (sections 8.8.1 and 8.8.3)."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Sequential(
                torch.nn.LazyConv2d(32, kernel_size=3, stride=2, padding=1),
                torch.nn.LazyBatchNorm2d(), torch.nn.ReLU(),
            )
        )  # fmt: skip
        for number, (depth, channels) in enumerate(((4, 32), (6, 80)), 1):
            blocks = [
                _ChapterBlock(channels, 16, 1, use_1x1conv=not i, strides=1 if i else 2)
                for i in range(depth)
            ]
            self.net.add_module(f"stage{number}", torch.nn.Sequential(*blocks))
        head = (torch.nn.AdaptiveAvgPool2d((1, 1)), torch.nn.Flatten(), torch.nn.LazyLinear(10))
        self.net.add_module("head", torch.nn.Sequential(*head))

    def forward(self, x):
        return self.net(x)


@pytest.fixture
def chapter():
    model, gray = _ChapterNet(), images()[:, :1]
    model(torch.from_numpy(gray))
    return _randomise(model)


def test_the_chapters_own_network_gives_its_logits(tmp_path, chapter):
    torch.save(chapter.state_dict(), tmp_path / "model.pth")
    assert import_weights(tmp_path / "model.pth")[0] == REGNETX32
    _assert_same_logits(tmp_path / "model.pth", "d2l", chapter, images()[:, :1])


def test_the_chapters_own_network_loads_what_was_exported(tmp_path, chapter):
    path = tmp_path / "model.pth"
    export_weights(path, REGNETX32, random_arrays(REGNETX32), "d2l")
    chapter.load_state_dict(torch.load(path))
    _assert_same_logits(path, "d2l", chapter, images()[:, :1])


_RESNETS = {
    "bottleneck": replace(
        RESNET_SPECS["resnet50"],
        stages=tuple(
            replace(stage, depth=2 - index // 3, channels=stage.channels // 8, group_width=None)
            for index, stage in enumerate(RESNET_SPECS["resnet50"].stages)
        ),
    ),
    "basic": replace(RESNET_SPECS["resnet18"], stages=RESNET_SPECS["resnet18"].stages[:2]),
}
"""With every kind of block and shortcut, small enough for a moment."""


def _transformers_resnet(spec):
    """The class that transformers publishes, for the same network."""
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=spec.stem_channels,
        hidden_sizes=[stage.channels for stage in spec.stages],
        depths=[stage.depth for stage in spec.stages],
        layer_type="basic" if spec.block == "resnet" else "bottleneck",
        num_labels=spec.num_classes,
    )
    return transformers.ResNetForImageClassification(config)


def _assert_equal_in_float64(model, spec, arrays):
    """The reference's logits and those of PyTorch are the model's, to 1e-12."""
    x = images()[:, :, :61, :]
    with torch.no_grad():
        wanted = model.double().eval()(torch.from_numpy(x).double())
        wanted = getattr(wanted, "logits", wanted).numpy()
        network = anynet.create(spec, init="zeros")
        anynet.set_weights(network, arrays)
        ours = network.double().eval()(torch.from_numpy(x).double()).numpy()
    truth = reference.create(spec, init="zeros")
    reference.set_weights(truth, arrays)
    found = reference.layer_outputs(truth, x)["head.fc"]
    for logits in (ours, found):
        np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("spec", _RESNETS.values(), ids=_RESNETS)
def test_a_resnet_gives_the_logits_of_transformers(spec):
    model, arrays = _transformers_resnet(spec), random_arrays(spec)
    names = foreign_names(LAYOUTS["huggingface"], spec)
    tensors = {
        there.replace("regnet.", "resnet."): torch.from_numpy(arrays[here])
        for here, (there, _) in names.items()
    }
    model.load_state_dict(tensors, strict=False)  # without counters of batches
    assert set(tensors) == {n for n in model.state_dict() if not n.endswith("num_batches_tracked")}
    _assert_equal_in_float64(model, spec, arrays)


@pytest.mark.full
@pytest.mark.parametrize("network", RESNET_SPECS)
def test_a_resnet_gives_the_logits_of_timm_there_and_back(tmp_path, network):
    model = pytest.importorskip("timm").create_model(network)
    stream = torch.Generator().manual_seed(0)
    for key, tensor in model.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=stream)
        elif tensor.ndim == 1 and key.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.3, generator=stream)
    torch.save(model.state_dict(), tmp_path / "model.pth")
    found = read_foreign(tmp_path / "model.pth")
    assert found.spec == find_spec(network)
    _assert_equal_in_float64(model, found.spec, found.arrays)
    export_weights(tmp_path / "back.pth", found.spec, found.arrays, "timm")
    model.load_state_dict(torch.load(tmp_path / "back.pth"))
    _assert_equal_in_float64(model, found.spec, found.arrays)
