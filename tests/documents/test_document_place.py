"""Where a person looks a character up."""

import hashlib
import io
from pathlib import Path

import pypdf
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.documents import Document, Page, Segment, extent, load
from lcagent.documents.corpus import Corpus
from lcagent.memory.parsed import StoredDocuments
from lcagent.memory.store import Store
from tests.helpers import REPORT

BODY = "The tenant may leave the house at the end of any month that follows, if this was said in writing."

TWO = (Page(1, 0, len(BODY) + 8), Page(2, len(BODY) + 8, len(BODY) + 12))


def made(text: str, pages: tuple[Page, ...] = (), unit: str = "", form: str = "text") -> Document:
    return Document("d", text, pages, unit, hashlib.sha256(text.encode()).hexdigest(), form)  # type: ignore[arg-type]


def labelled(pages: int) -> bytes:
    """A PDF whose first two pages are numbered i and ii, the others from 1."""
    writer = pypdf.PdfWriter(io.BytesIO(REPORT.read_bytes()))
    while len(writer.pages) > pages:
        writer.remove_page(writer.pages[-1])
    writer.set_page_label(0, 1, style="/r")
    writer.set_page_label(2, pages - 1, style="/D", start=1)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_page_is_named_by_its_number_and_by_the_label_printed_on_it(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(labelled(4))
    document = load(tmp_path / "a.pdf")
    assert [page.label for page in document.pages] == ["i", "ii", "1", "2"]
    assert document.place(document.text.index("Five people")) == "page 2 (ii), 1 The station and its people"
    assert load(REPORT).pages[3].label == ""


def test_a_label_is_kept_with_the_parsed_document_and_may_be_missing_there(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    kept = StoredDocuments(store)
    document = made("one\ftwo", (Page(1, 0, 4, "i"), Page(2, 4, 7)), "page", "pdf")
    assert document.outline.above(5) == ()  # what is worked out on demand is not kept
    kept.put("k", document)
    assert kept.get("k") == document
    store.execute("UPDATE documents SET meta = replace(meta, ', \"i\"', '')")
    store.execute("UPDATE documents SET meta = replace(meta, ', \"\"', '')")
    assert kept.get("k") == made("one\ftwo", (Page(1, 0, 4), Page(2, 4, 7)), "page", "pdf")
    store.close()


@pytest.mark.parametrize(
    "error", [pypdfium2.PdfiumError("broken"), UnicodeDecodeError("utf-16", b"", 0, 1, "")]
)
def test_a_broken_label_does_not_cost_the_page(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(pypdfium2.PdfDocument, "get_page_label", fail)
    assert load(REPORT).place(500).startswith("page 2")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (made(f"one\ntwo\nHERE {BODY}"), "line 3"),
        (made(f"# Terms\n\n## Notice\n\n{BODY}\nHERE"), "Notice, line 6"),
        (made("HERE Notice period\n\nwords"), "line 1"),
        (made(f"{BODY}\n\n4.2 HERE Notice\n{BODY}"), "4.2 HERE Notice, line 3"),
        (made(f"Terms\n\n{BODY}\n\n{BODY}\n\nHERE", form="html"), "Terms, paragraph 3"),
        (made("One.\n\nHERE.\n\n", form="docx"), "paragraph 2"),
        (made(f"1 Rent\n{BODY}\fHERE", TWO, "page", "pdf"), "page 2, 1 Rent"),
        (made(f"1 Rent\n{BODY}\nHERE", TWO, "chapter", "epub"), "chapter 2"),
        (made(f"1 Rent\n{BODY}\n# HERE\n{BODY}", TWO, "chapter", "epub"), "chapter 2, HERE"),
        (made(f"# {'Long heading ' * 8}\nHERE"), f"{'Long heading ' * 6}…, line 2".replace(" …", "…")),
        (made("name,role,since\nAnn,Cook,1911\nBea,HERE,1912"), "line 3"),
    ],
)  # fmt: skip
def test_a_place_is_what_a_person_can_look_up(document: Document, expected: str) -> None:
    assert document.place(document.text.index("HERE")) == expected


@given(st.lists(st.sampled_from(["\n", "x", "\r\n", "y" * 9000]), max_size=40).map("".join), st.data())
def test_a_line_is_counted_as_an_editor_counts_it(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    assert made(text).place(at) == f"line {text.count(chr(10), 0, at) + 1:,}"


def test_what_was_read_is_told_in_pages_or_lines() -> None:
    texts = ["a b\f", "c d\f", " \f", "e f\f", "g h"]
    pages, at = [], 0
    for number, text in enumerate(texts, start=1):
        pages.append(Page(number, at, at + len(text)))
        at += len(text)
    document = made("".join(texts), tuple(pages), "page", "pdf")
    assert extent(document, [(0, 8), (10, 14)]) == ("pages 1-2 and 4", "page 5; page 3 holds no text")
    assert extent(document, []) == ("", "pages 1-2 and 4-5; page 3 holds no text")
    plain = made("one\ntwo\nthree\nfour\n")
    assert extent(plain, [(0, 8)]) == ("lines 1-2", "lines 3-4")
    assert extent(plain, [(0, 19)]) == ("all of it", "")
    assert extent(made("a" * 10, form="html"), [(0, 4)]) == ("40 % of it", "60 % of it")


def test_very_many_pages_are_not_all_named() -> None:
    document = made("ab" * 100, tuple(Page(n + 1, 2 * n, 2 * n + 2) for n in range(100)), "page", "pdf")
    read, _ = extent(document, [(2 * n, 2 * n + 2) for n in range(0, 100, 2)])
    assert read == "pages 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21 and 39 more"


def test_a_segment_was_seen_where_all_but_the_space_at_its_end_was() -> None:
    text = "One.\n\nTwo.\n\nThree."
    segments = tuple(Segment(at, *span, 2) for at, span in enumerate([(0, 6), (6, 12), (12, 18)]))
    corpus = Corpus((made(text), made("Other.")), (segments, (Segment(0, 0, 6, 2),)))
    assert corpus.seen([]) == []
    assert corpus.seen([(0, 0, 4), (0, 6, 9)]) == [(0, 0)]
    assert corpus.seen([(0, 14, 18), (0, 6, 14)]) == [(0, 1), (0, 2)]  # two that meet
    assert corpus.seen([(0, 7, 18), (1, 0, 6)]) == [(0, 2), (1, 0)]
