"""From files to documents, and from bad files to one clear error."""

import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from lcagent.documents import coverage, load, load_all
from lcagent.errors import (
    DocumentDamaged,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentError,
    DocumentNotFound,
    DocumentTooLarge,
    UnsupportedFormat,
)
from tests.helpers import REPORT, ROOT

DATA = Path(os.environ.get("LCAGENT_TEST_DATA", ROOT.parent / "shared" / "data"))


def write(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


CHAPTERS = {
    "OPS/one.xhtml": "<html><body><h1>One</h1><p>First words.</p></body></html>",
    "OPS/two.xhtml": "<html><body><p>Second words.</p></body></html>",
}
PACKAGE = (
    '<package><manifest><item id="b" href="two.xhtml"/><item id="a" href="one.xhtml"/></manifest>'
    '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
)


def epub(
    chapters: Mapping[str, str | bytes] = CHAPTERS, package: str = PACKAGE, at: str = "OPS/book.opf"
) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("META-INF/container.xml", f'<container><rootfile full-path="{at}"/></container>')
        archive.writestr(at, package)
        for name, text in chapters.items():
            archive.writestr(name, text)
    return data.getvalue()


def docx() -> bytes:
    data = io.BytesIO()
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
            'officeDocument" Target="word/document.xml"/></Relationships>',
        )
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{main}"><w:body><w:p><w:r><w:t>Tea at noon.</w:t></w:r></w:p>'
            "<w:p><w:r><w:t>Rain at two.</w:t></w:r></w:p></w:body></w:document>",
        )
    return data.getvalue()


def test_the_shipped_report_has_pages_that_tile_its_text() -> None:
    document = load(REPORT)
    assert document.format == "pdf" and len(document.pages) == 22
    assert document.pages[0].start == 0 and document.pages[-1].end == len(document.text)
    assert all(a.end == b.start for a, b in zip(document.pages, document.pages[1:], strict=False))
    assert document.empty_pages == (10,)
    assert "OCR" in document.warnings[0]
    assert document.page_at(document.text.index("Anna Sofie")) == 13
    half = document.pages[12].start
    assert coverage(document, [(0, half)]).sentence() == "read 11 of 22 pages; 1 page holds no text"


def test_answers_of_the_question_list_stand_on_their_pages() -> None:
    document = load(REPORT)
    questions = json.loads((REPORT.parent / "questions.json").read_text())
    assert len(questions) >= 15
    for item in questions:
        pages = [
            " ".join(document.text[p.start : p.end].split())
            for p in document.pages
            if p.number in item["pages"]
        ]
        for answer in item["answers"]:
            assert any(answer in page for page in pages), item


@pytest.mark.parametrize(
    ("name", "data", "kind", "text"),
    [
        ("a.txt", "one\r\ntwo\n", "text", "one\r\ntwo\n"),
        ("a.txt", b"\xef\xbb\xbfone", "text", "\ufeffone"),
        ("a.txt", "schön".encode("utf-16"), "text", "\ufeffschön"),
        ("a.txt", b"caf\xe9", "text", "café"),
        ("a.md", "# Title\n\n*text*\n", "markdown", "# Title\n\n*text*\n"),
        ("a.html", "<p>one<script>x()</script><p>two<br>three", "html", "one\n\ntwo\nthree\n"),
        ("noending", "<!DOCTYPE html><title>T</title><p>one", "html", "T\n\none\n"),
        ("a.docx", docx(), "docx", "Tea at noon.\n\nRain at two.\n"),
        ("a.epub", epub(), "epub", "One\n\nFirst words.\n\nSecond words.\n\n"),
    ],
)
def test_formats(tmp_path: Path, name: str, data: bytes | str, kind: str, text: str) -> None:
    document = load(write(tmp_path, name, data))
    assert (document.format, document.text) == (kind, text)


def test_an_epubs_chapters_are_its_pages(tmp_path: Path) -> None:
    document = load(write(tmp_path, "a.epub", epub()))
    assert document.unit == "chapter"
    assert [document.page_at(document.text.index(word)) for word in ("First", "Second")] == [1, 2]


BODY = '</head><body><p>The captain <a id="x"/>was <em>Ann</em>.<br/>She sailed.</p></body></html>'
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><head>'


@pytest.mark.parametrize(
    "head", ["<title/>", '<title>T</title><script src="a>b.js" />', "<style/><meta name='a'/>"]
)
@pytest.mark.parametrize("name", ["a.xhtml", "a.html", "a.epub"])
def test_an_element_that_closes_itself_swallows_nothing(tmp_path: Path, name: str, head: str) -> None:
    page = f"{XHTML}{head}{BODY}"
    data = page if name != "a.epub" else epub({**CHAPTERS, "OPS/one.xhtml": page})
    assert "The captain was Ann.\nShe sailed." in load(write(tmp_path, name, data)).text


def test_html_that_is_no_xml_is_left_as_it_is(tmp_path: Path) -> None:
    page = "<p>One<script>write('<script/>')</script><p>two"
    assert load(write(tmp_path, "a.html", page)).text == "One\n\ntwo\n"


