"""The whole way on both engines: same checkpoint, same sound, same tokens, words and subtitles."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from support.checkpoints import make_random_checkpoint

from live_whisper.audio.files import open_media
from live_whisper.captions.cues import CueBuilder
from live_whisper.captions.srt import SrtWriter
from live_whisper.captions.writer import DocumentInfo, WriterOptions
from live_whisper.decoding.file_mel import FileMel
from live_whisper.decoding.longform import LongForm, LongFormSettings
from live_whisper.decoding.window import NO_GUARDS, WindowDecoder
from live_whisper.engines.coreml.convert import convert
from live_whisper.engines.coreml.engine import CoreMLEngine, EngineOptions
from live_whisper.engines.coreml.options import ConvertOptions
from live_whisper.engines.onnx.engine import OnnxEngine
from live_whisper.units import SAMPLE_RATE, SAMPLES_PER_POSITION
from live_whisper.whisper.checkpoint import load_checkpoint
from live_whisper.whisper.mel import LogMel
from tests.engines.coreml.mil.backend import InterpreterBackend

SECONDS = 31  # more than a window, so that the second one gets the first one's text as its prompt
MOST_APART = SAMPLE_RATE * 3 // 10


@dataclass(frozen=True)
class Transcript:
    """What a run over a recording gave."""

    tokens: list
    words: list
    srt: str


def transcribe(checkpoint, engine, samples, **settings) -> Transcript:
    """The long-form algorithm and the subtitle writer of the product."""
    decoder = WindowDecoder(engine, checkpoint.tokenizer, checkpoint.generation, guards=NO_GUARDS)
    with FileMel(LogMel(checkpoint.dims.n_mels)) as mel:
        mel.push(samples)
        mel.finish()
        segments = list(LongForm(decoder, mel, LongFormSettings(**settings)).run())
    words = [word for segment in segments for word in segment.words]
    builder = CueBuilder()
    cues = [*builder.push(words), *builder.flush()]
    writer = SrtWriter(DocumentInfo(), WriterOptions())
    srt = writer.header() + "".join(writer.cue(cue) for cue in cues) + writer.footer()
    return Transcript([t for segment in segments for t in segment.tokens], words, srt)


def assert_same(ours: Transcript, reference: Transcript) -> None:
    """Tokens and texts without exception; times as ``assert_close`` has it."""
    assert ours.tokens == reference.tokens
    assert [word.text for word in ours.words] == [word.text for word in reference.words]
    times = [(word.start, word.end) for word in ours.words]
    assert_close(times, [(word.start, word.end) for word in reference.words])


def assert_close(times, others) -> None:
    """Samples, a row of them for each word or cue.

    At most one position (20 ms) apart, but for the odd boundary in a pause: every place in it is as
    good for the alignment, and a rounding decides.
    """
    apart = np.abs(np.array(times) - np.array(others)).ravel()
    assert np.mean(apart <= SAMPLES_PER_POSITION) >= 0.9
    assert apart.max() <= MOST_APART


@pytest.fixture(scope="module")
def demo(demo_folder):
    return load_checkpoint(demo_folder)


@pytest.fixture(scope="module")
def clip(demo_folder):
    """The first half minute of the bundled clip."""
    files = sorted(file for file in demo_folder.rglob("*") if file.suffix in {".flac", ".wav"})
    if not files:
        pytest.skip("the demo clip is not here")
    with open_media(files[0]) as media:
        samples = np.concatenate(list(media.blocks()))
    return samples[: SECONDS * SAMPLE_RATE]


@pytest.fixture(scope="module")
def demo_reference(demo, clip, tmp_path_factory):
    engine = OnnxEngine.load(demo, threads=1, cache_dir=tmp_path_factory.mktemp("onnx"))
    yield transcribe(demo, engine, clip, language="en")
    engine.close()


def on_interpreter(checkpoint, root: Path, **options) -> CoreMLEngine:
    """Converted and loaded; the interpreter is under the engine."""
    options = {"context_positions": (checkpoint.dims.n_audio_ctx,), **options}
    convert(checkpoint, root / "model", ConvertOptions(**options))
    engine_options = EngineOptions(packages=root / "model", cache_dir=root / "cache")
    backend = InterpreterBackend()
    engine = CoreMLEngine.load(checkpoint, engine_options, backend=backend)
    assert set(backend.loaded.values()) == {1}
    assert set(backend.compiled.values()) == {1}
    return engine


def cues_of(srt):
    """(start, end, text) of each block, times in milliseconds."""
    cues = []
    for block in srt.strip().split("\n\n"):
        _, times, *lines = block.split("\n")
        start, end = (
            int(t[:2]) * 3_600_000 + int(t[3:5]) * 60_000 + int(t[6:8]) * 1000 + int(t[9:])
            for t in times.split(" --> ")
        )
        cues.append((start, end, lines))
    return cues


@pytest.mark.parametrize(
    "options",
    [{"compute_precision": "float32"}, {}, {"stateful": True}],
    ids=["float32", "float16", "stateful"],
)
def test_demo_clip(demo, clip, demo_reference, tmp_path, options):
    """The same tokens, word times within one position, and the same subtitle file.

    In float32 to the byte; in float16 up to what rounding does to the times.
    """
    engine = on_interpreter(demo, tmp_path, **options)
    ours = transcribe(demo, engine, clip, language="en")
    engine.close()
    assert len(demo_reference.words) > 20
    assert_same(ours, demo_reference)
    if options == {"compute_precision": "float32"}:
        assert ours.srt == demo_reference.srt
        assert ours.words == [
            replace(word, probability=mine.probability)
            for word, mine in zip(demo_reference.words, ours.words, strict=True)
        ]
    cues, others = cues_of(ours.srt), cues_of(demo_reference.srt)
    assert len(cues) >= 3
    assert [lines for _, _, lines in cues] == [lines for _, _, lines in others]
    in_samples = [[(16 * start, 16 * end) for start, end, _ in each] for each in (cues, others)]
    assert np.abs(np.subtract(*map(np.array, in_samples))).max() <= MOST_APART


def chirps(seconds):
    """Sound that a random model hears something in."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sweep = np.sin(2 * np.pi * (200 + 900 * np.abs(np.sin(1.7 * time))) * time)
    envelope = np.abs(np.sin(2 * np.pi * 0.6 * time))
    return (0.3 * sweep * envelope).astype(np.float32)


