"""A writing process killed at random moments: what it had acknowledged is on disk and readable."""

import random
import signal
import subprocess
import sys

import pysubs2
import pytest

from live_whisper.captions.writer import WriterOptions
from live_whisper.streaming.rebuild import rebuild_file, rebuild_text
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.journal import read_journal
from live_whisper.types.events import Committed

KILLS = 6

PROGRAM = """
import sys
from pathlib import Path
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.fanout import FanOut
from live_whisper.streaming.sinks.files import claim_output
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.streaming.sinks.subtitle_file import open_output
from live_whisper.types.audio import Span
from live_whisper.types.events import Committed, SegmentClosed
from live_whisper.types.text import Word

folder = Path(sys.argv[1])
journal = folder / "j"
files = []
for name in ("m.srt", "m.vtt"):
    claim_output(folder / name)
    files.append(open_output(OutputSpec(folder / name), journal=journal))
run = FanOut([JournalSink(journal), *files])
position = 0
for number in range(10**6):
    word = Word(f" word{number}", position, position + 3000)
    run.handle(Committed(position, (word,)))
    position += 4000
    if number % 7 == 6:
        run.handle(SegmentClosed(position, Span(position - 28000, position)))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_while_writing(tmp_path, seed):
    lines = random.Random(seed).randrange(1, 400)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE
    ) as child:
        for _ in range(lines):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        acknowledged = int((child.stdout.read().split() or [acknowledged])[-1])
    assert child.returncode == -signal.SIGKILL
    contents = read_journal(tmp_path / "j")
    assert contents.damage == () or contents.torn
    committed = [e.words[0].text for e in contents.events if isinstance(e, Committed)]
    assert committed == [f" word{number}" for number in range(len(committed))]
    assert len(committed) > acknowledged
    for name in ("m.srt", "m.vtt"):
        output = OutputSpec(tmp_path / name, WriterOptions())
        died_with = output.path.read_text()
        assert "".join(rebuild_text(tmp_path / "j", output)).startswith(died_with)
        parsed = pysubs2.SSAFile.from_string(died_with, format_=name[-3:]) if died_with else []
        assert len(parsed) == died_with.count(" --> ")
        rebuild_file(tmp_path / "j", output)
        recovered = " ".join(event.plaintext for event in pysubs2.load(str(output.path)))
        assert recovered.split() == [text.strip() for text in committed]
