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

CHANNELS_LAST: Final = True
"""Images lie as (N, H, W, C), not as (N, C, H, W)."""

EXPORTS_FOLDER: Final = True
"""`export` makes a folder, which must be new or empty; else a file, which it replaces."""

MODULES_HOLD_WEIGHTS: Final = True
"""A module has its own weights; else they are passed to it, and `Network` holds both."""

SUPPORTS_BFLOAT16: Final = True
"""`Learner` trains in bfloat16, on CPUs and GPUs."""

SUPPORTS_CONFIGURE_OPTIMIZERS: Final = False
"""Training takes the optimizer of a model that overrides `configure_optimizers`."""

SUPPORTS_FLOAT64_OWN_LAYERS: Final = False
"""`Learner` trains a network with layers of a user's own in float64.

The type of a Keras variable is fixed when it is made, so a network is made again in float64:
that needs layers that take a `dtype`.
"""

SUPPORTS_FORWARD_MODE: Final = True
"""Forward-mode automatic differentiation passes through a network."""

SUPPORTS_KEEPING_MEMORY: Final = False
"""`keep_freed_memory` changes the process; else the framework keeps memory by itself."""

SUPPORTS_RANDOM_LAYERS: Final = True
"""`Learner` trains networks with layers that draw random numbers, such as dropout."""

SUPPORTS_SECOND_DERIVATIVES: Final = True
"""`hessian_product` computes; else it raises `BackendError`."""

SUPPORTS_SEVERAL_DEVICES: Final = False
"""`Learner` trains on several devices of one machine."""

SUPPORTS_TF32: Final = True
"""`Learner` multiplies in TF32 on a GPU."""

SUPPORTS_TRAINING_IN_THREADS: Final = False
"""Threads of one process can train a network each."""
