"""The whole way on both engines: same checkpoint, same sound, same tokens, words and subtitles."""

from pathlib import Path

import numpy as np
import pytest

from live_whisper.decoding.alignment import AlignmentWindow, words_from
from live_whisper.decoding.types import DecodeRequest
from live_whisper.decoding.window import WindowDecoder
from live_whisper.engines.coreml.convert import convert
from live_whisper.engines.coreml.engine import CoreMLEngine, EngineOptions
from live_whisper.engines.coreml.options import ConvertOptions
from live_whisper.engines.onnx.engine import OnnxEngine
from live_whisper.whisper.checkpoint import load_checkpoint
from tests.engines.coreml.mil.backend import InterpreterBackend
from tests.support.checkpoints import make_random_checkpoint
