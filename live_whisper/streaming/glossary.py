"""Prompt and glossary: what stands before everything else in every prompt, and what is likely."""

from collections.abc import Sequence
from dataclasses import dataclass

from live_whisper.decoding.boost import TermBoost
from live_whisper.decoding.prompt import PROMPT_TOKENS
from live_whisper.whisper.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class FixedPrompt:
    """What the model is always shown."""

    tokens: tuple[int, ...]
    terms: int
    """Terms of the glossary that found room, from its beginning."""


def fixed_prompt(
    prompt: str, glossary: Sequence[str], tokenizer: Tokenizer, budget: int = PROMPT_TOKENS
) -> FixedPrompt:
    """The prompt's text and the glossary as a sentence: ``A, B, C.``, at most ``budget`` tokens.

    A sentence, because text that was said follows it. A glossary that is too long loses whole
    terms from its end; a prompt that is too long loses its beginning, as in the reference.
    """
    head = tuple(tokenizer.encode(f" {prompt.strip()}"))[-budget:] if prompt.strip() else ()
    room = budget - len(head)
    low, high = 0, len(glossary)
    best: tuple[int, ...] = ()
    while low < high:  # the most terms that fit
        count = (low + high + 1) // 2
        tokens = tuple(tokenizer.encode(f" {', '.join(glossary[:count])}."))
        if len(tokens) <= room:
            low, best = count, tokens
        else:
            high = count - 1
    return FixedPrompt(head + best, low)


def term_boost(glossary: Sequence[str], tokenizer: Tokenizer, nats: float) -> TermBoost | None:
    """Makes every term of the glossary likelier, those for which the prompt has no room too."""
    if not glossary or not nats:
        return None
    return TermBoost((tokenizer.encode(f" {term}") for term in glossary), nats)


def too_long(fixed: FixedPrompt, glossary: Sequence[str]) -> str | None:
    """One line for the user where terms are left out."""
    if fixed.terms >= len(glossary):
        return None
    return (
        f"The glossary is longer than the prompt: the model is shown the first {fixed.terms} of"
        f" {len(glossary)} terms."
    )
