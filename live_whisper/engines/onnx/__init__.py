"""Whisper on ONNX Runtime: graphs built from a checkpoint's tensors, cached on disk."""

from live_whisper.engines.onnx.engine import OnnxEngine

__all__ = ["OnnxEngine"]