def test_random_model_says_the_same_nonsense(tmp_path):
    """No weights of ours needed; near ties are what tells two arithmetics apart."""
    folder = make_random_checkpoint(tmp_path / "c", alignment_heads=[[0, 1], [1, 0]], seed=5)
    checkpoint = load_checkpoint(folder)
    samples = chirps(8)
    reference = OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path / "onnx")
    engine = on_interpreter(checkpoint, tmp_path)
    mel = LogMel(checkpoint.dims.n_mels).compute(samples, 3000)
    logits = []
    for each in (reference, engine):
        with each.decoder.open(each.encoder.encode(mel), want_attention=True) as session:
            first = session.append([checkpoint.tokenizer.sot, 5, 9])
            rows = [first]
            token = int(first.logits.argmax())
            for _ in range(12):
                rows.append(session.append([token]))
                token = int(rows[-1].logits.argmax())
            logits.append(rows)
    for theirs, ours in zip(*logits, strict=True):
        assert theirs.logits.argmax() == ours.logits.argmax()
        assert np.abs(theirs.logits - ours.logits).max() < 0.05
        assert np.abs(theirs.attention - ours.attention).max() < 5e-3
    engine.close()
    reference.close()


def test_large_v3_turbo_shape(tmp_path):
    """128 mel bins and the vocabulary of large-v3, reduced in layers and width."""
    pytest.importorskip("whisper", reason="the vocabulary comes from openai-whisper")
    folder = make_random_checkpoint(
        tmp_path / "turbo",
        d_model=80,  # 20 heads would be 64 wide each at full size
        layers=2,
        heads=5,
        n_mels=128,
        vocab="51866",
        alignment_heads=[[0, 4], [1, 2]],
    )
    checkpoint = load_checkpoint(folder)
    assert (checkpoint.dims.n_mels, checkpoint.dims.n_vocab) == (128, 51866)
    rng = np.random.default_rng(0)
    mel = np.clip(rng.standard_normal((128, 400)) * 0.4, -1, 1.5).astype(np.float32)
    reference = OnnxEngine.load(checkpoint, threads=1, cache_dir=tmp_path / "onnx")
    engine = on_interpreter(
        checkpoint, tmp_path, context_positions=(200,), quantize="palette8", text_positions=64
    )
    tokenizer = checkpoint.tokenizer
    prompt = [tokenizer.sot, tokenizer.languages["ko"], tokenizer.transcribe]
    outputs = []
    for each in (reference, engine):
        with each.decoder.open(each.encoder.encode(mel), want_attention=True) as session:
            outputs.append(session.append([*prompt, 51865, 30_000, 40_000]))
    theirs, ours = outputs
    assert ours.logits.shape == (51866,)
    assert ours.attention.shape == theirs.attention.shape == (6, 2, 200)
    assert np.corrcoef(ours.logits, theirs.logits)[0, 1] > 0.999
    assert np.abs(ours.attention - theirs.attention).max() < 0.05
    engine.close()
    reference.close()
