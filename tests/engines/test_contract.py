"""What every engine must do; parametrised by the ``engine`` fixture."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_whisper.decoding import NO_GUARDS, BeamSettings, DecodeRequest, WindowDecoder
from live_whisper.engines.base import Engine
from live_whisper.errors import EngineError

RNG = np.random.default_rng(3)


def window(engine, positions=None, seed=0):
    if positions is None:
        positions = engine.contexts[-1] if engine.contexts else 150
    rng = np.random.default_rng(seed)
    return rng.standard_normal((engine.dims.n_mels, 2 * positions)).astype(np.float32) * 0.5


def prompt(checkpoint):
    return list(checkpoint.tokenizer.sot_sequence("en", timestamps=False))


def close(engine):
    """8-bit activations are rounded together with the ids they come with."""
    exact = "int8" not in engine.description
    return {"rtol": 1e-4, "atol": 2e-3 if exact else 0.5}


def test_is_an_engine(engine, checkpoint):
    assert isinstance(engine, Engine)
    assert engine.dims == checkpoint.dims
    assert engine.description
    assert engine.contexts is None or list(engine.contexts) == sorted(engine.contexts)


def test_shapes(engine, checkpoint):
    features = engine.encoder.encode(window(engine, 150 if engine.contexts is None else None))
    with engine.decoder.open(features, want_attention=True) as session:
        assert session.length == 0
        step = session.append(prompt(checkpoint))
        assert session.length == 4
        assert step.logits.shape == (checkpoint.dims.n_vocab,)
        assert step.logits.dtype == np.float32
        assert np.isfinite(step.logits).all()
        heads = len(checkpoint.generation.alignment_heads)
        assert step.attention.shape == (4, heads, features.positions)
        assert step.attention.dtype == np.float32
        np.testing.assert_allclose(step.attention.sum(axis=-1), 1, atol=1e-3)


def test_no_attention_unless_wanted(engine, checkpoint):
    features = engine.encoder.encode(window(engine))
    with engine.decoder.open(features, want_attention=False) as session:
        assert session.append(prompt(checkpoint)).attention is None


@pytest.mark.parametrize("positions", [1, 2, 77, 1500])
def test_any_context_it_names(engine, checkpoint, positions):
    if engine.contexts is not None and positions not in engine.contexts:
        with pytest.raises(ValueError, match=r"positions|frames"):
            engine.encoder.encode(window(engine, positions))
        return
    features = engine.encoder.encode(window(engine, positions))
    assert features.positions == positions
    with engine.decoder.open(features, want_attention=True) as session:
        assert session.append(prompt(checkpoint)).attention.shape[-1] == positions


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.sets(st.integers(1, 15)))
def test_one_call_or_many(engine, checkpoint, cuts):
    """Prefill in pieces of any size gives what one call gives."""
    ids = [*prompt(checkpoint), *checkpoint.tokenizer.encode(" the train is in hello")]
    ids = (ids + ids)[:16]
    features = engine.encoder.encode(window(engine))
    with engine.decoder.open(features, want_attention=True) as whole:
        wanted = whole.append(ids)
    rows = []
    edges = [0, *sorted(cuts), len(ids)]
    with engine.decoder.open(features, want_attention=True) as session:
        for begin, end in itertools.pairwise(edges):
            step = session.append(ids[begin:end])
            rows.append(step.attention)
        assert session.length == len(ids)
    np.testing.assert_allclose(step.logits, wanted.logits, **close(engine))
    tolerance = 1e-5 if "int8" not in engine.description else 0.05
    np.testing.assert_allclose(np.concatenate(rows), wanted.attention, atol=tolerance)


def test_truncate_forgets(engine, checkpoint):
    ids = prompt(checkpoint)
    text = checkpoint.tokenizer.encode(" the train")
    features = engine.encoder.encode(window(engine))
    with engine.decoder.open(features, want_attention=False) as session:
        session.append(ids)
        wanted = session.append(text).logits
        session.append([5, 6, 7])
        session.truncate(len(ids))
        assert session.length == len(ids)
        np.testing.assert_allclose(session.append(text).logits, wanted, **close(engine))
        session.truncate(0)
        session.append(ids)
        np.testing.assert_allclose(session.append(text).logits, wanted, **close(engine))
        with pytest.raises(ValueError, match="cannot keep"):
            session.truncate(session.length + 1)
        with pytest.raises(ValueError, match="cannot keep"):
            session.truncate(-1)


def test_text_context_is_the_limit(engine, checkpoint):
    features = engine.encoder.encode(window(engine))
    limit = checkpoint.dims.n_text_ctx
    with engine.decoder.open(features, want_attention=False) as session:
        session.append([1] * (limit - 1))
        session.append([2])
        with pytest.raises(ValueError, match=str(limit)):
            session.append([3])
        assert session.length == limit
        session.truncate(4)
        session.append([3])
        assert session.length == 5


def test_bad_ids(engine, checkpoint):
    features = engine.encoder.encode(window(engine))
    with engine.decoder.open(features, want_attention=False) as session:
        for ids in ([], [checkpoint.dims.n_vocab], [-1]):
            with pytest.raises(ValueError, match="ids"):
                session.append(ids)
        assert session.length == 0


@pytest.mark.parametrize("shape", [(80, 0), (80, 3), (79, 300), (80, 3002), (80,)])
def test_bad_mel(engine, shape):
    with pytest.raises(ValueError, match="mel"):
        engine.encoder.encode(np.zeros(shape, np.float32))


def test_older_features_stay_valid(engine, checkpoint):
    ids = prompt(checkpoint)
    first = engine.encoder.encode(window(engine, seed=1))
    with engine.decoder.open(first, want_attention=False) as session:
        wanted = session.append(ids).logits
    engine.encoder.encode(window(engine, seed=2))
    with engine.decoder.open(first, want_attention=False) as session:
        np.testing.assert_allclose(session.append(ids).logits, wanted, atol=1e-6)


def test_sessions_do_not_mix(engine, checkpoint):
    ids = prompt(checkpoint)
    features = [engine.encoder.encode(window(engine, seed=seed)) for seed in (1, 2)]
    alone = []
    for one in features:
        with engine.decoder.open(one, want_attention=False) as session:
            session.append(ids)
            alone.append(session.append([7, 8]).logits)
    sessions = [engine.decoder.open(one, want_attention=False) for one in features]
    for session in sessions:
        session.append(ids)
    together = [session.append([7, 8]).logits for session in sessions]
    for first, second in zip(alone, together, strict=True):
        np.testing.assert_allclose(first, second, **close(engine))


def test_sessions_follow_a_beam_search(engine, checkpoint):
    """Sessions that were moved from text to text still give each text its own attention."""
    tokenizer = checkpoint.tokenizer
    features = engine.encoder.encode(window(engine))
    decoder = WindowDecoder(engine, tokenizer, checkpoint.generation, guards=NO_GUARDS)
    request = DecodeRequest(language="en", max_tokens=8, beam=BeamSettings(3))
    found = decoder.decode(features, request)
    forced = tokenizer.sot_sequence("en", timestamps=True)
    with engine.decoder.open(features, want_attention=True) as session:
        wanted = session.append([*forced, *found.tokens]).attention[len(forced) - 1 :]
    tolerance = 1e-5 if "int8" not in engine.description else 0.05
    np.testing.assert_allclose(found.attention, wanted, atol=tolerance)


def test_what_was_returned_stays(engine, checkpoint):
    features = engine.encoder.encode(window(engine))
    with engine.decoder.open(features, want_attention=True) as session:
        first = session.append(prompt(checkpoint))
        logits, attention = first.logits.copy(), first.attention.copy()
        session.append([5])
        np.testing.assert_array_equal(first.logits, logits)
        np.testing.assert_array_equal(first.attention, attention)


def test_features_of_another_engine(engine):
    class Foreign:
        positions = 10

    with pytest.raises(TypeError, match="another engine"):
        engine.decoder.open(Foreign(), want_attention=False)


def test_closed_session(engine, checkpoint):
    features = engine.encoder.encode(window(engine))
    with engine.decoder.open(features, want_attention=False) as session:
        session.append(prompt(checkpoint))
    with pytest.raises(ValueError, match="closed"):
        session.append([1])


def test_close_twice(engine):
    features = engine.encoder.encode(window(engine))
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.encoder.encode(window(engine))
    with pytest.raises((EngineError, ValueError), match="closed"):
        engine.decoder.open(features, want_attention=False).append([1])
