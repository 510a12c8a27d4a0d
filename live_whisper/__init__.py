"""live-whisper: live captions from a microphone, with Whisper, on your own machine."""

__version__ = "0.1.0"