@pytest.mark.parametrize(
    ("at", "files", "refs"),
    [
        ("OPS/pkg/book.opf", ("OPS/Text/a.xhtml", "OPS/pkg/b c.xhtml"), ("../Text/a.xhtml", "b%20c.xhtml#x")),
        ("book.opf", ("a.xhtml", "text/b.xhtml"), ("./a.xhtml", "text/../text/b.xhtml")),
    ],
)
@pytest.mark.parametrize("prefix", ["", "opf:"])
def test_an_epubs_package_may_be_written_in_several_ways(
    tmp_path: Path, at: str, files: tuple[str, str], refs: tuple[str, str], prefix: str
) -> None:
    package = PACKAGE.replace("one.xhtml", refs[0]).replace("two.xhtml", refs[1])
    package = package.replace("<", f"<{prefix}").replace(f"<{prefix}/", f"</{prefix}")
    chapters = dict(zip(files, CHAPTERS.values(), strict=True))
    document = load(write(tmp_path, "a.epub", epub(chapters, package, at)))
    assert document.text == "One\n\nFirst words.\n\nSecond words.\n\n" and not document.warnings


def test_a_missing_chapter_is_told_and_keeps_its_number(tmp_path: Path) -> None:
    package = PACKAGE.replace("<spine>", '<spine><itemref idref="nowhere"/>').replace("one.", "gone.")
    document = load(write(tmp_path, "a.epub", epub(package=package)))
    assert document.page_at(document.text.index("Second")) == 3
    assert document.warnings == (
        "not read: chapters 1 (OPS/nowhere), 2 (OPS/gone.xhtml), missing from the file",
    )
    with pytest.raises(DocumentDamaged, match="without chapters"):
        load(write(tmp_path, "b.epub", epub({})))


RUSSIAN = "<p>Капитаном была Анна.</p>"


@pytest.mark.parametrize(
    ("name", "page", "encoding"),
    [
        ("a.html", f'<html><head><meta charset="windows-1251"></head>{RUSSIAN}', "cp1251"),
        ("a.htm", f"<META content='text/html; charset=KOI8-R' http-equiv=Content-Type>{RUSSIAN}", "koi8-r"),
        ("a.xhtml", f"<?xml version='1.0' encoding='windows-1251'?><html>{RUSSIAN}</html>", "cp1251"),
        ("a.html", "<meta charset=gb2312><p>船长是安。</p>", "gbk"),
        ("a.html", "<meta charset=iso-8859-1><p>“Ann”</p>", "cp1252"),
        ("a.html", f"<meta charset=iso-8859-1>{RUSSIAN}", "utf-8"),  # converted, and still declared as it was
        ("a.epub", f"<?xml version='1.0' encoding='windows-1251'?><html>{RUSSIAN}</html>", "cp1251"),
    ],
)
def test_the_encoding_that_a_page_declares(tmp_path: Path, name: str, page: str, encoding: str) -> None:
    data = page.encode(encoding)
    document = load(
        write(tmp_path, name, data if name != "a.epub" else epub({**CHAPTERS, "OPS/one.xhtml": data}))
    )
    assert page.rpartition("<p>")[2].partition("</p>")[0] in document.text
    assert not document.warnings


@pytest.mark.parametrize("label", ["base64", "unicode_escape", "rot13", "undefined", "no-such", "utf-16"])
def test_an_encoding_that_is_none_is_guessed(tmp_path: Path, label: str) -> None:
    document = load(write(tmp_path, "a.html", f"<meta charset={label}><p>café</p>".encode("cp1252")))
    assert "café" in document.text and "Windows-1252" in document.warnings[0]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("note.md", "A PDF begins with `%PDF-1.7`, see there.\n", "markdown"),
        ("note.txt", "The first line is\n%PDF-1.4\nand the end é.\n", "text"),
        ("note.txt", "It is %PDF-1.4, so caf\xe9 said.".encode("cp1252"), "text"),
        ("mark.bin", b"\xef\xbb\xbf\r\n" + REPORT.read_bytes(), "pdf"),
        ("mail", b"Content-Type: application/pdf\r\n\r\n" + REPORT.read_bytes(), "pdf"),
        ("printed", b"\x1b%-12345X@PJL ENTER LANGUAGE = PDF\r\n" + REPORT.read_bytes(), "pdf"),
        ("mac", bytes(128) + REPORT.read_bytes(), "pdf"),
    ],
)
def test_a_pdfs_mark_makes_no_pdf_of_a_note(tmp_path: Path, name: str, data: str | bytes, kind: str) -> None:
    assert load(write(tmp_path, name, data)).format == kind


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("empty.txt", b"", DocumentEmpty),
        ("blank.md", b" \n\t\n", DocumentEmpty),
        ("a.bin", bytes(range(256)) * 9, UnsupportedFormat),
        ("a.pdf", b"not a pdf", DocumentDamaged),
        ("a.docx", b"not a zip", DocumentDamaged),
        ("a.zip", b"PK\x03\x04broken", DocumentDamaged),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, UnsupportedFormat),
        ("a.html", b"<script>only()</script>", DocumentEmpty),
    ],
)
def test_bad_files_are_one_clear_error(
    tmp_path: Path, name: str, data: bytes, error: type[DocumentError]
) -> None:
    with pytest.raises(error) as caught:
        load(write(tmp_path, name, data))
    assert name in caught.value.message


