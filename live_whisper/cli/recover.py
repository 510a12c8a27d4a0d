"""``live-whisper recover``: unfinished recordings become finished ones."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from live_whisper.cli.signals import on_stop_signals
from live_whisper.cli.summary import duration, say, summary_lines
from live_whisper.errors import EXIT_INTERRUPTED, LiveWhisperError, OutputError, one_line
from live_whisper.streaming.recording import (
    RecordingFolder,
    RecordingMeta,
    find_recording,
    unfinished,
)
from live_whisper.units import SAMPLE_RATE

if TYPE_CHECKING:
    from live_whisper.runtime.ports import RecognizerPort
    from live_whisper.runtime.recover import Recovery
    from live_whisper.streaming.sinks.captioning import OutputSpec
    from live_whisper.types.events import Event


def run_recover(
    name: str | None,
    *,
    root: Path | None = None,
    model: str | None = None,
    output: Iterable[str] | None = None,
    keep_audio: str | None = None,
    assignments: Iterable[str] | None = None,
) -> int:
    """Recover one recording, or every unfinished one. Returns the exit status.

    Without a name nothing unfinished is fine; what fails is said, and the others still recovered.
    """
    from live_whisper.runtime.tidy import clear_leftovers

    options = _Options(model, tuple(output or ()), keep_audio, tuple(assignments or ()))
    for cleared in clear_leftovers(root):
        _say(f"{cleared} had ended; the audio it left behind is deleted.")
    if name is not None:
        return _recover(find_recording(name, root), options)
    folders = list(unfinished(root))
    if not folders:
        _say("No recording is unfinished.")
        return 0
    if len(folders) > 1 and (options.output or options.keep_audio):
        from live_whisper.errors import UsageError

        raise UsageError(
            f"{len(folders)} recordings are unfinished.",
            hint="Name one to use --output or --keep-audio: "
            + ", ".join(folder.name for folder in folders),
        )
    status = 0
    for folder in folders:
        try:
            status = _recover(folder, options) or status
        except LiveWhisperError as error:
            _say(f"{folder.name}: {one_line(str(error))}")
            status = error.exit_status
        if status == EXIT_INTERRUPTED:
            break
    return status


class _Options:
    """What the command line adds to the recording's own settings."""

    def __init__(
        self,
        model: str | None,
        output: tuple[str, ...],
        keep_audio: str | None,
        assignments: tuple[str, ...],
    ) -> None:
        self.model = model
        self.output = output
        self.keep_audio = keep_audio
        self.assignments = assignments


def _recover(folder: RecordingFolder, options: _Options) -> int:
    from live_whisper.runtime.recover import Recovery, adjusted

    recovery = Recovery(folder, adjust=lambda config: adjusted(config, options.assignments))
    try:
        return _run(recovery, options)
    finally:
        recovery.close()


def _run(recovery: "Recovery", options: _Options) -> int:
    name = recovery.folder.name
    extra = _extra_outputs(options.output)
    problems = recovery.rebuild(extra)
    meta = recovery.meta
    _tell_of_other_names(recovery)
    with on_stop_signals(recovery.stop, ours=1):  # the rest is left for another time
        owed = recovery.listen(_progress(f"{name}: looking for speech"))
        if recovery.stopped:
            return EXIT_INTERRUPTED
        _say(
            f"{name} ({meta.source}): {recovery.words} words were saved, "
            + (f"{duration(owed)} of speech to decode." if owed else "all speech was decoded.")
        )
        summary = None
        if owed:
            port = _port(recovery, meta, options.model)
            try:
                summary = recovery.decode(port, (_Percent(name, recovery.end),))
            finally:  # whatever came of it, the files have what the journal has
                problems = recovery.rebuild(extra)
            if summary is None:
                _say(f"{name}: stopped; run live-whisper recover again for the rest.")
    for line in problems:
        _say(one_line(line))
    if summary is not None:
        say(summary_lines(summary, name)[:2])
    if owed and summary is None:
        return EXIT_INTERRUPTED
    if problems:
        return OutputError.exit_status
    keep = Path(options.keep_audio).absolute() if options.keep_audio else None
    for path in recovery.finish(keep_audio=keep):
        _say(f"audio kept: {one_line(str(path))}")
    for output in (*meta.outputs, *extra):
        _say(f"saved: {one_line(str(output.path))}")
    if not (meta.outputs or extra):
        _say(f"To write it to a file: live-whisper recordings export {name} -o captions.srt")
    return 0


def _tell_of_other_names(recovery: "Recovery") -> None:
    for theirs, ours in recovery.moved:
        was, now = one_line(str(theirs)), one_line(str(ours))
        _say(f"{was} was written to since; it is left as it is, and these captions go to {now}.")


def _extra_outputs(names: Iterable[str]) -> list["OutputSpec"]:
    from live_whisper.captions.formats import format_for
    from live_whisper.streaming.sinks.captioning import OutputSpec

    outputs = [OutputSpec(Path(name).expanduser().absolute()) for name in names]
    for output in outputs:
        format_for(output.path)  # an unknown suffix is an error before anything is done
        if output.path.exists():
            raise OutputError(f"{one_line(str(output.path))!r} already exists.")
    return outputs


def _port(recovery: "Recovery", meta: RecordingMeta, wanted: str | None) -> "RecognizerPort":
    """The recognizer with the model of the run, wherever it is now, or another one."""
    from live_whisper.hub.resolve import resolve
    from live_whisper.hub.store import ModelStore
    from live_whisper.runtime.captioner import make_port

    folder, context = Path(meta.model_folder), meta.audio_context
    if wanted or not meta.model_folder or not (folder / "config.json").is_file():
        found = resolve(wanted or meta.model, store=ModelStore.default())
        folder, context = found.path, found.audio_context
    return make_port(recovery.config, folder, context, recovery.clock)


class _Percent:
    """A sink that shows how far decoding is, on a terminal only."""

    def __init__(self, name: str, end: int) -> None:
        self._show = _progress(f"{name}: decoding")
        self._end = end

    def handle(self, event: "Event") -> None:
        """Show each decode's place."""
        from live_whisper.types.events import WindowDone

        if isinstance(event, WindowDone):
            self._show(event.span.end, self._end)

    def close(self) -> None:
        """Leave the line empty."""
        self._show(self._end, self._end)


def _progress(what: str) -> Callable[[int, int], None]:
    shown = [-SAMPLE_RATE * 60]

    def show(done: int, end: int) -> None:
        if not sys.stderr.isatty():
            return
        if done >= end:
            sys.stderr.write("\r\033[K")
        elif done - shown[0] >= SAMPLE_RATE * 30:
            shown[0] = done
            sys.stderr.write(f"\r\033[K{what}: {100 * done // max(1, end)} %")
        sys.stderr.flush()

    return show


def _say(line: str) -> None:
    say([f"live-whisper: {line}"])
