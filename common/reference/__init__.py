"""The executable definition of the network: NumPy in float64, forward and backward."""

from common.reference.derivatives import hessian_product
from common.reference.learner import Learner
from common.reference.network import (
    Network,
    create,
    cross_entropy,
    get_weights,
    gradients,
    layer_outputs,
    set_weights,
)

__all__ = [
    "Learner",
    "Network",
    "create",
    "cross_entropy",
    "get_weights",
    "gradients",
    "hessian_product",
    "layer_outputs",
    "set_weights",
]
