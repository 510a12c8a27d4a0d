"""Whisper on ONNX Runtime: graphs built from a checkpoint's tensors, cached on disk."""

import os

# ONNX Runtime reports its use to its makers from 1.32 on, unless it is told not to before it is
# loaded. Nothing leaves this machine: whatever the variable said before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from live_whisper.engines.onnx.engine import OnnxEngine

__all__ = ["OnnxEngine"]
