"""Every setting, its unit, its default and its limits. Frozen; unknown keys are errors.

A field's description is what ``live-whisper config show --explain`` prints, so it is written for
users. Times carry their unit in the name.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from live_whisper.units import WINDOW_SECONDS

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
BeamSize = Annotated[int, Field(ge=1, le=16)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class RecognitionConfig(_Section):
    """What is recognised, and with what."""

    model: str = ""
    """Checkpoint: a name such as `base`, a Hub id, a folder, or `demo`. Empty: the best on disk."""
    language: str = "auto"
    """Whisper's language code or name, or `auto` to detect it from the first seconds of speech."""
    task: Literal["transcribe", "translate"] = "transcribe"
    """`translate` gives English captions for any spoken language."""
    candidate_languages: tuple[str, ...] = ()
    """With `auto`: only these languages are considered. Empty: all the checkpoint knows."""
    detect_seconds: Annotated[float, Field(ge=0.5, le=20)] = 2.0
    """With `auto`: speech to hear before a language is chosen; nothing is committed before."""
    redetect_after_seconds: Annotated[float, Field(ge=0.5, le=86_400)] = 30.0
    """With `auto`: a silence after which another language may begin. Never in mid-speech."""
    prompt: str = ""
    """Text shown to the model before everything else: topic, spelling, style."""
    glossary: tuple[str, ...] = ()
    """Names and terms the model should spell this way."""


class EngineConfig(_Section):
    """How the model runs."""

    kind: Literal["auto", "onnx", "coreml"] = "auto"
    """`auto`: Core ML on Apple silicon, ONNX Runtime elsewhere."""
    precision: Literal["auto", "float32", "int8"] = "auto"
    """ONNX Runtime weights. `auto`: float32 for small checkpoints, int8 from base size on."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """ONNX Runtime threads. 0: half the processors, at most 4."""
    isolation: Literal["process", "thread"] = "process"
    """Where the recognizer runs. As a process it may crash or block and the audio goes on."""
    audio_context: Literal["auto", "full", "fit"] = "auto"
    """`full` pads each window to 30 s, `fit` does not. `auto`: what the checkpoint is for."""
    compute_units: Literal["auto", "all", "cpu_and_ne", "cpu_and_gpu", "cpu_only"] = "auto"
    """Core ML compute units. `auto`: Neural Engine first, then GPU, then processor."""
    deadline_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """A decode that takes longer counts as hung: it is stopped and the audio decoded again."""


class VadConfig(_Section):
    """The voice-activity gate: what counts as speech."""

    aggressiveness: Annotated[int, Field(ge=0, le=3)] = 2
    """WebRTC's mode: 0 lets most through, 3 is the strictest."""
    pre_roll_ms: Annotated[int, Field(ge=0, le=2000)] = 300
    """Audio kept from before the first speech frame, so that no first syllable is cut."""
    hangover_ms: Annotated[int, Field(ge=100, le=5000)] = 500
    """Silence that closes a segment."""
    minimum_speech_ms: Annotated[int, Field(ge=0, le=2000)] = 100
    """Shorter sounds do not open a segment."""
    maximum_segment_seconds: Annotated[float, Field(ge=2, le=WINDOW_SECONDS)] = 28.0
    """A longer segment is split, at its quietest place."""


