"""Uploads and requests that would harm: each is refused in our words, and the server goes on as before."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from lcagent.server.options import Limits
from tests.documents.archives import docx, epub, p, page
from tests.documents.office import open_document, slides, workbook
from tests.documents.pdf_writer import Pdf, stream, text
from tests.helpers import QUESTION, haystack
from tests.loopback import Loopback
from tests.server.serving import Served, able

ENTITIES = (
    "<!DOCTYPE x [<!ENTITY a0 'lol'>"
    + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    + "]>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
PRIVATE = re.compile(r"Traceback|File \"|/tmp/|/home/|/usr/|site-packages|root:x:|\.py\b")


def letters() -> str:
    """More of one letter than fits into memory a few times over, which is packed small."""
    return "A" * (300 << 20)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("hostile") / "home"
    with Loopback(reply=able) as model, Served(home, model.url, limits=Limits(requests=100_000)) as served:
        yield served
        served.ended(served.run(QUESTION, served.upload(haystack(20))))


def deep_pdf() -> bytes:
    return Pdf([text("Deep.")], catalog=f"/X {'[' * 100_000}{']' * 100_000}").made()


def circle_pdf() -> bytes:
    """Two forms that draw each other, and themselves."""
    form = stream(
        "/X Do /Y Do /X Do",
        "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 50 0 R/Y 51 0 R>>>>",
    )
    return Pdf(["/X Do /Y Do"], objects={50: form, 51: form}).made()


def doubling_pdf() -> bytes:
    """Forms, each of which draws the next ten times."""
    head = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {} 0 R>>>>"
    forms = {50 + n: stream("/X Do " * 10, head.format(51 + n)) for n in range(40)}
    return Pdf(["/X Do"], objects={**forms, 90: stream(text("x"), head.format(50))}).made()


def mails(depth: int) -> bytes:
    parts = [f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth)]
    ends = [f"\r\n--b{n}--\r\n" for n in reversed(range(depth))]
    return (
        "From: a@example.org\r\nSubject: deep\r\n" + "".join(parts) + "\r\ndeepest" + "".join(ends)
    ).encode()


def slipped(name: str) -> bytes:
    return docx(p("Good."), ("r9", "image", name, b"x" * 100))


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "zip bomb in DOCX": ("a.docx", lambda: docx(p(letters()))),
    "zip bomb in XLSX": (
        "a.xlsx",
        lambda: workbook({"S": f'<row r="1"><c r="A1" t="inlineStr"><is><t>{letters()}</t></is></c></row>'}),
    ),
    "zip bomb in EPUB": ("a.epub", lambda: epub({"OPS/a.xhtml": page(letters())})),
    "zip bomb in ODT": ("a.odt", lambda: open_document("text", f"<text:p>{letters()}</text:p>")),
    "zip bomb in PPTX": ("a.pptx", lambda: slides([f"<a:t>{letters()}</a:t>"])),
    "entity bomb in DOCX": ("b.docx", lambda: _with_part("word/document.xml", ENTITIES)),
    "entity bomb in ODT": ("b.odt", lambda: _odt(ENTITIES)),
    "entity bomb in XHTML": (
        "b.xhtml",
        lambda: f"<?xml version='1.0'?>{ENTITIES}<html><body>&a9;</body></html>".encode(),
    ),
    "entity bomb in SVG": (
        "b.svg",
        lambda: (
            f"<?xml version='1.0'?>{ENTITIES}<svg xmlns='http://www.w3.org/2000/svg'><text>&a9;</text></svg>".encode()
        ),
    ),
    "a file of the server as entity, ODT": ("e.odt", lambda: _odt(OUTSIDE, "&x;")),
    "a file of the server as entity, XHTML": (
        "e.xhtml",
        lambda: f"<?xml version='1.0'?>{OUTSIDE}<html><body>&x; lamp</body></html>".encode(),
    ),
    "PDF with a huge page": (
        "c.pdf",
        lambda: Pdf([text("Huge.")], page="/MediaBox[0 0 1000000000 1000000000]").made(),
    ),
    "PDF with a page of no size": ("c0.pdf", lambda: Pdf([text("None.")], page="/MediaBox[0 0 0 0]").made()),
    "PDF with deep objects": ("d.pdf", deep_pdf),
    "PDF with forms in a circle": ("e.pdf", circle_pdf),
    "PDF with forms that double": ("f.pdf", doubling_pdf),
    "PDF that is its own parent": (
        "g.pdf",
        lambda: Pdf([text("x")], objects={2: "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000000>>"}).made(),
    ),
    "PDF cut": ("h.pdf", lambda: Pdf([text("cut")]).made()[:200]),
    "RTF nested": ("a.rtf", lambda: b"{\\rtf1 " + b"{" * 100_000 + b"lamp" + b"}" * 100_000 + b"}"),
    "RTF with numbers without end": (
        "b.rtf",
        lambda: b"{\\rtf1 \\u" + b"9" * 100_000 + b" \\bin99999999999 x}",
    ),
    "HTML of spaces": ("a.html", lambda: b"<p>a" + b" " * 80_000 + b"b<!--" + b"-" * 80_000),
    "HTML nested": ("b.html", lambda: b"<div>" * 100_000 + b"lamp"),
    "HTML of tables in tables": (
        "t.html",
        lambda: b"<table><tr><td colspan=1000000 rowspan=1000000>" * 500 + b"lamp",
    ),
    "mails nested": ("a.eml", lambda: mails(200)),
    "mail with a boundary of nothing": (
        "b.eml",
        lambda: b'From: a@b.c\r\nContent-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n--\r\n' * 50,
    ),
    "path in an archive": ("z.docx", lambda: slipped("../../../../../../tmp/lcagent-slipped")),
    "absolute path in an archive": ("y.docx", lambda: slipped("/etc/lcagent-slipped")),
    "nothing": ("n.txt", lambda: b""),
    "nothing as PDF": ("n.pdf", lambda: b""),
    "NUL alone": ("n.bin", lambda: b"\0" * 100_000),
    "PDF within ZIP within GIF": ("p.gif", lambda: b"GIF89a" + Pdf([text("gif")]).made() + docx(p("x"))),
    "program as PDF": ("q.pdf", lambda: b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 100),
    "PDF as DOCX": ("r.docx", lambda: Pdf([text("Wrong ending.")]).made()),
    "archive within archives": (
        "s.docx",
        lambda: docx(p("x"), ("r1", "package", "a.docx", docx(p("y" * 1000)))),
    ),
    "archive of 70,000 parts": ("m.docx", lambda: _many(70_000)),
    "one line of brackets": ("l.txt", lambda: b"(" * 500_000),
    "Markdown nested": ("l.md", lambda: b"> " * 50_000 + b"lamp\n" + b"[" * 50_000 + b"](x)"),
    "CSV of commas": ("l.csv", lambda: b"a,b\n" + b"," * 1_000_000),
    "JSON nested": ("l.json", lambda: b"[" * 100_000),
    "signs that turn writing around": ("l2.txt", lambda: ("\u202e" * 50_000 + "lamp").encode()),
}
SLOW = {name for name in FILES if "zip bomb" in name or "70,000" in name} | {
    "PDF with forms in a circle",
    "PDF with forms that double",
    "RTF nested",
    "CSV of commas",
}
"""Those that keep a parser busy for seconds."""


def _with_part(name: str, head: str) -> bytes:
    from tests.documents.archives import relations, zipped

    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = f'<w:document xmlns:w="{namespace}"><w:body><w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:body></w:document>'
    return zipped({"_rels/.rels": relations(("r", "officeDocument", name)), name: head + body})


def _odt(head: str, said: str = "&a9;") -> bytes:
    from tests.documents.office import archive

    return archive(
        {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": f"{head}<x>{said}</x>"}
    )


def _many(parts: int) -> bytes:
    from tests.documents.archives import zipped

    return zipped({f"word/{n}.xml": "" for n in range(parts)})


class Watch:
    """Asks the server after its health for as long as it is open, and how much memory the process takes."""

    def __init__(self, url: str) -> None:
        self._url, self._done = url, threading.Event()
        self.unanswered = 0
        self.memory = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._before = psutil.Process().memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10) as client:
            while True:
                try:
                    self.unanswered += client.get("/health").status_code != 200
                except httpx.HTTPError:
                    self.unanswered += 1
                self.memory = max(self.memory, psutil.Process().memory_info().rss - self._before)
                if self._done.wait(0.2):
                    return


def told(reply: httpx.Response, home: Path) -> None:
    """What a client is told names nothing of this disk."""
    assert reply.status_code < 500, reply.text[:500]
    assert str(home) not in reply.text, reply.text[:500]
    if reply.status_code >= 400:
        assert not PRIVATE.search(reply.text), reply.text[:500]
        assert reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in FILES]
)
def test_a_file_that_would_harm_harms_nobody(server: Served, case: str) -> None:
    name, make = FILES[case]
    data, home = make(), server.service.tenants.of("default").folder
    with Watch(server.url) as watch:
        upload = server.http.post("/v1/files", files={"file": (name, data)})
        told(upload, home)
        file = upload.json()["id"]
        row = server.ended(server.run(QUESTION, file, max_calls=3), seconds=150)
        if row["error"] is not None:
            said = row["error"]["message"] + row["error"]["hint"]
            assert not PRIVATE.search(said) and str(home) not in said, said
            assert "something went wrong" not in said, said
        for path in ("passage", "passage?page=1", "pages/1"):
            reply = server.http.get(f"/v1/files/{file}/{path}")
            if reply.headers["content-type"] != "image/png":
                told(reply, home)
                assert "root:x:" not in reply.text
        assert server.http.delete(f"/v1/files/{file}").status_code == 200
    assert watch.unanswered == 0
    assert watch.memory < 300 << 20, watch.memory >> 20
    assert not Path("/tmp/lcagent-slipped").exists()


NAMES = [
    "../../../etc/passwd", "/etc/shadow.txt", "C:\\boot.ini", "\\\\host\\share\\a.txt", "CON", "nul.txt", "..", ".", "",
    "n" * 5000 + ".txt", "a\x00b.txt", "a\r\nset-cookie: x=1.txt", "\u202etxt.exe", "a\x1b[2Jb.txt", "💥.txt", '";x="y.txt', "%2e%2e%2fa.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_data(server: Served, name: str) -> None:
    """As a client sends it, raw, and within JSON."""
    home = server.service.tenants.of("default").folder
    raw = name.encode().replace(b'"', b'\\"')
    body = (
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="'
        + raw
        + b'"\r\n\r\nlamp\r\n--b--\r\n'
    )
    reply = server.http.post(
        "/v1/files", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
    )
    told(reply, home)
    part = {
        "type": "file",
        "file": {"filename": name, "file_data": base64.b64encode(b"A lamp is lit.").decode()},
    }
    content = [part, {"type": "text", "text": "Who?"}]
    told(
        server.http.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": content}]}),
        home,
    )
    for one in server.http.get("/v1/files").json()["data"]:
        assert "/" not in one["filename"] and one["filename"].isprintable() and len(one["filename"]) <= 255
        back = server.http.get(f"/v1/files/{one['id']}/content")
        assert back.status_code == 200 and "set-cookie" not in back.headers
        assert back.headers["content-disposition"].startswith("attachment")
    assert all(re.fullmatch("file-[0-9a-f]{24}", path.name) for path in (home / "files").iterdir())


def user(content: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": content}]}).encode()


BODIES: dict[str, bytes] = {
    "nested a thousand deep": b'{"messages":' + b"[" * 1000 + b"]" * 1000 + b"}",
    "nested without end": b'{"messages":' + b'[{"a":' * 200_000,
    "nested where anything may stand": b'{"messages":[{"role":"user","content":"x"}],"x":'
    + b"[" * 900
    + b"]" * 900
    + b"}",
    "no UTF-8": b'{"messages":[{"role":"user","content":"\xff\xfe"}]}',
    "half a pair": b'{"messages":[{"role":"user","content":"\\ud800 hello"}]}',
    "half a pair in a part": b'{"messages":[{"role":"user","content":[{"type":"text","text":"\\udfff hello"}]}]}',
    "half a pair as id": b'{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"\\udfff"}}]}]}',
    "half a pair as a field": b'{"messages":[{"role":"user","content":"x"}],"lcagent":{"\\ud800":1}}',
    "a role that is a list": b'{"messages":[{"role":["user"],"content":"x"}]}',
    "a part whose type is an object": user([{"type": {"a": 1}, "text": "x"}]),
    "a part that is a number": user([1]),
    "content that is a number": user(1),
    "NUL": user("\0 what?"),
    "a number without end": b'{"messages":[{"role":"user","content":"x"}],"n":' + b"9" * 100_000 + b"}",
    "a budget beyond counting": b'{"messages":[{"role":"user","content":"x"}],"lcagent":{"max_calls":'
    + b"9" * 30
    + b"}}",
    "a budget that is no number": b'{"messages":[{"role":"user","content":"x"}],"lcagent":{"max_seconds":NaN}}',
    "a budget without end": b'{"messages":[{"role":"user","content":"x"}],"lcagent":{"max_seconds":Infinity}}',
    "a session of a megabyte": json.dumps(
        {"messages": [{"role": "user", "content": "x"}], "user": "u" * (1 << 20)}
    ).encode(),
    "a session of control signs": json.dumps(
        {"messages": [{"role": "user", "content": "x"}], "user": "a\r\n\0"}
    ).encode(),
    "an id of a megabyte": user([{"type": "file", "file": {"file_id": "f" * (1 << 20)}}]),
    "base64 cut": user(
        [{"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 1001}}]
    ),
    "base64 of nothing": user([{"type": "file", "file": {"file_data": "data:application/pdf;base64,"}}]),
    "an address of this machine": user(
        [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]
    ),
    "a file of this machine": user([{"type": "file", "file": {"file_data": "file:///etc/passwd"}}]),
    "ten million lists": b'{"messages":[' + b"[]," * 10_000_000 + b"[]]}",
    "two objects": b"{}{}",
    "nothing": b"",
}
"""Bodies; all but the ones in `HEARD` are refused."""
HEARD = {"half a pair", "half a pair in a part", "NUL", "nested where anything may stand"}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_would_harm_is_refused(server: Served, case: str) -> None:
    home = server.service.tenants.of("default").folder
    reply = server.http.post(
        "/v1/chat/completions", content=BODIES[case], headers={"content-type": "application/json"}
    )
    told(reply, home)
    assert (reply.status_code == 200) == (case in HEARD), reply.text[:300]
    assert len(reply.content) < 20_000
    assert server.http.get("/health").status_code == 200


def parts(count: int) -> bytes:
    one = b'--b\r\ncontent-disposition: form-data; name="x%d"\r\n\r\nx\r\n'
    return b"".join(one % n for n in range(count)) + b"--b--\r\n"


HEAD = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n'
FORMS: dict[str, tuple[str, bytes]] = {
    "ten thousand parts": ("multipart/form-data; boundary=b", parts(10_000)),
    "no end": ("multipart/form-data; boundary=b", HEAD + b"\r\nlamp"),
    "another boundary": ("multipart/form-data; boundary=c", HEAD + b"\r\nlamp\r\n--b--\r\n"),
    "no boundary": ("multipart/form-data", HEAD + b"\r\nlamp\r\n--b--\r\n"),
    "a boundary of a megabyte": ("multipart/form-data; boundary=" + "b" * 30_000, b"x"),
    "headers without end": ("multipart/form-data; boundary=b", HEAD + b"x-a: b\r\n" * 100_000 + b"\r\nlamp\r\n--b--\r\n"),
    "a charset that is none": ("multipart/form-data; boundary=b; charset=unicode_escape", HEAD.replace(b"a.txt", b"\\ud800") + b"\r\nlamp\r\n--b--\r\n"),
    "a field where the file should be": ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\nlamp\r\n--b--\r\n'),
    "JSON where a form should be": ("application/json", b"{}"),
}  # fmt: skip


# Starlette leaves the file of a form that is cut to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("case", FORMS)
def test_a_form_that_lies_is_refused_or_kept_as_data(server: Served, case: str) -> None:
    kind, body = FORMS[case]
    home = server.service.tenants.of("default").folder
    told(server.http.post("/v1/files", content=body, headers={"content-type": kind}), home)
    assert server.upload("A lamp is lit.", f"{hash(case)}.txt").startswith("file-")


def test_a_body_that_was_announced_and_never_came_holds_nobody_up(server: Served) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    held: list[socket.socket] = []
    for path, kind in [
        ("/v1/files", "multipart/form-data; boundary=b"),
        ("/v1/chat/completions", "application/json"),
    ] * 20:
        one = socket.create_connection((host, int(port)))
        one.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 100000000\r\n\r\n--b\r\n".encode()
        )
        held.append(one)
    assert server.http.get("/health").status_code == 200
    assert server.upload("A lamp is lit.", "good.txt")
    for one in held:
        one.close()
    assert server.http.get("/v1/files").status_code == 200


PATHS = [
    "/page/..%2f..%2fapp.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/page/style.css%00", "/v1/files/..%2f..%2fserver.db/content",
    "/v1/files/%00", "/v1/files/%ff%fe", "/v1/files/" + "x" * 20_000, "/v1/files/a%0d%0aset-cookie:x", "/v1/runs/%00/events",
    "/v1/sessions/..%2f..%2fx/memory", "/v1/sessions/%00", "/v1/models/..%2f..", "/v1/files/x/pages/" + "9" * 4000,
    "/v1/files?after=%00", "/v1/files?limit=" + "9" * 5000, "/v1/runs?before=nan", "/v1/runs?before=-inf", "/v1/runs?before=1e400",
    "/v1/responses/run_x", "/v1/responses/resp_?stream=true", "/v1/nothing%0aline",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_would_harm(server: Served, path: str, caplog: pytest.LogCaptureFixture) -> None:
    reply = server.http.get(path)
    told(reply, server.service.tenants.of("default").folder)
    assert "set-cookie" not in reply.headers and not any("\n" in one.getMessage() for one in caplog.records)


@pytest.mark.parametrize("number", ["9" * 19, "9" * 5000, "-1", "x", "1e9", "²"])
def test_the_number_of_an_event_is_one_or_none(server: Served, number: str) -> None:
    run = server.run(QUESTION, server.upload(haystack(10)))
    server.ended(run)
    reply = server.http.get(f"/v1/runs/{run}/events", headers={"last-event-id": number.encode("latin-1")})
    assert reply.status_code == 200 and "event: end" in reply.text
