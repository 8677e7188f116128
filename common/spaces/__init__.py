"""Design spaces: distributions of networks, sampled and counted as whole populations."""

from common.spaces.anynet import (
    ANYNETX,
    ANYNETX_A,
    ANYNETX_B,
    ANYNETX_C,
    ANYNETX_D,
    ANYNETX_E,
    VIONETS,
)
from common.spaces.files import find_space, space_from_dict, space_to_dict
from common.spaces.limits import Limits
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
    VANILLA,
    DesignSpace,
)
from common.spaces.population import Costs, Population, Template
from common.spaces.regnet import REGNETX, REGNETX_C, REGNETY, RegNetSpace
from common.spaces.small import small
from common.spaces.space import Dimension, Rule, Space

__all__ = [
    "ANYNETX",
    "ANYNETX_A",
    "ANYNETX_B",
    "ANYNETX_C",
    "ANYNETX_D",
    "ANYNETX_E",
    "MLPS",
    "MLPS_CONSTANT",
    "MLPS_FALLING",
    "MLPS_LINE",
    "MLPS_RISING",
    "REGNETX",
    "REGNETX_C",
    "REGNETX_DEEP",
    "REGNETX_DEEP_SMALL",
    "REGNETY",
    "RESNETS",
    "SPACES",
    "VANILLA",
    "VIONETS",
    "Costs",
    "DesignSpace",
    "Dimension",
    "Limits",
    "MLPSpace",
    "Population",
    "RegNetSpace",
    "Rule",
    "Space",
    "Template",
    "find_space",
    "small",
    "space_from_dict",
    "space_to_dict",
]