class StreamingConfig(_Section):
    """When windows are decoded and which words are committed."""

    policy: Literal["align_att", "local_agreement", "phrase"] = "align_att"
    """`align_att`: commit what the model attends to safely before the end of the audio.
    `local_agreement`: commit what two decodes in a row agree on. `phrase`: once per phrase."""
    step_ms: Annotated[int, Field(ge=40, le=10_000)] = 300
    """Shortest time between two decodes of growing speech; longer where the machine needs it."""
    maximum_step_ms: Annotated[int, Field(ge=40, le=30_000)] = 3000
    """Longest step before the program decodes closed segments only."""
    compute_share: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Share of real time the recognizer may use; the step adapts to it."""
    window_seconds: Annotated[float, Field(ge=2, le=WINDOW_SECONDS)] = float(WINDOW_SECONDS)
    """Longest window given to the encoder."""
    trim_after_seconds: Annotated[float, Field(ge=1, le=WINDOW_SECONDS)] = 12.0
    """A window longer than this is moved up to the last committed boundary."""
    margin_ms: Annotated[int, Field(ge=0, le=5000)] = 600
    """AlignAtt: a word attended to within this distance of the end of the audio is not yet safe."""
    sure_probability: Annotated[float, Field(ge=0, le=1)] = 0.8
    """AlignAtt: a safe word with less than this is committed only when two decodes agree on it."""
    show_probability: Annotated[float, Field(ge=0, le=1)] = 0.9
    """A guess less likely than this is shown only when the next decode repeats it."""
    agreement: Annotated[int, Field(ge=2, le=5)] = 2
    """LocalAgreement: how many hypotheses in a row must agree."""
    minimum_new_audio_ms: Annotated[int, Field(ge=20, le=5000)] = 200
    """A window is decoded again only when at least this much new audio has come."""
    carry_prompt: Literal["auto", "always", "never"] = "auto"
    """Give the model the text committed before the window: it keeps spelling consistent, and hands
    on errors. `auto`: not with checkpoints for short contexts (docs/benchmarks.md)."""
    prompt_reset_silence_seconds: Annotated[float, Field(gt=0, le=86_400)] = 20.0
    """A silence this long ends a topic: the carried text is dropped."""
    catch_up_after_seconds: Annotated[float, Field(gt=0, le=86_400)] = 8.0
    """Further behind than this, only closed segments are decoded until the lag is gone."""


class DecodingConfig(_Section):
    """The decoder's rules and guards (the reference's thresholds)."""

    temperatures: Annotated[
        tuple[Annotated[float, Field(ge=0, le=2)], ...], Field(min_length=1)
    ] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """Tried in turn on a final decode until the text passes the guards; others use the first."""
    compression_ratio_threshold: Annotated[float, Field(gt=1, le=1000)] = 2.4
    """Text that compresses better than this is repeating itself."""
    log_probability_threshold: Annotated[float, Field(lt=0, ge=-1000)] = -1.0
    """Average log-probability below which a decode is distrusted."""
    no_speech_threshold: Fraction = 0.6
    """Above this no-speech probability, distrusted text is suppressed."""
    unheard_ms: Annotated[int, Field(ge=0, le=10_000)] = 250
    """This much speech for which a text has no word is decoded again: live, twice as much while a
    phrase goes on; by `refine` and `transcribe --fill-gaps`. 0: never."""
    glossary_boost: Annotated[float, Field(ge=0, le=20)] = 2.5
    """How much likelier the glossary's terms are made, in nats. 0: the model is only shown them."""
    tokens_per_second: Annotated[float, Field(gt=1, le=1000)] = 16.0
    """Token budget per second of audio; more is a loop."""
    beam_size: BeamSize = 1
    """Texts that `transcribe` follows at once; 1: the likeliest next token. Each costs a decode.
    Live captions always take the likeliest: only then is a word safe as soon as it is said."""
    refine_beam_size: BeamSize = 5
    """The same for `refine` and `--refine`."""
    patience: Annotated[float, Field(ge=1, le=10)] = 1.0
    """With a beam of N: the search is over when N times this many texts have ended."""
    length_penalty: Fraction | Literal["average"] = "average"
    """With a beam: `average` takes the text with the best log-probability per token; 0 the one with
    the best sum, which favours short ones; up to 1 in between."""


class CaptionsConfig(_Section):
    """How words become cues."""

    columns: Annotated[int, Field(ge=24, le=200)] = 42
    """Display columns in a line; East Asian wide characters count two."""
    lines: Annotated[int, Field(ge=1, le=4)] = 2
    """Lines in a cue."""
    minimum_seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Shortest time a cue stays, if the next words leave room."""
    maximum_seconds: Annotated[float, Field(gt=0, le=600)] = 7.0
    """Longest time a cue stays."""
    word_times: bool = False
    """Also write each word's time where the format can carry it (VTT, SRT)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum_seconds > self.maximum_seconds:
            raise ValueError("minimum_seconds must not be above maximum_seconds")
        return self


class OutputConfig(_Section):
    """What is written, and where."""

    files: tuple[str, ...] = ()
    """Subtitle files; the suffix chooses the format (.srt .vtt .txt .json .ttml .fcpxml)."""
    overwrite: bool = False
    """Replace files that exist."""
    keep_audio: str = ""
    """Keep the recording in this file (.wav or .flac) after a clean stop."""
    recordings: str = ""
    """Folder for recordings. Empty: the platform's state directory."""
    event_log: str = ""
    """Also write everything that happens, guesses and load included, to this file, to be measured:
    `live-whisper recordings stats FILE`."""


class DisplayConfig(_Section):
    """What the terminal shows."""

    format: Literal["auto", "rich", "plain", "jsonl"] = "auto"
    """`auto`: rich on a terminal, plain lines in a pipe."""
    show_suppressed: bool = False
    """Show, dimmed, the text the guards kept out of the captions."""
    web: str = ""
    """Also show the captions as a page in a browser: a port, or HOST:PORT to be seen from other
    machines. Empty: no page."""


class AudioConfig(_Section):
    """Where the sound comes from."""

    device: str = ""
    """Input device: its number, its name or part of its name. Empty: the system's default."""
    ring_seconds: Annotated[float, Field(ge=35, le=600)] = 60.0
    """Audio kept in memory; older audio is read back from the spool."""
    pcm_rate: Annotated[int, Field(ge=8000, le=192_000)] = 16_000
    """Sample rate of raw 16-bit little-endian PCM on standard input."""
    pcm_channels: Annotated[int, Field(ge=1, le=32)] = 1
    """Channels of raw PCM on standard input."""


class Config(_Section):
    """All settings."""

    recognition: RecognitionConfig = RecognitionConfig()
    engine: EngineConfig = EngineConfig()
    audio: AudioConfig = AudioConfig()
    vad: VadConfig = VadConfig()
    streaming: StreamingConfig = StreamingConfig()
    decoding: DecodingConfig = DecodingConfig()
    captions: CaptionsConfig = CaptionsConfig()
    output: OutputConfig = OutputConfig()
    display: DisplayConfig = DisplayConfig()
