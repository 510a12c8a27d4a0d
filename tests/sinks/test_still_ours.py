"""Whether a subtitle file is still as a run left it."""

import dataclasses

import pytest

from live_whisper.captions.writer import WriterOptions
from live_whisper.streaming.rebuild import rebuild_file, still_ours
from live_whisper.streaming.sinks.captioning import OutputSpec
from live_whisper.streaming.sinks.journal import JournalSink
from live_whisper.types.events import Committed
from live_whisper.types.text import Word

KOREAN = "오늘 회의에서는 다음 분기 예산을 확인하고 새로운 제품의 일정도 봅니다. 내일 다시 만나요."
JAPANESE = "今日は会議を始めます。来週の予算を確認して、新しい製品の予定も見ます。"
ENGLISH = "We looked at the numbers 42 and 17 again. The next meeting is on Monday at ten o'clock."


def words_of(text: str) -> list[Word]:
    parts = text.split() if " " in text else [text[i : i + 2] for i in range(0, len(text), 2)]
    space = " " if " " in text else ""
    return [Word(space + part, i * 6400, (i + 1) * 6400) for i, part in enumerate(parts)]


@pytest.mark.parametrize("word_times", [False, True])
@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".txt"])
@pytest.mark.parametrize("text", [KOREAN, JAPANESE, ENGLISH])
def test_a_file_rebuilt_at_any_word_is_ours_at_every_later_one(tmp_path, text, suffix, word_times):
    journal, output = tmp_path / "j", OutputSpec(tmp_path / f"m{suffix}")
    output = dataclasses.replace(output, options=WriterOptions(words=word_times))
    sink = JournalSink(journal)
    for count, word in enumerate(words_of(text)):
        sink.handle(Committed(word.end, (word,)))
        if count % 3 == 0:
            assert not output.path.exists() or still_ours(journal, output), count
            rebuild_file(journal, output)
    sink.close()
    rebuild_file(journal, output)
    whole = output.path.read_bytes()
    for length in range(0, len(whole), 7):
        output.path.write_bytes(whole[:length])
        assert still_ours(journal, output)


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".txt"])
@pytest.mark.parametrize("text", [KOREAN, JAPANESE, ENGLISH])
def test_what_somebody_else_wrote_is_theirs(tmp_path, text, suffix):
    journal, output = tmp_path / "j", OutputSpec(tmp_path / f"m{suffix}")
    sink = JournalSink(journal)
    for word in words_of(text):
        sink.handle(Committed(word.end, (word,)))
    sink.close()
    rebuild_file(journal, output)
    whole = output.path.read_text()
    more = "9\n01:00:00,000 --> 01:00:02,000\nSaid since.\n\n"
    first = words_of(text)[0].text.strip()
    for theirs in (whole + more, whole.replace(first, "Mine", 1), more):
        output.path.write_text(theirs)
        assert not still_ours(journal, output), theirs
