"""A recording that ended early, taken up again: subtitles rebuilt, the rest of the audio decoded.

Everything is read from the recording's folder: the journal says what is final and where decoding
stood, the spool has the audio, ``meta.json`` the settings. What is decoded now is appended to the
same journal, so a recovery that is killed is simply run again.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from live_whisper.audio.ring import AudioRing
from live_whisper.audio.spool import SpoolReader, repair
from live_whisper.audio.spool_source import SpoolSource
from live_whisper.captions.options import cue_limits
from live_whisper.clock import Clock, MonotonicClock
from live_whisper.config.load import Layer, assignment_layer, merge
from live_whisper.config.schema import Config
from live_whisper.errors import InputError, LiveWhisperError, OutputError, UsageError
from live_whisper.runtime.captioner import CueCounter, make_gate, summary_of
from live_whisper.runtime.known import KnownEdge, KnownSegments, after, find_edges
from live_whisper.runtime.lane import Lane
from live_whisper.runtime.languages import with_language_codes
from live_whisper.runtime.ports import RecognizerPort
from live_whisper.runtime.publisher import Publisher
from live_whisper.runtime.session import Session
from live_whisper.runtime.spool import PastSpool
from live_whisper.runtime.tidy import finish_recording
from live_whisper.streaming.past import Past, StreamPast
from live_whisper.streaming.rebuild import journal_events, rebuild_file, still_ours
from live_whisper.streaming.recording import RecordingFolder, RecordingMeta, recordings
from live_whisper.streaming.sinks.base import Sink
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.files import free_name, reason, shown
from live_whisper.streaming.sinks.journal import JournalSink, NoJournalError
from live_whisper.streaming.stream import CaptionStream
from live_whisper.types.audio import Span, SpeechEnded
from live_whisper.types.events import Event, LanguageChosen, SessionEnded, SessionStarted, Summary
from live_whisper.units import seconds_to_samples

SINKS_CLOSE_SECONDS = 10.0


@dataclass(slots=True)
class _Input:
    """One input of the recording."""

    label: str
    folder: Path
    end: int
    past: StreamPast
    edges: list[KnownEdge]
    lost: list[Span]

    @property
    def owed(self) -> int:
        """Samples of speech that are not decoded to the end."""
        ends = (item.edge.span for item in self.edges if isinstance(item.edge, SpeechEnded))
        return sum(span.length for span in ends if span.end > self.past.closed_to)


class Recovery:
    """One unfinished recording; holds its lock. Use once, from one thread."""

    def __init__(
        self,
        folder: RecordingFolder,
        *,
        adjust: Callable[[Config], Config] = lambda config: config,
        clock: Clock | None = None,
    ) -> None:
        """Read what is left. ``adjust`` may change the recording's own settings.

        Raises ``UsageError`` where the recording is still being made, ``InputError`` where it
        cannot be read.
        """
        if not os.access(folder.path, os.R_OK | os.W_OK | os.X_OK):
            raise InputError(
                f"{shown(folder.path)!r} cannot be read and written by you.",
                hint="Is it another user's?",
            )
        if not folder.acquire():
            raise UsageError(
                f"{folder.name} is still being recorded, or is being recovered.",
                hint="Stop that run first.",
            )
        self.folder = folder
        self.clock = clock or MonotonicClock()
        self._session: Session | None = None
        self._stopped = False
        try:
            _usable_journal(folder.journal)
            self._past = Past().read(journal_events(folder.journal))
            self.meta = _meta(folder, self._past.started)
            self.config = adjust(stored_config(self.meta))
            for spool in folder.spools():
                repair(spool)
        except BaseException:
            folder.release()
            raise
        self._inputs: list[_Input] = []
        self._placed = False
        self.moved: list[tuple[Path, Path]] = []
        """Files left to whoever wrote to them since, and where the captions are instead."""

    @property
    def words(self) -> int:
        """Words that were committed before."""
        return sum(past.count for past in self._past.streams.values())

    @property
    def end(self) -> int:
        """Where the longest input ends. After ``listen``."""
        return max((item.end for item in self._inputs), default=0)

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called: the recording stays unfinished."""
        return self._stopped

    def rebuild(self, also: Sequence[OutputSpec] = ()) -> list[str]:
        """Write every subtitle file again from the journal; what could not be written, in words.

        A file that is another's by now is left alone, and the captions get a name of their own.
        """
        problems: list[str] = []
        if not self._placed:
            self._placed = True
            problems += self._make_places()
        for output in (*self.meta.outputs, *also):
            try:
                rebuild_file(self.folder.journal, output)
            except LiveWhisperError as error:
                problems.append(str(error))
        return problems

    def _make_places(self) -> list[str]:
        """Other names for files that something else was written to since the run."""
        problems, outputs, taken = [], [], self._taken_since()
        for output in self.meta.outputs:
            theirs = os.path.realpath(output.path) in taken
            with contextlib.suppress(LiveWhisperError):  # said when it is written
                theirs = theirs or not still_ours(self.folder.journal, output)
            if theirs:
                path = free_name(output.path)
                self.moved.append((output.path, path))
                outputs.append(replace(output, path=path, kept_bytes=0))
            else:
                outputs.append(output)
        if self.moved:
            self.meta = replace(self.meta, outputs=tuple(outputs))
            try:
                self.folder.write_meta(self.meta)
            except OSError as error:
                problems.append(f"{shown(self.folder.path)!r} cannot be written: {reason(error)}.")
        return problems

    def _taken_since(self) -> set[str]:
        """Files that later recordings name as theirs."""
        taken: set[str] = set()
        with contextlib.suppress(InputError):
            for other in recordings(self.folder.path.parent):
                with contextlib.suppress(InputError):
                    meta = other.meta()
                    if meta.started_wall_ns > self.meta.started_wall_ns:
                        taken.update(os.path.realpath(output.path) for output in meta.outputs)
        return taken

    def listen(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Find the speech that is not decoded; returns how much, in samples. 0: all is done."""
        for index, label in enumerate(self.meta.inputs):
            folder, past = self.folder.spool(index), self._past.stream(label)
            end = max(SpoolReader(folder).end, past.at)
            tell = functools.partial(_tell, progress, end)
            found = find_edges(
                folder, end, make_gate(self.config.vad, self.config.streaming.window_seconds), tell
            )
            edges = after(past.closed, found)
            lost = [event.span for event in self._past.lost if event.source == label]
            self._inputs.append(_Input(label, folder, end, past, edges, lost))
        return sum(item.owed for item in self._inputs)

    def decode(self, port: RecognizerPort, displays: Sequence[Sink] = ()) -> Summary | None:
        """Decode what is owed; ``None`` where it was stopped. Raises ``EngineError``.

        After ``listen``. The journal grows as in a live run.
        """
        cues = CueCounter(cue_limits(self.config.captions))
        for event in journal_events(self.folder.journal):
            cues.handle(event)
        journal = JournalSink(self.folder.journal, resume=True)
        publisher = Publisher(FanOut([journal, *displays, cues]))
        lanes = [self._lane(item) for item in self._inputs]
        self._session = Session(lanes, port, publisher, self.clock)
        publisher.publish(self._unsaid())
        publisher.start()
        try:
            if self._stopped:
                self._session.stop()
                self._session.stop()
            self._session.capture()
            outcome = self._session.run()
            complete = not self._stopped and outcome.accounts.undecoded == 0
            if not complete:
                return None
            publisher.drain(SINKS_CLOSE_SECONDS)
            files = tuple(str(output.path) for output in self.meta.outputs)
            summary = summary_of(outcome, self.config, cues.total(), files)
            publisher.publish([SessionEnded(outcome.at, summary, outcome.reason)])
            return summary
        finally:
            delivered = publisher.close(SINKS_CLOSE_SECONDS)
            if not (delivered and journal.complete):
                raise OutputError(  # and not the audio's end: the journal lacks what was decoded
                    f"{shown(journal.path)!r} cannot be written.",
                    hint="Free some space and run live-whisper recover again.",
                )

    def stop(self) -> None:
        """Leave the rest for another time. From a signal handler or any thread."""
        self._stopped = True
        if self._session is not None:
            self._session.stop()
            self._session.stop()

    def finish(self, *, keep_audio: Path | None = None) -> tuple[Path, ...]:
        """Nothing is owed any more: keep the audio where asked, let the spool go, mark it done.

        Returns where the audio is kept. Raises ``OutputError`` where it cannot be; then the
        recording stays as it is.
        """
        stored = self.config.output.keep_audio
        keep = keep_audio or (Path(stored) if stored else None)
        return finish_recording(self.folder, keep, overwrite=self.config.output.overwrite)

    def close(self) -> None:
        """Let go of the recording."""
        self.folder.release()

    # --- inside ---------------------------------------------------------------------------------

    def _lane(self, item: _Input) -> Lane:
        past, config = item.past, self.config
        language = config.recognition.language
        lane = Lane(
            source=SpoolSource(item.folder, self.meta.source, start=past.at, end=item.end),
            spool=PastSpool(SpoolReader(item.folder)),
            ring=AudioRing(seconds_to_samples(config.audio.ring_seconds), start=past.at),
            segments=KnownSegments(item.edges, start=past.at),
            stream=CaptionStream(
                config.streaming,
                language=None if language == "auto" else language,
                source=item.label,
                context=self.meta.context,
                recognition=config.recognition,
            ),
            label=item.label,
        )
        before = [known.edge for known in item.edges if known.at <= past.at]
        lane.resume(past, before, item.lost)
        return lane

    def _unsaid(self) -> list[Event]:
        """What the journal lacks of what was done, and how the run began if nothing is left."""
        events: list[Event] = []
        if self._past.started is None:
            meta = self.meta
            events.append(
                SessionStarted(
                    at=0,
                    recording=self.folder.name,
                    source=meta.source,
                    model=meta.model,
                    language=meta.language,
                    task=meta.task,
                    started_wall_ns=meta.started_wall_ns,
                )
            )
        for past in self._past.streams.values():
            done = past.done
            if (
                self.config.recognition.language == "auto"
                and done
                and done.language not in (None, past.language)
            ):
                assert done.language is not None
                events.append(LanguageChosen(past.at, done.language, 1.0))
            events += past.missing
        return events


def stored_config(meta: RecordingMeta) -> Config:
    """The settings of the run; the defaults where they are not known or no longer understood."""
    config = Config()
    if meta.settings:
        with contextlib.suppress(ValueError):
            return Config.model_validate_json(meta.settings)
    known = {"language": meta.language, "task": meta.task}
    with contextlib.suppress(ValueError):
        config = Config.model_validate({"recognition": known})
    return config


def adjusted(config: Config, assignments: Sequence[str]) -> Config:
    """Settings with ``section.key=value`` on top. Raises ``ConfigError``, ``UsageError``."""
    if not assignments:
        return config
    flat = {
        f"{section}.{key}": value
        for section, values in config.model_dump().items()
        for key, value in values.items()
    }
    merged = merge([Layer("the recording", flat), *map(assignment_layer, assignments)])
    return with_language_codes(merged.config)


def _tell(progress: Callable[[int, int], None] | None, end: int, done: int) -> None:
    if progress is not None:
        progress(done, end)


def _usable_journal(journal: Path) -> None:
    """Set aside what is no journal and begin a new one: the spool still has the audio.

    Raises ``InputError`` for one that cannot be read now, or not by this version.
    """
    aside = journal.with_name("journal.jsonl.damaged")
    try:
        for _ in journal_events(journal):
            return
    except NoJournalError:
        with contextlib.suppress(OSError):
            journal.replace(free_name(aside) if aside.exists() else aside)
    except InputError:
        if journal.exists():
            raise
    if not journal.exists():
        JournalSink(journal).close()


def _meta(folder: RecordingFolder, started: SessionStarted | None) -> RecordingMeta:
    """``meta.json``, or what the journal says where it is damaged."""
    try:
        return folder.meta()
    except InputError:
        if started is None:
            raise
    known = RecordingMeta(
        source=started.source,
        model=started.model,
        language=started.language,
        task=started.task,
        started_wall_ns=started.started_wall_ns,
    )
    with contextlib.suppress(OSError):
        folder.write_meta(known)
    return known
