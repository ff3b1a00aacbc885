"""A file that would take the machine takes down a child, and the user reads one sentence."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import psutil
import pytest
from openpyxl import Workbook

from lcagent.documents import load, load_all, parsing
from lcagent.documents.formats import OnDisk, parse, read
from lcagent.documents.parsing import PARSER
from lcagent.documents.parsing.limits import Limits
from lcagent.documents.recognised import Watch
from lcagent.errors import DocumentDamaged, DocumentError, DocumentTooLarge
from tests.documents.office import open_document, shape, slides
from tests.documents.test_load import docx, epub, write
from tests.helpers import ROOT


def endless_pdf() -> bytes:
    """Forms that draw each the next one twenty times over, twelve deep: no parser sees the end of it."""
    depth = 12
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    objects.append(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R"
        " /Resources << /XObject << /F 5 0 R >> >> >>"
    )
    draw = "/F Do " * 20
    objects.append(f"<< /Length {len(draw)} >>\nstream\n{draw}\nendstream")
    for level in range(depth):
        body = draw if level < depth - 1 else "0 0 9 9 re f"
        inner = f" /Resources << /XObject << /F {6 + level} 0 R >> >>" if level < depth - 1 else ""
        objects.append(
            f"<< /Type /XObject /Subtype /Form /BBox [0 0 99 99]{inner} /Length {len(body)} >>"
            f"\nstream\n{body}\nendstream"
        )
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, 1):
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
    out.write(b"trailer << /Root 1 0 R >>\n%%EOF\n")
    return out.getvalue()


def swollen_docx(paragraphs: int) -> bytes:
    """A DOCX whose text was packed a thousand times smaller."""
    data = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(docx())) as plain,
        zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for name in plain.namelist():
            body = plain.read(name)
            if name == "word/document.xml":
                one = b"<w:p><w:r><w:t>" + b"tea " * 64 + b"</w:t></w:r></w:p>"
                body = body.replace(b"<w:p>", one * paragraphs + b"<w:p>", 1)
            out.writestr(name, body)
    return data.getvalue()


@cache
def slow_docx() -> bytes:
    """One that takes seconds until it is refused, and no more memory than it may."""
    return swollen_docx(400_000)


def children() -> list[int]:
    """Process ids of those that parse."""
    found = psutil.Process().children()
    return [one.pid for one in found if "lcagent.documents.parsing.child" in one.cmdline()]


def child() -> int:
    """Process id of the one that parses."""
    (one,) = children()
    return one


def test_one_child_reads_many_files(tmp_path: Path) -> None:
    pids = set()
    for number in range(5):
        page = f"<html><body><p>Page {number}.</p></body></html>"
        document = load(write(tmp_path, f"{number}.html", page))
        assert document.text == f"Page {number}.\n"
        pids.add(child())
    assert len(pids) == 1


def test_plain_text_needs_no_child(tmp_path: Path) -> None:
    PARSER.stop()
    assert load(write(tmp_path, "a.txt", "Tea at noon.")).text == "Tea at noon."
    assert not children()


def test_a_file_without_end_is_given_up_and_the_next_one_is_read(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        load(write(tmp_path, "endless.pdf", endless_pdf()))
    assert isinstance(caught.value, DocumentTooLarge | DocumentDamaged)
    assert caught.value.hint and "endless.pdf" in caught.value.message
    assert "Tea at noon." in load(write(tmp_path, "good.docx", docx())).text


@pytest.mark.slow
def test_a_file_that_swells_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentTooLarge) as caught:
        load(write(tmp_path, "swollen.docx", slow_docx()))
    assert "swollen.docx" in caught.value.message and caught.value.hint


def test_a_large_honest_file_is_read(tmp_path: Path) -> None:
    document = load(write(tmp_path, "large.docx", swollen_docx(2_000)))
    assert document.text.count("tea") == 2_000 * 64


def with_pictures(data: bytes, mib: int) -> bytes:
    """A file of an office with pictures in it."""
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as archive:
        for number in range(mib):
            archive.writestr(f"media/{number}.png", os.urandom(1 << 20))
    return out.getvalue()


def test_a_file_of_pictures_is_read_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = with_pictures(docx(), 6)
    path = write(tmp_path, "pictures.docx", data)
    monkeypatch.chdir(tmp_path)
    with path.open("rb") as file:
        content = read(file, ".docx", path.name, path=Path(path.name))
    assert isinstance(content.data, OnDisk)
    assert content.sha256 == hashlib.sha256(data).hexdigest()
    document = load(path.name)
    assert document == parse(content, name=path.name, password=None)
    assert document.text == load(write(tmp_path, "small.docx", docx())).text
    path.write_bytes(data + b"!")
    with pytest.raises(DocumentError, match="changed while it was read"):
        parse(content, name=path.name, password=None)


@pytest.mark.parametrize("ending", ["epub", "odt", "pptx", "docx", "xlsx"])
def test_all_archives_are_read_where_they_lie(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {
        "epub": epub(),
        "odt": open_document("text", "<text:p>Tea at noon.</text:p>"),
        "pptx": slides(shape("Tea at noon.")),
        "docx": docx(),
        "xlsx": workbook(),
    }
    path = write(tmp_path, f"a.{ending}", made[ending])
    whole = load(path)
    assert whole.format == ending
    monkeypatch.setattr("lcagent.documents.formats.recognising._MOST_IN_MEMORY", 0)
    assert load(path) == whole


def workbook() -> bytes:
    book, out = Workbook(), io.BytesIO()
    book.active["A1"] = "Tea at noon."
    book.save(out)
    return out.getvalue()


def test_a_child_that_dies_is_one_sentence_and_is_replaced(tmp_path: Path) -> None:
    load(write(tmp_path, "a.html", "<p>One.</p>"))
    first, slow = child(), write(tmp_path, "slow.docx", slow_docx())
    killer = threading.Timer(0.5, lambda: os.kill(first, signal.SIGKILL))
    killer.start()
    with pytest.raises(DocumentDamaged, match="crash"):
        load(slow)
    killer.join()
    assert load(write(tmp_path, "b.html", "<p>Two.</p>")).text == "Two.\n"
    assert child() != first


def test_a_file_that_ends_the_child_does_not_cost_its_neighbours(tmp_path: Path) -> None:
    """Small files go to the child together."""
    for number in range(6):
        write(tmp_path, f"{number}.html", f"<p>Number {number}.</p>")
    write(tmp_path, "3.pdf", endless_pdf())
    write(tmp_path, "4.docx", b"PK no archive")
    loaded = load_all([tmp_path])
    assert [d.text for d in loaded.documents] == [f"Number {n}.\n" for n in range(6)]
    assert [name for name, _ in loaded.skipped] == ["3.pdf", "4.docx"]
    with pytest.raises(DocumentError, match=r"3\.pdf"):
        load_all([tmp_path / "1.html", tmp_path / "3.pdf", tmp_path / "2.html"])


def test_a_child_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no time of the processor: the clock alone tells."""
    first = load(write(tmp_path, "a.html", "<p>One.</p>"))
    monkeypatch.setattr(parsing, "limits", lambda *_, **__: Limits(1 << 30, 0.05, 1 << 20))
    os.kill(child(), signal.SIGSTOP)
    with pytest.raises(DocumentTooLarge, match=r"a\.html takes more than"):
        load(tmp_path / "a.html")
    monkeypatch.undo()
    assert load(tmp_path / "a.html") == first
    time.sleep(0.5)  # no deadline of a file before is left
    assert load(tmp_path / "a.html") == first


