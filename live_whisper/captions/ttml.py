"""TTML (.ttml), in the text profile of IMSC 1.1 (https://www.w3.org/TR/ttml-imsc1.1/)."""

from xml.sax.saxutils import escape, quoteattr

from live_whisper.captions.cues import Cue
from live_whisper.captions.srt import timestamp
from live_whisper.captions.text import sanitize
from live_whisper.captions.writer import DocumentInfo, WriterOptions

_PROFILE = "http://www.w3.org/ns/ttml/profile/imsc1.1/text"


class TtmlWriter:
    """One paragraph per cue in a region at the bottom."""

    def __init__(self, info: DocumentInfo, options: WriterOptions) -> None:
        self._info, self._options = info, options
        self._number = options.first_number

    def header(self) -> str:
        """Head with style and region, up to the first paragraph."""
        language = quoteattr(sanitize(self._info.language).strip())
        title = escape(sanitize(self._info.title).strip())
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata"'
            ' xmlns:ttp="http://www.w3.org/ns/ttml#parameter"'
            ' xmlns:tts="http://www.w3.org/ns/ttml#styling"'
            f' ttp:timeBase="media" ttp:contentProfiles="{_PROFILE}" xml:lang={language}>\n'
            f"<head><metadata><ttm:title>{title}</ttm:title></metadata>\n"
            '<styling><style xml:id="s" tts:fontFamily="proportionalSansSerif"'
            ' tts:fontSize="100%" tts:color="white" tts:textAlign="center"/></styling>\n'
            '<layout><region xml:id="r" tts:origin="10% 80%" tts:extent="80% 15%"'
            ' tts:displayAlign="after" style="s"/></layout></head>\n<body region="r"><div>\n'
        )

    def footer(self) -> str:
        """Closes the document."""
        return "</div></body></tt>\n"

    def cue(self, cue: Cue) -> str:
        """One paragraph, its lines apart by ``<br/>``."""
        offset, number = self._options.offset, self._number
        self._number += 1
        begin, end = timestamp(cue.start + offset, "."), timestamp(cue.end + offset, ".")
        text = "<br/>".join(escape(line) for line in cue.lines)
        return f'<p xml:id="c{number}" begin="{begin}" end="{end}">{text}</p>\n'
