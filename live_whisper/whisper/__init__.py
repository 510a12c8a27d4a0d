"""The model as data: sizes, tensors, tokens and mel; no runtime."""
