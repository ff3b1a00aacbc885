"""What reaches a terminal, a pipe or a file: UTF-8, nothing that steers, and an ending that is always told."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.cli import terminal, works
from lcagent.cli.terminal import console
from lcagent.text import shown, without_password
from tests.helpers import QUESTION, clever, haystack
from tests.killable import Command
from tests.loopback import Loopback, Request

NAME = "Bjørn Åsgård – 灯台"
STEERING = (
    "\x1b[31m\x1b]0;OWNED\x07\x1b[2K\x9b1A\r\u202e\u2066\u200f:skull: [red]x[/] [link=http://x]y[/link]"
)


def lcagent(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return Command(*arguments, stdin=stdin).done()


def shell(line: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", line.replace("lcagent", f"{sys.executable} -m lcagent.cli.main")],
        capture_output=True,
        env=dict(os.environ),
    )


def answering(text: str):
    """A model that gives one answer."""

    def reply(request: Request) -> str:
        names = request.schema["properties"] if request.schema else {}
        return json.dumps({"found": "yes", "answer": text}) if "found" in names else clever(request)

    return reply


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(f"The keeper of the light is {NAME}.", encoding="utf-8")
    return path


def in_cp1252() -> None:
    sys.stdout.reconfigure(encoding="cp1252")
    sys.stderr.reconfigure(encoding="cp1252")


def in_ascii() -> None:
    sys.stdout.reconfigure(encoding="ascii", errors="surrogateescape")
    sys.stderr.reconfigure(encoding="ascii")


@pytest.mark.parametrize(
    ("locale", "streams"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, in_cp1252),
        pytest.param(
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, in_ascii, marks=pytest.mark.slow
        ),
    ],
)
def test_what_is_printed_is_utf8_whatever_the_locale(
    loopback, document: Path, locale: dict[str, str], streams: Callable[[], None]
) -> None:
    server = loopback(reply=answering(NAME))
    ask = ("ask", document, f"Who is {NAME}?", "--api-base", server.url)
    # Python reads the locale at its start; what it then makes of its streams is the same for all commands.
    command = [sys.executable, "-m", "lcagent.cli.main", *map(str, ask)]
    done = subprocess.run(command, capture_output=True, env={**os.environ, **locale})
    assert (done.returncode, done.stdout.decode()) == (0, f"{NAME} [1]\n")
    assert NAME in done.stderr.decode()
    as_json = Command(*ask, "--json", environment=locale, first=streams).done()
    assert json.loads(as_json.stdout)["answer"] == NAME
    shown_again = Command("runs", "show", "last", environment=locale, first=streams).done()
    assert f"Who is {NAME}?" in shown_again.stdout.decode()


def test_a_model_a_document_and_its_name_steer_no_terminal(loopback, tmp_path: Path) -> None:
    path = tmp_path / "a\nb\x1b[2J.txt"
    path.write_text(f"The secret word {STEERING} is lemon.")
    server = loopback(reply=answering(f"lemon {STEERING}"))
    asked = lcagent("ask", path, "Which word is secret?", "--api-base", server.url, "--explain", "-v")
    streamed = lcagent("ask", path, "Which one?", "--api-base", server.url, "--stream")
    runs = [lcagent("runs", *rest) for rest in (("list",), ("show", "last"), ("replay", "last"))]
    listed = lcagent("works", "list")
    for done in (asked, streamed, *runs, listed):
        for output in (done.stdout.decode(), done.stderr.decode()):
            assert output == shown(output), output
            assert "💀" not in output
        assert done.returncode == 0, done.stderr
    assert rb"[red]x[/]" in asked.stdout and rb"\u001b[31m" in asked.stdout  # told, not left out
    assert len(runs[0].stdout.splitlines()) == 2  # one line a run, whatever the names hold


@given(st.text())
def test_a_line_stays_one_line_and_text_loses_nothing_but_what_steers(text: str) -> None:
    written: list[str] = []

    class Out:
        def write(self, piece: str) -> None:
            written.append(piece)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", Out())
        terminal.line(text)
        terminal.text(text)
    line, whole = written
    assert line.count("\n") == 1 and line.endswith("\n")
    assert shown(line) == line and shown(whole) == whole
    if text.isprintable() and text == shown(text):
        assert line == whole == f"{text}\n"


@given(st.text(max_size=30))
def test_tables_and_bars_are_as_safe(text: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("a")
    table.add_row(text)
    safe = console(width=200)
    with safe.capture() as printed:
        safe.print(table, Text(text), text)
    assert printed.get() == shown(printed.get())
    with safe.capture() as printed:
        safe.print(":skull: [red]x[/red]")
    assert printed.get() == ":skull: [red]x[/red]\n"


# Pipes, closed and full ones


@pytest.mark.slow
def test_a_reader_that_goes_is_no_fault(loopback, document: Path) -> None:
    server = loopback(reply=answering("lemon"))
    ask = ["ask", str(document), "Which one?", "--api-base", server.url, "-q"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lcagent.cli.main", *ask], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()  # type: ignore[union-attr] - as `| true` does
    assert process.stderr.read() == b"" and process.wait() == 1  # type: ignore[union-attr]
    calls = server.calls
    assert lcagent(*ask).stdout == b"lemon\n" and server.calls == calls  # nobody was told it
    process.stderr.close()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("where", "why"),
    [pytest.param(">&-", b"closed", marks=pytest.mark.slow), ("> /dev/full", b"No space left")],
)
def test_an_answer_that_cannot_be_printed_is_not_lost(
    loopback, document: Path, where: str, why: bytes
) -> None:
    server = loopback(reply=answering("lemon"))
    ask = f"lcagent ask {document} 'Which one?' --api-base {server.url} -q"
    done = shell(f"{ask} {where}")
    assert done.returncode == 1 and done.stderr.startswith(b"error: standard output cannot be written: ")
    assert why in done.stderr.splitlines()[0]
    calls = server.calls
    again = lcagent("ask", document, "Which one?", "--api-base", server.url, "-q")
    assert again.stdout == b"lemon\n" and server.calls == calls


@pytest.mark.slow
def test_closed_streams_are_no_place_for_a_database(loopback, document: Path, home: Path) -> None:
    server = loopback(reply=answering("lemon"))
    shell(f"lcagent ask {document} 'Which one?' --api-base {server.url} <&- >&- 2>&-")
    assert shell(f"lcagent ask {document} 'Which one?' --api-base {server.url} 2>&-").stdout == b"lemon\n"
    assert b"sound" in lcagent("doctor", "--repair").stdout


# Every ending is told


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["ask", "--json"], 2),
        (["--json"], 2),
        (["nosuch", "--json"], 2),
        (["runs", "--json"], 2),
        (["runs", "show", "nosuch", "--json"], 1),
        (["works", "show", "nosuch", "--json"], 1),
        (["memory", "show", "--json"], 1),
        (["graph", "show", "nosuch.txt", "--json"], 1),
        (["summarize", "nosuch.txt", "--json"], 1),
        (["ask", "nosuch.txt", "why?", "--json", "--window", "many"], 2),
        (["ask", "nosuch.txt", "--question-file", "nosuch", "--json"], 2),
        (["doctor", "--json", "--window"], 2),
    ],
)
def test_json_prints_an_object_in_every_ending(arguments: list[str], status: int) -> None:
    done = lcagent(*arguments)
    assert done.returncode == status and done.stderr == b""
    assert set(json.loads(done.stdout)) == {"code", "message", "hint"}


def test_ctrl_c_prints_an_object_too(loopback, document: Path) -> None:
    def slow(request: Request) -> str:
        time.sleep(20)
        return clever(request)

    server: Loopback = loopback(reply=slow)
    command = [sys.executable, "-m", "lcagent.cli.main", "ask", str(document), "why?", "--json"]
    process = subprocess.Popen(
        [*command, "--api-base", server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that runs tests in the background ignores Ctrl-C for all its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while b"segment" not in process.stderr.readline():  # type: ignore[union-attr]
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["code"] == "Interrupted" and b"Traceback" not in told


def breaks() -> None:
    def bad(*_: object) -> None:
        raise KeyError("the secret of the document")

    works._store = bad


def test_a_fault_that_nobody_foresaw_is_a_line_and_a_log(home: Path) -> None:
    plain, as_json = (Command("works", "list", *rest, first=breaks).done() for rest in ([], ["--json"]))
    assert plain.returncode == as_json.returncode == 1
    error, hint = plain.stderr.decode().splitlines()
    assert error.startswith("error: ") and "KeyError" in error
    assert json.loads(as_json.stdout)["code"] == "UnexpectedError" and as_json.stderr == b""
    log = home / "lcagent.log"
    assert str(log) in hint and "KeyError" in log.read_text() and "in bad" in log.read_text()
    assert "secret" not in log.read_text()  # messages may quote a document
    assert log.stat().st_mode & 0o077 == 0


# A question from a file


def test_a_question_comes_from_a_file(loopback, tmp_path: Path) -> None:
    document, file = tmp_path / "doc.txt", tmp_path / "question"
    document.write_text(haystack(20))
    server = loopback(reply=clever)
    ask = ("ask", document, "--api-base", server.url, "-q")
    file.write_bytes(b"\xef\xbb\xbf" + QUESTION.encode() + b"\n\n")
    assert lcagent(*ask, "--question-file", file).stdout == b"Oskar Brandvold\n"
    assert lcagent(*ask, "--question-file", "-", stdin=QUESTION.encode()).stdout == b"Oskar Brandvold\n"
    assert json.loads(lcagent("runs", "show", "last", "--json").stdout)["question"] == QUESTION
    for bad, why in (
        (b"", b"holds no question"),
        (b"\xff\xfe\xfa", b"no UTF-8 text"),
        (b"x" * 2_000_000, b"too long"),
    ):
        file.write_bytes(bad)
        done = lcagent(*ask, "--question-file", file)
        assert done.returncode == 2 and why in done.stderr
    assert b"both a document and the question" in lcagent("ask", "-", "--question-file", "-").stderr


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("https://me:pass@host/v1", "https://host/v1"),
        ("https://me:p@ss@host:1/v1?api-version=3", "https://host:1/v1?api-version=3"),
        ("https://host/v1?api_key=abc&x=1", "https://host/v1?api_key=…&x=1"),
        ("me:pass@host:8000", "host:8000"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_a_password_in_a_url_is_not_shown(url: str, kept: str) -> None:
    assert without_password(url) == kept
