"""The same networks from other libraries for PyTorch, where they can be imported."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import REGNETX32_CASE, REGNETY_400MF_CASE, Case
from benchmarks.plain import RATE
from common.arch import count
from common.errors import BackendError


@dataclass(frozen=True)
class Peer:
    """A library: how it makes its network for a spec, which networks, and in which layout."""

    module: str
    make: Callable[[Any, Case], Any]
    networks: tuple[str, ...]
    channels_last: bool = False

    def has(self, network: str) -> bool:
        """Whether the library has this network."""
        return network in self.networks


def _timm(timm: Any, case: Case) -> Any:
    return timm.create_model("regnety_004", num_classes=case.spec.num_classes)


def _torchvision(models: Any, case: Case) -> Any:
    return models.regnet_y_400mf(num_classes=case.spec.num_classes)


def _transformers(transformers: Any, case: Case) -> Any:
    """Hugging Face's model; its logits are an attribute of what it returns."""
    from torch import nn

    spec = case.spec
    config = transformers.RegNetConfig(
        num_channels=spec.in_channels,
        embedding_size=spec.stem_channels,
        hidden_sizes=[stage.channels for stage in spec.stages],
        depths=[stage.depth for stage in spec.stages],
        groups_width=spec.stages[0].group_width,
        layer_type="y" if spec.se_ratio else "x",
        downsample_in_first_stage=True,
        num_labels=spec.num_classes,
    )

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = transformers.RegNetForImageClassification(config)

        def forward(self, images: Any) -> Any:
            return self.model(pixel_values=images).logits

    return Logits()


def _d2l(d2l: Any, case: Case) -> Any:
    """The chapter's RegNetX32 from the blocks of its package."""
    import torch
    from torch import nn

    spec, parts = case.spec, list[nn.Module]()
    parts += [nn.LazyConv2d(spec.stem_channels, 3, 2, 1), nn.LazyBatchNorm2d(), nn.ReLU()]
    for stage in spec.stages:
        for index in range(stage.depth):
            first = {"use_1x1conv": True, "strides": 2} if index == 0 else {}
            parts.append(d2l.ResNeXtBlock(stage.channels, stage.group_width, 1, **first))
    parts += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(spec.num_classes)]
    net = nn.Sequential(*parts)
    net(torch.zeros(2, *case.image_shape))
    return net


_IMAGENET, _CHAPTER = (REGNETY_400MF_CASE.network,), (REGNETX32_CASE.network,)

PEERS = {
    "timm": Peer("timm", _timm, _IMAGENET),
    "timm channels-last": Peer("timm", _timm, _IMAGENET, channels_last=True),
    "torchvision": Peer("torchvision.models", _torchvision, _IMAGENET),
    "torchvision channels-last": Peer("torchvision.models", _torchvision, _IMAGENET, True),
    "transformers": Peer("transformers", _transformers, _IMAGENET + _CHAPTER),
    "d2l": Peer("d2l.torch", _d2l, _CHAPTER),
}
"""Every library by the form that a worker knows it by."""


class PeerSubject:
    """Another library's network being trained in PyTorch, eagerly, with the same step."""

    def __init__(self, net: Any, channels_last: bool) -> None:
        import torch

        self.torch = torch
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.to(memory_format=self.layout)
        self.optimizer = torch.optim.SGD(net.parameters(), lr=RATE)

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Any:
        """One step; the loss."""
        self.net.train()
        targets = self.torch.from_numpy(labels).long()
        loss = self.torch.nn.functional.cross_entropy(self.net(self._scaled(images)), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def predict(self, images: NDArray[np.uint8]) -> Any:
        """Logits (N, classes)."""
        self.net.eval()
        with self.torch.no_grad():
            return self.net(self._scaled(images)).numpy()

    def _scaled(self, images: NDArray[np.uint8]) -> Any:
        x = self.torch.from_numpy(images).float() / 255
        return x.contiguous(memory_format=self.layout)


def make_peer(form: str, case: Case) -> PeerSubject:
    """A library's network. Raises `BackendError` when it cannot be imported, or is another one."""
    if form not in PEERS:
        raise BackendError(f"form: must be one of {', '.join(PEERS)}; got {form!r}")
    peer = PEERS[form]
    try:
        module = importlib.import_module(peer.module)
    except Exception as error:  # a library for another PyTorch fails in many ways
        raise BackendError(f"{peer.module} cannot be imported here; got {error!r}") from error
    net = peer.make(module, case)
    found = sum(parameter.numel() for parameter in net.parameters())
    # Other libraries have no biases beside batch norms.
    allowed = [count(replace(case.spec, conv_bias=bias), 32).params for bias in (True, False)]
    if found not in allowed:
        raise BackendError(f"{form}: must have one of {allowed} parameters; got {found}")
    return PeerSubject(net, peer.channels_last)
