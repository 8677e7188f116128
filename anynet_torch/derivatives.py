"""Second derivatives of the training loss."""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from anynet_torch.model import AnyNet

__all__ = ["hessian_product"]


def hessian_product(
    network: AnyNet,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian of the loss of a batch in training mode times a direction.

    Images are NCHW in [0, 1], `direction` holds an array for every parameter by canonical name, and
    so does the result. Computes in the precision of the network, which stays as it is.
    """
    parameters = dict(network.net.named_parameters())
    weight, was_training = next(network.parameters()), network.training
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    x = torch.tensor(images, dtype=weight.dtype, device=weight.device)
    targets = torch.tensor(labels, dtype=torch.int64, device=weight.device)
    network.train()
    try:
        loss = network.loss(torch.func.functional_call(network, buffers, (x,)), targets)
    finally:
        network.train(was_training)
    gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
    slope = sum(
        (gradient * torch.tensor(direction[name], dtype=x.dtype, device=x.device)).sum()
        for name, gradient in zip(parameters, gradients, strict=True)
    )
    products = torch.autograd.grad(slope, list(parameters.values()), materialize_grads=True)
    return {name: product.cpu().numpy() for name, product in zip(parameters, products, strict=True)}