def test_missing_unreadable_and_too_large(tmp_path: Path) -> None:
    with pytest.raises(DocumentNotFound, match="does not exist"):
        load(tmp_path / "nowhere.txt")
    with pytest.raises(DocumentTooLarge):
        load(write(tmp_path, "big.txt", b"x" * 1000), max_bytes=999)
    with pytest.raises(DocumentNotFound, match="nothing in"):
        load_all([tmp_path / "."]) if not list(tmp_path.glob("*.txt")) else load_all([_emptied(tmp_path)])


@pytest.mark.parametrize("question", ["Who was the harbour master? " * 20, "Wer war es wohl?/" * 40])
def test_a_question_in_the_documents_place_is_one_clear_error(question: str) -> None:
    with pytest.raises(DocumentNotFound, match="does not exist") as caught:
        load_all([question, "a.txt"])
    assert caught.value.hint and "before the question" in caught.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode elsewhere")
def test_a_file_name_that_is_no_utf8_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (b"caf\xe8.txt", b"caf\xe9.txt"):
        (folder / os.fsdecode(name)).write_bytes(b"Tea at noon.")
    (folder / os.fsdecode(b"bad\xe9.pdf")).write_bytes(b"no")
    loaded = load_all([folder])
    assert [d.name for d in loaded.documents] == ["caf\ufffd.txt", "caf\ufffd.txt (2)"]
    assert [name for name, _ in loaded.skipped] == ["bad\ufffd.pdf"]
    with pytest.raises(DocumentNotFound) as caught:
        load(folder / os.fsdecode(b"n\xe9.txt"))
    json.dumps([loaded.skipped[0][1].message, caught.value.message], ensure_ascii=False).encode()


def _emptied(folder: Path) -> Path:
    inner = folder / "inner"
    inner.mkdir()
    return inner


def test_a_folder_lists_what_it_could_not_read(tmp_path: Path) -> None:
    for name, data in (("b.txt", "b"), ("a/b.txt", "ab"), (".hidden.txt", "h"), ("bad.pdf", "no")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path, name, data)
    loaded = load_all([tmp_path, tmp_path / "b.txt"])
    assert [d.name for d in loaded.documents] == ["a/b.txt", "b.txt", "b.txt (2)"]
    assert [name for name, _ in loaded.skipped] == ["bad.pdf"]


_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from lcagent.documents import load
with ThreadPoolExecutor(4) as pool:
    print(len({document.text for document in pool.map(load, sys.argv[1:] * 80)}))
"""


def test_pdfs_are_read_in_several_threads() -> None:
    # In a process of its own: what goes wrong here ends the process.
    done = subprocess.run(
        [sys.executable, "-c", _THREADS, str(REPORT)], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


NASTY = sorted((DATA / "nasty").glob("*.pdf"))
_CHILD = """
import sys
from lcagent.documents import load
from lcagent.errors import DocumentError
try:
    print("text", len(load(sys.argv[1]).text.strip()))
except DocumentError as error:
    print("error", error.code, "|", error.message, "|", error.hint)
"""


@pytest.mark.skipif(not NASTY, reason="the folder of nasty PDFs is not here")
@pytest.mark.parametrize("path", NASTY, ids=lambda p: p.stem)
def test_nasty_pdfs_end_in_text_or_one_error(path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)],
        capture_output=True,
        text=True,
        timeout=10,
        preexec_fn=limit,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    kind = path.name.split("__")[0]
    if kind == "password-required" and "auth-event" not in path.name:
        assert done.stdout.startswith(f"error {DocumentEncrypted.__name__}") and "--password" in done.stdout
    elif "image-only" in kind and "scan-bad" not in path.name:
        assert "OCR" in done.stdout
    else:
        assert done.stdout.startswith(("text", "error"))
        assert done.stdout != "text 0\n"


@pytest.mark.skipif(not NASTY, reason="the folder of nasty PDFs is not here")
def test_a_password_opens_and_the_cache_keeps_the_secret() -> None:
    path = DATA / "nasty" / "password-required__r4-aes-user-password.pdf"
    kept: dict = {}

    class Cache:
        get = staticmethod(kept.get)
        put = staticmethod(kept.__setitem__)

    document = load(path, password="asdfzxcv", cache=Cache())
    assert document.text.strip()
    with pytest.raises(DocumentEncrypted):
        load(path, cache=Cache())
    with pytest.raises(DocumentEncrypted, match="wrong"):
        load(path, password="guess", cache=Cache())
