"""What goes into and comes out of one decode of one window."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from live_whisper.decoding.boost import TermBoost
from live_whisper.units import WINDOW_SAMPLES

Task: TypeAlias = Literal["transcribe", "translate"]

Stop: TypeAlias = Literal["eot", "monitor", "budget", "loop", "length"]
"""Why a decode ended: the model's end of text; the monitor; more tokens than were asked for or than
the audio can hold; a repetition loop; the checkpoint's text context is full."""

AttentionRows: TypeAlias = npt.NDArray[np.float32]
"""Shape (rows, n_alignment_heads, positions): softmax weights, 20 ms positions, a row per token."""


@dataclass(frozen=True, slots=True)
class BeamSettings:
    """How a beam search goes; the names are those of openai/whisper ``DecodingOptions``."""

    size: int = 5
    """Hypotheses followed at once."""
    patience: float = 1.0
    """The search is over when ``size`` times this many hypotheses have ended; more than 1 looks
    longer (https://arxiv.org/abs/2204.05424)."""
    length_penalty: float | None = None
    """``None``: the best log-probability per token wins; else the best log-probability over
    ((5 + tokens) / 6) to this power (https://arxiv.org/abs/1609.08144)."""

    def __post_init__(self) -> None:
        if self.size < 1 or self.most_ended < 1:
            raise ValueError(f"a beam of {self.size} with patience {self.patience}")

    @property
    def most_ended(self) -> int:
        """Ended hypotheses that are kept."""
        return round(self.size * self.patience)


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """How to decode one window."""

    language: str | None
    """Whisper's code; ``None``: detect from the logits at ``<|startoftranscript|>``."""
    task: Task = "transcribe"
    prompt: tuple[int, ...] = ()
    """Text tokens before ``<|startoftranscript|>``, without ``<|startofprev|>``."""
    fixed: int = 0
    """Tokens at the prompt's beginning that stay when older text has to go."""
    prefix: tuple[int, ...] = ()
    """Forced tokens after the task tokens: committed text and timestamps, fed in one call."""
    timestamps: bool = True
    temperature: float = 0.0
    """0: the most probable token, or a beam search; above: sampling."""
    beam: BeamSettings | None = None
    """Of the search at temperature 0; ``None``: greedy. No monitor can follow a search."""
    boost: TermBoost | None = None
    """Makes expected terms likelier."""
    max_tokens: int = 224
    """Most new tokens."""
    audio_samples: int = WINDOW_SAMPLES
    """Real audio in the window; timestamps and attention beyond it are meaningless."""
    want_attention: bool = True
    seed: int = 0
    """Of the sampling; the same seed gives the same tokens."""
    candidate_languages: tuple[str, ...] = ()
    """Where ``language`` is ``None``: the languages to choose from; empty: all of them."""
    bound_timestamps: bool = False
    """Forbid timestamps later than ``audio_samples``; the reference does not."""


@dataclass(frozen=True, slots=True)
class Step:
    """One token about to be taken."""

    index: int
    """0 for the first new token after the prefix."""
    token: int
    log_probability: float
    attention: AttentionRows | None
    """Shape (n_alignment_heads, positions), the row that predicted the token; ``None`` unless the
    request wants attention."""
    is_timestamp: bool
    tokens: Sequence[int]
    """The new tokens before this one. A live list: copy it to keep it."""


class Verdict(Enum):
    """What a monitor decides about a step."""

    CONTINUE = "continue"
    STOP_BEFORE = "stop before"
    """Drop this token and stop."""
    STOP_AFTER = "stop after"
    """Take this token and stop."""


class StepMonitor(Protocol):
    """A streaming policy's hook in the loop; not asked about the end of text."""

    def observe(self, step: Step) -> Verdict:
        """Called once per new token, in order, on the decoding thread."""
        ...


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one decode of one window said after its forced prefix."""

    tokens: tuple[int, ...]
    """New tokens, timestamps included, the end of text not."""
    log_probabilities: tuple[float, ...]
    """Natural logarithms, one per token, after the rules."""
    attention: AttentionRows | None
    """Shape (len(tokens) + 1, n_alignment_heads, positions): row i predicted token i; the last row
    predicted what came after the last token."""
    language: str
    language_probability: float
    """1.0 where the language was given."""
    no_speech_probability: float
    average_log_probability: float
    """As in openai/whisper: the sum, with the end of text if reached, over ``len(tokens) + 1``."""
    compression_ratio: float
    """UTF-8 bytes of the text over their zlib size, as in openai/whisper; before a loop is cut."""
    temperature: float
    finished: bool
    """Whether the model ended the text itself."""
    stop: Stop
    costs_ns: dict[str, int] = field(default_factory=dict)
    """Engine and rule time: ``prefill``, ``decode``."""
