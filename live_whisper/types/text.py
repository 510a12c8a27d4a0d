"""Words and hypotheses."""

from dataclasses import dataclass, field

_SENTENCE_ENDS = (".", "?", "!", "。", "？", "！")


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its place in the stream."""

    text: str
    """As the tokenizer spells it, leading space included where the language writes one, trailing
    punctuation attached; concatenating the words of a sentence gives the sentence."""
    start: int
    """Absolute sample at which the word begins."""
    end: int
    """Absolute sample just after the word; never before ``start``."""
    probability: float = 1.0
    """Mean probability of the word's tokens, 0–1."""
    tokens: tuple[int, ...] = ()
    """The text tokens the word was decoded from."""
    segment_start: int | None = None
    """Sample of the timestamp token before this word, where the model wrote one."""
    segment_end: int | None = None
    """Sample of the timestamp token after this word, where the model wrote one."""

    @property
    def ends_sentence(self) -> bool:
        """Whether the model closed a segment here or wrote a sentence's last sign."""
        return self.segment_end is not None or self.text.rstrip().endswith(_SENTENCE_ENDS)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Text the guards kept out of the captions, and why. It stays in the journal."""

    words: tuple[Word, ...]
    reason: str
    """``"no_speech"``, ``"repetition"``, ``"behind_commit"`` or ``"repeated_at_seam"``."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What one decode of one window says, after the forced prefix."""

    words: tuple[Word, ...]
    """New words in order; the committed prefix is not repeated here."""
    stable: int
    """The first ``stable`` words are safe by the in-loop policy; the others are tentative."""
    language: str
    """Whisper's code, such as ``ko``."""
    language_probability: float = 1.0
    """1.0 where the language was given."""
    language_probabilities: tuple[tuple[str, float], ...] = ()
    """The likeliest languages, best first, where the language was to be detected."""
    no_speech_probability: float = 0.0
    average_log_probability: float = 0.0
    compression_ratio: float = 1.0
    temperature: float = 0.0
    """Above 0 where the decode fell back to sampling."""
    suppressed: tuple[Suppressed, ...] = ()
    decoded_tokens: int = 0
    """Tokens generated, prefix not counted."""
    costs_ns: dict[str, int] = field(default_factory=dict)
    """Engine time by stage: ``mel``, ``encode``, ``prefill``, ``decode``."""

    @property
    def text(self) -> str:
        """The words joined as written."""
        return "".join(word.text for word in self.words)
