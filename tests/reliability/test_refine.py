"""The second pass: which audio it reads, how it is written, how the texts differ."""

from pathlib import Path

import numpy as np
import pytest
from support.meeting import make_meeting

from live_whisper.audio.files import open_media
from live_whisper.audio.spool import SpoolWriter
from live_whisper.captions.cues import CueLimits
from live_whisper.cli.refine import Options, difference_lines, final_name
from live_whisper.config.schema import Config
from live_whisper.decoding.segments import Segment
from live_whisper.errors import ConfigError, InputError
from live_whisper.runtime.refine import Heard, audio_of, compare, cues_of
from live_whisper.runtime.transcriber import Transcript
from live_whisper.types.text import Word


def words(text: str, start: int = 0) -> list[Word]:
    return [
        Word(f" {word}", start + n * 8000, start + (n + 1) * 8000)
        for n, word in enumerate(text.split())
    ]


def transcript(*texts: tuple[int, str]) -> Transcript:
    segments = tuple(
        Segment(start, start + 16_000, text, (), tuple(words(text, start)), 0, 0.0, 0.0, 1.0, 0.0)
        for start, text in texts
    )
    return Transcript(segments, "en", 1.0, 160_000, 0, 1.0, ())


def test_differences_have_their_place_and_context() -> None:
    found = compare(
        words("The meat starts at nine. Anna will send it"),
        words("the meeting starts at nine Anna will send it soon."),
    )
    assert (found.live_words, found.final_words, found.same_words) == (9, 10, 8)
    first, second = found.differences
    assert (first.live, first.final) == ("meat", "meeting")
    assert (first.before, first.after) == ("the", "starts at nine")
    assert first.at == 8000
    assert (second.live, second.final, second.after) == ("", "soon.", "")
    lines = list(difference_lines(found))
    assert lines[0] == "00:00:00  the [-meat-] {+meeting+} starts at nine"
    assert lines[-1] == "8 words the same, 1 only live, 2 only in the second pass"


def test_equal_texts_have_no_difference() -> None:
    found = compare(words("회의는 아홉 시에 시작합니다."), words("회의는 아홉 시에 시작합니다"))
    assert found.differences == ()
    assert found.same_words == 4
    assert compare([], []).differences == ()


def test_control_characters_never_reach_the_terminal() -> None:
    found = compare(words("a \x1b[31mred b"), words("a c b"))
    assert not any("\x1b" in line for line in difference_lines(found))


def test_inputs_come_in_the_order_they_spoke_in() -> None:
    me = Heard("me", transcript((0, "One two."), (64_000, "Five six.")))
    them = Heard("them", transcript((32_000, "Three four.")))
    cues = list(cues_of([me, them], CueLimits()))
    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)
    assert [cue.text.split()[-1] for cue in cues] == ["two.", "four.", "six."]


def test_the_live_file_is_never_the_target() -> None:
    assert final_name(Path("a/talk.srt")) == Path("a/talk.final.srt")


def samples_of(path: Path) -> np.ndarray:
    with open_media(path) as media:
        return np.concatenate(list(media.blocks()))


def test_the_audio_is_the_spool_whole_or_in_parts(tmp_path: Path) -> None:
    sound = make_meeting(8.0).samples
    one, two = tmp_path / "one", tmp_path / "two"
    writer = SpoolWriter(one)
    writer.append(sound)  # not closed: as after a crash
    with audio_of(one, None) as path:
        assert np.array_equal(samples_of(path), sound)
    writer.close()
    for start, end in ((0, 32_000), (48_000, len(sound))):
        part = SpoolWriter(two, start=start)
        part.append(sound[start:end])
        part.close()
    before = set(two.iterdir())
    with audio_of(two, None) as path:
        found = samples_of(path)
    assert np.array_equal(found[:32_000], sound[:32_000])
    assert not found[32_000:48_000].any()
    assert np.array_equal(found[48_000:], sound[48_000:])
    assert set(two.iterdir()) == before


def test_the_beam_is_the_options_or_the_settings() -> None:
    recorded = Config.model_validate({"decoding": {"refine_beam_size": 3}})
    assert Options().adjust(Config()).decoding.refine_beam_size == 5
    assert Options().adjust(recorded).decoding.refine_beam_size == 3
    assert Options(beam=8).adjust(recorded).decoding.refine_beam_size == 8
    with pytest.raises(ConfigError, match="less than or equal to 16"):
        Options(beam=17).adjust(recorded)


def test_without_audio_it_says_what_to_do(tmp_path: Path) -> None:
    kept = tmp_path / "kept.wav"
    with pytest.raises(InputError, match="--keep-audio"), audio_of(tmp_path, kept):
        pass
    kept.write_bytes(b"")
    with audio_of(tmp_path, kept) as path:
        assert path == kept
