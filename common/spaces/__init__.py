"""Design spaces: distributions of networks, sampled and counted as whole populations."""

from common.spaces.anynet import (
    ANYNETX,
    ANYNETX_A,
    ANYNETX_B,
    ANYNETX_C,
    ANYNETX_D,
    ANYNETX_E,
    FREED,
    VIONETS,
)
from common.spaces.blocks import OTHER_BLOCKS, REGNETX_V, REGNETX_VR
from common.spaces.dimension import Dimension, Distribution, Rule
from common.spaces.files import find_space, space_from_dict, space_to_dict
from common.spaces.limits import Limits
from common.spaces.line_fit import LineFit, fit_line
from common.spaces.mlp import (
    MLPS,
    MLPS_CONSTANT,
    MLPS_FALLING,
    MLPS_LINE,
    MLPS_RISING,
    MLPSpace,
)
from common.spaces.named import (
    REGNETX_DEEP,
    REGNETX_DEEP_SMALL,
    RESNETS,
    SPACES,
    UNIFORM,
    VANILLA,
    DesignSpace,
    uniform,
)
from common.spaces.population import Costs, Population
from common.spaces.regnet import (
    REGNETX,
    REGNETX_C,
    REGNETX_INVERTED,
    REGNETX_R,
    REGNETY,
    RegNetSpace,
)
from common.spaces.small import small
from common.spaces.space import Space
from common.spaces.template import Template

__all__ = [
    "ANYNETX",
    "ANYNETX_A",
    "ANYNETX_B",
    "ANYNETX_C",
    "ANYNETX_D",
    "ANYNETX_E",
    "FREED",
    "MLPS",
    "MLPS_CONSTANT",
    "MLPS_FALLING",
    "MLPS_LINE",
    "MLPS_RISING",
    "OTHER_BLOCKS",
    "REGNETX",
    "REGNETX_C",
    "REGNETX_DEEP",
    "REGNETX_DEEP_SMALL",
    "REGNETX_INVERTED",
    "REGNETX_R",
    "REGNETX_V",
    "REGNETX_VR",
    "REGNETY",
    "RESNETS",
    "SPACES",
    "UNIFORM",
    "VANILLA",
    "VIONETS",
    "Costs",
    "DesignSpace",
    "Dimension",
    "Distribution",
    "Limits",
    "LineFit",
    "MLPSpace",
    "Population",
    "RegNetSpace",
    "Rule",
    "Space",
    "Template",
    "find_space",
    "fit_line",
    "small",
    "space_from_dict",
    "space_to_dict",
    "uniform",
]
