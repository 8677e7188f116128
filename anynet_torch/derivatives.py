"""Second derivatives of the training loss."""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from anynet_torch.layers import products
from anynet_torch.model import AnyNet
from anynet_torch.network import logits
from anynet_torch.weights import described, dtype_of, to_numpy
from common.weights import checked_batch, fit_arrays

__all__ = ["hessian_product"]


def hessian_product(
    network: AnyNet,
    images: NDArray[Any],
    labels: NDArray[Any],
    direction: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """The Hessian of a batch's loss in training mode times a direction.

    - `network`: any network of this package; it is not changed.
    - `images`: (N, C, H, W), as `logits` takes them; N is at least 1.
    - `labels`: (N,) integers below the number of classes.
    - `direction`: an array for every trainable parameter, by canonical name in canonical layout.

    Returns the products by the same names, in the precision of the network. Raises `DataError` for
    other images or labels, `WeightsError` for another direction.
    """
    images, labels = checked_batch(network, images, labels, dtype_of(network), logits)
    parameters = {name: p for name, p in network.net.named_parameters() if p.requires_grad}
    found = described(network)
    direction = fit_arrays({name: found[name] for name in parameters}, direction, "direction")
    weight, was_training = next(network.parameters()), network.training
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    x = torch.tensor(images, dtype=weight.dtype, device=weight.device)
    targets = torch.tensor(labels, dtype=torch.int64, device=weight.device)
    network.train()
    try:
        with products():
            outputs = torch.func.functional_call(network, buffers, (x,))
            loss = network.loss(outputs, targets)
            gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
            slope = sum(
                (gradient * torch.from_numpy(direction[name]).to(x)).sum()
                for name, gradient in zip(parameters, gradients, strict=True)
            )
            moved = torch.autograd.grad(slope, list(parameters.values()), materialize_grads=True)
    finally:
        network.train(was_training)
    return {name: to_numpy(product) for name, product in zip(parameters, moved, strict=True)}
