"""The languages Whisper knows, in the order of its tokens, and how people may name them.

Codes and order follow openai/whisper ``whisper/tokenizer.py``; ``yue`` came with large-v3.
"""

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from live_whisper.errors import UsageError, one_line

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "en": "english",
        "zh": "chinese",
        "de": "german",
        "es": "spanish",
        "ru": "russian",
        "ko": "korean",
        "fr": "french",
        "ja": "japanese",
        "pt": "portuguese",
        "tr": "turkish",
        "pl": "polish",
        "ca": "catalan",
        "nl": "dutch",
        "ar": "arabic",
        "sv": "swedish",
        "it": "italian",
        "id": "indonesian",
        "hi": "hindi",
        "fi": "finnish",
        "vi": "vietnamese",
        "he": "hebrew",
        "uk": "ukrainian",
        "el": "greek",
        "ms": "malay",
        "cs": "czech",
        "ro": "romanian",
        "da": "danish",
        "hu": "hungarian",
        "ta": "tamil",
        "no": "norwegian",
        "th": "thai",
        "ur": "urdu",
        "hr": "croatian",
        "bg": "bulgarian",
        "lt": "lithuanian",
        "la": "latin",
        "mi": "maori",
        "ml": "malayalam",
        "cy": "welsh",
        "sk": "slovak",
        "te": "telugu",
        "fa": "persian",
        "lv": "latvian",
        "bn": "bengali",
        "sr": "serbian",
        "az": "azerbaijani",
        "sl": "slovenian",
        "kn": "kannada",
        "et": "estonian",
        "mk": "macedonian",
        "br": "breton",
        "eu": "basque",
        "is": "icelandic",
        "hy": "armenian",
        "ne": "nepali",
        "mn": "mongolian",
        "bs": "bosnian",
        "kk": "kazakh",
        "sq": "albanian",
        "sw": "swahili",
        "gl": "galician",
        "mr": "marathi",
        "pa": "punjabi",
        "si": "sinhala",
        "km": "khmer",
        "sn": "shona",
        "yo": "yoruba",
        "so": "somali",
        "af": "afrikaans",
        "oc": "occitan",
        "ka": "georgian",
        "be": "belarusian",
        "tg": "tajik",
        "sd": "sindhi",
        "gu": "gujarati",
        "am": "amharic",
        "yi": "yiddish",
        "lo": "lao",
        "uz": "uzbek",
        "fo": "faroese",
        "ht": "haitian creole",
        "ps": "pashto",
        "tk": "turkmen",
        "nn": "nynorsk",
        "mt": "maltese",
        "sa": "sanskrit",
        "lb": "luxembourgish",
        "my": "myanmar",
        "bo": "tibetan",
        "tl": "tagalog",
        "mg": "malagasy",
        "as": "assamese",
        "tt": "tatar",
        "haw": "hawaiian",
        "ln": "lingala",
        "ha": "hausa",
        "ba": "bashkir",
        "jw": "javanese",
        "su": "sundanese",
        "yue": "cantonese",
    }
)
"""Code to English name, 100 entries."""

_OTHER_NAMES = {
    "burmese": "my",
    "castilian": "es",
    "flemish": "nl",
    "haitian": "ht",
    "letzeburgesch": "lb",
    "mandarin": "zh",
    "moldavian": "ro",
    "moldovan": "ro",
    "panjabi": "pa",
    "pushto": "ps",
    "sinhalese": "si",
    "valencian": "ca",
    "farsi": "fa",
    "filipino": "tl",
    "jv": "jw",
    "zh-yue": "yue",
    "한국어": "ko",
    "日本語": "ja",
    "中文": "zh",
}

WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces between words: words are split at code points instead."""


def language_code(name: str) -> str:
    """Whisper's code for a code, an English name or a common alias, in any case.

    A region is ignored: ``ko-KR`` is ``ko``. Raises ``UsageError`` naming the nearest ones.
    """
    key = name.strip().lower().replace("_", "-")
    for candidate in (key, key.split("-")[0]):
        if candidate in LANGUAGES:
            return candidate
        if candidate in _OTHER_NAMES:
            return _OTHER_NAMES[candidate]
        if candidate in _CODES:
            return _CODES[candidate]
    known = [*LANGUAGES, *LANGUAGES.values(), *_OTHER_NAMES]
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Use a code such as en, ko or ja."
    raise UsageError(f"unknown language: {one_line(name, 60)!r}.", hint=hint)


def language_name(code: str) -> str:
    """English name of a code, the code itself where Whisper has no name for it."""
    return LANGUAGES.get(code, code)


def list_codes(codes: Iterable[str], *, limit: int = 12) -> str:
    """``en, ko, ja and 96 more``: for messages."""
    all_codes = list(codes)
    shown = ", ".join(all_codes[:limit])
    rest = len(all_codes) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


_CODES = {name: code for code, name in LANGUAGES.items()}
