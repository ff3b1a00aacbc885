"""The pages that an answer cites, as a PDF with the quotes marked on them."""

from __future__ import annotations

from dataclasses import dataclass

from lcagent.answer import Answer, Citation
from lcagent.documents.formats.pdf.marked_pages import Mark, MarkedPage
from lcagent.documents.pdf_pages import marked_pages
from lcagent.errors import UsageError
from lcagent.runs.sources import Kept


@dataclass(frozen=True, slots=True)
class Exported:
    """A PDF, and sentences on what is not in it, or not marked."""

    data: bytes
    missing: list[str]


def exported(kept: Kept, password: str | None) -> Exported:
    """The cited pages of an answer's PDFs, with the quotes marked.

    Args:
        kept: the run.
        password: for encrypted PDFs.

    Raises:
        UsageError: no PDF is cited whose file is still the same.
        DocumentError: a file cannot be opened, or went over a limit.
    """
    missing: list[str] = []
    files: list[bytes] = []
    told: list[dict[str, object]] = []
    for document in dict.fromkeys(citation.document for citation in kept.answer.citations):
        cited = [citation for citation in kept.answer.citations if citation.document == document]
        if (data := kept.pdf(document)) is None:
            missing.append(f"{document} is not exported: {_why_not(kept, document)}")
            continue
        files.append(data)
        told.append({"password": password, "pages": _pages(kept.answer, cited)})
        missing += [
            f"[{citation.number}] {document}, {citation.place}: the quote is not marked, for it could not be"
            " placed for certain"
            for citation in cited
            if not citation.boxes
        ]
    if not files:
        raise UsageError(
            "; ".join(missing) or "the answer cites nothing",
            hint="only PDFs that are where they were can be exported",
        )
    wanted = {"question": kept.question, "answer": kept.answer.text, "files": told}
    return Exported(marked_pages(files, wanted, name="the PDF of cited pages"), missing)


def _why_not(kept: Kept, document: str) -> str:
    file = kept.files.get(document)
    if file is None:
        return "it was read from a pipe, or by an earlier version"
    return "it has gone or changed since it was read" if file.format == "pdf" else "it is no PDF"


def _pages(answer: Answer, cited: list[Citation]) -> list[MarkedPage]:
    """The cited pages of one document, in order, and what is marked on each."""
    marks: dict[int, list[Mark]] = {}
    for citation in cited:
        pages = {box.page for box in citation.boxes} or {citation.page or 1}
        for page in pages:
            on_it = [(b.left, b.top, b.right, b.bottom) for b in citation.boxes if b.page == page]
            of_page = marks.setdefault(page, [])
            if on_it:
                of_page.append(Mark(boxes=on_it, text=_statement(answer, citation)))
    name = cited[0].document
    return [
        MarkedPage(index=page - 1, name=f"{name}, page {page}", marks=marks[page]) for page in sorted(marks)
    ]


def _statement(answer: Answer, citation: Citation) -> str:
    """What of the answer rests on a citation."""
    claims = [claim.text for claim in answer.claims if citation.number in claim.citations]
    return f"[{citation.number}] {' '.join(claims) or answer.answer}"
