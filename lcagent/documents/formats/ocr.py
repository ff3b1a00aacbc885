"""Text in pictures, by `rapidocr` (extra `ocr`): PP-OCR models that come with its package (record 24)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lcagent.documents.formats.body import Body
from lcagent.documents.health import Health
from lcagent.errors import DocumentDamaged

if TYPE_CHECKING:
    import numpy

SCALE = 2.0
"""Pixels a point: 144 dots an inch. Twice as many take four times as long and read no more words."""
_MOST_PIXELS = 40_000_000
_LEAST_SURE = 0.5
"""Lines that the model is less sure of than this are noise of the picture."""
_LONG = 25
"""Characters of a piece that is a line of a column of prose, not a cell."""


def available() -> bool:
    """Whether the extra is installed."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))


@dataclass(frozen=True, slots=True)
class Piece:
    """A line of text in a picture: pixels of its box, from the upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def page_text(data: bytes, page_index: int, password: str | None) -> str:
    """The text in the picture of a PDF's page.

    Args:
        data: the PDF.
        page_index: of the page, from 0.
        password: where it is encrypted.
    """
    from lcagent.documents.formats.pdf.rendering import render

    return _read(render(data, page_index, password, SCALE))


def parse_picture(data: bytes, name: str) -> Body:
    """Read the text in a PNG, JPEG or TIFF picture, one page each of its frames.

    Args:
        data: its bytes.
        name: as shown to people.

    Raises:
        DocumentDamaged: it cannot be opened, or is too large to be looked at.
    """
    import numpy
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                picture.draft("RGB", (6000, 6000))
            if picture.width * picture.height > 4 * _MOST_PIXELS:
                raise DocumentDamaged(f"{name} has too many pixels", hint="make it smaller")
            pixels = numpy.asarray(picture.convert("RGB"))[:, :, ::-1]
    except (OSError, ValueError, SyntaxError) as error:
        raise DocumentDamaged(f"{name} is a damaged picture") from error
    text = _read(pixels)
    told = Health(notes=("its text was recognised in a picture (OCR)",))
    return Body(text + "\n" if text else "", health=told)


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

    return RapidOCR(params={"Global.log_level": "critical"})


def _read(pixels: numpy.ndarray) -> str:
    result = _engine()(pixels)
    if result.txts is None or result.boxes is None:
        return ""
    pieces = [
        Piece(
            text,
            min(float(x) for x, _ in box),
            min(float(y) for _, y in box),
            max(float(x) for x, _ in box),
            max(float(y) for _, y in box),
        )
        for text, box, sure in zip(result.txts, result.boxes, result.scores, strict=True)
        if sure >= _LEAST_SURE and text.strip()
    ]
    return laid_out(pieces)


def laid_out(pieces: Sequence[Piece]) -> str:
    """The pieces of a page in reading order: what stands in one row on one line, columns of prose apart.

    Args:
        pieces: of one page, in any order.
    """
    rows = _rows(pieces)
    beside = [row for row in rows if len(row) > 1]
    prose = [row for row in beside if sum(len(piece.text) >= _LONG for piece in row) > 1]
    if len(prose) > 2 and 2 * len(prose) > len(beside):
        middle = sorted(row[1].left for row in prose)[len(prose) // 2]
        first = [
            piece for row in rows for piece in row if piece.left < middle - 1 and piece.right <= middle * 1.2
        ]
        rest = [piece for row in rows for piece in row if piece not in first]
        rows = [*_rows(first), *_rows(rest)]
    lines: list[str] = []
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and row[0].top - before[0].bottom > 0.8 * (row[0].bottom - row[0].top):
            lines.append("")  # a gap of nearly a line begins a paragraph
        lines.append(" | ".join(piece.text for piece in row))
    return "\n".join(lines)


def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda one: (one.top + one.bottom) / 2):
        middle = (piece.top + piece.bottom) / 2
        if rows and rows[-1][0].top < middle < rows[-1][0].bottom:
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda one: one.left) for row in rows]
