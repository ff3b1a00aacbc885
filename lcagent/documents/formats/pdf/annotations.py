"""What is written on a page and is no part of its text: filled form fields, notes, free text.

Each becomes a line of its own: a field after the line of text that it stands beside; a note after the page's
last, for it would tear a sentence.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pypdfium2.raw as pdfium_c

from lcagent.documents.formats.pdf.characters import Box, Characters, Edit
from lcagent.documents.formats.pdf.marking import PASSWORD, UNSEEN, Value, are_filled, field_line, note_line

_NOTES = frozenset(
    {
        pdfium_c.FPDF_ANNOT_TEXT,
        pdfium_c.FPDF_ANNOT_FREETEXT,
        pdfium_c.FPDF_ANNOT_LINE,
        pdfium_c.FPDF_ANNOT_SQUARE,
        pdfium_c.FPDF_ANNOT_CIRCLE,
        pdfium_c.FPDF_ANNOT_POLYGON,
        pdfium_c.FPDF_ANNOT_POLYLINE,
        pdfium_c.FPDF_ANNOT_HIGHLIGHT,
        pdfium_c.FPDF_ANNOT_UNDERLINE,
        pdfium_c.FPDF_ANNOT_SQUIGGLY,
        pdfium_c.FPDF_ANNOT_STRIKEOUT,
        pdfium_c.FPDF_ANNOT_STAMP,
        pdfium_c.FPDF_ANNOT_CARET,
        pdfium_c.FPDF_ANNOT_INK,
        pdfium_c.FPDF_ANNOT_FILEATTACHMENT,
    }
)
_TICKS = frozenset({pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON})
_CHOICES = frozenset({pdfium_c.FPDF_FORMFIELD_COMBOBOX, pdfium_c.FPDF_FORMFIELD_LISTBOX})
_MOST = 5000
"""Annotations of a page that are looked at."""
_MOST_UNITS = 1 << 20
"""UTF-16 units of one annotation's text."""


@dataclass(slots=True)
class Annotations:
    """What a page's annotations hold.

    Args:
        edits: what puts fields and notes into the page's text.
        files: names of those attached.
        fields: how many there are, filled or not.
    """

    edits: list[Edit] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    fields: int = 0


def read_annotations(page: object, form: object, characters: Characters) -> Annotations:
    """What is written in a page's annotations.

    Args:
        page: pdfium's handle.
        form: the form's; None where the document has none.
        characters: of the page.
    """
    found = Annotations()
    notes: list[str] = []
    fields: list[tuple[str, Box, Value]] = []
    for number in range(min(pdfium_c.FPDFPage_GetAnnotCount(page), _MOST)):
        with _annotation(page, number) as annotation:
            kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
            found.fields += kind == pdfium_c.FPDF_ANNOT_WIDGET
            if kind == pdfium_c.FPDF_ANNOT_FILEATTACHMENT:
                file = pdfium_c.FPDFAnnot_GetFileAttachment(annotation)
                found.files.append(string_of(pdfium_c.FPDFAttachment_GetName, file) if file else "")
            if pdfium_c.FPDFAnnot_GetFlags(annotation) & UNSEEN:
                continue
            if kind in _NOTES and (text := _note(annotation)):
                notes.append(f"\n{text}")
            elif kind == pdfium_c.FPDF_ANNOT_WIDGET and (value := _value(form, annotation)):
                line = f"\n{field_line(*_names(form, annotation), value)}"
                fields.append((line, _box(annotation), value))
    if are_filled([value for _, _, value in fields]):
        places = ((line, _line_end(characters, box)) for line, box, _ in fields)
        found.edits += [Edit(at, at, line) for line, at in places]
    found.edits += [Edit(characters.count, characters.count, note) for note in notes]
    return found


@contextmanager
def _annotation(page: object, number: int) -> Generator[object]:
    annotation = pdfium_c.FPDFPage_GetAnnot(page, number)
    try:
        yield annotation
    finally:
        pdfium_c.FPDFPage_CloseAnnot(annotation)


