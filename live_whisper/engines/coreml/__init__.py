"""Whisper on Core ML: graphs, conversion on any OS, compile cache and engine for macOS.

``coremltools`` is imported only inside functions of this package, so that importing it costs
nothing and works where coremltools is not installed.
"""
