"""The executable definition of the network: NumPy in float64, forward and backward.

Read `ops.py` and `convolution.py` for the operators, `layers.py` for which layer of the plan uses
which, `network.py` for the passes over all layers, and `learner.py` for a training step.
"""

from common.reference.derivatives import hessian_product
from common.reference.learner import Learner
from common.reference.network import (
    Network,
    Step,
    create,
    get_weights,
    gradients,
    layer_outputs,
    set_weights,
)
from common.reference.ops import cross_entropy

SUPPORTS_SECOND_DERIVATIVES = True
"""Whether there is a `hessian_product`."""

__all__ = [
    "SUPPORTS_SECOND_DERIVATIVES",
    "Learner",
    "Network",
    "Step",
    "create",
    "cross_entropy",
    "get_weights",
    "gradients",
    "hessian_product",
    "layer_outputs",
    "set_weights",
]
