"""What a glossary does for rare names: live and offline, with it and without.

    python -m benchmarks.glossary [--checkpoint DIR] [--meetings 4] [--times 4] [--snr 15]
        [--languages en ko] [--boost NATS] [--json FILE] [--names]

Every meeting is about a few of the demo lexicon's rare names and products, in test sentences and
test voices. It is decoded with no glossary, with a glossary of its names among as many others
that nobody says (only shown to the model, and made likelier as well, which is the program's way),
and with only the others. ``names`` is the share of the names said that are
written exactly (a Korean particle may follow); ``false`` counts names written where nobody said
them. With one thread the figures are the same on every run.
"""

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.corpus import SPEECH_RMS, Built, Scene, make_noise
from benchmarks.streaming import Loaded, load, machine, offline_words, stream
from demo_model import grammar, voices
from demo_model.lexicon import LEXICON, Entry
from demo_model.synth import SAMPLE_RATE, synthesise
from live_whisper.cli.transcribe import longform_settings
from live_whisper.config.schema import Config
from live_whisper.hub.resolve import demo_path
from live_whisper.streaming.evaluation.judge import offline_rates
from live_whisper.streaming.evaluation.units import ReferenceWord, Unit, committed_units, plain
from live_whisper.types.events import Committed
from live_whisper.types.text import Word
from live_whisper.units import ms_to_samples

NAMES = (*LEXICON["rare"], *LEXICON["term"])
DRAWS = 10_000
"""Test sentences looked through for the names: about eight seconds."""
NEAR = ms_to_samples(1000)
"""A name written this near to where it was said stands for it."""
CONDITIONS = ("none", "shown", "glossary", "others only")


@dataclass(frozen=True)
class Meeting:
    """A recording about some names."""

    built: Built
    language: str
    said: tuple[str, ...]
    others: tuple[str, ...]
    """Names for the glossary that nobody says."""

    def glossary(self, condition: str) -> tuple[str, ...]:
        if condition == "none":
            return ()
        return tuple(sorted(self.others if condition == "others only" else self.said + self.others))


@dataclass(frozen=True)
class Score:
    """Names of one or more recordings."""

    said: int
    written: int
    false: int
    errors: float
    """Percent: words in English, characters in Korean."""
    missed: tuple[str, ...] = ()
    """What stands where a name was said but is not written."""

    @property
    def recall(self) -> float:
        """Percent."""
        return 100.0 * self.written / max(1, self.said)


# --- meetings -----------------------------------------------------------------------------------


def sentences(rng: random.Random, draws: int = DRAWS) -> dict[str, list[tuple[str, str]]]:
    """English name to the different test sentences, in both languages, that hold it."""
    found: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for _ in range(draws):
        pair = grammar.sample(rng, "test")
        for entry in NAMES:
            if entry.english[""] in pair[0]:
                found[entry.english[""]][pair] = None
    return {name: list(pairs) for name, pairs in found.items()}


def meetings(
    language: str, count: int, times: int, pool: dict[str, list[tuple[str, str]]], snr: float
) -> list[Meeting]:
    """The names shared out over ``count`` meetings, each said ``times`` times."""
    rng = random.Random(f"glossary {language}")
    known = [entry for entry in NAMES if entry.english[""] in pool]
    rng.shuffle(known)
    return [
        _meeting(language, known[number::count], times, pool, snr, f"{language}-{number}")
        for number in range(count)
    ]


def _meeting(
    language: str,
    entries: list[Entry],
    times: int,
    pool: dict[str, list[tuple[str, str]]],
    snr: float,
    name: str,
) -> Meeting:
    rng = random.Random(f"glossary {name}")
    side = 0 if language == "en" else 1
    lines = []
    for entry in entries:
        pairs = pool[entry.english[""]]
        lines += [pairs[turn % len(pairs)][side] for turn in range(times)]
    rng.shuffle(lines)
    pcm, words = _speak(lines, language, rng, snr)
    others = [entry for entry in NAMES if entry not in entries]
    rng.shuffle(others)
    built = Built(Scene(name, len(pcm) / SAMPLE_RATE, (language,)), pcm, tuple(words))
    spelled = [_spelling(entry, language) for entry in entries]
    return Meeting(
        built,
        language,
        tuple(spelled),
        tuple(_spelling(entry, language) for entry in others[: len(entries)]),
    )


def _spelling(entry: Entry, language: str) -> str:
    return (entry.english if language == "en" else entry.korean)[""]


def _speak(
    lines: Sequence[str], language: str, rng: random.Random, snr: float
) -> tuple[np.ndarray, list[ReferenceWord]]:
    """16-bit samples and the words, each sentence by another test voice; room noise below it."""
    parts: list[np.ndarray] = [np.zeros(SAMPLE_RATE, np.float32)]
    words: list[ReferenceWord] = []
    for line in lines:
        at = sum(map(len, parts))
        speech = synthesise(line, voices.sample(rng, language, "test"))
        parts += [speech.samples * np.float32(0.7), np.zeros(round(rng.uniform(0.4, 1.2) * 16e3))]
        words += [ReferenceWord(w.text, w.start + at, w.end + at, language) for w in speech.words]
    sound = np.concatenate([*parts, np.zeros(SAMPLE_RATE)]).astype(np.float32)
    noise = make_noise("room", np.random.default_rng(7), 7)
    level = np.float32(SPEECH_RMS * 10 ** (-snr / 20))
    sound += level * np.resize(noise, len(sound))
    return np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16), words


