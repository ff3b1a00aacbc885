"""One page: its text as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass

import pypdfium2 as pdfium

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.accents import accent_edits
from lcagent.documents.formats.pdf.annotations import read_annotations
from lcagent.documents.formats.pdf.characters import Box, Characters, Edit
from lcagent.documents.formats.pdf.cleaning import clean, is_garbled
from lcagent.documents.formats.pdf.hidden import hidden_edits, is_suspect
from lcagent.documents.formats.pdf.objects import Objects
from lcagent.documents.formats.pdf.scripts import script_edits
from lcagent.documents.formats.pdf.tables import row_edits

_FEW = 300
"""Objects of a page that are all looked at."""
_STEP = 8
"""Where a page has more, such as one for each glyph, each so many-th is looked at first."""


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's text; whether that cannot be read, or is hidden in part; its fields, the files attached."""

    text: str
    garbled: bool = False
    hidden: bool = False
    fields: int = 0
    files: tuple[str, ...] = ()


def read_page(pdf: pdfium.PdfDocument, index: int) -> PageText:
    """The text of a page; none where pdfium cannot load it: one broken page must not cost the others."""
    try:
        page = pdf[index]
    except pdfium.PdfiumError:
        return PageText("")
    try:
        textpage = page.get_textpage()
        try:
            text = textpage.get_text_range()
            try:
                return _read(pdf, page, raw.address(textpage.raw), text)
            except Exception:  # noqa: BLE001 - whatever a closer look meets must not cost the text
                return PageText(clean(text))
        finally:
            textpage.close()
    except pdfium.PdfiumError:
        return PageText("")
    finally:
        page.close()


def _read(pdf: pdfium.PdfDocument, page: pdfium.PdfPage, textpage: int, text: str) -> PageText:
    characters = Characters(textpage, text)
    annotations = read_annotations(page.raw, pdf.formenv.raw if pdf.formenv else None, characters)
    fields, files = annotations.fields, tuple(annotations.files)
    if is_garbled(text, characters):
        written = "".join(edit.put for edit in annotations.edits).lstrip("\n")
        return PageText(clean(written), garbled=True, fields=fields, files=files)
    hidden, others = page_edits(page, characters)
    whole = characters.edited([*annotations.edits, *hidden, *others])
    if not text.strip():
        whole = whole.lstrip("\n")
    return PageText(clean(whole), hidden=bool(hidden), fields=fields, files=files)


def page_edits(page: pdfium.PdfPage, characters: Characters) -> tuple[list[Edit], list[Edit]]:
    """What leaves hidden text out of a page's text, and what else makes it what a person sees."""
    handle, shown = raw.address(page.raw), Box(*page.get_bbox())
    are_few = raw.count_objects(handle) <= max(_FEW, characters.count // 3)
    objects = Objects(handle, 1 if are_few else _STEP)
    hidden: list[Edit] = []
    if is_suspect(objects, shown):
        hidden = hidden_edits(objects if are_few else Objects(handle), characters, shown)
    texts = objects.texts if are_few else None
    return hidden, [
        *script_edits(characters, texts),
        *accent_edits(characters),
        *row_edits(characters, texts),
    ]
