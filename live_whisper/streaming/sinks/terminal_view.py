"""The live area and the scrollback lines as rich renderables: pure functions."""

import io
import re
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from live_whisper.captions.srt import timestamp
from live_whisper.captions.text import display_width, keep_end, truncate, wrap
from live_whisper.streaming.sinks.view_state import (
    METER_CELLS,
    Finished,
    NoticeLine,
    SuppressedLine,
    Tail,
    View,
)

MIN_COLUMNS = 8
_TIME_COLUMNS = 10  # "00:01:23  "
_TIMES_FROM = 60  # columns below which lines carry no time
_MAX_TAIL_LINES = 5
_STATES = {
    "loading": ("loading model", "yellow"),
    "listening": ("listening", "green"),
    "behind": ("catching up", "yellow"),
    "finishing": ("finishing", "cyan"),
    "ended": ("ended", "dim"),
}
_NOTICES = {"info": "cyan", "warning": "yellow", "error": "bold red"}


def render(view: View, columns: int, *, ascii_only: bool = False) -> RenderableType:
    """The live area: the tail of the text, then the status, never wider than ``columns`` - 1.

    One column stays free so that a terminal never wraps a line by itself.
    """
    width = max(MIN_COLUMNS, columns - 1)
    lines = [line for tail in view.tails for line in _tail_lines(tail, width)]
    if lines:
        lines.append(Text(""))
    lines.append(_status(view, width, ascii_only=ascii_only))
    if details := _details(view, width, ascii_only=ascii_only):
        lines.append(details)
    return Group(*lines)


def render_finished(item: Finished, columns: int) -> Text:
    """A line that scrolls away: a caption with its time, a notice or suppressed text."""
    width = max(MIN_COLUMNS, columns - 1)
    if isinstance(item, NoticeLine):
        sign = {"warning": "! ", "error": "! "}.get(item.level, "· ")
        return _block(sign, item.message, width, style=_NOTICES.get(item.level, "cyan"))
    time = _time_prefix(item.start, width)
    if isinstance(item, SuppressedLine):
        return _block(time, f"({item.reason}: {item.text})", width, style="dim strike")
    return _block(time, item.text, width)


def _time_prefix(sample: int, width: int) -> str:
    return f"{timestamp(sample)[:8]}  " if width >= _TIMES_FROM else ""


def _block(prefix: str, text: str, width: int, *, style: str = "") -> Text:
    indent = display_width(prefix)
    block = Text(no_wrap=True, end="\n")
    for number, line in enumerate(wrap(text, width - indent)):
        if number:
            block.append("\n" + " " * indent)
        else:
            block.append(prefix, style="dim")
        block.append(line, style=style)
    return block


def _tail_lines(tail: Tail, width: int) -> list[Text]:
    indent = _TIME_COLUMNS if width >= _TIMES_FROM else 0
    final = tail.label + tail.committed.lstrip()
    text = final + (tail.tentative if tail.committed.strip() else tail.tentative.lstrip())
    left = sum(not char.isspace() for char in final)
    lines: list[Text] = []
    for line in wrap(text, width - indent):
        # Wrapping only moves white space, so counting the other characters finds the seam.
        seam = 0
        while seam < len(line) and (left > 0 or line[seam].isspace()):
            left -= not line[seam].isspace()
            seam += 1
        shown = Text(" " * indent, no_wrap=True)
        shown.append(line[:seam])
        shown.append(line[seam:], style="dim italic")
        lines.append(shown)
    return lines[-_MAX_TAIL_LINES:]


def _status(view: View, width: int, *, ascii_only: bool) -> Text:
    word, colour = _STATES.get(view.state, (view.state, "white"))
    dot = ("*" if view.speaking else "-") if ascii_only else ("●" if view.speaking else "○")
    parts: list[tuple[int, Text]] = [
        (0, Text.assemble((dot, "green" if view.speaking else "dim"), " ", (word, colour))),
        (2, _meter(view.meter, ascii_only=ascii_only)),
        (4, Text("speech" if view.speaking else "silence", style="dim")),
        (1, Text(_clock(view.elapsed_seconds))),
        (1, _lag(view)),
        (5, Text(f"engine {view.compute_percent} %", style="dim")),
    ]
    return _fit(parts, width)


def _meter(cells: int, *, ascii_only: bool) -> Text:
    full, empty = ("#", "-") if ascii_only else ("▮", "▯")
    hot = "red" if cells >= METER_CELLS else "green"
    return Text.assemble((full * cells, hot), (empty * (METER_CELLS - cells), "dim"))


def _clock(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def _lag(view: View) -> Text:
    tenths = view.lag_tenths
    seconds = f"{tenths / 10:.1f} s" if tenths < 100 else f"{tenths // 10} s"
    if view.state == "behind" or tenths >= 30:
        return Text(f"{seconds} behind", style="yellow")
    return Text(f"lag {seconds}", style="dim")


def _fit(parts: list[tuple[int, Text]], width: int) -> Text:
    """The parts two columns apart; those with the highest number go first where room is short."""
    kept = list(parts)
    while len(kept) > 1 and sum(part.cell_len for _, part in kept) + 2 * (len(kept) - 1) > width:
        worst = max(range(len(kept)), key=lambda index: (kept[index][0], index))
        del kept[worst]
    line = Text("  ", no_wrap=True).join(part for _, part in kept)
    line.no_wrap = True
    line.truncate(width)
    return line


def _details(view: View, width: int, *, ascii_only: bool) -> Text | None:
    dot, arrow = (" | ", "> ") if ascii_only else (" · ", "→ ")
    what = dot.join(item for item in (view.model, view.language, view.source) if item)
    where = ", ".join(view.outputs)
    if not where:
        return Text(truncate(what, width), style="dim", no_wrap=True) if what else None
    lead = f"{what}  {arrow}" if what else arrow
    if width - display_width(lead) < 12:  # the file matters more than the model's name
        lead = arrow
    return Text(lead + keep_end(where, width - display_width(lead)), style="dim", no_wrap=True)


_WEB_FONT = re.compile(r"@font-face\s*\{[^}]*\}\s*")


def picture(lines: Sequence[Finished], view: View, *, columns: int = 90, title: str = "") -> str:
    """Scrolled lines and the live area as an SVG image that refers to nothing outside itself."""
    console = Console(
        file=io.StringIO(),
        width=columns,
        record=True,
        force_terminal=True,
        color_system="truecolor",
    )
    for line in lines:
        console.print(render_finished(line, columns), highlight=False, markup=False, emoji=False)
    console.print(render(view, columns))
    return _WEB_FONT.sub("", console.export_svg(title=title))
