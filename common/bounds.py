"""The limits of every number that a user can give.

Every published network is far within them: the largest RegNet has 11,110 channels and 10^10
parameters, ImageNet-22k 21,843 classes, the deepest ResNets 1,000 layers. At the limits a plan, its
counts and a summary take seconds.
"""

from typing import Final

MAX_BLOCKS: Final = 10_000
"""Blocks of a network, in all its stages."""

MAX_CHANNELS: Final = 2**20
"""Channels, group widths, classes, and units of a linear layer."""

MAX_WIDTH: Final = MAX_CHANNELS // 2
"""Widths in a design space; fitting them to a group width may add half as much again."""

MAX_SIDE: Final = 2**14
"""Height or width of an image in pixels."""

MAX_STAGES: Final = 32
"""Stages of a network in a design space."""

MAX_VALUES: Final = 2**17
"""Values of one parameter of a design space."""

MAX_LEVELS: Final = 2**22
"""Number of lines (w_0, w_m) of a RegNet space times the quantised widths on the longest."""

MAX_SAMPLED: Final = 8_000_000
"""Networks of one sample times their stages: two million networks of four stages."""

MAX_SEED: Final = 2**63 - 1
"""Every framework and storage keeps seeds in 64 bits."""

MAX_SEEDS: Final = 100
"""Trainings of each network of a study, with different seeds."""

MAX_EPOCHS: Final = 1_000_000
"""Epochs of a run or a warm-up."""

MAX_STEPS: Final = 1_000_000_000
"""Steps between two rows of a record; images for precise batch norm."""

MAX_BATCH: Final = 2**20
"""Images of a batch."""

MAX_DEVICES: Final = 64
"""Devices of one machine that train a network together."""

MAX_PIXELS: Final = 2**31
"""Batch size times height times width."""

MAX_RATE: Final = 1e38
"""Learning rate and weight decay: a step computes with them in float32."""

MAX_NETWORKS: Final = 100_000
"""Networks of each space of a study."""

MAX_COUNTED: Final = 2**63 - 1
"""Parameters, multiply-adds or activations of a network of a population."""

MIN_EPSILON: Final = 1e-12
"""Epsilon of batch norm: float32 holds the cube of its inverse."""

MIN_MOMENTUM: Final = 1e-6
"""Momentum of batch norm: in float32 its complement still differs from 1."""

MAX_NAME: Final = 100
"""Characters in the name of a study or a design space, after which files are named."""
