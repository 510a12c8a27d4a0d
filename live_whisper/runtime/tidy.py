"""What happens to a recording's folder once nothing is owed any more."""

import contextlib
from pathlib import Path

from live_whisper.audio.spool import SpoolReader
from live_whisper.errors import InputError, OutputError
from live_whisper.streaming.recording import RecordingFolder, recordings
from live_whisper.streaming.sinks.files import reason, shown


def finish_recording(folder: RecordingFolder, keep_audio: Path | None) -> None:
    """Keep the audio where asked, mark the recording as done, let the spooled audio go.

    In this order, so that a crash in between costs nothing. Several inputs are kept as
    ``name.wav``, ``name-2.wav`` … Raises ``OutputError`` where the audio cannot be kept; then the
    recording stays as it is.
    """
    if keep_audio is not None:
        _keep(folder, keep_audio)
    try:
        folder.mark_finished()
    except (OSError, InputError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise OutputError(f"{shown(folder.path)!r} cannot be marked as finished: {why}.") from None
    _delete(folder.parts())  # what stays is cleared by the next run, or by `recover`


def clear_leftovers(root: Path | None) -> list[str]:
    """Delete spooled audio of recordings that ended well; returns their names.

    A run that is killed between marking its recording as finished and deleting the audio leaves
    some. Recordings without audio, which is all of them otherwise, cost one look at a folder each.
    Never raises; any thread.
    """
    cleared = []
    with contextlib.suppress(InputError, OSError):
        for folder in recordings(root):
            if folder.parts() and _ended_well(folder) and folder.acquire():
                try:
                    if _delete(folder.parts()):
                        cleared.append(folder.name)
                finally:
                    folder.release()
    return cleared


def _ended_well(folder: RecordingFolder) -> bool:
    try:
        return folder.meta().clean
    except InputError:
        return False


def _delete(parts: list[Path]) -> bool:
    """Whether any of them could be deleted."""
    deleted = False
    for part in parts:
        with contextlib.suppress(OSError):
            part.unlink()
            deleted = True
    return deleted


def _keep(folder: RecordingFolder, path: Path) -> None:
    from live_whisper.audio.export import export_recording  # noqa: PLC0415 - loads the codecs

    for number, spool in enumerate(folder.spools(), start=1):
        target = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if any(spool.glob("audio-*.wav")):
            export_recording(SpoolReader(spool), target, overwrite=True)
