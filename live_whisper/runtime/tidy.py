"""What happens to a recording's folder once nothing is owed any more."""

import contextlib
from pathlib import Path

from live_whisper.audio.spool import SpoolReader
from live_whisper.errors import InputError, OutputError
from live_whisper.streaming.recording import RecordingFolder, recordings
from live_whisper.streaming.sinks.files import free_name, reason, shown


def finish_recording(
    folder: RecordingFolder, keep_audio: Path | None, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Keep the audio where asked, mark the recording as done, let the spooled audio go.

    In this order, so that a crash in between costs nothing. Returns where the audio is kept: under
    another name where a file has appeared that must not be overwritten. Raises ``OutputError``
    where the audio cannot be kept; then the recording stays as it is.
    """
    kept = () if keep_audio is None else _keep(folder, keep_audio, overwrite=overwrite)
    try:
        folder.mark_finished()
    except (OSError, InputError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise OutputError(f"{shown(folder.path)!r} cannot be marked as finished: {why}.") from None
    _delete(folder.parts())  # what stays is cleared by the next run, or by `recover`
    return kept


def kept_names(path: Path, inputs: int) -> list[Path]:
    """``talk.wav``, ``talk-2.wav`` …: a file for each input."""
    more = range(2, inputs + 1)
    return [path, *(path.with_name(f"{path.stem}-{number}{path.suffix}") for number in more)]


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


def _keep(folder: RecordingFolder, path: Path, *, overwrite: bool) -> tuple[Path, ...]:
    from live_whisper.audio.export import export_recording  # noqa: PLC0415 - loads the codecs

    spools, kept = folder.spools(), []
    for spool, name in zip(spools, kept_names(path, len(spools)), strict=True):
        if any(spool.glob("audio-*.wav")):
            target = free_name(name) if name.exists() and not overwrite else name
            export_recording(SpoolReader(spool), target, overwrite=True)
            kept.append(target)
    return tuple(kept)