def test_a_child_that_has_ended_for_want_of_work_is_replaced(tmp_path: Path) -> None:
    load(write(tmp_path, "a.html", "<p>One.</p>"))
    gone = PARSER._idle[-1].child
    assert gone is not None and gone.process.stdin is not None
    gone.process.stdin.close()  # what its parent's end would do
    gone.process.wait(10)
    assert load(write(tmp_path, "b.html", "<p>Two.</p>")).text == "Two.\n"


def test_threads_have_children_of_their_own_and_take_turns_where_these_are_too_many(tmp_path: Path) -> None:
    PARSER.stop()
    files = [write(tmp_path, f"{n}.html", f"<p>Number {n}.</p>") for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        texts = [document.text for document in pool.map(load, files)]
    assert texts == [f"Number {n}.\n" for n in range(40)]
    assert len(children()) <= (os.cpu_count() or 1) + 2
    PARSER.stop()
    assert not children()


def test_a_file_that_takes_long_holds_up_no_other(tmp_path: Path) -> None:
    halt, slow = threading.Event(), [write(tmp_path, f"{n}.docx", slow_docx()) for n in range(9)]
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(load_all, slow, watch=Watch(halt))
        for number in range(20):
            page = write(tmp_path, f"{number}.html", f"<p>Number {number}.</p>")
            assert load(page).text == f"Number {number}.\n"
        assert not future.done()
        PARSER.halt(halt)
        with pytest.raises(DocumentError):
            future.result(timeout=5)
    PARSER.stop()


def test_who_gives_up_waits_for_no_parser(tmp_path: Path) -> None:
    """And does not end what another one is having parsed."""
    halt, other = threading.Event(), threading.Event()
    files = [write(tmp_path, f"{n}.docx", slow_docx()) for n in range(9)]
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(load_all, files, watch=Watch(halt))
        time.sleep(1)
        PARSER.halt(other)
        assert not future.done()
        PARSER.halt(halt)
        with pytest.raises(DocumentError):
            future.result(timeout=5)


@pytest.mark.slow
def test_ctrl_c_ends_a_parser_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "slow.docx", slow_docx())
    command = [
        sys.executable,
        "-m",
        "lcagent.cli.main",
        "ask",
        str(file),
        "Who?",
        "--api-base",
        "http://127.0.0.1:9",
    ]
    environment = {**os.environ, "LCAGENT_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background ignores Ctrl-C for all its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    waited = time.monotonic() + 60
    while not (found := psutil.Process(process.pid).children()) and time.monotonic() < waited:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in told
    assert found and not any(one.is_running() for one in found)
