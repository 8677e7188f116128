"""What this framework can do: code and tests ask for these constants, not for its name."""

from typing import Final

__all__ = [
    "CHANNELS_LAST",
    "EXPORTS_FOLDER",
    "MODULES_HOLD_WEIGHTS",
    "SUPPORTS_BFLOAT16",
    "SUPPORTS_CONFIGURE_OPTIMIZERS",
    "SUPPORTS_FLOAT64_OWN_LAYERS",
    "SUPPORTS_FORWARD_MODE",
    "SUPPORTS_KEEPING_MEMORY",
    "SUPPORTS_RANDOM_LAYERS",
    "SUPPORTS_SECOND_DERIVATIVES",
    "SUPPORTS_SEVERAL_DEVICES",
    "SUPPORTS_TF32",
    "SUPPORTS_TRAINING_IN_THREADS",
]

CHANNELS_LAST: Final = False
"""Images lie as (N, H, W, C), not as (N, C, H, W)."""

EXPORTS_FOLDER: Final = True
"""`export` makes a folder, which must be new or empty; else a file, which it replaces."""

MODULES_HOLD_WEIGHTS: Final = True
"""A module has its own weights; else they are passed to it, and `Network` holds both."""

SUPPORTS_BFLOAT16: Final = False
"""`Learner` trains in bfloat16, on CPUs and GPUs.

MXNet 1.9 has bfloat16 operators for inference alone.
"""

SUPPORTS_CONFIGURE_OPTIMIZERS: Final = False
"""Training takes the optimizer of a model that overrides `configure_optimizers`."""

SUPPORTS_FLOAT64_OWN_LAYERS: Final = True
"""`Learner` trains a network with layers of a user's own in float64."""

SUPPORTS_FORWARD_MODE: Final = False
"""Forward-mode automatic differentiation passes through a network."""

SUPPORTS_KEEPING_MEMORY: Final = False
"""`keep_freed_memory` changes the process; else the framework keeps memory by itself."""

SUPPORTS_RANDOM_LAYERS: Final = True
"""`Learner` trains networks with layers that draw random numbers, such as dropout."""

SUPPORTS_SECOND_DERIVATIVES: Final = False
"""`hessian_product` computes; else it raises `BackendError`.

MXNet 1.9 has none of convolutions, batch norms, ReLUs and softmax.
"""

SUPPORTS_SEVERAL_DEVICES: Final = False
"""`Learner` trains on several devices of one machine."""

SUPPORTS_TF32: Final = False
"""`Learner` multiplies in TF32 on a GPU."""

SUPPORTS_TRAINING_IN_THREADS: Final = False
"""Threads of one process can train a network each."""
