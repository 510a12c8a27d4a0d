"""The recipe of the demo checkpoint: a synthetic language, its speech, training and export.

The corpus part (`grammar`, `voices`, `synth`, `timeline`) needs the synthesiser, numpy and soxr
only, and is what tests and benchmarks use. Everything else needs torch.
"""
