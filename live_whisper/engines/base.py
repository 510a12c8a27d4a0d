"""What every engine offers. Encoder and decoder are separate; a session owns its cache.

An engine is used from one thread at a time. After a new ``encode`` older features stay valid, but
a session is bound to the features it was opened with. Several may be open and used in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from live_whisper.types.audio import Mel
from live_whisper.whisper.dims import Dims

Logits: TypeAlias = npt.NDArray[np.float32]
"""Shape (n_vocab,), float32, before any rule is applied."""

Attention: TypeAlias = npt.NDArray[np.float32]
"""Shape (n_ids, n_alignment_heads, positions): softmax weights over encoder positions (20 ms each).

Row i belongs to the i-th appended id as *input*; as in openai/whisper ``timing.py`` it is the row
that predicts the id after it.
"""


class Features(Protocol):
    """The encoder's output, opaque to everything but the engine that made it."""

    @property
    def positions(self) -> int:
        """Encoder positions, 20 ms each."""
        ...


@dataclass(frozen=True, slots=True)
class StepOutput:
    """The answer to ``append``."""

    logits: Logits
    """Of the last appended id, shape (n_vocab,), float32."""
    attention: Attention | None
    """Of every appended id, or ``None`` unless the session was opened with ``want_attention``."""


class DecoderSession(Protocol):
    """One decode of one window. A context manager; owns its key/value cache."""

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        ...

    def append(self, ids: Sequence[int]) -> StepOutput:
        """Feed at least one id. Raises ``ValueError`` past the checkpoint's text context."""
        ...

    def truncate(self, length: int) -> None:
        """Forget all but the first ``length`` ids."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Encoder(Protocol):
    """Mel to features."""

    def encode(self, mel: Mel) -> Features:
        """``mel``: (n_mels, frames) float32; frames even, at most 3000, two a position.

        Engines with fixed shapes raise ``ValueError`` for another number of frames than
        ``Engine.contexts`` allows.
        """
        ...


class Decoder(Protocol):
    """Features to tokens."""

    def open(self, features: Features, *, want_attention: bool) -> DecoderSession:
        """Start a session on one window."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A loaded checkpoint, ready to run."""

    @property
    def description(self) -> str:
        """Engine, precision and threads in words, for people."""
        ...

    @property
    def dims(self) -> Dims:
        """The checkpoint's sizes."""
        ...

    @property
    def encoder(self) -> Encoder:
        """Mel to features."""
        ...

    @property
    def decoder(self) -> Decoder:
        """Features to tokens."""
        ...

    @property
    def contexts(self) -> tuple[int, ...] | None:
        """Numbers of encoder positions it can run, ascending; ``None`` where any number works."""
        ...

    def close(self) -> None:
        """Release the model. Idempotent."""
        ...
