"""For the type checker only: each of the four packages implements `Backend`."""

import anynet_jax
import anynet_mx
import anynet_tf
import anynet_torch
from common.backends import Backend

TORCH: Backend = anynet_torch
MX: Backend = anynet_mx
TF: Backend = anynet_tf
JAX: Backend = anynet_jax
