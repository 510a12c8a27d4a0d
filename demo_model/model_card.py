"""The README.md of the checkpoint folder, with the figures that were measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo_model import grammar
from demo_model.losses import ALIGNMENT_HEADS
from demo_model.voices import VARIANTS

_TEXT = """\
---
language: [en, ko]
license: mit
library_name: transformers
pipeline_tag: automatic-speech-recognition
---

# live-whisper demo checkpoint

A small model of the Whisper architecture, trained from scratch by `demo_model/` on speech that
the synthesiser espeak-ng spoke. It exists so that everything can be built, tested and shown
where official weights cannot be downloaded.

**It is not for real speech.** It recognises the synthesiser's voices, in English and Korean,
within a vocabulary of {en_words} English and {ko_words} Korean word forms, and nothing else.

## What it does

* transcribes English and Korean, with and without timestamps; translates Korean to English
* takes previous text after `<|startofprev|>` (without making much of it), and windows that begin
  or end in mid-sentence
* marks windows without speech (`<|nospeech|>`) and tells the two languages apart
* works with a context as short as the audio (`audio_context = "fit"`) and with 30 s of padding

## Data

* Sentences: {patterns} patterns with slots and {turns} short turns, parallel in both languages:
  meetings, business, lectures, travel, weather, daily life. A sentence whose English and Korean
  texts both hash into the test fifth is never trained on, and every figure below is on such
  sentences only.
* Voices: espeak-ng's `en-us`, `en`, `en-GB-x-rp` and `ko`, each with {train_voices} variants in
  training and {test_voices} other variants in the test, at 130 to 195 words per minute.
* Windows of 2 to 30 s: sentences with pauses, levels from 0.1 to 1, cut and ended anywhere;
  noise, hum, clicks and musical tones under them or alone.

## Model

80 mel bands, width {width}, {heads} heads, {encoder} encoder and {decoder} decoder layers,
{size} tokens: a subset of the standard multilingual vocabulary in its order (so it can be
expanded exactly, `demo_model/expand.py`), special tokens, 1501 timestamps. Half precision.
Tokens that were never trained have a constant logit of -40 and cannot be chosen.

Training minimises the next token's cross-entropy and, with weights, the attention of some
cross-attention heads outside the known time of a token, and the cross-entropy of phonemes and
of tokens per frame. In half of the sequences what the decoder reads holds mistakes.

The alignment heads (layer, head) {alignment} look at the token that is about to be *predicted*: the
row of the token before it, as in openai-whisper's word timestamps.

## Measured, greedy, on unseen sentences and unseen voices

English is scored by words, Korean by characters without spaces, both without case and
punctuation; "noise": with the louder noise of the training windows; "fit" encodes the window as
it is, "full" pads it to 30 s. Times are the mean absolute error of segment starts and ends over
windows with the right number of segments.

| windows | error rate | time error, mean (median) | windows with the right segments |
|---|---|---|---|
{rows}

{detection}

## Limits

Translation is rough. Noise without speech is not always recognised as such: use a voice activity
detector in front. Chains of windows, as in a long file, do worse than single ones.

Unknown words, names, accents, human voices, other languages, music and overlapping speakers are
out of its reach; it answers them with words it knows. Names that are rare in its data are often
mistaken, also where the prompt holds them: it hardly reads its prompt.
"""


def rows(report: Mapping[str, Any]) -> str:
    """Lines of the table."""
    lines = []
    for name, score in report.items():
        if name == "detection":
            continue
        lines.append(f"| {name} | {100 * score['error_rate']:.1f} % | {_times(score)} |")
    return "\n".join(lines)


def _times(score: Mapping[str, Any]) -> str:
    """The columns about times; they are empty for windows decoded without timestamps."""
    if not score["timestamps"] or math.isnan(score["timestamp_error_s"]):
        return "– | –"
    mean, median = score["timestamp_error_s"], score["timestamp_median_s"]
    return f"{mean:.3f} ({median:.3f}) s | {100 * score['windows_with_right_segments']:.0f} %"


def write_card(checkpoint: Path, report: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Write `README.md` into the checkpoint folder; `sizes` are the model's dimensions."""
    found = report.get("detection", {})
    detection = (
        f"Language right in {100 * found['language']:.1f} % of windows of 3 and 10 s with speech; "
        f"speech kept (no-speech probability below 0.5) in {100 * found['speech_kept']:.1f} %, "
        f"silence and noise found in {100 * found['silence_found']:.1f} % of "
        f"{found['silent_windows']} windows."
        if found
        else ""
    )
    text = _TEXT.format(
        en_words=len(grammar.word_forms("en")),
        ko_words=len(grammar.word_forms("ko")),
        patterns=sum(len(grammar.patterns(topic)) for topic in grammar.TOPICS),
        turns=len(grammar.patterns("fixed")),
        train_voices=len(VARIANTS["train"]),
        test_voices=len(VARIANTS["test"]),
        width=sizes["n_audio_state"],
        heads=sizes["n_audio_head"],
        encoder=sizes["n_audio_layer"],
        decoder=sizes["n_text_layer"],
        size=sizes["n_vocab"],
        alignment=", ".join(str(pair) for pair in ALIGNMENT_HEADS),
        rows=rows(report),
        detection=detection,
    )
    (checkpoint / "README.md").write_text(text, encoding="utf-8")
