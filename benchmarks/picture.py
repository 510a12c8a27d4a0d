"""The README's picture, from a real run of the bundled clip.

    python benchmarks/picture.py docs/live.svg --clip ko

Captions the clip in real time, as ``live-whisper demo`` does, and keeps the display as it stood at
the first moment after ``--at`` seconds with both committed and tentative text on screen.
"""

import argparse
import io
import tempfile
from importlib import resources
from pathlib import Path

from rich.console import Console

from live_whisper.clock import MonotonicClock
from live_whisper.config.schema import Config
from live_whisper.runtime.captioner import Captioner, Request, make_port
from live_whisper.runtime.inputs import open_input
from live_whisper.streaming.sinks.terminal import TerminalSink
from live_whisper.types.events import Event, Tentative
from live_whisper.units import seconds_to_samples

DEMO = Path(str(resources.files("live_whisper"))) / "assets" / "demo"
COLUMNS = 88


class Photographer:
    """A sink behind the terminal's that keeps one picture."""

    def __init__(self, terminal: TerminalSink, after: int) -> None:
        self._terminal = terminal
        self._after = after
        self.svg = ""

    def handle(self, event: Event) -> None:
        """Look at the display once both kinds of text are on it."""
        self._terminal.draw()
        if not self.svg and isinstance(event, Tentative) and event.at > self._after and event.words:
            self.svg = self._terminal.picture(columns=COLUMNS)

    def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("svg", type=Path)
    parser.add_argument("--clip", default="ko", help="en or ko")
    parser.add_argument("--at", type=float, default=14.0, help="seconds into the clip")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.svg.write_text(photograph(options.clip, options.at, Path(folder)), encoding="utf-8")
    print(options.svg)


def photograph(language: str, at: float, folder: Path) -> str:
    """The display of a run at about ``at`` seconds, as SVG."""
    config = Config.model_validate(
        {
            "recognition": {"language": language},
            "output": {"files": [str(folder / "meeting.srt")]},
        }
    )
    console = Console(file=io.StringIO(), width=COLUMNS, force_terminal=True)
    terminal = TerminalSink(console, outputs=("meeting.srt",), background=False)
    photographer = Photographer(terminal, seconds_to_samples(at))
    clip = DEMO / f"clip_{language}.flac"
    heard = open_input(config.audio, str(clip), "realtime", MonotonicClock())
    captioner = Captioner(
        Request(
            config,
            heard,
            make_port(config, DEMO, "fit"),
            model_name="demo",
            model_folder=DEMO,
            displays=(terminal, photographer),
            recordings=folder / "recordings",
        )
    )
    captioner.run()
    return photographer.svg


if __name__ == "__main__":
    main()
