"""The one place that names concrete classes: settings in, a run that is ready to start out."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from live_whisper.audio.ring import AudioRing
from live_whisper.audio.spool import SpoolReader, SpoolWriter
from live_whisper.captions.cues import CueLimits
from live_whisper.captions.formats import format_for
from live_whisper.captions.options import writer_options
from live_whisper.clock import Clock, MonotonicClock, wall_time_ns
from live_whisper.config.schema import Config, VadConfig
from live_whisper.errors import LiveWhisperError
from live_whisper.runtime.aside import FILE_SECONDS, Aside, AsideFile
from live_whisper.runtime.entry import load_from_spec
from live_whisper.runtime.inputs import Input
from live_whisper.runtime.lane import Lane
from live_whisper.runtime.ports import RecognizerPort, ThreadPort
from live_whisper.runtime.publisher import Publisher
from live_whisper.runtime.session import Outcome, Session
from live_whisper.runtime.space import Room, SpaceSink
from live_whisper.runtime.spec import RecognizerSpec
from live_whisper.runtime.spool import LaneSpool
from live_whisper.runtime.tidy import finish_recording
from live_whisper.runtime.worker import ProcessPort
from live_whisper.streaming.recording import RecordingFolder, RecordingMeta, refuse_written
from live_whisper.streaming.sinks.base import Sink, Stored
from live_whisper.streaming.sinks.captioning import CueFeed, OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.files import Claim, claim_output, shown
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.sinks.jsonl import JsonLinesSink
from live_whisper.streaming.sinks.plain import PlainSink
from live_whisper.streaming.sinks.subtitle_file import Continuation, open_output
from live_whisper.streaming.stream import CaptionStream
from live_whisper.types.events import Event, Notice, SessionEnded, SessionStarted, Summary
from live_whisper.units import (
    NS_PER_SECOND,
    WINDOW_SECONDS,
    ms_to_samples,
    seconds_to_samples,
)
from live_whisper.vad.gate import SpeechGate
from live_whisper.vad.segmenter import Segmenter, SegmenterOptions
from live_whisper.vad.webrtc import WebRtcOptions, WebRtcVoiceActivity

SINKS_CLOSE_SECONDS = 10.0
LAST_CLOSE_SECONDS = 120.0
"""For whole files after a day on a slow disk; what is not done by then is for ``recover``."""
WORTH_KEEPING_SAMPLES = seconds_to_samples(5.0)
"""A run that failed before it heard this much, a mistyped option say, leaves nothing behind."""


def summary_of(outcome: Outcome, config: Config, cues: int, files: tuple[str, ...]) -> Summary:
    """The figures of a run as its last event has them."""
    accounts = outcome.accounts
    return Summary(
        captured_samples=accounts.captured,
        decoded_samples=accounts.decoded,
        silent_samples=accounts.silent,
        lost_samples=accounts.lost,
        undecoded_samples=accounts.undecoded,
        words=outcome.words,
        cues=cues,
        commit_latency_p50_seconds=outcome.commit_latency_p50_seconds,
        commit_latency_p95_seconds=outcome.commit_latency_p95_seconds,
        compute_ratio=outcome.compute_ratio,
        language=outcome.language or config.recognition.language,
        files=files,
    )


class CueCounter:
    """A sink that only counts the cues every other sink makes of the same events."""

    def __init__(self, limits: CueLimits) -> None:
        self._feed = CueFeed(limits)

    def handle(self, event: Event) -> None:
        """Count what the event finishes."""
        self._feed.handle(event)

    def total(self) -> int:
        """All cues, the open one included."""
        self._feed.finish()
        return self._feed.count

    def close(self) -> None:
        """Nothing is held."""


def make_gate(settings: VadConfig, window_seconds: float = WINDOW_SECONDS) -> SpeechGate:
    """Detector and segmenter with the configured times; no segment is longer than a window."""
    hard = seconds_to_samples(min(settings.maximum_segment_seconds, window_seconds))
    hangover = ms_to_samples(settings.hangover_ms)
    defaults = SegmenterOptions()
    options = SegmenterOptions(
        pre_roll=ms_to_samples(settings.pre_roll_ms),
        hangover=hangover,
        min_speech=max(1, ms_to_samples(settings.minimum_speech_ms)),
        soft_limit=min(defaults.soft_limit, hard * 3 // 4),
        soft_pause=min(defaults.soft_pause, hangover),
        hard_limit=hard,
    )
    detector = WebRtcVoiceActivity(WebRtcOptions(aggressiveness=settings.aggressiveness))
    return SpeechGate(detector, Segmenter(options))


def make_port(
    config: Config, folder: Path, audio_context: str, clock: Clock | None = None
) -> RecognizerPort:
    """The recognizer in a process of its own, or in a thread where the settings ask for one.

    ``audio_context``: what the model list says of the checkpoint in ``folder``.
    """
    spec = RecognizerSpec(folder, audio_context, config)
    engine = config.engine
    if engine.isolation == "thread":
        return ThreadPort(lambda: load_from_spec(spec), clock)
    hang_ns = round(engine.deadline_seconds * NS_PER_SECOND)
    return ProcessPort(load_from_spec, spec, hang_ns=hang_ns, clock=clock)


@dataclass(frozen=True, slots=True)
class Request:
    """Everything a run is made from."""

    config: Config
    input: Input
    port: RecognizerPort
    model_name: str
    model_folder: Path | None = None
    """Where the checkpoint is, for a recovery; ``None`` while it is still being pulled."""
    audio_context: str = "full"
    """What the model list says of it."""
    displays: tuple[Sink, ...] = ()
    more_inputs: tuple[Input, ...] = ()
    """Heard at the same time; then every input has a label."""
    tidy: bool = True
    """Whether a clean run lets its audio go at once; if not, call ``Captioner.finish``."""
    continued: Continuation | None = None
    """A subtitle file that this run goes on with."""
    recordings: Path | None = None
    """Root of the recording folders; ``None``: the platform's."""
    clock: Clock | None = None


