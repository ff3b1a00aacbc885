"""DOCX: by way of HTML, as a reader sees it."""

from __future__ import annotations

import io

from lcagent.documents.formats.body import Body
from lcagent.documents.formats.html import html_text


def parse_docx(data: bytes) -> Body:
    """Read a DOCX file.

    Args:
        data: its bytes.
    """
    import mammoth

    return Body(html_text(mammoth.convert_to_html(io.BytesIO(data)).value))
