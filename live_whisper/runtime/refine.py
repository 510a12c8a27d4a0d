"""A second, unhurried pass over a recording: the whole context, perhaps a larger model.

The live captions stay as they are; this gives a second text and says how the two differ.
"""

import contextlib
import difflib
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from live_whisper.audio.spool import SpoolReader, part_name, repair
from live_whisper.captions.cues import Cue, CueBuilder, CueLimits
from live_whisper.errors import InputError
from live_whisper.runtime.transcriber import ProgressCallback, Transcriber, Transcript
from live_whisper.streaming.rebuild import journal_events
from live_whisper.streaming.recording import RecordingFolder
from live_whisper.types.events import Committed
from live_whisper.types.text import Word

CONTEXT_WORDS = 3
"""Unchanged words shown around a difference."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One input's transcript."""

    label: str
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where the two texts differ."""

    at: int
    """Sample at which it begins."""
    before: str
    """Words that both have, before it."""
    live: str
    """What the live captions say; empty where they say nothing."""
    final: str
    """What the second pass says."""
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the two texts differ, word for word; case and punctuation aside."""

    differences: tuple[Difference, ...]
    live_words: int
    final_words: int
    same_words: int


def transcribe_recording(
    folder: RecordingFolder,
    labels: Sequence[str],
    transcriber: Transcriber,
    *,
    kept_audio: Path | None = None,
    progress: ProgressCallback | None = None,
) -> list[Heard]:
    """Transcribe each input's audio, from the spool or from the file it was kept in.

    Raises ``InputError`` where neither is there.
    """
    heard = []
    for index, label in enumerate(labels):
        with audio_of(folder.spool(index), kept_audio if index == 0 else None) as path:
            heard.append(Heard(label, transcriber.transcribe(path, progress)))
    return heard


@contextmanager
def audio_of(spool: Path, kept: Path | None) -> Iterator[Path]:
    """A file with all of an input's audio: the spool's only part, or an export of several."""
    repair(spool)
    coverage = SpoolReader(spool).coverage()
    parts = sorted(spool.glob("audio-*.wav"))
    if not coverage:
        if kept is None or not kept.is_file():
            raise InputError(
                "The audio of this recording was not kept.",
                hint="Record with --keep-audio, or with --refine to refine at once.",
            )
        yield kept
    elif len(parts) == 1 and parts[0].name == part_name(0):
        yield parts[0]
    else:
        from live_whisper.audio.export import export_recording  # noqa: PLC0415 - loads the codecs

        with tempfile.TemporaryDirectory(dir=spool, prefix="refine-") as name:
            whole = Path(name) / "audio.flac"
            export_recording(SpoolReader(spool), whole)
            yield whole
            with contextlib.suppress(OSError):
                whole.unlink()


def cues_of(heard: Sequence[Heard], limits: CueLimits) -> Iterator[Cue]:
    """Cues of all inputs, in the order in which their segments were said."""
    segments = sorted(
        ((segment.start, item.label, segment) for item in heard
         for segment in item.transcript.segments),
        key=lambda entry: entry[:2],
    )  # fmt: skip
    builder = CueBuilder(limits)
    for _, label, segment in segments:
        yield from builder.push(segment.words, source=label)
    yield from builder.flush()


def compare_with_live(folder: RecordingFolder, heard: Sequence[Heard]) -> Comparison:
    """The journal's words against the second pass's, input by input."""
    parts = []
    for item in heard:
        live = [
            word
            for event in journal_events(folder.journal)
            if isinstance(event, Committed) and event.source == item.label
            for word in event.words
        ]
        parts.append(compare(live, list(item.transcript.words)))
    return Comparison(
        tuple(sorted((d for part in parts for d in part.differences), key=lambda d: d.at)),
        sum(part.live_words for part in parts),
        sum(part.final_words for part in parts),
        sum(part.same_words for part in parts),
    )


def compare(live: Sequence[Word], final: Sequence[Word]) -> Comparison:
    """Word by word, by the longest common runs."""
    left = [word for word in live if _bare(word)]
    right = [word for word in final if _bare(word)]
    matcher = difflib.SequenceMatcher(
        None, [_bare(word) for word in left], [_bare(word) for word in right], autojunk=False
    )
    differences, same = [], 0
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            same += j - i
            continue
        start = right[k].start if k < m else left[i].start
        differences.append(
            Difference(
                at=start,
                before=_text(right[max(0, k - CONTEXT_WORDS) : k]),
                live=_text(left[i:j]),
                final=_text(right[k:m]),
                after=_text(right[m : m + CONTEXT_WORDS]),
            )
        )
    return Comparison(tuple(differences), len(left), len(right), same)


def _bare(word: Word) -> str:
    """For comparing only: no case, no punctuation."""
    text = unicodedata.normalize("NFKC", word.text).casefold()
    return "".join(c for c in text if not unicodedata.category(c).startswith(("P", "Z", "C")))


def _text(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words).strip()
