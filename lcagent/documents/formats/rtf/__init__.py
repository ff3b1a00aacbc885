"""RTF: what a word processor shows of it."""

from __future__ import annotations

import re

from lcagent.documents.formats.body import Body
from lcagent.documents.formats.raised import settle
from lcagent.documents.formats.rtf.reading import Reading
from lcagent.documents.health import Health, counted

_PAGE_NUMBER = re.compile(r"\W*\d{0,3}\W*")


def parse_rtf(data: bytes) -> Body:
    """Read an RTF file. A table's row is one line.

    Args:
        data: its bytes.
    """
    reading = Reading(data)
    body = reading.whole()
    above, below = (
        [f"[Page {kind}] {text}" for text in dict.fromkeys(texts) if not _PAGE_NUMBER.fullmatch(text)]
        for kind, texts in (("header", reading.headers), ("footer", reading.footers))
    )
    text = settle("\n\n".join(filter(None, [*above, body, *below]))).strip()
    left_out = tuple(counted(kind, count) for kind, count in reading.left_out.items())
    return Body(text + "\n" if text else "", health=Health(left_out=left_out))
