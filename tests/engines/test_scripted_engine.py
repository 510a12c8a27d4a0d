"""The scripted engine leads a decoder through its script at the declared cost."""

import numpy as np
import pytest

from live_whisper.clock import VirtualClock
from live_whisper.engines.scripted import (
    ScriptedCosts,
    ScriptedEngine,
    ScriptedToken,
    ScriptedWindow,
)
from live_whisper.errors import EngineError

MEL = np.zeros((80, 200), np.float32)


def greedy(engine, checkpoint, prefix=()):
    k = checkpoint.tokenizer
    ids, rows = [], []
    with engine.decoder.open(engine.encoder.encode(MEL), want_attention=True) as session:
        step = session.append([*k.sot_sequence("ko"), *prefix])
        while (token := int(step.logits.argmax())) != k.eot:
            ids.append(token)
            rows.append(int(step.attention[-1, 0].argmax()))
            step = session.append([token])
    return ids, rows


def script(checkpoint, *tokens, **window):
    made = tuple(ScriptedToken(i, position) for i, position in tokens)
    return ScriptedEngine(checkpoint, lambda mel: ScriptedWindow(made, **window))


def test_says_the_script(checkpoint):
    k = checkpoint.tokenizer
    a, b = k.encode(" the train")
    tokens = [(k.timestamp_begin, 0), (a, 20), (b, 35), (a, 50), (k.timestamp_begin + 40, 60)]
    engine = script(checkpoint, *tokens)
    assert greedy(engine, checkpoint) == ([i for i, _ in tokens], [p for _, p in tokens])
    assert greedy(engine, checkpoint, prefix=[a]) == ([b, a, tokens[-1][0]], [35, 50, 60])
    assert greedy(engine, checkpoint, prefix=[a, 1, b]) == ([a, tokens[-1][0]], [50, 60])


def test_probabilities_are_as_written(checkpoint):
    token = checkpoint.tokenizer.encode(" the")[0]
    window = ScriptedWindow((ScriptedToken(token, probability=0.6),), no_speech_probability=0.3)
    engine = ScriptedEngine(checkpoint, lambda mel: window)
    k = checkpoint.tokenizer
    with engine.decoder.open(engine.encoder.encode(MEL), want_attention=False) as session:
        logits = session.append([k.sot]).logits
        assert np.exp(logits).sum() == pytest.approx(1, abs=1e-3)
        assert np.exp(logits[k.no_speech]) == pytest.approx(0.3, abs=1e-3)
        logits = session.append(list(k.sot_sequence("en")[1:])).logits
        assert np.exp(logits[token]) == pytest.approx(0.6, abs=1e-3)


def test_language(checkpoint):
    k = checkpoint.tokenizer
    engine = script(checkpoint, language=k.languages["ja"])
    with engine.decoder.open(engine.encoder.encode(MEL), want_attention=False) as session:
        assert int(session.append([k.sot]).logits.argmax()) == k.languages["ja"]


def test_costs(checkpoint):
    clock = VirtualClock()
    costs = ScriptedCosts(encode_ns=1_000_000, append_ns=1000, token_ns=10)
    engine = ScriptedEngine(checkpoint, lambda mel: ScriptedWindow(), clock=clock, costs=costs)
    features = engine.encoder.encode(MEL)
    assert clock.now_ns() == 1_000_000
    with engine.decoder.open(features, want_attention=False) as session:
        session.append([1, 2, 3])
        session.append([4])
    assert clock.now_ns() == 1_000_000 + 2 * 1000 + 4 * 10
    assert (engine.log.encodes, engine.log.appends, engine.log.tokens) == (1, 2, 4)


def test_a_script_may_fail(checkpoint):
    def fail(mel):
        raise EngineError("the device was lost.")

    with pytest.raises(EngineError, match="device was lost"):
        ScriptedEngine(checkpoint, fail).encoder.encode(MEL)


def test_closed(checkpoint):
    engine = script(checkpoint)
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.encoder.encode(MEL)


def test_fixed_contexts(checkpoint):
    engine = ScriptedEngine(checkpoint, lambda mel: ScriptedWindow(), contexts=(500, 1500))
    with pytest.raises(ValueError, match="100 positions"):
        engine.encoder.encode(MEL)
