"""The whole way on both engines: same checkpoint, same sound, same tokens, words and subtitles."""

from dataclasses import dataclass

import numpy as np
import pytest

from live_whisper.audio.files import FileSource
