"""``live-whisper transcribe``: whole files, offline, with the reference's long-form algorithm."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from live_whisper.captions.cues import Cue, CueBuilder, CueLimits
from live_whisper.captions.formats import format_for
from live_whisper.captions.options import writer_options
from live_whisper.captions.text import sanitize
from live_whisper.captions.writer import DocumentInfo, WriterOptions
from live_whisper.cli.model_choice import find_model, load_found, may_pull
from live_whisper.cli.models import pull_with_progress
from live_whisper.cli.settings import check_distinct, recordings_root
from live_whisper.config.schema import Config, DecodingConfig
from live_whisper.decoding.fallback import FallbackSettings
from live_whisper.decoding.longform import LongFormSettings
from live_whisper.decoding.prompt import carries_text
from live_whisper.decoding.types import BeamSettings
from live_whisper.errors import InputError, ModelError, OutputError, UsageError
from live_whisper.hub.resolve import ResolvedModel
from live_whisper.runtime.captioner import make_gate
from live_whisper.runtime.load import check_language, load_engine
from live_whisper.runtime.transcriber import (
    ProgressCallback,
    Transcriber,
    Transcript,
    TranscriptionProgress,
)
from live_whisper.streaming.glossary import fixed_prompt, term_boost, too_long
from live_whisper.streaming.recording import refuse_written
from live_whisper.streaming.sinks.files import Claim, reason, reserved, shown, write_atomically
from live_whisper.units import SAMPLE_RATE, ms_to_samples
from live_whisper.whisper.checkpoint import Checkpoint


def run_transcribe(
    config: Config, files: list[str], *, vad: bool, fill_gaps: bool, yes: bool
) -> int:
    """Transcribe files one after the other; a file that cannot be read does not stop the rest.

    Output names ending in a format's suffix take one file; ``-o .srt`` or several files give each
    input's own name with that suffix. Returns the exit status of the last failure, or 0.
    """
    targets = plan_outputs(files, config.output.files)
    every = [path for _, paths in targets for path in paths]
    refuse_written(every, recordings_root(config))
    with reserved(every, overwrite=config.output.overwrite) as claims:
        return _transcribe(config, targets, claims, vad=vad, fill_gaps=fill_gaps, yes=yes)


def _transcribe(
    config: Config,
    targets: list[tuple[str, list[Path]]],
    claims: dict[Path, Claim],
    *,
    vad: bool,
    fill_gaps: bool,
    yes: bool,
) -> int:
    """``claims``: what is written is taken out."""
    model = _model(config, yes=yes)
    checkpoint = load_found(model)
    check_language(config, checkpoint)
    _warn_of_long_glossary(config, checkpoint)
    transcriber = Transcriber(
        load_engine(checkpoint, config.engine),
        checkpoint,
        longform_settings(
            config,
            checkpoint,
            fill_gaps=fill_gaps,
        ),
        speech_finder=(lambda: make_gate(config.vad)) if vad else None,
    )
    status = 0
    for name, paths in targets:
        try:
            with progress_bar(name) as progress:
                transcript = transcriber.transcribe(name, progress)
        except InputError as error:
            typer.echo(f"live-whisper: {sanitize(str(error))}", err=True)
            status = error.exit_status
            continue
        info = DocumentInfo(
            sanitize(Path(name).stem), transcript.language, model.name, transcript.samples
        )
        options = writer_options(config.captions)
        cues = list(_cues(transcript, options.limits))
        for path in paths:
            _write(path, cues, info, options)
            claims.pop(path, None)
        _tell(name, transcript, cues, paths)
    return status


def _model(config: Config, *, yes: bool) -> ResolvedModel:
    try:
        return find_model(config)
    except ModelError as error:
        if not may_pull(config.recognition.model, str(error), yes=yes):
            raise
    pull_with_progress(config.recognition.model)
    return find_model(config)


def plan_outputs(files: list[str], outputs: Iterable[str]) -> list[tuple[str, list[Path]]]:
    """Which files each input is written to.

    Raises ``UsageError`` where two would share one, or one would replace an input.
    """
    plan: list[tuple[str, list[Path]]] = []
    for name in files:
        paths = []
        for output in outputs:
            only_suffix = output.startswith(".") and "/" not in output
            if only_suffix:
                format_for(f"x{output}")
                paths.append(Path(name).with_suffix(output))
            elif len(files) > 1:
                raise UsageError(
                    f"Several files cannot all be written to {output!r}.",
                    hint="Give only a suffix, such as: -o .srt",
                )
            else:
                format_for(output)
                paths.append(Path(output).expanduser())
        plan.append((name, paths))
    check_distinct([path for _, paths in plan for path in paths], files)
    return plan


def longform_settings(
    config: Config,
    checkpoint: Checkpoint,
    *,
    beam_size: int | None = None,
    fill_gaps: bool = False,
) -> LongFormSettings:
    """The configuration in the offline decoder's terms.

    ``beam_size``: not the one that the configuration states. ``fill_gaps``: go back to speech for
    which the text has nothing, which a translation cannot be asked.
    """
    recognition, decoding = config.recognition, config.decoding
    fixed = fixed_prompt(recognition.prompt, recognition.glossary, checkpoint.tokenizer)
    fit = config.engine.audio_context == "fit"
    gaps = fill_gaps and recognition.task == "transcribe"
    return LongFormSettings(
        language=None if recognition.language == "auto" else recognition.language,
        task=recognition.task,
        candidate_languages=recognition.candidate_languages,
        initial_prompt=fixed.tokens,
        carry_initial_prompt=True,
        condition_on_previous_text=carries_text(
            config.streaming.carry_prompt,
            short_context=checkpoint.audio_context == "fit",
        ),
        boost=term_boost(recognition.glossary, checkpoint.tokenizer, decoding.glossary_boost),
        beam=_beam(decoding, beam_size or decoding.beam_size),
        fallback=FallbackSettings(
            temperatures=decoding.temperatures,
            compression_ratio=decoding.compression_ratio_threshold,
            average_log_probability=decoding.log_probability_threshold,
            no_speech_probability=decoding.no_speech_threshold,
        ),
        context="fit" if fit else "full",
        unheard_samples=ms_to_samples(decoding.unheard_ms) if gaps else 0,
    )


def _beam(decoding: DecodingConfig, size: int) -> BeamSettings | None:
    if size == 1:
        return None
    penalty = None if decoding.length_penalty == "average" else decoding.length_penalty
    return BeamSettings(size, decoding.patience, penalty)


def _warn_of_long_glossary(config: Config, checkpoint: Checkpoint) -> None:
    recognition = config.recognition
    fixed = fixed_prompt(recognition.prompt, recognition.glossary, checkpoint.tokenizer)
    line = too_long(fixed, recognition.glossary)
    if line is not None:
        typer.echo(f"live-whisper: {line}", err=True)


def _write(path: Path, cues: list[Cue], info: DocumentInfo, options: WriterOptions) -> None:
    writer = format_for(path).writer(info, options)
    pieces = [writer.header(), *map(writer.cue, cues), writer.footer()]
    try:
        write_atomically(path, [piece.encode("utf-8", errors="replace") for piece in pieces])
    except OSError as error:
        raise OutputError(f"{shown(path)!r} cannot be written: {reason(error)}.") from None


def _tell(name: str, transcript: Transcript, cues: list[Cue], paths: list[Path]) -> None:
    """The captions, where no file takes them, and what there is to say."""
    if not paths:
        for cue in cues:
            typer.echo(cue.text)
    for notice in transcript.notices:
        typer.echo(f"live-whisper: {notice}", err=True)
    seconds = transcript.samples / SAMPLE_RATE
    speed = seconds / transcript.decode_seconds if transcript.decode_seconds else 0.0
    typer.echo(
        f"{sanitize(name)}: {len(transcript.words)} words, {len(cues)} captions, "
        f"{transcript.language}, {seconds:.0f} s of audio at {speed:.1f} times real time"
        + "".join(f"\nsaved: {shown(path)}" for path in paths),
        err=True,
    )


def _cues(transcript: Transcript, limits: CueLimits) -> Iterator[Cue]:
    builder = CueBuilder(limits)
    for segment in transcript.segments:
        yield from builder.push(segment.words)
    yield from builder.flush()


@contextmanager
def progress_bar(name: str) -> Iterator[ProgressCallback | None]:
    """A bar on a terminal, ``None`` elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(sanitize(name), total=None)

        def show(now: TranscriptionProgress) -> None:
            bar.update(
                task,
                description=f"{now.stage} {sanitize(Path(name).name)}",
                completed=now.done_samples,
                total=now.total_samples,
            )

        yield show