def _note(annotation: object) -> str:
    return note_line(*(_of_key(annotation, key) for key in ("Contents", "RC", "T")))


def _value(form: object, annotation: object) -> Value | None:
    """A field's value; None where nobody filled it in."""
    kind = pdfium_c.FPDFAnnot_GetFormFieldType(form, annotation) if form else -1
    if kind in _TICKS:
        ticked = bool(pdfium_c.FPDFAnnot_IsChecked(form, annotation))
        if kind == pdfium_c.FPDF_FORMFIELD_CHECKBOX:
            return Value("ticked", True) if ticked else Value("not ticked", False)
        export = string_of(pdfium_c.FPDFAnnot_GetFormFieldExportValue, form, annotation)
        return Value(export or "chosen", True) if ticked else None
    value = _of_key(annotation, "V").strip() if kind < 0 else _typed(form, annotation, kind)
    return Value(value) if value else None


def _typed(form: object, annotation: object, kind: int) -> str:
    """What was typed, chosen or signed; "" where nothing was, or where a person sees dots in its place."""
    if kind == pdfium_c.FPDF_FORMFIELD_SIGNATURE:
        return "signed" if pdfium_c.FPDFAnnot_HasKey(annotation, b"V") else ""
    is_secret = kind == pdfium_c.FPDF_FORMFIELD_TEXTFIELD and (
        pdfium_c.FPDFAnnot_GetFormFieldFlags(form, annotation) & PASSWORD
    )
    if is_secret or kind == pdfium_c.FPDF_FORMFIELD_PUSHBUTTON:
        return ""
    value = _chosen(form, annotation) if kind in _CHOICES else ""
    return (value or string_of(pdfium_c.FPDFAnnot_GetFormFieldValue, form, annotation)).strip()


def _chosen(form: object, annotation: object) -> str:
    """The options of a choice as they are shown."""
    options = range(min(max(pdfium_c.FPDFAnnot_GetOptionCount(form, annotation), 0), _MOST))
    return ", ".join(
        string_of(pdfium_c.FPDFAnnot_GetOptionLabel, form, annotation, option)
        for option in options
        if pdfium_c.FPDFAnnot_IsOptionSelected(form, annotation, option)
    )


def _names(form: object, annotation: object) -> tuple[str, str]:
    """What a field is called for people, and its own name."""
    told = name = ""
    if form:
        told = string_of(pdfium_c.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
        name = string_of(pdfium_c.FPDFAnnot_GetFormFieldName, form, annotation)
    return told or _of_key(annotation, "TU"), name or _of_key(annotation, "T")


def _of_key(annotation: object, key: str) -> str:
    return string_of(pdfium_c.FPDFAnnot_GetStringValue, annotation, key.encode())


def string_of(call: Callable[..., int], *arguments: object) -> str:
    """What a function of pdfium writes as UTF-16; it is asked for the length first."""
    length = call(*arguments, None, 0)
    if not 2 < length <= 2 * _MOST_UNITS:
        return ""
    buffer = ctypes.create_string_buffer(length)
    call(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw[: length - 2].decode("utf-16-le", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _box(annotation: object) -> Box:
    rect = pdfium_c.FS_RECTF()
    if not pdfium_c.FPDFAnnot_GetRect(annotation, rect):
        return Box(0, 0, 0, 0)
    return Box(rect.left, rect.bottom, rect.right, rect.top)


def _line_end(characters: Characters, box: Box) -> int:
    """The end of the line of text that stands left of a place, or around it; else that of the page."""
    middle = (box.bottom + min(box.top, box.bottom + 40)) / 2
    reach = max(min(box.top - box.bottom, 20) / 2, 4)
    for x in (box.left - 20, box.left - 80, box.left - 200, box.right + 20):
        near = characters.at(x, middle, 60, reach)
        if near >= 0:
            while near < characters.count and characters.code(near) not in {"\r", "\n"}:
                near += 1
            return near
    return characters.count
