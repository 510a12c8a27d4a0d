"""Decoder sessions: ids in, logits and attention out, in chunks that fit the graphs."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from live_whisper.engines.base import StepOutput
from live_whisper.engines.coreml import names
from live_whisper.engines.coreml.runner import Outputs
from live_whisper.whisper.dims import Dims

Array = npt.NDArray[np.float32]


SessionFeatures: TypeAlias = Any
"""``CoreMLFeatures``; the steps know what its ``cross()`` is."""


class Steps(Protocol):
    """What runs a chunk of ids for a session."""

    width: int
    """Ids a prefill takes."""
    text_positions: int
    """Ids the cache holds."""

    def run(self, session: "CoreMLSession", ids: Sequence[int]) -> Outputs:
        """Run one id or up to ``width`` ids after the session's ``length``."""
        ...

    def release(self, session: "CoreMLSession") -> None:
        """The session is over."""
        ...


class CoreMLSession:
    """One decode of one window. Several may be open and used in turn, from one thread."""

    def __init__(
        self, steps: Steps, dims: Dims, features: SessionFeatures, *, want_attention: bool
    ) -> None:
        self._steps = steps
        self._dims = dims
        self._want_attention = want_attention
        self._closed = False
        self.features = features
        self.ids: list[int] = []
        """What the cache holds, so that it can be made again on other compute units."""

    @property
    def length(self) -> int:
        """Ids in the cache."""
        return len(self.ids)

    def append(self, ids: Sequence[int]) -> StepOutput:
        """Feed at least one id; several go through the prefill graph, eight at a time.

        Raises:
            ValueError: no ids, an unknown id, more than the cache holds, or the session is closed.
            EngineError: no compute units give finite numbers.
        """
        self._check(ids)
        rows: list[Array] = []
        outputs: Outputs = {}
        for start in range(0, len(ids), self._steps.width):
            chunk = [int(token) for token in ids[start : start + self._steps.width]]
            outputs = self._steps.run(self, chunk)
            self.ids.extend(chunk)
            if self._want_attention:
                rows.append(self._attention(outputs, len(chunk)))
        logits = outputs[names.LOGITS].reshape(-1).copy()
        return StepOutput(logits, np.concatenate(rows) if self._want_attention else None)

    def _attention(self, outputs: Outputs, count: int) -> Array:
        positions: int = self.features.positions
        if names.ALIGNMENT not in outputs:
            return np.zeros((count, 0, positions), np.float32)
        weights = outputs[names.ALIGNMENT][0, :, :count, :positions]
        return np.ascontiguousarray(weights.transpose(1, 0, 2))

    def _check(self, ids: Sequence[int]) -> None:
        if self._closed:
            raise ValueError("the decoder session is closed")
        if not len(ids) or self.length + len(ids) > self._steps.text_positions:
            raise ValueError(f"{len(ids)} ids after {self.length} of {self._steps.text_positions}")
        if min(ids) < 0 or max(ids) >= self._dims.n_vocab:
            raise ValueError(f"ids outside the vocabulary of {self._dims.n_vocab}")

    def truncate(self, length: int) -> None:
        """Forget all but the first ``length`` ids; the masks hide what the cache still holds."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot keep {length} of {self.length} ids")
        del self.ids[length:]

    def close(self) -> None:
        """Let go of the cache. Idempotent."""
        if not self._closed:
            self._closed = True
            self._steps.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def fill_step(inputs: dict[str, npt.NDArray[Any]], ids: Sequence[int], length: int) -> None:
    """Write ids, places and masks of a chunk after ``length`` cached ids into a graph's inputs.

    Row i of the masks is for id i; rows behind the last id hide what it hides and put nothing
    into the cache.
    """
    count = len(ids)
    tokens, update = inputs[names.INPUT_IDS], inputs[names.UPDATE_MASK]
    hidden, wanted = inputs[names.PADDING_MASK], inputs[names.OUTPUT_MASK]
    tokens[:] = 0
    tokens[:count] = ids
    inputs[names.CACHE_LENGTH][0] = length
    update[...] = 0
    hidden[...] = names.MASKED
    for row in range(len(tokens)):
        place = length + min(row, count - 1)
        hidden[row, : place + 1] = 0
        if row < count:
            update[row, place] = 1
    wanted[...] = 0
    wanted[0, count - 1] = 1
