"""Prompt and glossary stand before every window, whole, whatever else is carried."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checkpoints import make_random_checkpoint

from live_whisper.cli.transcribe import longform_settings
from live_whisper.config.schema import Config
from live_whisper.decoding.prompt import PROMPT_TOKENS
from live_whisper.engines.onnx.engine import OnnxEngine
from live_whisper.runtime.ports import Ready, ThreadPort, Told
from live_whisper.streaming.glossary import fixed_prompt, too_long
from live_whisper.streaming.recognizer import Recognizer, RecognizerSettings
from live_whisper.streaming.window import Window, WindowRequest
from live_whisper.types.audio import Span
from live_whisper.whisper.checkpoint import Checkpoint, load_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("random")
    return load_checkpoint(make_random_checkpoint(folder, d_model=64, layers=1, heads=2))


@pytest.fixture(scope="module")
def engine(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> OnnxEngine:
    return OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path_factory.mktemp("cache"))


@dataclass
class Overheard:
    """An engine that notes the first tokens of every decoder session."""

    engine: OnnxEngine
    heads: list[tuple[int, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)

    @property
    def decoder(self) -> "Overheard":
        return self

    def open(self, features, *, want_attention):
        session = self.engine.decoder.open(features, want_attention=want_attention)
        inner, first = session.append, []

        def append(ids):
            if not first:
                first.append(tuple(ids))
                self.heads.append(tuple(ids))
            return inner(ids)

        session.append = append
        return session


def recognizer(engine: object, checkpoint: Checkpoint, **recognition: object) -> Recognizer:
    config = Config.model_validate(
        {
            "recognition": {"language": "en", **recognition},
            "streaming": {"carry_prompt": "never"},
            "decoding": {"temperatures": [0.0]},
        }
    )
    settings = RecognizerSettings(
        config.recognition, config.streaming, config.decoding, fit_context=True
    )
    return Recognizer(engine, checkpoint, settings)


@pytest.mark.parametrize("final", [False, True])
def test_every_live_window_is_shown_the_glossary(
    engine: OnnxEngine, checkpoint: Checkpoint, *, final: bool
) -> None:
    heard = Overheard(engine)
    made = recognizer(heard, checkpoint, prompt="A meeting.", glossary=("Okafor", "Skyhook"))
    tokenizer = checkpoint.tokenizer
    wanted = tokenizer.encode(" A meeting.") + tokenizer.encode(" Okafor, Skyhook.")
    for start in (0, 16_000):
        window = Window(Span(start, start + 16_000), final=final)
        made.recognize(WindowRequest(window, language="en"), np.zeros(16_000, np.float32))
    assert heard.heads == [(tokenizer.sot_prev, *wanted, tokenizer.sot)] * 2


def test_a_glossary_makes_its_terms_likelier(engine: OnnxEngine, checkpoint: Checkpoint) -> None:
    """With a boost that drowns the sound, nothing but the term is heard; with none, it is not."""

    def heard(nats: float) -> str:
        config = Config.model_validate(
            {
                "recognition": {"language": "en", "glossary": ["train"]},
                "decoding": {"temperatures": [0.0], "glossary_boost": nats},
            }
        )
        settings = RecognizerSettings(
            config.recognition, config.streaming, config.decoding, fit_context=True
        )
        window = Window(Span(0, 32_000), final=True)
        noise = np.random.default_rng(0).uniform(-0.3, 0.3, 32_000).astype(np.float32)
        found = Recognizer(engine, checkpoint, settings).recognize(
            WindowRequest(window, language="en"), noise
        )
        words = [*found.words, *(word for item in found.suppressed for word in item.words)]
        return "".join(word.text for word in words)

    assert "train" in heard(20.0)
    assert "train" not in heard(0.0)


def test_files_are_shown_it_before_every_window_too(checkpoint: Checkpoint) -> None:
    config = Config.model_validate({"recognition": {"glossary": ["Okafor"], "prompt": "Hi."}})
    settings = longform_settings(config, checkpoint)
    live = fixed_prompt("Hi.", ("Okafor",), checkpoint.tokenizer)
    assert settings.initial_prompt == live.tokens
    assert settings.carry_initial_prompt
    assert settings.boost is not None
    assert settings.boost.expected(()) == {checkpoint.tokenizer.encode(" Okafor")[0]}
    assert longform_settings(Config(), checkpoint).boost is None


@given(st.lists(st.text("abc ", min_size=1, max_size=12), max_size=30), st.integers(0, 60))
def test_a_long_glossary_loses_whole_terms_from_its_end(
    checkpoint: Checkpoint, terms: list[str], budget: int
) -> None:
    tokenizer = checkpoint.tokenizer
    found = fixed_prompt("", terms, tokenizer, budget)
    assert len(found.tokens) <= budget
    text = f" {', '.join(terms[: found.terms])}." if found.terms else ""
    assert tokenizer.decode(found.tokens) == text
    if found.terms < len(terms):
        assert len(tokenizer.encode(f" {', '.join(terms[: found.terms + 1])}.")) > budget
        assert f"the first {found.terms} of {len(terms)} terms" in (too_long(found, terms) or "")
    else:
        assert too_long(found, terms) is None


def test_a_long_prompt_keeps_its_end_and_leaves_no_room(checkpoint: Checkpoint) -> None:
    tokenizer = checkpoint.tokenizer
    found = fixed_prompt("the meeting " * 300, ("Okafor",), tokenizer)
    assert len(found.tokens) == PROMPT_TOKENS
    assert tokenizer.decode(found.tokens).endswith("the meeting")
    assert found.terms == 0


def test_the_user_hears_of_terms_that_are_left_out(
    engine: OnnxEngine, checkpoint: Checkpoint
) -> None:
    many = tuple(f"Name{number}" for number in range(400))
    port = ThreadPort(lambda: recognizer(engine, checkpoint, glossary=many))
    port.start()
    told, ready = port.wait(10**10), port.wait(10**10)
    port.close(10**9)
    assert isinstance(told, Told)
    assert "of 400 terms" in told.message
    assert isinstance(ready, Ready)
