"""Frozen parts of a network: no gradients, and batch norms in evaluation mode."""

from collections.abc import Sequence

from mxnet import gluon

from anynet_mx.model import Classifier
from anynet_mx.weights import named_parameters, net_of
from common.training import frozen_parts
from common.weights import part_of

__all__ = ["freeze_parts"]


def freeze_parts(network: Classifier, freeze: Sequence[str]) -> frozenset[str]:
    """Freeze parts of a network, and no others that an earlier learner froze; their names.

    Their weights have no gradients, and their batch norms use the running statistics.
    """
    named = named_parameters(network)
    for parameter in named.values():
        if getattr(parameter, "is_frozen", False):
            parameter.grad_req, parameter.is_frozen = "write", False
    parts = frozen_parts(freeze, network, (n for n, p in named.items() if p.grad_req != "null"))
    for name, parameter in named.items():
        if part_of(name) in parts and parameter.grad_req != "null":
            parameter.grad_req, parameter.is_frozen = "null", True
    for name, child in net_of(network)._children.items():
        _use_running_statistics(child, name in parts)
    return parts


def _use_running_statistics(block: gluon.Block, frozen: bool) -> None:
    """Whether the batch norms in a block are in evaluation mode, in training too."""
    if isinstance(block, gluon.nn.BatchNorm) and frozen != getattr(block, "is_frozen", False):
        block._kwargs["use_global_stats"] = block.is_frozen = frozen
    for child in block._children.values():
        _use_running_statistics(child, frozen)
