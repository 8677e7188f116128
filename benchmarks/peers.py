"""timm's network for PyTorch, trained by the same step, where timm can be imported."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.plain import RATE
from common.arch import count
from common.errors import BackendError

PEERS = ("timm", "timm channels-last", "timm bfloat16")
"""Every form. The last is for a GPU: channels last too, and under autocast."""


class Peer:
    """RegNetY-400MF in eager PyTorch. Raises `BackendError` where it is not there."""

    def __init__(self, form: str, case: Case) -> None:
        import torch

        try:
            timm = importlib.import_module("timm")
        except Exception as error:  # a library for another PyTorch fails in many ways
            raise BackendError(f"timm cannot be imported here; got {error!r}") from error
        net = timm.create_model("regnety_004", num_classes=case.spec.num_classes)
        found = sum(parameter.numel() for parameter in net.parameters())
        wanted = count(replace(case.spec, conv_bias=False), case.image_size).params
        if found != wanted:
            raise BackendError(f"{form}: must have {wanted} parameters; got {found}")
        self.torch, self.rounded = torch, "bfloat16" in form
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.layout = torch.contiguous_format if form == "timm" else torch.channels_last
        self.net = net.to(self.device, memory_format=self.layout)
        self.optimizer = torch.optim.SGD(net.parameters(), lr=RATE)

    def train_step(self, images: NDArray[np.uint8], labels: NDArray[np.int32]) -> Any:
        """One step; the loss."""
        self.net.train()
        targets = self.torch.from_numpy(labels).long().to(self.device)
        loss = self.torch.nn.functional.cross_entropy(self._logits(images), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def eval_step(self, images: NDArray[np.uint8]) -> Any:
        """Logits (N, classes)."""
        self.net.eval()
        with self.torch.no_grad():
            return self._logits(images).cpu().numpy()

    def _logits(self, images: NDArray[np.uint8]) -> Any:
        x = self.torch.from_numpy(images).to(self.device).float() / 255
        with self.torch.autocast(self.device, self.torch.bfloat16, self.rounded):
            return self.net(x.contiguous(memory_format=self.layout)).float()
