"""Runs the program as a user would and watches its processes: time, memory, events."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_SECONDS = 0.5


@dataclass
class Sample:
    """One look at the program and its children."""

    seconds: float
    """Since the start."""
    rss: int
    """Resident bytes of all processes."""
    cpu_seconds: float
    """Used so far by all processes."""
    at_seconds: float
    """Stream position of the newest event."""


@dataclass
class Watched:
    """A finished run."""

    status: int
    seconds: float
    samples: list[Sample]
    events: list[dict[str, Any]]
    stderr: str
    first_event_seconds: dict[str, float] = field(default_factory=dict)
    begun_wall_ns: int = 0

    @property
    def peak_rss(self) -> int:
        return max((sample.rss for sample in self.samples), default=0)

    @property
    def captured_after_seconds(self) -> float:
        """From the start of the process until the input was open: sample 0 is heard then."""
        started = self.named("session_started")[0]
        return float(started["started_wall_ns"] - self.begun_wall_ns) / 1e9

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def cpu_share(self, first: float, last: float) -> float:
        """Processor time ÷ time between two moments after the start."""
        inside = [sample for sample in self.samples if first <= sample.seconds <= last]
        if len(inside) < 2:
            return float("nan")
        spent = inside[-1].cpu_seconds - inside[0].cpu_seconds
        return spent / (inside[-1].seconds - inside[0].seconds)


Keep = Callable[[dict[str, Any]], bool]


def watch(
    arguments: list[str],
    state: Path,
    *,
    feed: Callable[[], Iterable[bytes]] | None = None,
    keep: Keep = lambda event: event["event"] != "progress",
) -> Watched:
    """Run ``live-whisper`` with ``--format jsonl``; recordings and settings are below ``state``."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(state / "state"),
        "XDG_CONFIG_HOME": str(state / "config"),
    }
    begun, begun_wall_ns = time.monotonic(), time.time_ns()
    process = subprocess.Popen(
        [sys.executable, "-m", "live_whisper.cli.main", *arguments],
        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=state,
    )
    watcher = _Watcher(process, begun, keep)
    watcher.watched.begun_wall_ns = begun_wall_ns
    return watcher.run(feed)


class _Watcher:
    """Three pipes, each with its thread, and a look at the processes now and then."""

    def __init__(self, process: "subprocess.Popen[bytes]", begun: float, keep: Keep) -> None:
        self._process = process
        self._begun = begun
        self._keep = keep
        self._position = 0.0
        self._errors = b""
        self._cpu: dict[int, float] = {}
        self.watched = Watched(0, 0.0, [], [], "")

    def run(self, feed: Callable[[], Iterable[bytes]] | None) -> Watched:
        threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        if feed is not None:
            threads.append(threading.Thread(target=self._write, args=(feed,), daemon=True))
        for thread in threads:
            thread.start()
        while self._process.poll() is None:
            self._look()
            time.sleep(SAMPLE_SECONDS)
        watched = self.watched
        watched.seconds = time.monotonic() - self._begun
        for thread in threads:
            thread.join(10)
        watched.status = self._process.returncode
        watched.stderr = self._errors.decode(errors="replace")
        return watched

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            self._position = max(self._position, event["at"])
            now = time.monotonic() - self._begun
            self.watched.first_event_seconds.setdefault(event["event"], now)
            if self._keep(event):
                self.watched.events.append(event)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors = self._process.stderr.read()

    def _write(self, feed: Callable[[], Iterable[bytes]]) -> None:
        assert self._process.stdin is not None
        try:
            for block in feed():
                self._process.stdin.write(block)
                self._process.stdin.flush()
            self._process.stdin.close()
        except OSError:
            pass  # the program ended first

    def _look(self) -> None:
        try:
            parent = psutil.Process(self._process.pid)
            family = [parent, *parent.children(recursive=True)]
        except psutil.Error:
            return
        rss = 0
        for member in family:
            try:
                times = member.cpu_times()
                rss += member.memory_info().rss
                self._cpu[member.pid] = times.user + times.system
            except psutil.Error:
                continue
        now = time.monotonic() - self._begun
        # a process that has ended keeps counting with what it had used
        sample = Sample(now, rss, sum(self._cpu.values()), self._position)
        self.watched.samples.append(sample)


def command_seconds(arguments: list[str], rounds: int = 5) -> list[float]:
    """Wall time of a command that ends by itself, sorted."""
    taken = []
    for _ in range(rounds):
        begun = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "live_whisper.cli.main", *arguments],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        taken.append(time.monotonic() - begun)
    return sorted(taken)
