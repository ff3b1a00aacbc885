"""PDFs that pdfium refuses, by pypdf: their text, and after each page what is written in its annotations."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from lcagent.documents.formats.pdf.cleaning import clean
from lcagent.documents.formats.pdf.marking import PASSWORD, UNSEEN, Value, are_filled, field_line, note_line
from lcagent.documents.formats.pdf.opening import quiet
from lcagent.errors import DocumentDamaged, DocumentEncrypted

_NOTES = frozenset(
    "/Text /FreeText /Line /Square /Circle /Polygon /PolyLine /Highlight /Underline /Squiggly /StrikeOut"
    " /Stamp /Caret /Ink /FileAttachment".split()
)
_MOST = 5000
"""Annotations of a page that are looked at."""
_DEEPEST = 16
"""Fields that a field is a part of, one of the other."""
_RADIO, _BUTTON = 1 << 15, 1 << 16
"""Flags of a field that is ticked: one of several; one that is pressed."""


def by_pypdf(data: bytes, name: str, password: str | None, refusal: Exception) -> list[str]:
    """The text of each page.

    Raises:
        DocumentEncrypted: it needs a password, or another one.
        DocumentDamaged: pypdf cannot open it either.
    """
    import pypdf

    try:
        with quiet("pypdf"):
            reader = pypdf.PdfReader(io.BytesIO(data), password=password)
            if reader.is_encrypted and not reader.decrypt(password or ""):
                raise encrypted(name, password)  # noqa: TRY301 - it passes below as it is
            return [clean("\n".join(_lines(page))) for page in reader.pages]
    except DocumentEncrypted:
        raise
    except Exception as error:
        raise DocumentDamaged(
            f"{name} is damaged: neither parser can open it ({refusal})",
            hint="open and save it again with the program that made it, or print it to a new PDF",
        ) from error


def _lines(page: Any) -> Iterator[str]:
    """A page's text, and what is written in its annotations."""
    if text := page.extract_text() or "":
        yield text
    try:
        listed = page["/Annots"].get_object()[:_MOST] if "/Annots" in page else []
        annotations = [found for one in listed if isinstance(found := one.get_object(), dict)]
        seen = [one for one in annotations if not int(one.get("/F", 0)) & UNSEEN]
        notes = [_note(one) for one in seen if one.get("/Subtype") in _NOTES]
        fields = [(one, _value(one)) for one in seen if one.get("/Subtype") == "/Widget"]
    except Exception:  # noqa: BLE001 - a broken annotation must not cost the page's text
        return
    filled = [(one, value) for one, value in fields if value]
    if are_filled([value for _, value in filled]):
        yield from (field_line(*_names(one), value) for one, value in filled)
    yield from filter(None, notes)


def _note(annotation: dict[str, Any]) -> str:
    return note_line(*(_text(annotation.get(key)) for key in ("/Contents", "/RC", "/T")))


def _text(value: Any) -> str:
    """A string of the file, which may stand elsewhere in it; "" for what is none."""
    found = value.get_object() if hasattr(value, "get_object") else value
    if hasattr(found, "get_data"):
        return found.get_data().decode("utf-8", "replace")
    return found if isinstance(found, str) else ""


def _chain(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A field, and those that it is a part of."""
    for _ in range(_DEEPEST):
        yield field
        if "/Parent" not in field:
            return
        field = field["/Parent"].get_object()


def _inherited(field: dict[str, Any], key: str) -> Any:
    found = next((one[key] for one in _chain(field) if key in one), None)
    return found.get_object() if found is not None else None


def _names(field: dict[str, Any]) -> tuple[str, str]:
    """What a field is called for people, and its own name."""
    names = [_text(one["/T"]) for one in _chain(field) if "/T" in one]
    return _text(_inherited(field, "/TU")), ".".join(reversed(names))


def _value(field: dict[str, Any]) -> Value | None:
    """A field's value; None where nobody filled it in, or a person sees dots in its place."""
    kind, flags = _inherited(field, "/FT"), int(_inherited(field, "/Ff") or 0)
    held = _inherited(field, "/V")
    if kind == "/Btn":
        state = str(field.get("/AS") or held or "/Off")
        ticked = state != "/Off"
        if flags & _BUTTON or (flags & _RADIO and not ticked):
            return None
        return Value(state.lstrip("/") if flags & _RADIO else "ticked" if ticked else "not ticked", ticked)
    if kind == "/Sig":
        return Value("signed") if held is not None else None
    if kind == "/Tx" and flags & PASSWORD:
        return None
    values = held if isinstance(held, list) else [held]
    shown = _options(field) if kind == "/Ch" else {}
    told = ", ".join(filter(None, (shown.get(_text(one), _text(one)).strip() for one in values)))
    return Value(told) if told else None


def _options(field: dict[str, Any]) -> dict[str, str]:
    """The options of a choice by what the file calls them, as they are shown."""
    pairs = [one.get_object() for one in _inherited(field, "/Opt") or []]
    return {_text(one[0]): _text(one[1]) for one in pairs if isinstance(one, list) and len(one) > 1}


def second_look(data: bytes, name: str, password: str | None, texts: list[str]) -> list[str]:
    """pdfium opened it and found no text at all: pypdf may."""
    try:
        again = by_pypdf(data, name, password, ValueError("no text"))
    except (DocumentDamaged, DocumentEncrypted):
        return texts
    return again if len(again) == len(texts) else texts


def encrypted(name: str, password: str | None) -> DocumentEncrypted:
    """That it needs a password, or another one than this."""
    if password:
        return DocumentEncrypted(f"the password for {name} is wrong", hint="check --password")
    return DocumentEncrypted(f"{name} is encrypted", hint="give its password with --password")
