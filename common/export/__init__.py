"""Networks in formats that other programs run."""

from common.export.onnx import save_onnx

__all__ = ["save_onnx"]
