"""The architecture: what a network is, and everything that follows from it without a framework."""

from common.arch.constants import (
    BN_EPSILON,
    BN_MOMENTUM,
    DEFAULT_IMAGE_SIZE,
    IMAGENET_IMAGE_SIZE,
    shared_momentum,
)
from common.arch.count import Count, count
from common.arch.kinds import BlockKind, StemKind
from common.arch.mlp import MLPSpec
from common.arch.names import NAMED_SPECS, REGNETX32, find_spec, regnet
from common.arch.outputs import name_outputs
from common.arch.plan import INPUT, Layer, buffers, image_shape, parameters, parts, plan, projects
from common.arch.regnet import REGNETS, RegNetSpec, compatible_stage
from common.arch.resnet import RESNET_SPECS
from common.arch.spec import AnyNetSpec, check_agreement, resolve_spec
from common.arch.stage import StageSpec, bottleneck, checked_channels, checked_stride
from common.arch.summary import summary

__all__ = [
    "BN_EPSILON",
    "BN_MOMENTUM",
    "DEFAULT_IMAGE_SIZE",
    "IMAGENET_IMAGE_SIZE",
    "INPUT",
    "NAMED_SPECS",
    "REGNETS",
    "REGNETX32",
    "RESNET_SPECS",
    "AnyNetSpec",
    "BlockKind",
    "Count",
    "Layer",
    "MLPSpec",
    "RegNetSpec",
    "StageSpec",
    "StemKind",
    "bottleneck",
    "buffers",
    "check_agreement",
    "checked_channels",
    "checked_stride",
    "compatible_stage",
    "count",
    "find_spec",
    "image_shape",
    "name_outputs",
    "parameters",
    "parts",
    "plan",
    "projects",
    "regnet",
    "resolve_spec",
    "shared_momentum",
    "summary",
]
