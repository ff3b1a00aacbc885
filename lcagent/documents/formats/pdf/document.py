"""A whole PDF by pdfium: its pages, their labels, and what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from lcagent.documents.formats.pdf.annotations import string_of
from lcagent.documents.formats.pdf.cleaning import clean
from lcagent.documents.formats.pdf.page import Aside, PageText, read_page

_MOST_LABEL = 20
"""Characters of a page's label."""
_MOST_FILES = 1000
_XFA = frozenset({pdfium_c.FORMTYPE_XFA_FULL, pdfium_c.FORMTYPE_XFA_FOREGROUND})


@dataclass(frozen=True, slots=True)
class Read:
    """What pdfium made of a PDF.

    Args:
        pages: in order.
        labels: what is printed on each.
        files: names of those attached.
        is_xfa: its form is of a kind that only Adobe's programs show, and not an ordinary one as well.
        is_portfolio: it is a wrapping of the attached files.
    """

    pages: list[PageText]
    labels: list[str]
    files: list[str]
    is_xfa: bool
    is_portfolio: bool


def read_document(pdf: pdfium.PdfDocument, aside: Aside) -> Read:
    """All of it; a part that pdfium cannot load is left empty.

    Args:
        pdf: open.
        aside: of the same file.
    """
    form_type = with_forms(pdf)
    numbers = range(len(pdf))
    pages = [read_page(pdf, index, aside) for index in numbers]
    files = _attached(pdf)
    opens_with_files = pdfium_c.FPDFDoc_GetPageMode(pdf.raw) == pdfium_c.PAGEMODE_USEATTACHMENTS
    return Read(
        pages,
        [_label(pdf, index) for index in numbers],
        [*files, *(name for page in pages for name in page.files)],
        form_type in _XFA and not any(page.fields for page in pages),
        bool(files) and opens_with_files,
    )


def with_forms(pdf: pdfium.PdfDocument) -> int:
    """Make what is filled into the document's form readable.

    Returns:
        The form's type, one of pdfium's `FORMTYPE_*`.
    """
    form_type = pdfium_c.FPDF_GetFormType(pdf.raw)
    if form_type != pdfium_c.FORMTYPE_NONE:
        pdf.init_forms()
    return form_type


def _attached(pdf: pdfium.PdfDocument) -> list[str]:
    names: list[str] = []
    for number in range(min(max(pdfium_c.FPDFDoc_GetAttachmentCount(pdf.raw), 0), _MOST_FILES)):
        file = pdfium_c.FPDFDoc_GetAttachment(pdf.raw, number)
        names.append(string_of(pdfium_c.FPDFAttachment_GetName, file) if file else "")
    return names


def _label(pdf: pdfium.PdfDocument, index: int) -> str:
    try:
        return " ".join(clean(pdf.get_page_label(index)).split())[:_MOST_LABEL]
    except (pdfium.PdfiumError, UnicodeDecodeError):
        return ""  # a broken label must not cost the page
