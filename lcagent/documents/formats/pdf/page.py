"""One page: its text as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass

import pypdfium2 as pdfium

from lcagent.documents.formats.pdf import raw
from lcagent.documents.formats.pdf.accents import accent_edits
from lcagent.documents.formats.pdf.annotations import read_annotations
from lcagent.documents.formats.pdf.characters import Box, Characters, Edit
from lcagent.documents.formats.pdf.cleaning import clean, is_garbled, lacks_map
from lcagent.documents.formats.pdf.hidden import hidden, is_suspect, without
from lcagent.documents.formats.pdf.layers import texts_of
from lcagent.documents.formats.pdf.naming import GlyphNames
from lcagent.documents.formats.pdf.objects import Objects
from lcagent.documents.formats.pdf.scripts import script_edits
from lcagent.documents.formats.pdf.tables import in_rows
from lcagent.documents.formats.raised import settle, unmarked

_FEW = 300
"""Objects of a page that are all looked at."""
_STEP = 8
"""Where a page has more, such as one for each glyph, each so many-th is looked at first."""


@dataclass(frozen=True, slots=True)
class Aside:
    """What of a file pdfium does not tell.

    Args:
        names: of glyphs, asked where fonts have no Unicode map.
        off: names of the layers that are switched off.
    """

    names: GlyphNames
    off: frozenset[str]


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's text; whether that cannot be read, or is hidden in part; its fields, the files attached."""

    text: str
    garbled: bool = False
    hidden: bool = False
    fields: int = 0
    files: tuple[str, ...] = ()


def read_page(pdf: pdfium.PdfDocument, index: int, aside: Aside) -> PageText:
    """The text of a page; none where pdfium cannot load it: one broken page must not cost the others.

    Args:
        pdf: open.
        index: of the page, from 0.
        aside: of the same file.
    """
    try:
        page = pdf[index]
    except pdfium.PdfiumError:
        return PageText("")
    try:
        textpage = page.get_textpage()
        try:
            characters = characters_of(textpage)
            try:
                return _read(pdf, index, page, characters, aside)
            except Exception:  # noqa: BLE001 - whatever a closer look meets must not cost the text
                return PageText(clean(characters.text))
        finally:
            textpage.close()
    except pdfium.PdfiumError:
        return PageText("")
    finally:
        page.close()


def characters_of(textpage: pdfium.PdfTextPage) -> Characters:
    """The characters of a page, as pdfium tells them."""
    text = _units(textpage.get_text_range(errors="surrogatepass"))
    return Characters(raw.address(textpage.raw), text)


def _units(text: str) -> str:
    """In units of UTF-16, as pdfium counts; without characters that are none."""
    if text.isascii():
        return text
    text = unmarked(text, "\ufffd")
    units = text.encode("utf-16-le", "surrogatepass")
    return text if len(units) == 2 * len(text) else "".join(map(chr, memoryview(units).cast("H")))


def _read(
    pdf: pdfium.PdfDocument, index: int, page: pdfium.PdfPage, characters: Characters, aside: Aside
) -> PageText:
    text = characters.text
    annotations = read_annotations(page.raw, pdf.formenv.raw if pdf.formenv else None, characters)
    fields, files = annotations.fields, tuple(annotations.files)
    others = aside.names.letters(index) if lacks_map(characters) else {}
    if others is None or is_garbled(text):
        written = "".join(edit.put for edit in annotations.edits).lstrip("\n")
        return PageText(clean(written), garbled=True, fields=fields, files=files)
    edits, left_out = page_edits(page, characters, annotations.edits, aside.off)
    whole = characters.edited(edits)
    if not text.strip():
        whole = whole.lstrip("\n")
    return PageText(settle(clean(whole.translate(others))), hidden=left_out, fields=fields, files=files)


def page_edits(
    page: pdfium.PdfPage, characters: Characters, written: list[Edit], off: frozenset[str]
) -> tuple[list[Edit], bool]:
    """What makes a page's text what a person sees, and whether hidden text is left out by it.

    Args:
        page: whose text it is.
        characters: of it.
        written: changes that its annotations make.
        off: names of the layers that are switched off.
    """
    handle, shown = raw.address(page.raw), Box(*page.get_bbox())
    are_few = raw.count_objects(handle) <= max(_FEW, characters.count // 3)
    objects = Objects(handle, 1 if are_few else _STEP)
    unseen = texts_of(handle, off) if off else set[int]()
    if is_suspect(objects, shown):
        unseen.update(hidden(objects if are_few else Objects(handle), shown))
    left_out = without(unseen, characters)
    texts = objects.texts if are_few else None
    scripts = script_edits(characters, texts)
    edits = [*written, *left_out, *scripts, *accent_edits(characters)]
    return in_rows(characters, texts, edits, scripts), bool(left_out)
