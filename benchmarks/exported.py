"""ONNX Runtime on the exported file of a fused network, where it can be imported."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from common.errors import BackendError
from common.export.onnx import save_onnx
from common.processes import usable_cores
from common.weights import fuse_weights, initial_weights


class Exported:
    """A fused network in ONNX Runtime. Raises `BackendError` where that is not there."""

    def __init__(self, case: Case) -> None:
        spec, arrays = fuse_weights(case.spec, initial_weights(case.spec))
        try:
            import onnxruntime

            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "network.onnx")
                save_onnx(path, spec, arrays)
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = len(usable_cores())
                providers = ["CPUExecutionProvider"]
                self._session: Any = onnxruntime.InferenceSession(path, options, providers)
        except ImportError as error:
            raise BackendError(f"onnxruntime cannot be imported here; got {error!r}") from error

    def train_step(self, images: object, labels: object) -> None:
        """Not there: raises `BackendError`."""
        raise BackendError("onnxruntime: predicts only; got a training step")

    def eval_step(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (N, classes)."""
        given = {"images": images.astype(np.float32) / np.float32(255)}
        logits: NDArray[np.float32] = self._session.run(["logits"], given)[0]
        return logits
