"""Kills the program with SIGKILL at random moments and checks that nothing was lost.

    python benchmarks/kill_loop.py --kills 200 --audio talk.wav --model demo

Every round starts a run with its captions on a pipe, kills it, recovers the recording (one time in
four that is killed as well, and run again) and checks:

* every word printed is in the journal, and after the recovery in the SRT file, in order;
* every SRT file parses with pysubs2, before and after the recovery;
* the recovered SRT is, byte for byte, that of a run on the captured audio that nobody killed
  (``--pace realtime``: the words printed are a beginning of the recovered ones; when words are
  committed depends on the clock there).

One line of JSON per round, and a summary; status 1 if anything failed.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pysubs2

from live_whisper.audio.export import export_recording
from live_whisper.audio.spool import SpoolReader
from live_whisper.errors import LiveWhisperError
from live_whisper.streaming.rebuild import journal_events
from live_whisper.streaming.recording import RecordingFolder, recordings
from live_whisper.types.events import Committed

SRT = "out.srt"


@dataclass
class Setup:
    """What is run, and where."""

    program: list[str]
    audio: Path
    pace: str
    work: Path
    language: str = "en"
    assignments: list[str] = field(default_factory=lambda: ["engine.isolation=thread"])

    def command(self, audio: Path, output: Path) -> list[str]:
        sets = [part for item in self.assignments for part in ("--set", item)]
        return [
            *self.program, "--lang", self.language, "-i", str(audio), "-o", str(output),
            "-f", "jsonl", "--pace", self.pace, *sets,
        ]  # fmt: skip

    def recover(self) -> list[str]:
        return [self.program[0], *self.program[1 : _end_of_python(self.program)], "recover"]

    def environment(self, state: Path) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(state)}


def _end_of_python(program: list[str]) -> int:
    """``python -m module`` or ``python file``: how much of it is not an option of ours."""
    return (
        3
        if len(program) > 1 and program[1] == "-m"
        else 2
        if len(program) > 1 and program[1].endswith(".py")
        else 1
    )


@dataclass
class Round:
    """What one kill left and what became of it."""

    number: int
    killed_after_s: float
    captured_s: float = 0.0
    printed_words: int = 0
    journal_words: int = 0
    recovered_words: int = 0
    recover_kills: int = 0
    compared: bool = False
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Printed:
    """A word as it came out of the pipe."""

    text: str
    start: int
    end: int


def run_and_kill(setup: Setup, folder: Path, delay_s: float) -> list[Printed]:
    """Start, wait, kill; what had been printed as committed by then."""
    words: list[Printed] = []

    def read(pipe: "subprocess.Popen[bytes]") -> None:
        assert pipe.stdout is not None
        for line in pipe.stdout:
            if line.endswith(b"\n"):  # half a line was not printed yet
                words.extend(printed(line))

    with (folder / "stderr.txt").open("wb") as errors, subprocess.Popen(
        setup.command(setup.audio, folder / SRT),
        stdout=subprocess.PIPE, stderr=errors, env=setup.environment(folder), cwd=folder,
    ) as process:  # fmt: skip
        reader = threading.Thread(target=read, args=(process,))
        reader.start()
        try:
            process.wait(delay_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        reader.join()
    return words


def printed(line: bytes) -> Iterator[Printed]:
    event = json.loads(line)
    if event["event"] == "committed":
        for word in event["words"]:
            yield Printed(word["text"], word["start_sample"], word["end_sample"])


def journalled(folder: RecordingFolder) -> list[Printed]:
    words = []
    for event in journal_events(folder.journal):
        if isinstance(event, Committed):
            words += [Printed(word.text, word.start, word.end) for word in event.words]
    return words


def srt_words(path: Path) -> list[str]:
    subtitles = pysubs2.load(str(path), encoding="utf-8", format_="srt")
    for before, after in zip(subtitles, list(subtitles)[1:], strict=False):
        assert before.start <= before.end <= after.start, f"{before} overlaps {after}"
    return " ".join(line.plaintext for line in subtitles).split()


def split(words: list[Printed]) -> list[str]:
    return "".join(word.text for word in words).split()


class References:
    """Runs that nobody killed, by the audio they heard."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._known: dict[str, bytes] = {}

    def srt(self, audio: Path) -> bytes:
        digest = hashlib.sha256(audio.read_bytes()).hexdigest()
        if digest not in self._known:
            with tempfile.TemporaryDirectory(dir=self._setup.work) as name:
                folder = Path(name)
                subprocess.run(
                    self._setup.command(audio, folder / SRT),
                    check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    env=self._setup.environment(folder),
                )  # fmt: skip
                self._known[digest] = (folder / SRT).read_bytes()
        return self._known[digest]


