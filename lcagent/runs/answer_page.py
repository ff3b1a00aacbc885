"""The page on which a person sees where an answer stands: one HTML file that loads and sends nothing.

Each citation is shown as the page of its PDF with the quote highlighted, or as the passage around it. What a
document, a model or a file's name says is escaped, and the page's policy allows no script but its own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from lcagent.answer import Citation
from lcagent.documents import Document, load
from lcagent.documents.pdf_pages import page_picture
from lcagent.errors import DocumentError
from lcagent.private import private_file, private_folder
from lcagent.runs.graph_page import digest
from lcagent.runs.records import page_file
from lcagent.runs.sources import Kept
from lcagent.settings import Settings
from lcagent.text import whole_characters

_AROUND = 1200
"""Characters shown before and after a quote."""
_MOST_PAGES = 24
"""Pages that are drawn: each is some hundred kilobytes."""
_MARK = re.compile(r"\[(\d+)\]")
_FIELD = re.compile(r"\{\{(\w+)\}\}")


def write_page(kept: Kept, settings: Settings, password: str | None) -> str:
    """Write the page of an answer under the data folder, for its owner alone.

    Args:
        kept: the run.
        settings: where it is kept, and how text files are read.
        password: for encrypted PDFs.

    Returns:
        The address of the file.

    Raises:
        OSError: it cannot be written.
    """
    file = page_file(settings.place.folder, kept.answer.run_id)
    private_folder(file.parent)
    private_file(file).write_text(page(kept, password, settings.encoding), encoding="utf-8")
    return file.absolute().as_uri()


def page(kept: Kept, password: str | None, encoding: str | None = None) -> str:
    """The page of an answer, in UTF-8 a file of its own.

    Args:
        kept: the run.
        password: for encrypted PDFs.
        encoding: of text files; None: what they look like.
    """
    template = files("lcagent.runs").joinpath("answer_page.html").read_text("utf-8")
    style, script = digest(template, "<style>", "</style>"), digest(template, "<script>", "</script>")
    answer = kept.answer
    ended = answer.status.replace("_", " ")
    numbers = {citation.number for citation in answer.citations}
    shown = _Citations(kept, password, encoding)
    fields = {
        "policy": f"default-src 'none'; img-src data:; style-src '{style}'; script-src '{script}';"
        " base-uri 'none'; form-action 'none'",
        "question": _safe(kept.question),
        "answer": _MARK.sub(
            lambda m: f'<a href="#c{m[1]}">{m[0]}</a>' if int(m[1]) in numbers else m[0], _safe(answer.text)
        ),
        "status": _safe(f"{ended}; {answer.coverage.sentence}; run {answer.run_id}"),
        "citations": "\n".join(map(shown.section, sorted(answer.citations, key=lambda c: c.number))),
    }
    return _FIELD.sub(lambda field: fields[field[1]], template)  # in one go: nothing put in is a field


def _safe(text: str) -> str:
    return escape(whole_characters(text))


class _Citations:
    """Citations as HTML; each page is drawn, and each document read, once."""

    def __init__(self, kept: Kept, password: str | None, encoding: str | None) -> None:
        self._kept = kept
        self._password = password
        self._encoding = encoding
        self._drawn: dict[tuple[str, int], tuple[float, float] | None] = {}
        self._documents: dict[str, Document | None] = {}

    def section(self, citation: Citation) -> str:
        """One citation: where it stands, what it says, and how it looks there."""
        return "\n".join(
            [
                f'<section id="c{citation.number}">',
                f"<h2>[{citation.number}] {_safe(citation.document)}, {_safe(citation.place)}</h2>",
                *self._shown(citation),
                "</section>",
            ]
        )

    def _shown(self, citation: Citation) -> Iterator[str]:
        file = self._kept.files.get(citation.document)
        if file is not None and file.format == "pdf" and citation.page is not None:
            yield f"<blockquote>{_safe(citation.quote)}</blockquote>"
            if not citation.boxes:
                yield '<p class="soft">The quote could not be placed on the page for certain.</p>'
            for number in sorted({box.page for box in citation.boxes} or {citation.page}):
                yield from self._page(citation, number)
            return
        document = self._document(citation.document)
        if document is None:
            yield f"<blockquote><mark>{_safe(citation.quote)}</mark></blockquote>"
            return
        start, end, text = citation.char_start, citation.char_end, document.text
        before, after = text[max(start - _AROUND, 0) : start], text[end : end + _AROUND]
        yield f"<pre>{_safe(before)}<mark>{_safe(text[start:end])}</mark>{_safe(after)}</pre>"

    def _page(self, citation: Citation, number: int) -> Iterator[str]:
        """A page with the boxes of a quote; drawn where it is first shown, and named there for later ones."""
        key = citation.document, number
        image = ""
        if key not in self._drawn and len(self._drawn) < _MOST_PAGES:
            image = self._draw(key)
        size = self._drawn.get(key)
        if size is None:
            return
        name = f"p{list(self._drawn).index(key)}"
        width, height = size
        yield (
            f'<svg viewBox="0 0 {width:g} {height:g}" role="img"'
            f' aria-label="{_safe(f"{citation.document}, page {number}")}">'
        )
        if image:
            yield f'<image id="{name}" width="{width:g}" height="{height:g}" href="{image}"/>'
        else:
            yield f'<use href="#{name}"/>'
        for box in citation.boxes:
            if box.page == number:
                yield (
                    f'<rect x="{box.left:g}" y="{box.top:g}" width="{box.right - box.left:g}"'
                    f' height="{box.bottom - box.top:g}"/>'
                )
        yield "</svg>"

    def _draw(self, key: tuple[str, int]) -> str:
        """A page's picture as an address; "" where it cannot be drawn."""
        self._drawn[key] = None
        data = self._kept.pdf(key[0])
        if data is None:
            return ""
        try:
            self._drawn[key], picture = page_picture(*key, data, password=self._password)
        except DocumentError:
            return ""
        return f"data:image/png;base64,{base64.b64encode(picture).decode()}"

    def _document(self, name: str) -> Document | None:
        """A document as it was read; None where that cannot be had any more."""
        if name not in self._documents:
            file = self._kept.files.get(name)
            self._documents[name] = None
            if file is not None and file.path.is_file():
                try:
                    found = load(file.path, password=self._password, encoding=self._encoding)
                except DocumentError:
                    return None
                self._documents[name] = found if found.sha256 == file.sha256 else None
        return self._documents[name]
