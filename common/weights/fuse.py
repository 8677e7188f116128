"""Batch norms fused into the preceding convolutions or linear layers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.arch import AnyNetSpec, plan
from common.weights.checks import check_values, expected_shapes


def fuse_weights(
    spec: AnyNetSpec, arrays: Mapping[str, NDArray[Any]]
) -> tuple[AnyNetSpec, dict[str, NDArray[Any]]]:
    """Spec and canonical arrays of the network without batch norms that has the same logits.

    In evaluation a batch norm is gamma * (x - mean) / sqrt(var + epsilon) + beta, affine in each
    channel, so the convolution or linear layer that computes x absorbs it with another weight and
    bias. Computed in float64 and returned in the dtype of `arrays`, which are not changed. Raises
    `WeightsError` if a fused array is not finite.
    """
    if not spec.batch_norm:
        return spec, dict(arrays)
    fused = dict(arrays)
    for layer in plan(spec):
        if layer.op != "batch_norm":
            continue
        (before,) = layer.inputs
        weight, bias = arrays[f"{before}.weight"], arrays.get(f"{before}.bias", np.zeros(1))
        gamma, beta, mean, variance = (
            arrays[f"{layer.name}.{kind}"].astype(np.float64)
            for kind in ("weight", "bias", "running_mean", "running_var")
        )
        with np.errstate(all="ignore"):  # looked at below
            scale = gamma / np.sqrt(variance + spec.bn_epsilon)
            by_output = scale.reshape(-1, *(1,) * (weight.ndim - 1))
            fused[f"{before}.weight"] = (weight * by_output).astype(weight.dtype)
            fused[f"{before}.bias"] = ((bias - mean) * scale + beta).astype(weight.dtype)
        check_values({name: fused[f"{before}.{name}"] for name in ("weight", "bias")},
                     f"fusing {layer.name} into {before}")  # fmt: skip
    new = replace(spec, batch_norm=False, conv_bias=True)
    return new, {name: fused[name] for name in expected_shapes(new)}
