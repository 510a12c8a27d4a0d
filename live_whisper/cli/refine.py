"""``live-whisper refine``: the whole recording once more, with all of its context."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from live_whisper.captions.srt import timestamp
from live_whisper.captions.text import sanitize
from live_whisper.cli.summary import say
from live_whisper.config.schema import Config
from live_whisper.errors import OutputError, UsageError, one_line
from live_whisper.streaming.recording import (
    RecordingFolder,
    RecordingMeta,
    find_recording,
    refuse_written,
)
from live_whisper.streaming.sinks.files import Claim, reserved

if TYPE_CHECKING:
    from live_whisper.captions.cues import Cue
    from live_whisper.hub.resolve import ResolvedModel
    from live_whisper.runtime.refine import Comparison, Heard
    from live_whisper.streaming.sinks.captioning import OutputSpec

MOST_SHOWN = 200
"""Differences printed; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    model: str | None = None
    output: tuple[str, ...] = ()
    overwrite: bool = False
    assignments: tuple[str, ...] = ()
    beam: int | None = None
    """Texts followed at once; ``None``: what the settings say."""

    def adjust(self, config: Config) -> Config:
        """The recording's settings with those of the command line. Raises ``ConfigError``."""
        from live_whisper.runtime.recover import adjusted

        beam = () if self.beam is None else (f"decoding.refine_beam_size={self.beam}",)
        return adjusted(config, (*self.assignments, *beam))


def run_refine(name: str, options: Options, root: Path | None = None) -> int:
    """Refine one recording. Returns the exit status."""
    return refine(find_recording(name, root), options)


def refine(folder: RecordingFolder, options: Options) -> int:
    """Write ``*.final.srt`` beside each live file and print how the texts differ.

    Raises ``UsageError`` while the recording runs, ``InputError`` where its audio is gone,
    ``OutputError`` for a file that exists.
    """
    from live_whisper.runtime.recover import stored_config

    if folder.in_use() and not folder.mine:
        raise UsageError(f"{folder.name} is being recorded.", hint="Stop that run first.")
    meta = folder.meta()
    config = options.adjust(stored_config(meta))
    outputs = plan(folder, meta, config, options)
    refuse_written([output.path for output in outputs], folder.path.parent, but=folder.name)
    with reserved([output.path for output in outputs], overwrite=options.overwrite) as claims:
        heard, model = _transcribe(folder, meta, config, options.model)
        _write(outputs, heard, model, config, claims)
    from live_whisper.runtime.refine import compare_with_live

    say(f"live-whisper: {one_line(text)}" for item in heard for text in item.transcript.notices)
    for line in difference_lines(compare_with_live(folder, heard)):
        typer.echo(line)
    say(f"live-whisper: saved: {one_line(str(output.path))}" for output in outputs)
    return 0


def plan(
    folder: RecordingFolder, meta: RecordingMeta, config: Config, options: Options
) -> "list[OutputSpec]":
    """The files to write: as named, else ``name.final.srt`` for each ``name.srt``."""
    from live_whisper.captions.formats import format_for
    from live_whisper.captions.options import writer_options
    from live_whisper.streaming.sinks.captioning import OutputSpec

    written = writer_options(config.captions)
    if options.output:
        outputs = [OutputSpec(Path(name).expanduser(), written) for name in options.output]
    elif meta.outputs:
        outputs = [OutputSpec(final_name(output.path), output.options) for output in meta.outputs]
    else:
        outputs = [OutputSpec(Path(f"{folder.name}.final.srt"), written)]
    for output in outputs:
        format_for(output.path)
    return outputs


def final_name(live: Path) -> Path:
    """``talk.srt`` becomes ``talk.final.srt``: the live file stays."""
    return live.with_name(f"{live.stem}.final{live.suffix}")


def _transcribe(
    folder: RecordingFolder, meta: RecordingMeta, config: Config, wanted: str | None
) -> "tuple[list[Heard], str]":
    from live_whisper.cli.transcribe import longform_settings, progress_bar
    from live_whisper.runtime.captioner import make_gate
    from live_whisper.runtime.load import check_language, load_engine
    from live_whisper.runtime.refine import transcribe_recording
    from live_whisper.runtime.transcriber import Transcriber
    from live_whisper.whisper.checkpoint import load_checkpoint

    path, name, context = model_of(meta, wanted)
    checkpoint = load_checkpoint(path, short_context=context == "fit")
    check_language(config, checkpoint)
    engine = load_engine(checkpoint, config.engine)
    try:
        transcriber = Transcriber(
            engine,
            checkpoint,
            longform_settings(
                config,
                checkpoint,
                beam_size=config.decoding.refine_beam_size,
                fill_gaps=True,
            ),
            speech_finder=lambda: make_gate(config.vad),
        )
        kept = config.output.keep_audio
        with progress_bar(meta.source) as progress:
            heard = transcribe_recording(
                folder,
                meta.inputs,
                transcriber,
                kept_audio=Path(kept) if kept else None,
                progress=progress,
            )
    finally:
        engine.close()
    return heard, name


def model_of(meta: RecordingMeta, wanted: str | None) -> tuple[Path, str, str]:
    """Folder, name and context of the model asked for, else the live run's, wherever it is now."""
    folder = Path(meta.model_folder)
    if not wanted and meta.model_folder and (folder / "config.json").is_file():
        return folder, meta.model, meta.audio_context
    from live_whisper.hub.resolve import resolve
    from live_whisper.hub.store import ModelStore

    found: ResolvedModel = resolve(wanted or meta.model, store=ModelStore.default())
    return found.path, found.name, found.audio_context


def _write(
    outputs: "Sequence[OutputSpec]",
    heard: "Sequence[Heard]",
    model: str,
    config: Config,
    claims: dict[Path, Claim],
) -> None:
    """``claims``: what is written is taken out."""
    from live_whisper.captions.formats import format_for
    from live_whisper.captions.options import cue_limits
    from live_whisper.captions.writer import DocumentInfo
    from live_whisper.runtime.refine import cues_of
    from live_whisper.streaming.sinks.files import reason, write_atomically

    cues: list[Cue] = list(cues_of(heard, cue_limits(config.captions)))
    length = max(item.transcript.samples for item in heard)
    for output in outputs:
        language = heard[0].transcript.language
        info = DocumentInfo(sanitize(output.path.stem), language, model, length)
        writer = format_for(output.path).writer(info, output.options)
        pieces = [writer.header(), *map(writer.cue, cues), writer.footer()]
        try:
            write_atomically(output.path, [piece.encode("utf-8", "replace") for piece in pieces])
        except OSError as error:
            name = one_line(str(output.path))
            raise OutputError(f"{name!r} cannot be written: {reason(error)}.") from None
        claims.pop(output.path, None)


def difference_lines(found: "Comparison") -> Iterable[str]:
    """One line per difference, as ``00:01:05  the [-meet-] {+meeting+} starts``."""
    for item in found.differences[:MOST_SHOWN]:
        changed = [
            f"[-{item.live}-]" if item.live else "",
            f"{{+{item.final}+}}" if item.final else "",
        ]
        words = " ".join(part for part in (item.before, *changed, item.after) if part)
        yield f"{timestamp(item.at)[:8]}  {sanitize(words)}"
    if len(found.differences) > MOST_SHOWN:
        yield f"and {len(found.differences) - MOST_SHOWN} more"
    yield (
        f"{found.same_words} words the same, {found.live_words - found.same_words} only live, "
        f"{found.final_words - found.same_words} only in the second pass"
    )
