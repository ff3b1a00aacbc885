"""Pages of PDFs in a PDF of their own, with quotes marked on them; made in the parser's process.

pdfium takes the pages out, which also opens what is encrypted and mends what is damaged; pypdf marks them.
What is asked and answered is told as an outline, in the document's information and in a note on the first
page: viewers show these in fonts of their own, in any script, and the file needs none.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, TypedDict

import pypdf
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

from lcagent.documents.formats.pdf.opening import opened, quiet
from lcagent.documents.formats.pdf.shown import Shown
from lcagent.text import clipped

_YELLOW = (1.0, 0.87, 0.2)
_PRINTED = 4
"""An annotation's flag: it is printed as well."""
_MOST_TITLE = 200
"""Characters of an entry of the outline."""
_NOTE = (6.0, 6.0, 26.0, 26.0)
"""Where the note stands on the first page, as it is shown."""


class Mark(TypedDict):
    """A quote: its boxes (left, top, right, bottom of the page as it is shown), and what it carries."""

    boxes: list[tuple[float, float, float, float]]
    text: str


class MarkedPage(TypedDict):
    """A page: its index in its file, how it is called, and what is marked on it."""

    index: int
    name: str
    marks: list[Mark]


class MarkedFile(TypedDict):
    """Pages of one file: how many bytes it has, its password, and the pages in order."""

    length: int
    password: str | None
    pages: list[MarkedPage]


class Marked(TypedDict):
    """What the PDF holds."""

    question: str
    answer: str
    files: list[MarkedFile]


def marked(data: bytes, wanted: Marked) -> bytes:
    """A PDF of pages with marks on them.

    Args:
        data: the bytes of all files, one after the other.
        wanted: which pages, and what is marked on them.

    Raises:
        pypdfium2.PdfiumError: a file or one of its pages cannot be opened.
        pypdf.errors.PyPdfError: what pdfium has written cannot be read.
    """
    writer = pypdf.PdfWriter()
    at, first_shown = 0, None
    with quiet("pypdf"):
        for file in wanted["files"]:
            pages, shown = _taken_out(data[at : at + file["length"]], file)
            at += file["length"]
            first = len(writer.pages)
            first_shown = first_shown or shown[0]
            writer.append(io.BytesIO(pages), import_outline=False)
            for number, (page, how) in enumerate(zip(file["pages"], shown, strict=True), first):
                for mark in page["marks"]:
                    writer.add_annotation(number, _highlight(mark, how))
        assert first_shown is not None  # there is a page
        _tell(writer, wanted, first_shown)
        out = io.BytesIO()
        writer.write(out)
    return out.getvalue()


def _taken_out(data: bytes, file: MarkedFile) -> tuple[bytes, list[Shown]]:
    """The pages of a file in a file of their own, and how each is shown."""
    with opened(data, file["password"]) as pdf:
        import pypdfium2 as pdfium  # initialises the library

        own = pdfium.PdfDocument.new()
        try:
            own.import_pages(pdf, [page["index"] for page in file["pages"]])
            out = io.BytesIO()
            own.save(out)
            return out.getvalue(), [Shown.of(own[index]) for index in range(len(own))]
        finally:
            own.close()


def _highlight(mark: Mark, shown: Shown) -> DictionaryObject:
    corners = [
        [shown.own(x, y) for x, y in ((left, top), (right, top), (left, bottom), (right, bottom))]
        for left, top, right, bottom in mark["boxes"]
    ]
    quads = [value for four in corners for point in four for value in point]
    around = (min(quads[::2]), min(quads[1::2]), max(quads[::2]), max(quads[1::2]))
    annotation = _annotation("Highlight", around, mark["text"])
    annotation[NameObject("/QuadPoints")] = _numbers(quads)
    annotation[NameObject("/C")] = _numbers(_YELLOW)
    return annotation


def _annotation(kind: str, rect: Sequence[float], text: str) -> DictionaryObject:
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject(f"/{kind}"),
            NameObject("/Rect"): _numbers(rect),
            NameObject("/Contents"): TextStringObject(text),
            NameObject("/T"): TextStringObject("lcagent"),
            NameObject("/F"): NumberObject(_PRINTED),
        }
    )


def _numbers(values: Sequence[float]) -> ArrayObject:
    return ArrayObject(FloatObject(round(value, 3)) for value in values)


def _tell(writer: pypdf.PdfWriter, wanted: Marked, shown: Shown) -> None:
    """What was asked and answered, and on which page each statement stands."""
    question, answer = wanted["question"], wanted["answer"]
    writer.add_metadata({"/Title": question, "/Subject": answer, "/Creator": "lcagent"})
    (left, top), (right, bottom) = shown.own(*_NOTE[:2]), shown.own(*_NOTE[2:])
    around = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    writer.add_annotation(0, _annotation("Text", around, f"{question}\n\n{answer}"))
    add: Any = writer.add_outline_item  # which its decorator has type checkers take for another
    add(clipped(question, _MOST_TITLE), 0, bold=True)
    parent = add(clipped(answer, _MOST_TITLE), 0)
    number = 0
    for file in wanted["files"]:
        for page in file["pages"]:
            for text in dict.fromkeys([page["name"], *(mark["text"] for mark in page["marks"])]):
                add(clipped(text, _MOST_TITLE), number, parent=parent)
            number += 1
