"""Languages as the settings may name them, and as everything else does."""

from live_whisper.config.schema import Config
from live_whisper.whisper.languages import language_code


def with_language_codes(config: Config) -> Config:
    """Settings whose languages are Whisper's codes: ``Korean`` and ``ko-KR`` become ``ko``.

    Raises ``UsageError`` for a language Whisper does not know.
    """
    stated = config.recognition
    language = stated.language if stated.language == "auto" else language_code(stated.language)
    candidates = tuple(dict.fromkeys(map(language_code, stated.candidate_languages)))
    found = {"language": language, "candidate_languages": candidates}
    return config.model_copy(update={"recognition": stated.model_copy(update=found)})
