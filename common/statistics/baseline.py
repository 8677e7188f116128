"""The baseline that a proxy must beat: what the number of parameters alone tells about errors."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from common.errors import ConfigError

_DEGREE: Final = 3
FEWEST: Final = 2 * (_DEGREE + 1)
"""Minimum number of networks for a fit."""


@dataclass(frozen=True)
class Baseline:
    """How well a cubic in the logarithm of the parameters predicts errors.

    - `r2`: share of the errors' variance that the fit explains
    - `held_out`: the same when each network is predicted from all others; may be negative
    """

    r2: float
    held_out: float


def cubic_baseline(params: ArrayLike, errors: ArrayLike) -> Baseline:
    """Fit errors (n,) by least squares with a cubic in log `params` (n,).

    Raises `ConfigError` for fewer than eight networks, fewer than four different numbers of
    parameters, or equal errors.
    """
    counts, values = np.asarray(params, np.float64), np.asarray(errors, np.float64)
    if counts.shape != values.shape or counts.ndim != 1 or len(counts) < FEWEST:
        raise ConfigError(
            f"baseline: must have parameters and errors of at least {FEWEST} networks; got shapes "
            f"{counts.shape} and {values.shape}"
        )
    if not (counts > 0).all() or len(np.unique(counts)) <= _DEGREE or np.ptp(values) == 0:
        raise ConfigError(
            f"baseline: must have at least {_DEGREE + 1} positive numbers of parameters, and "
            f"errors that differ; got {len(np.unique(counts))} numbers of parameters"
        )
    logs = np.log(counts)
    scaled = (logs - logs.mean()) / logs.std()
    # The hat matrix of the fit is Q Q^T, and gives the errors of leaving one out in closed form.
    basis, _ = np.linalg.qr(np.vander(scaled, _DEGREE + 1))
    residuals = values - basis @ (basis.T @ values)
    leverage = np.minimum((basis**2).sum(1), 1 - 1e-9)
    total = float(((values - values.mean()) ** 2).sum())
    return Baseline(
        1 - float((residuals**2).sum()) / total,
        1 - float(((residuals / (1 - leverage)) ** 2).sum()) / total,
    )