# --- judging ------------------------------------------------------------------------------------


def score(meeting: Meeting, written: Sequence[Word]) -> Score:
    """Names written where they were said, and elsewhere."""
    units = committed_units(written)
    names = {plain(name) for name in (*meeting.said, *meeting.others)}
    said = [
        (next(name for name in names if plain(word.text).startswith(name)), word)
        for word in meeting.built.words
        if plain(word.text).startswith(tuple(names))
    ]
    missed = [
        f"{name}: {_there(word, units)}"
        for name, word in said
        if not any(unit.text.startswith(name) for unit in _near(word, units))
    ]
    false = [
        unit for unit in units if (name := _begins(unit, names)) and not _said(name, unit, said)
    ]
    rates = offline_rates(meeting.built.said, written)
    return Score(
        said=len(said),
        written=len(said) - len(missed),
        false=len(false),
        errors=rates.get(meeting.language, 0.0),
        missed=tuple(missed),
    )


def _begins(unit: Unit, names: set[str]) -> str | None:
    return next((name for name in names if unit.text.startswith(name)), None)


def _said(name: str, unit: Unit, said: Sequence[tuple[str, ReferenceWord]]) -> bool:
    return any(name == other and abs(unit.middle - _middle(word)) <= NEAR for other, word in said)


def _middle(word: ReferenceWord) -> int:
    return (word.start + word.end) // 2


def _near(word: ReferenceWord, units: Sequence[Unit]) -> list[Unit]:
    return [unit for unit in units if abs(unit.middle - _middle(word)) <= NEAR]


def _there(word: ReferenceWord, units: Sequence[Unit]) -> str:
    """What was written while the word was said."""
    over = [u.text for u in units if u.start < word.end and word.start < u.end]
    return " ".join(over) or "nothing"


def total(scores: Sequence[Score]) -> Score:
    """Of several meetings; error rates weigh alike, as the meetings are of one length."""
    return Score(
        said=sum(item.said for item in scores),
        written=sum(item.written for item in scores),
        false=sum(item.false for item in scores),
        errors=sum(item.errors for item in scores) / max(1, len(scores)),
        missed=tuple(text for item in scores for text in item.missed),
    )


# --- running ------------------------------------------------------------------------------------


def configuration(meeting: Meeting, condition: str, settings: Config) -> Config:
    """The settings with the meeting's language and a condition's glossary."""
    changed = {"language": meeting.language, "glossary": meeting.glossary(condition)}
    recognition = settings.recognition.model_copy(update=changed)
    decoding = settings.decoding
    if condition == "shown":
        decoding = decoding.model_copy(update={"glossary_boost": 0.0})
    return settings.model_copy(update={"recognition": recognition, "decoding": decoding})


def live(loaded: Loaded, meeting: Meeting, config: Config) -> list[Word]:
    """The committed words of a run on the virtual clock."""
    result, _ = stream(loaded, meeting.built, config)
    events = (event for event in result.events if isinstance(event, Committed))
    return [word for event in events for word in event.words]


def offline(loaded: Loaded, meeting: Meeting, config: Config) -> list[Word]:
    """The words of ``live-whisper transcribe``."""
    return offline_words(loaded, meeting.built, longform_settings(config, loaded.checkpoint))


def compare(loaded: Loaded, heard: Sequence[Meeting], settings: Config) -> dict[str, Score]:
    """``"live, glossary"`` and so on to the scores of one language's meetings."""
    found: dict[str, Score] = {}
    for path, decode in (("live", live), ("offline", offline)):
        for condition in CONDITIONS:
            scores = [
                score(meeting, decode(loaded, meeting, configuration(meeting, condition, settings)))
                for meeting in heard
            ]
            found[f"{path}, {condition}"] = total(scores)
    return found


def main() -> None:
    """Print a table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--meetings", type=int, default=4)
    parser.add_argument("--times", type=int, default=4, help="how often each name is said")
    parser.add_argument("--snr", type=float, default=15.0, help="of the room noise, dB")
    parser.add_argument("--languages", nargs="+", choices=("en", "ko"), default=["en", "ko"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--boost", type=float, help="instead of the default, nats")
    parser.add_argument("--names", action="store_true", help="show what was written instead")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    loaded = load(options.checkpoint or demo_path(), options.threads, fit=True)
    pool = sentences(random.Random(4), options.draws)
    settings = Config()
    if options.boost is not None:
        decoding = settings.decoding.model_copy(update={"glossary_boost": options.boost})
        settings = settings.model_copy(update={"decoding": decoding})
    document: dict[str, object] = {"machine": machine(), "arguments": vars(options) | {"json": ""}}
    print(f"{'':26} {'names':>7} {'said':>5} {'false':>6} {'error %':>8}", flush=True)
    for language in options.languages:
        heard = meetings(language, options.meetings, options.times, pool, options.snr)
        found = compare(loaded, heard, settings)
        for label, item in found.items():
            print(
                f"{language}, {label:22} {item.recall:5.1f} % {item.said:5d} {item.false:6d}"
                f" {item.errors:8.2f}",
                flush=True,
            )
            if options.names:
                print("    " + "; ".join(item.missed))
        document[language] = {
            label: asdict(item) | {"recall_percent": item.recall} for label, item in found.items()
        }
    if options.json:
        text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
