"""Where a quote stands on the page of a PDF: found as pdfium finds letters within a box, or not marked at all."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pypdfium2
import pytest

from benchmarks.boxes import Counts, Made, check, check_tops, made_pdfs
from lcagent.answer import Box
from lcagent.documents import Span, load, sentences
from lcagent.documents.pdf_pages import quote_boxes, unchanged
from tests.documents.pdf_writer import Pdf, text
from tests.helpers import REPORT, some_slow

MADE = list(made_pdfs(random.Random(7)))
LINE = "The lamp was lit at dusk."


def boxes(pdf: bytes, quote: str, folder: Path, at: int = 0) -> list[Box]:
    """Those of the n-th place where a quote stands in a PDF."""
    path = folder / "a.pdf"
    path.write_bytes(pdf)
    document = load(path)
    found = [match.span() for match in re.finditer(re.escape(quote), document.text)]
    return quote_boxes(document, pdf, [Span(*found[at])])[0]


@pytest.mark.parametrize("made", some_slow(MADE), ids=[made.name for made in MADE])
def test_a_box_holds_its_quotes_letters_and_no_others(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(made.data)
    document = load(path)
    spans = sentences(document.text)
    placed = quote_boxes(document, made.data, spans)
    counts = Counts()
    pdf = pypdfium2.PdfDocument(made.data)
    for span, found in zip(spans, placed, strict=True):
        check(document, pdf, span, found, counts)
    pdf.close()
    counts.wrong += check_tops(made, document, spans, placed)
    assert (counts.wrong, counts.missing) == ([], [])
    assert counts.unplaced == []
    assert counts.placed > 1


def test_a_box_is_one_line_in_points_from_the_upper_left_corner(tmp_path: Path) -> None:
    content = text("Before. The lamp was", 72, 700) + text("lit at dusk. After.", 72, 686)
    first, second = boxes(Pdf([content]).made(), "The lamp was\nlit at dusk.", tmp_path)
    assert (first.page, second.page) == (1, 1)
    assert 792 - 712 < first.top < 792 - 700 < first.bottom < 792 - 696
    assert first.left == pytest.approx(72 + 43.35, abs=1.5)  # behind "Before. "
    assert second.left == pytest.approx(72, abs=1.5) and second.top > first.bottom


def test_a_line_in_small_letters_close_below_one_in_large_ones_is_a_box_of_its_own(tmp_path: Path) -> None:
    content = text("1,186 crore", 72, 700, 22) + text("CSR contribution", 72, 688, 9)
    large, small = boxes(Pdf([content]).made(), "1,186 crore\nCSR contribution", tmp_path)
    assert large.bottom < small.top


def test_on_a_turned_and_cropped_page_places_are_those_of_the_page_as_shown(tmp_path: Path) -> None:
    plain = boxes(Pdf([text(LINE, 72, 700)]).made(), LINE, tmp_path)[0]
    cropped = boxes(Pdf([text(LINE, 72, 700)], page="/CropBox[50 100 600 750]").made(), LINE, tmp_path)[0]
    assert (cropped.left, cropped.top) == (
        pytest.approx(plain.left - 50, abs=0.1),
        pytest.approx(plain.top - 42, abs=0.1),
    )
    turned = boxes(Pdf([text(LINE, 72, 700)], page="/Rotate 90").made(), LINE, tmp_path)[0]
    assert turned.left == pytest.approx(792 - plain.bottom, abs=0.1)
    assert (turned.top, turned.bottom) == (
        pytest.approx(plain.left, abs=0.1),
        pytest.approx(plain.right, abs=0.1),
    )


def test_what_is_raised_accented_or_filled_in(tmp_path: Path) -> None:
    raised = text("The area is 10", 72, 700) + text("6", 150, 705, 7) + text("square metres.", 164, 700)
    assert len(boxes(Pdf([raised]).made(), "The area is 10^6 square metres.", tmp_path)) == 1
    field = "<</Type/Annot/Subtype/Widget/FT/Tx/T(who)/Rect[200 695 400 715]/F 4/V(Hedda Ottersbach)>>"
    form = Pdf([text("Name:")], annotations=[field], catalog="/AcroForm<</Fields[ANNOTATIONS]>>").made()
    assert boxes(form, "Hedda Ottersbach", tmp_path) == []  # no characters of the page
    assert boxes(form, "Name:", tmp_path)


def test_half_a_quote_is_not_marked(tmp_path: Path) -> None:
    field = "<</Type/Annot/Subtype/Widget/FT/Tx/T(who)/Rect[200 695 400 715]/F 4/V(Hedda Ottersbach)>>"
    form = Pdf([text("Name:")], annotations=[field], catalog="/AcroForm<</Fields[ANNOTATIONS]>>").made()
    assert boxes(form, "Name:\n[form field] who: Hedda", tmp_path) == []


def test_another_text_than_the_pages_marks_nothing(tmp_path: Path) -> None:
    """As one that was recognised in its picture, or parsed by another version."""
    from dataclasses import replace

    path = tmp_path / "a.pdf"
    path.write_bytes(data := Pdf([text(LINE)]).made())
    document = load(path)
    other = replace(document, text=document.text.replace("lamp", "lump"))
    assert quote_boxes(document, data, [Span(0, 8)]) != [[]]
    assert quote_boxes(other, data, [Span(0, 8)]) == [[]]


def test_a_quote_over_two_pages_has_boxes_on_both(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(data := Pdf([text("The lamp was lit", 72, 60), text("at dusk.", 72, 740)]).made())
    document = load(path)
    (found,) = quote_boxes(document, data, [Span(0, len(document.text))])
    assert [box.page for box in found] == [1, 2]


def test_a_file_that_has_gone_or_changed_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(REPORT.read_bytes())
    sha256 = load(path).sha256
    assert unchanged(path, sha256) == REPORT.read_bytes()
    path.write_bytes(b"another")
    assert unchanged(path, sha256) is None
    path.unlink()
    assert unchanged(path, sha256) is None
    assert unchanged(tmp_path, sha256) is None


def test_bytes_that_are_no_pdf_give_nothing(tmp_path: Path) -> None:
    document = load(REPORT)
    assert quote_boxes(document, b"%PDF-1.7 nothing", [Span(0, 20)]) == [[]]
