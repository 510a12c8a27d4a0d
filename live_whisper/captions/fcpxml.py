"""Final Cut Pro XML (.fcpxml), version 1.10: captions connected to an empty project.

Elements and their order are those of Apple's FCPXML 1.10 document type definition. Times are
rational seconds on frame boundaries of the project's 25 frames per second, as Final Cut asks.
"""

from xml.sax.saxutils import escape, quoteattr

from live_whisper import units
from live_whisper.captions.cues import Cue
from live_whisper.captions.text import sanitize, truncate
from live_whisper.captions.writer import DocumentInfo, WriterOptions

FRAMES_PER_SECOND = 25
_SAMPLES_PER_FRAME = units.SAMPLE_RATE // FRAMES_PER_SECOND
# Final Cut's names where they differ from Whisper's codes.
_LANGUAGES = {"zh": "cmn-Hans", "yue": "yue-Hant", "": "en", "auto": "en", "no": "nb", "jw": "jv"}


def _frame(sample: int) -> int:
    return (max(0, sample) + _SAMPLES_PER_FRAME // 2) // _SAMPLES_PER_FRAME


def _rational(frames: int) -> str:
    return f"{frames * 100}/{FRAMES_PER_SECOND * 100}s" if frames else "0s"


class FcpxmlWriter:
    """A project whose spine is one gap that carries the captions."""

    def __init__(self, info: DocumentInfo, options: WriterOptions) -> None:
        language = sanitize(info.language).strip()
        self._title = quoteattr(sanitize(info.title).strip() or "live-whisper")
        self._role = quoteattr(f"SRT?captionFormat=SRT.{_LANGUAGES.get(language, language)}")
        self._options = options
        self._number = options.first_number
        self._length = max(1, _frame((info.end or 0) + options.offset))

    def header(self) -> str:
        """Up to the first caption; needs ``DocumentInfo.end`` for the project's length."""
        length = _rational(self._length)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.10">\n'
            '<resources><format id="r1" name="FFVideoFormat1080p25" frameDuration="100/2500s"'
            ' width="1920" height="1080"/></resources>\n'
            f"<library><event name={self._title}><project name={self._title}>\n"
            f'<sequence format="r1" duration="{length}" tcStart="0s" tcFormat="NDF"><spine>\n'
            f'<gap name="Gap" offset="0s" start="0s" duration="{length}">\n'
        )

    def footer(self) -> str:
        """Closes the document."""
        return "</gap>\n</spine></sequence>\n</project></event></library>\n</fcpxml>\n"

    def cue(self, cue: Cue) -> str:
        """One caption in lane 1."""
        number = self._number
        self._number += 1
        begin = _frame(cue.start + self._options.offset)
        length = max(1, _frame(cue.end + self._options.offset) - begin)
        name = quoteattr(truncate(cue.text, 40))
        text = escape("\n".join(cue.lines))
        return (
            f'<caption lane="1" offset="{_rational(begin)}" name={name} start="0s"'
            f' duration="{_rational(length)}" role={self._role}>'
            f'<text placement="bottom"><text-style ref="ts{number}">{text}</text-style></text>'
            f'<text-style-def id="ts{number}"><text-style font=".AppleSystemUIFont" fontSize="13"'
            ' fontFace="Regular" fontColor="1 1 1 1" backgroundColor="0 0 0 1"/></text-style-def>'
            "</caption>\n"
        )
