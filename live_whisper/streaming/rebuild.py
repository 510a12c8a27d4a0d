"""Subtitle files from a journal, exactly as the live run writes them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from live_whisper.captions.cues import Cue, CueLimits
from live_whisper.captions.formats import CaptionFormat, format_for
from live_whisper.captions.writer import DocumentInfo, WriterOptions
from live_whisper.errors import InputError, OutputError
from live_whisper.streaming.sinks.captioning import CueFeed, DocumentFacts, OutputSpec
from live_whisper.streaming.sinks.files import reason, shown, write_atomically
from live_whisper.streaming.sinks.journal import Damage, iter_journal
from live_whisper.types.events import Event, SessionStarted

_MOST_COMPARED_BYTES = 64 << 20
_MARKS = re.compile(rb"<[^<>]*>")  # the word that is being said, its time


def journal_events(journal: Path) -> Iterator[Event]:
    """The usable events of a journal, in bounded memory; damaged lines are passed over.

    Raises ``InputError`` as ``iter_journal`` does.
    """
    for item in iter_journal(journal):
        if not isinstance(item, Damage) and item.event is not None:
            yield item.event


def cues_of(events: Iterable[Event], limits: CueLimits | None = None) -> Iterator[Cue]:
    """The cues of a run, the open one at its end included."""
    feed = CueFeed(limits)
    for event in events:
        yield from feed.handle(event)
    yield from feed.finish()


def document(
    events: Iterable[Event], kind: CaptionFormat, title: str, options: WriterOptions
) -> Iterator[str]:
    """A rolling format's text, piece by piece: the live file's, and the cue it had not finished."""
    facts, feed = DocumentFacts(title), CueFeed(options.limits)
    writer = None
    for event in events:
        facts.handle(event)
        if writer is None and isinstance(event, SessionStarted):
            writer = kind.writer(facts.info, options)
            yield writer.header()
        for cue in feed.handle(event):
            if writer is None:
                writer = kind.writer(facts.info, options)
                yield writer.header()
            yield writer.cue(cue)
    if writer is None:
        writer = kind.writer(facts.info, options)
        yield writer.header()
    yield from map(writer.cue, feed.finish())
    yield writer.footer()


def whole_document(
    journal: Path, kind: CaptionFormat, title: str, options: WriterOptions
) -> Iterator[str]:
    """A format that is written whole, in pieces; reads the journal twice to know its length."""
    facts, end = DocumentFacts(title), 0
    feed = CueFeed(options.limits)
    for event in journal_events(journal):
        facts.handle(event)
        end = max([end, *(cue.end for cue in feed.handle(event))])
    end = max([end, *(cue.end for cue in feed.finish())])
    info = facts.info
    known = DocumentInfo(info.title, info.language, info.model, end)
    writer = kind.writer(known, options)
    yield writer.header()
    for cue in cues_of(journal_events(journal), options.limits):
        yield writer.cue(cue)
    yield writer.footer()


def rebuild_text(journal: Path, output: OutputSpec) -> Iterator[str]:
    """What an output's file should hold beyond the bytes it had before the run."""
    kind = format_for(output.path)
    if kind.rolling:
        pieces = document(journal_events(journal), kind, output.path.stem, output.options)
        if output.kept_bytes:
            next(pieces)  # a continued file has its header already
        return pieces
    return whole_document(journal, kind, output.path.stem, output.options)


def still_ours(journal: Path, output: OutputSpec) -> bool:
    """Whether an output's file is as the run, or a recovery, left it: then it may be replaced.

    It may end earlier than the journal, in the middle of a caption, and its last caption may have
    grown since and be broken into lines elsewhere. A file that somebody continued or wrote anew is
    theirs. What a format writes at its end in one step (JSON, TTML, FCPXML) is not looked at.
    Raises as ``rebuild_text`` does.
    """
    if not format_for(output.path).rolling:
        return True
    try:
        with output.path.open("rb") as file:
            found = file.read(output.kept_bytes + _MOST_COMPARED_BYTES)
    except OSError:
        return True  # gone, or not to be read; then it is not to be written either
    expected = b"".join(_bytes(found[: output.kept_bytes], rebuild_text(journal, output)))
    if expected.startswith(found):
        return True
    if output.path.suffix == ".txt":
        return b"".join(expected.split()).startswith(b"".join(found.split()))
    last = _last_caption(found)
    begins, _, _ = found[last:].partition(b"-->")
    if not (expected.startswith(found[:last]) and expected[last:].startswith(begins)):
        return False
    return _text(expected[last:]).startswith(_text(found[last:]))


def _last_caption(found: bytes) -> int:
    """Where the last caption begins; with word times it is several blocks of the same text."""
    end = len(found.rstrip(b"\n"))
    start = found.rfind(b"\n\n", 0, end) + 2 if b"\n\n" in found[:end] else 0
    said = _text(found[start:end])
    while start > 2:
        before = found.rfind(b"\n\n", 0, start - 2) + 2 if b"\n\n" in found[: start - 2] else 0
        if _text(found[before : start - 2]) != said:
            break
        start = before
    return start


def _text(captions: bytes) -> bytes:
    """What captions say, without white space; one that repeats the last counts once."""
    texts: list[bytes] = []
    for block in captions.strip(b"\n").split(b"\n\n"):
        _, _, body = block.partition(b"-->")
        said = _MARKS.sub(b"", b"".join(body.split(b"\n")[1:]))
        said = b"".join(said.split())
        if said not in texts[-1:]:
            texts.append(said)
    return b"".join(texts)


def rebuild_file(journal: Path, output: OutputSpec) -> None:
    """Write an output again from the journal, in one step; what stood before the run stays.

    Raises ``OutputError`` where the file cannot be written, ``InputError`` for an unusable journal
    and ``UsageError`` for a format nobody knows.
    """
    try:
        kept = b""
        if output.kept_bytes:
            with output.path.open("rb") as file:
                kept = file.read(output.kept_bytes)
            if len(kept) < output.kept_bytes:
                raise InputError(f"{shown(output.path)!r} lost its beginning; it is left as it is.")
        pieces = rebuild_text(journal, output)
        write_atomically(output.path, _bytes(kept, pieces))
    except OSError as error:
        raise OutputError(f"{shown(output.path)!r} cannot be written: {reason(error)}.") from None


def _bytes(kept: bytes, pieces: Iterable[str]) -> Iterator[bytes]:
    if kept:
        yield kept
    for piece in pieces:
        yield piece.encode("utf-8", errors="replace")