class Captioner:
    """A run from claimed outputs to summary. Use once."""

    def __init__(self, request: Request) -> None:
        """Claim the outputs and create the recording. Raises ``OutputError``, ``UsageError``."""
        self._request = request
        self.complete = False
        """Whether everything heard is decoded and in every file. After ``run``."""
        self.stored = False
        """Whether everything that was decoded is in the journal and every file. After ``run``."""
        self.kept: tuple[Path, ...] = ()
        """Where the audio is kept, after ``finish``."""
        self.given_back: list[Path] = []
        """Files that were to be overwritten and are as before, for there was nothing to write."""
        config = request.config
        self._clock = request.clock or MonotonicClock()
        options = writer_options(config.captions)
        self._inputs = (request.input, *request.more_inputs)
        self._opened_wall_ns = request.input.opened_wall_ns or wall_time_ns()
        new = tuple(OutputSpec(Path(name).expanduser(), options) for name in config.output.files)
        self._outputs = ((request.continued.output,) if request.continued else ()) + new
        self.recording = RecordingFolder.create(self._meta(), root=request.recordings)
        self._claims: list[Claim] = []
        self._files: list[Sink] = []
        try:
            files = (output.path for output in self._outputs)
            refuse_written(files, self.recording.path.parent, but=self.recording.name)
            self._open_files()
            journal = JournalSink(self.recording.journal)
            lanes = [self._make_lane(index, item) for index, item in enumerate(self._inputs)]
        except BaseException:
            for sink in self._files:
                sink.close()
            self._withdraw()
            raise
        live = any(item.source.live for item in self._inputs)
        displays = request.displays
        if live:  # nothing may hold up a microphone; a file can wait for whoever reads slowly
            pairs = zip(self._outputs, self._files, strict=True)
            self._files = [
                AsideFile(sink, shown(output.path), close_seconds=FILE_SECONDS)
                for output, sink in pairs
            ]
            displays = tuple(map(_aside, displays))
        self._cues = CueCounter(options.limits)
        self._kept: tuple[Sink, ...] = (journal, *self._files)
        space = SpaceSink(self.recording.path)
        self._fanout = FanOut(
            [*self._kept, *displays, space, self._cues], on_display_closed=self._unwatched
        )
        self._publisher = Publisher(self._fanout)
        self._delivered = False
        self._session = Session(lanes, request.port, self._publisher, self._clock)

    def stop(self) -> int:
        """See ``Session.stop``."""
        return self._session.stop()

    def run(self) -> Summary:
        """Capture, decode, close everything. Raises what ended the run early, after closing."""
        try:
            self._session.capture()
        except BaseException:
            self._publisher.start()
            self._publisher.close(SINKS_CLOSE_SECONDS)
            self._withdraw()
            raise
        self._publisher.publish([self._started()])
        self._publisher.start()
        try:
            outcome = self._session.run()
        except BaseException as error:
            outcome = self._session.outcome(str(error) or type(error).__name__)
            self._end(outcome)
            if outcome.words == 0 and outcome.accounts.captured < WORTH_KEEPING_SAMPLES:
                self._withdraw()
            raise
        summary = self._end(outcome)
        self.stored = self._all_stored()
        self.complete = outcome.accounts.undecoded == 0 and self.stored
        if not outcome.words and self.complete:
            self._give_back()
        if self._request.tidy:
            self.finish()
        return replace(summary, files=tuple(str(path) for path in self.places()))

    def finish(self) -> None:
        """After a run that lost nothing: keep the audio where asked, then let the spool go."""
        output = self._request.config.output
        keep = Path(output.keep_audio).expanduser() if output.keep_audio else None
        if self.complete:
            self.kept = finish_recording(self.recording, keep, overwrite=output.overwrite)
        self.recording.release()

    @property
    def asked(self) -> tuple[Path, ...]:
        """The subtitle files as they were to be."""
        return tuple(output.path for output in self._outputs)

    def places(self) -> tuple[Path, ...]:
        """Where the subtitle files are: as asked, or where they could be written. After ``run``."""
        found = zip(self._outputs, self._files, strict=True)
        return tuple(getattr(sink, "elsewhere", None) or output.path for output, sink in found)

    @property
    def display_closed(self) -> bool:
        """Whether the reader of standard output went away."""
        return self._fanout.display_closed

    @property
    def failures(self) -> tuple[Exception, ...]:
        """Why outputs had to be left out, standard output included. After ``run``."""
        return tuple(self._fanout.failures)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What sinks had to say after the last event."""
        return tuple(self._publisher.last_words)

    # --- inside ---------------------------------------------------------------------------------

    def _meta(self) -> RecordingMeta:
        recognition = self._request.config.recognition
        continued = self._request.continued
        return RecordingMeta(
            source=self._source_name,
            model=self._request.model_name,
            language=recognition.language,
            task=recognition.task,
            started_wall_ns=self._opened_wall_ns,
            outputs=tuple(replace(output, path=output.path.absolute()) for output in self._outputs),
            settings=_to_store(self._request.config),
            model_folder=str(self._request.model_folder or ""),
            audio_context=self._request.audio_context,
            context=continued.context if continued else "",
            inputs=tuple(item.label for item in self._inputs),
        )

    @property
    def _source_name(self) -> str:
        return " + ".join(item.source.name for item in self._inputs)

    def _unwatched(self) -> None:
        """Nobody reads the captions: without a file to write there is no reason to go on."""
        if not self._outputs:
            self._session.finish()

    def _end(self, outcome: Outcome) -> Summary:
        """Publish the summary as the last event and close every sink."""
        self._publisher.drain(SINKS_CLOSE_SECONDS)
        files = tuple(str(output.path) for output in self._outputs)
        summary = summary_of(outcome, self._request.config, self._cues.total(), files)
        self._publisher.publish([SessionEnded(outcome.at, summary, outcome.reason)])
        self._delivered = self._publisher.close(LAST_CLOSE_SECONDS)
        return summary

    def _all_stored(self) -> bool:
        """Whether journal and subtitle files are whole; else ``recover`` has something to do."""
        if not self._delivered or any(sink in self._fanout.detached for sink in self._kept):
            return False
        return all(sink.complete for sink in self._kept if isinstance(sink, Stored))

    def _open_files(self) -> None:
        overwrite, journal = self._request.config.output.overwrite, self.recording.journal
        for output in self._outputs:
            format_for(output.path)
            if not output.kept_bytes:
                self._claims.append(claim_output(output.path, overwrite=overwrite))
            self._files.append(open_output(output, journal=journal))

    def _give_back(self) -> None:
        """Not a word was said: nothing is worth more than what was to be overwritten."""
        for claim in self._claims:
            if claim.before:
                claim.withdraw()
                self.given_back.append(claim.path)

    def _withdraw(self) -> None:
        """Nothing was heard: no empty files are left, and what was overwritten is there again."""
        for claim in self._claims:
            claim.withdraw()
        with suppress(LiveWhisperError):
            self.recording.delete()

    def _make_lane(self, index: int, heard: Input) -> Lane:
        config, continued = self._request.config, self._request.continued
        language = config.recognition.language
        folder = self.recording.spool(index)
        return Lane(
            source=heard.source,
            spool=LaneSpool(SpoolWriter(folder), SpoolReader(folder), has_room=Room(folder)),
            ring=AudioRing(seconds_to_samples(config.audio.ring_seconds)),
            segments=make_gate(config.vad, config.streaming.window_seconds),
            stream=CaptionStream(
                config.streaming,
                language=None if language == "auto" else language,
                source=heard.label,
                context=continued.context if continued else "",
                recognition=config.recognition,
            ),
            label=heard.label,
        )

    def _started(self) -> SessionStarted:
        recognition = self._request.config.recognition
        return SessionStarted(
            at=0,
            recording=self.recording.name,
            source=self._source_name,
            model=self._request.model_name,
            language=recognition.language,
            task=recognition.task,
            started_wall_ns=self._opened_wall_ns,
        )


def _aside(display: Sink) -> Sink:
    """Standard output may lead to a pager that nobody scrolls; the live view has its own thread."""
    lines = isinstance(display, (PlainSink, JsonLinesSink))
    return Aside(display, "Standard output") if lines else display


def _to_store(config: Config) -> str:
    """The settings as JSON that means the same in another folder."""
    output = config.output
    if output.keep_audio:
        kept = str(Path(output.keep_audio).expanduser().absolute())
        output = output.model_copy(update={"keep_audio": kept})
    return config.model_copy(update={"output": output}).model_dump_json()
