"""A recording whose windows say what a script says, for the long-form walk."""

from dataclasses import replace

import numpy as np

from live_whisper.decoding.file_mel import FileMel
from live_whisper.decoding.longform import LongForm, LongFormSettings
from live_whisper.decoding.window import NO_GUARDS, WindowDecoder
from live_whisper.engines.scripted import ScriptedEngine, ScriptedToken, ScriptedWindow
from live_whisper.units import SAMPLE_RATE
from live_whisper.whisper.mel import LogMel

LOG_MEL = LogMel(80)


def said(checkpoint, *items, language="en", no_speech=0.0, probability=0.95):
    """A window: seconds become timestamps, text becomes tokens that look at the last second."""
    tokenizer, tokens, at = checkpoint.tokenizer, [], 0.0
    for item in items:
        if isinstance(item, str):
            for token in tokenizer.encode(item):
                tokens.append(ScriptedToken(token, round(at * 50), probability))
                at += 0.2
        else:
            at = item
            token = tokenizer.timestamp_begin + round(item / 0.02)
            tokens.append(ScriptedToken(token, round(item * 50), probability))
    return ScriptedWindow(tuple(tokens), tokenizer.languages[language], no_speech)


class Recording:
    """A script of windows, in order, and what the model was given."""

    def __init__(self, checkpoint, seconds, *windows):
        self.windows, self.mels = list(windows), []
        self.engine = ScriptedEngine(checkpoint, self.next)
        self.decoder = WindowDecoder(
            self.engine, checkpoint.tokenizer, checkpoint.generation, guards=NO_GUARDS
        )
        self.mel = FileMel(LOG_MEL)
        random = np.random.default_rng(0)
        self.mel.push(random.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32))
        self.mel.finish()
        self.requests = []
        plain = self.decoder.decode

        def decode(features, request, monitor=None):
            self.requests.append(request)
            # Without attention words are spread evenly over their segments.
            return replace(plain(features, request, monitor), attention=None)

        self.decoder.decode = decode

    def next(self, mel):
        self.mels.append(mel)
        return self.windows.pop(0)

    def run(self, clips=(), voices=None, **settings):
        settings = {"language": "en", **settings}
        self.longform = LongForm(self.decoder, self.mel, LongFormSettings(**settings), voices)
        self.progress = []
        told = lambda done, total: self.progress.append((done, total))  # noqa: E731
        return list(self.longform.run(clips, told))


def texts(segments):
    return [segment.text for segment in segments]


def times(segments):
    return [(segment.start / SAMPLE_RATE, segment.end / SAMPLE_RATE) for segment in segments]
