"""A run: threads around the lanes, one recognizer, one publisher.

Threads: one per live input (``take``), the caller's (decoding), the publisher's. Files that are not
paced need none: they are read and decoded in turn, which also makes such a run repeatable.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from live_whisper.audio.source import SourceChunk, in_steps
from live_whisper.clock import Clock
from live_whisper.errors import EngineError, LiveWhisperError
from live_whisper.runtime.lane import Accounts, Lane
from live_whisper.runtime.ports import (
    Answer,
    Died,
    Ready,
    RecognizerPort,
    Refused,
    Result,
    Told,
)
from live_whisper.runtime.publisher import Publisher
from live_whisper.streaming.stats import Histogram, LoadMeter
from live_whisper.streaming.window import WindowRequest
from live_whisper.types.audio import Samples
from live_whisper.types.events import ModelReady, Notice, Progress
from live_whisper.units import NS_PER_SECOND, SAMPLE_RATE, samples_to_ns

READ_TIMEOUT_NS = NS_PER_SECOND // 10
LOOK_NS = NS_PER_SECOND // 4
"""How often a wait for the recognizer looks whether the user wants to stop."""
TURN_SAMPLES = SAMPLE_RATE
"""Audio read between two looks at the decoder when nothing is paced."""
PROGRESS_SAMPLES = SAMPLE_RATE // 8
DEATHS_IN_A_ROW = 5
WORTH_RECORDING_SAMPLES = 20 * SAMPLE_RATE
"""A run that has heard this much goes on recording when the recognizer is gone for good."""
JOIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    """A request on its way, and whose it is."""

    lane: Lane
    request: WindowRequest
    samples: Samples


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    accounts: Accounts
    """Of all inputs together."""
    at: int
    """How far the longest input reaches."""
    words: int
    commit_latency_p50_seconds: float | None
    commit_latency_p95_seconds: float | None
    compute_ratio: float
    language: str | None
    reason: str


@dataclass(slots=True)
class _Threads:
    opened: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None
    thread: threading.Thread | None = None


class Session:
    """Runs lanes to their end. ``stop`` may be called from a signal handler or any thread."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        port: RecognizerPort,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._lanes = tuple(lanes)
        self._port = port
        self._publisher = publisher
        self._clock = clock
        self._wake = threading.Event()
        self._stops = 0
        self._ready = False
        self._deaths = 0
        self._job: Job | None = None
        self._given_up: LiveWhisperError | None = None
        self._load = LoadMeter()
        self._progress_at: dict[int, int] = {}
        self._inputs: list[_Threads] = []
        self._listening = threading.Event()

    def stop(self) -> int:
        """First call: no more input, decode the rest. Second: leave the rest. Returns the count."""
        self._stops += 1
        for lane in self._lanes:
            lane.source.stop()
        self._wake.set()
        return self._stops

    def finish(self) -> None:
        """No more input, unless a stop was asked for already; what was heard is decoded."""
        if not self._stops:
            self.stop()

    def capture(self) -> None:
        """Open every input; raises what opening raised. Before ``run``, which begins to listen.

        What a device gives meanwhile waits in its own buffer, and nothing is published yet.
        """
        for lane in self._lanes:
            if lane.source.live:
                self._listen_in_thread(lane)
            else:
                lane.source.open()
        for state in self._inputs:
            state.opened.wait()
            if state.failure is not None:
                self._stop_inputs()
                raise state.failure

    def run(self) -> Outcome:
        """Decode until every input has ended and nothing waits. Raises ``EngineError``."""
        self._listening.set()
        self._port.start()
        reason = "end of input"
        try:
            if any(lane.source.live for lane in self._lanes):
                self._decode_live()
            else:
                self._decode_in_turn()
            if self._stops:
                reason = "stopped"
            self._raise_failures()
        finally:
            self._stop_inputs()
            self._port.close(NS_PER_SECOND)
            for lane in self._lanes:
                lane.spool.close()
        return self.outcome(reason)

    # --- inputs ---------------------------------------------------------------------------------

    def _listen_in_thread(self, lane: Lane) -> None:
        state = _Threads()
        state.thread = threading.Thread(
            target=self._listen, args=(lane, state), name=f"audio {lane.label}".strip(), daemon=True
        )
        self._inputs.append(state)
        state.thread.start()

    def _listen(self, lane: Lane, state: _Threads) -> None:
        try:
            lane.source.open()
            state.opened.set()
            self._listening.wait()
            while not lane.ended:
                self._take(lane, READ_TIMEOUT_NS)
        except BaseException as error:  # noqa: BLE001 - raised again by the session's thread
            state.failure = error
            if state.opened.is_set():
                self._publisher.publish(lane.abandon(error))
        finally:
            state.opened.set()
            lane.source.close()
            self._wake.set()

    def _take(self, lane: Lane, timeout_ns: int) -> None:
        self._put(lane, lane.source.read(timeout_ns))

    def _put(self, lane: Lane, chunk: SourceChunk) -> None:
        events, wanted = lane.take(chunk)
        self._publisher.publish(events)
        self._report(lane)
        if wanted:
            self._wake.set()

    def _report(self, lane: Lane) -> None:
        state, lag = lane.state, lane.lag_samples
        if state.captured - self._progress_at.get(id(lane), -PROGRESS_SAMPLES) < PROGRESS_SAMPLES:
            return
        self._progress_at[id(lane)] = state.captured
        self._publisher.publish(
            [
                Progress(
                    at=state.captured,
                    decoded=state.decoded,
                    level_dbfs=lane.level_dbfs,
                    speaking=state.speaking,
                    compute_ratio=self._load.ratio(self._now_ns()),
                    lag_seconds=lag / SAMPLE_RATE,
                    state=self._state(behind=state.planner.catching_up),
                )
            ]
        )

    def _state(self, *, behind: bool) -> str:
        if self._stops:
            return "finishing"
        if not self._ready:
            return "loading"
        return "behind" if behind else "listening"

    def _stop_inputs(self) -> None:
        self._listening.set()
        stuck = []
        for lane in self._lanes:
            lane.source.stop()
            if not lane.source.live:
                lane.source.close()
        for state in self._inputs:
            if state.thread is not None:
                state.thread.join(JOIN_SECONDS)
                if state.thread.is_alive():
                    stuck.append(state.thread.name)
        if stuck:
            self._publisher.publish(
                [Notice(self._captured(), f"Left behind, not ending: {', '.join(stuck)}.", "error")]
            )

    def _raise_failures(self) -> None:
        for state in self._inputs:
            if state.failure is not None:
                raise state.failure
        if self._publisher.failure is not None:
            raise self._publisher.failure

    # --- decoding -------------------------------------------------------------------------------

    def _decode_live(self) -> None:
        while self._stops < 2 and self._publisher.failure is None:
            if self._given_up is not None:
                self._keep_recording(self._given_up)
                continue
            if self._ready and self._job is None:
                self._start_job(self._now_ns())
            if self._job is not None or not self._ready:
                self._handle(self._port.wait(LOOK_NS))
            elif all(lane.drained for lane in self._lanes):
                return
            else:
                self._clock.wait(self._wake, self._sleep_ns())
                self._wake.clear()

    def _keep_recording(self, error: LiveWhisperError) -> None:
        """There are no captions any more, but what is said is still worth keeping.

        Raises ``error`` once every input has ended, or at once where none is live.
        """
        if all(lane.ended or not lane.source.live for lane in self._lanes):
            raise error
        self._clock.wait(self._wake, NS_PER_SECOND)
        self._wake.clear()

    def _give_up(self, error: LiveWhisperError) -> None:
        """No recognizer will ever answer. A run that has just begun, or is not live, ends."""
        heard = self._captured() >= WORTH_RECORDING_SAMPLES
        if not (heard and any(lane.source.live for lane in self._lanes)):
            raise error
        self._given_up = error
        message = f"{error.message} No more captions; the recording goes on until you stop it."
        self._publisher.publish([Notice(self._captured(), message, "error")])

    def _decode_in_turn(self) -> None:
        while not self._ready and self._stops < 2:
            self._handle(self._port.wait(LOOK_NS))
        self._decode_due()  # what a run that is taken up again still owes of what it has read
        while self._stops < 2 and self._publisher.failure is None:
            for lane in self._lanes:
                if not lane.ended:
                    for chunk in in_steps(lane.source.read(READ_TIMEOUT_NS), TURN_SAMPLES):
                        self._put(lane, chunk)
                        self._decode_due()
            if all(lane.drained for lane in self._lanes):
                return

    def _decode_due(self) -> None:
        """Everything that can be decoded of what was read so far."""
        while self._stops < 2 and (self._job is not None or self._start_job(self._stream_ns())):
            self._handle(self._port.wait(LOOK_NS))

    def _start_job(self, now_ns: int) -> bool:
        """Ask for the next window; the lane that is furthest behind comes first."""
        for lane in sorted(self._lanes, key=lambda lane: lane.state.decoded):
            request = lane.next_request(now_ns)
            if request is not None:
                self._job = Job(lane, *request)
                self._port.ask(*request)
                return True
        return False

    def _handle(self, answer: Answer | None) -> None:
        match answer:
            case Ready(description, seconds):
                self._ready = True
                self._publisher.publish([ModelReady(self._captured(), seconds, description)])
            case Result(hypothesis, cost_ns) if self._job is not None:
                job, self._job = self._job, None
                self._deaths = 0
                self._load.add(self._now_ns(), cost_ns)
                charged = cost_ns if job.lane.source.live else 0
                self._publisher.publish(job.lane.accept(job.request, hypothesis, charged))
                self._report(job.lane)
            case Refused(error):
                self._give_up(error)
            case Told(message):
                self._publisher.publish([Notice(self._captured(), message)])
            case Died(reason):
                self._revive(reason)

    def _revive(self, reason: str) -> None:
        """Start a new recognizer; the audio of the lost request will be planned again."""
        self._deaths += 1
        if self._job is not None:
            self._job.lane.failed(self._job.request)
            self._job = None
        self._ready = False
        if self._deaths >= DEATHS_IN_A_ROW:
            error = EngineError(
                f"The recognizer failed {self._deaths} times in a row ({reason}).",
                hint="The recording is kept: live-whisper recover decodes the rest of it.",
            )
            self._give_up(error)
            return
        self._publisher.publish(
            [
                Notice(
                    self._captured(),
                    f"The recognizer was restarted ({reason}); the audio is decoded again.",
                    "warning",
                )
            ]
        )
        self._port.close(0)
        self._port.start()

    def _sleep_ns(self) -> int:
        now_ns = self._now_ns()
        waits = []
        for lane in self._lanes:
            with lane.lock:
                wait_ns = lane.stream.next_poll_ns(now_ns)
            if wait_ns is not None:
                waits.append(wait_ns)
        return max(1_000_000, min([*waits, NS_PER_SECOND]))

    # --- where it stands ------------------------------------------------------------------------

    def _now_ns(self) -> int:
        return self._clock.now_ns()

    def _stream_ns(self) -> int:
        return samples_to_ns(self._captured())

    def _captured(self) -> int:
        return max(lane.state.captured for lane in self._lanes)

    def outcome(self, reason: str) -> Outcome:
        """The accounts and figures as they stand."""
        parts = [lane.accounts() for lane in self._lanes]
        totals = Accounts(
            captured=sum(part.captured for part in parts),
            decoded=sum(part.decoded for part in parts),
            silent=sum(part.silent for part in parts),
            lost=sum(part.lost for part in parts),
            undecoded=sum(part.undecoded for part in parts),
        )
        latency = Histogram()
        for lane in self._lanes:
            latency.include(lane.stream.latency)
        captured_ns = max(1, samples_to_ns(self._captured()))
        return Outcome(
            accounts=totals,
            at=self._captured(),
            words=sum(lane.state.words for lane in self._lanes),
            commit_latency_p50_seconds=latency.quantile_seconds(0.5),
            commit_latency_p95_seconds=latency.quantile_seconds(0.95),
            compute_ratio=self._load.total_ns / captured_ns,
            language=self._lanes[0].stream.language,
            reason=reason,
        )
