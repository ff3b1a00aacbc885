"""Answers shown in a browser, and exported: every quote of a PDF with its boxes, nothing that runs."""

import io
import json
import re
import stat
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pypdf
import pypdfium2
import pytest

from lcagent import Reader
from lcagent.errors import DocumentEncrypted
from tests.documents.pdf_writer import Pdf, text
from tests.helpers import NEEDLE, QUESTION, clever, haystack, in_this_process
from tests.loopback import Request

HOSTILE = '<img src=x onerror=alert(1)> "Oskar" </pre><script>alert(2)</script>'


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "book.pdf"
    first, second = NEEDLE[:30], NEEDLE[31:]
    content = text("Another line.", 72, 700) + text(first, 72, 660) + text(second, 72, 646)
    path.write_bytes(Pdf([text("The river ran past the old mill."), content], page="/Rotate 0").made())
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not addresses.append(address))
    return addresses


def ask(loopback, *arguments: object):
    server = loopback(window=2048, reply=clever)
    options = ("--api-base", server.url, "--window", "2048")
    done = in_this_process("ask", *map(str, arguments), QUESTION, *options)
    assert done.exit_code == 0, done.stderr
    return done


def content(address: str) -> tuple[Path, str]:
    path = Path(url2pathname(urlsplit(address).path))
    return path, path.read_text("utf-8")


def test_the_citations_of_a_pdf_have_boxes_and_no_path_is_told(loopback, pdf: Path) -> None:
    told = json.loads(ask(loopback, pdf, "--json").stdout)
    (citation,) = told["citations"]
    assert citation["quote"].replace("\n", " ") == NEEDLE.replace("\n", " ")
    assert [box["page"] for box in citation["boxes"]] == [2, 2]
    assert str(pdf) not in json.dumps(told)
    shown = in_this_process("runs", "show", "last", "--json").stdout
    assert json.loads(shown)["answer"]["citations"] == told["citations"]
    assert str(pdf) not in shown


def test_a_document_that_is_no_pdf_or_has_gone_has_none(loopback, pdf: Path, tmp_path: Path) -> None:
    plain = tmp_path / "doc.txt"
    plain.write_text(haystack(60))
    (citation,) = json.loads(ask(loopback, plain, "--json").stdout)["citations"]
    assert citation["boxes"] == []

    def gone(request: Request) -> str:
        pdf.unlink(missing_ok=True)
        return clever(request)

    server = loopback(window=2048, reply=gone)
    with Reader(api_base=server.url, window=2048) as reader:
        answer = reader.ask(pdf, QUESTION)
    assert answer.status == "answered" and answer.citations[0].boxes == []


def test_the_page_shows_the_quote_highlighted_on_its_page(loopback, pdf: Path, home: Path, opened) -> None:
    ask(loopback, pdf, "--open")
    file, html = content(opened[0])
    assert file.is_relative_to(home) and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert html.count("<rect") == 2 and 'href="data:image/png;base64,iVBORw0KGgo' in html
    assert "default-src 'none'" in html and not re.search(r"https?://", html)
    assert '<a href="#c1">[1]</a>' in html and 'id="c1"' in html
    run = in_this_process("runs", "list", "--json")
    in_this_process("runs", "delete", json.loads(run.stdout)[0]["id"])
    assert not file.exists()


def test_what_a_document_says_is_escaped_on_the_page(loopback, tmp_path: Path, opened) -> None:
    path = tmp_path / "<b>doc.txt"
    path.write_text(f"{HOSTILE}\n\n{haystack(13)}\n\n{HOSTILE}")
    ask(loopback, path, "--open")
    _, html = content(opened[0])
    assert f"<mark>{NEEDLE}</mark>" in html
    assert "<img" not in html and "<b>" not in html and html.count("<script>") == 1
    assert "&lt;script&gt;alert(2)" in html


def test_where_no_browser_opens_the_address_is_told(loopback, pdf: Path, monkeypatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    done = ask(loopback, pdf, "--open", "-q")
    assert "file://" in done.stderr and done.stdout == "Oskar Brandvold\n"


def test_the_cited_pages_are_exported_with_highlights(loopback, pdf: Path, tmp_path: Path) -> None:
    ask(loopback, pdf)
    out = tmp_path / "answer.pdf"
    done = in_this_process("export", "last", "-o", str(out))
    assert done.exit_code == 0, done.stderr
    reader = pypdf.PdfReader(out)
    (page,) = reader.pages
    assert "Another line." in page.extract_text()
    notes = {note.get_object()["/Subtype"]: note.get_object() for note in page["/Annots"]}
    assert "Oskar Brandvold" in notes["/Highlight"]["/Contents"]
    quads = [float(value) for value in notes["/Highlight"]["/QuadPoints"]]
    assert len(quads) == 16
    with pypdfium2.PdfDocument(io.BytesIO(out.read_bytes())) as again:
        textpage = again[0].get_textpage()
        found = [
            textpage.get_text_bounded(q[4] + 0.5, q[5] + 3, q[2] - 0.5, q[3] - 3)
            for q in (quads[:8], quads[8:])
        ]
    assert " ".join(part.strip() for part in found) == NEEDLE
    assert notes["/Text"]["/Contents"].startswith(QUESTION)
    assert reader.metadata is not None and reader.metadata.title == QUESTION
    assert next(one["/Title"] for one in reader.outline if isinstance(one, dict)) == QUESTION  # type: ignore[index]


def test_an_encrypted_pdf_is_exported_with_its_password(loopback, pdf: Path, tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=pdf)
    writer.encrypt("sesame", algorithm="RC4-128")
    writer.write(locked := tmp_path / "locked.pdf")
    told = json.loads(ask(loopback, locked, "--json", "--password", "sesame").stdout)
    assert told["citations"][0]["boxes"]
    refused = in_this_process("export", "last", "-o", str(tmp_path / "x.pdf"))
    assert isinstance(refused.exception, DocumentEncrypted)
    done = in_this_process("export", "last", "-o", str(tmp_path / "x.pdf"), "--password", "sesame")
    assert done.exit_code == 0, done.exception
    assert not pypdf.PdfReader(tmp_path / "x.pdf").is_encrypted


def test_what_cannot_be_exported_is_told(loopback, pdf: Path, tmp_path: Path) -> None:
    plain = tmp_path / "doc.txt"
    plain.write_text(haystack(20))
    ask(loopback, plain)
    refused = in_this_process("export", "last", "-o", str(tmp_path / "x.pdf"))
    assert refused.exit_code != 0 and "doc.txt is not exported: it is no PDF" in str(refused.exception)
    ask(loopback, pdf)
    pdf.write_bytes(b"changed")
    refused = in_this_process("export", "last", "-o", str(tmp_path / "x.pdf"))
    assert "has gone or changed" in str(refused.exception)
    assert not (tmp_path / "x.pdf").exists()