def one_round(setup: Setup, references: References, now: Round, rng: random.Random) -> Round:
    folder = setup.work / f"round-{now.number:04d}"
    folder.mkdir()
    words = run_and_kill(setup, folder, now.killed_after_s)
    now.printed_words = len(words)
    found = list(recordings(folder / "live-whisper" / "recordings"))
    if not found:
        if words:
            now.problems.append("words were printed and no recording exists")
        return now
    (recording,) = found
    if not (recording.path / "meta.json").exists():  # killed before anything was opened
        if words or recording.journal.exists() or recording.parts():
            now.problems.append("a recording without meta.json")
        return now
    try:
        check(setup, references, now, rng, Case(folder, recording, words))
    except (AssertionError, LiveWhisperError) as error:
        now.problems.append(str(error))
    if not now.problems:
        shutil.rmtree(folder)
    return now


@dataclass(frozen=True)
class Case:
    folder: Path
    recording: RecordingFolder
    words: list[Printed]


def check(setup: Setup, references: References, now: Round, rng: random.Random, case: Case) -> None:
    words, recording, srt = case.words, case.recording, case.folder / SRT
    clean = (recording.path / "meta.json").exists() and recording.meta().clean
    stored = journalled(recording) if recording.journal.exists() else []
    now.journal_words = len(stored)
    assert stored[: len(words)] == words, "a printed word is not in the journal"
    if srt.exists():
        before = srt_words(srt)
        assert split(stored)[: len(before)] == before, "the SRT has words the journal lacks"
    if clean:
        return
    heard = case.folder / "heard.wav"
    spool = SpoolReader(recording.path)
    if spool.end:
        now.captured_s = export_recording(spool, heard).length / 16_000
    if rng.random() < 0.25:
        now.recover_kills += kill_recovery(setup, case.folder, rng.uniform(0.2, 3.0))
        half = journalled(recording)
        assert half[: len(stored)] == stored, "a recovery changed committed words"
    done = subprocess.run(
        setup.recover(), check=False, capture_output=True,
        env=setup.environment(case.folder), cwd=case.folder,
    )  # fmt: skip
    assert done.returncode == 0, f"recover: {done.returncode} {done.stderr.decode()[-500:]}"
    after = journalled(recording)
    now.recovered_words = len(after)
    assert after[: len(stored)] == stored, "a recovery changed committed words"
    assert srt_words(srt) == split(after), "the recovered SRT is not the journal's text"
    assert recording.meta().clean, "the recording is still unfinished"
    if now.captured_s and setup.pace == "fast":
        now.compared = True
        same = references.srt(heard) == srt.read_bytes()
        assert same, "the recovered SRT differs from a run that nobody killed"


def kill_recovery(setup: Setup, folder: Path, delay_s: float) -> int:
    process = subprocess.Popen(
        setup.recover(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=setup.environment(folder), cwd=folder,
    )  # fmt: skip
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return 1
    return 0


def full_run_s(setup: Setup) -> float:
    """How long an undisturbed run takes on this machine now."""
    with tempfile.TemporaryDirectory(dir=setup.work) as name:
        began = time.monotonic()
        subprocess.run(
            setup.command(setup.audio, Path(name) / SRT),
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=setup.environment(Path(name)),
        )  # fmt: skip
        return time.monotonic() - began


def kill_loop(setup: Setup, kills: int, seed: int, earliest: float = 0.0) -> list[Round]:
    """``earliest``: share of a run's time before which nothing is killed."""
    rng = random.Random(seed)
    references = References(setup)
    longest = full_run_s(setup)
    rounds = []
    for number in range(kills):
        now = Round(number, round(longest * rng.uniform(earliest, 1.05), 3))
        rounds.append(one_round(setup, references, now, rng))
        print(json.dumps(asdict(rounds[-1])), flush=True)
    return rounds


def summary(rounds: list[Round]) -> dict[str, object]:
    return {
        "kills": len(rounds),
        "with_audio": sum(item.captured_s > 0 for item in rounds),
        "with_words_at_the_kill": sum(item.journal_words > 0 for item in rounds),
        "recoveries_killed": sum(item.recover_kills for item in rounds),
        "compared_byte_for_byte": sum(item.compared for item in rounds),
        "words_printed": sum(item.printed_words for item in rounds),
        "words_recovered": sum(item.recovered_words for item in rounds),
        "failed": sum(bool(item.problems) for item in rounds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--lang", default="en")
    parser.add_argument("--pace", choices=("fast", "realtime"), default="fast")
    parser.add_argument("--set", dest="assignments", action="append", default=[])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="kill-loop-"))
    model = arguments.model
    program = [sys.executable, "-m", "live_whisper.cli.main", "--model", model]
    setup = Setup(
        program, arguments.audio.resolve(), arguments.pace, work, arguments.lang,
        ["engine.isolation=thread", *arguments.assignments],
    )  # fmt: skip
    rounds = kill_loop(setup, arguments.kills, arguments.seed)
    result = summary(rounds)
    print(json.dumps(result))
    if result["failed"]:
        print(f"what failed is kept in {work}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
