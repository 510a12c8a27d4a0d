"""Whisper as ML Programs, built op by op with coremltools' MIL builder from numpy tensors.

Layout everywhere: (batch, channels, 1, sequence), linear layers as 1x1 convolutions, which is what
the Neural Engine runs without copies (Apple, "Deploying Transformers on the Apple Neural Engine").
"""
