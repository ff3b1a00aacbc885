"""The command line: what goes to stdout, exit codes, and errors that a person can use."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcagent import Answer, AnswerDelta, Citation, Finished
from lcagent.answer import (
    Claim,
    CoverageReport,
    HealthReport,
    HopReport,
    IntervalReport,
    PathReport,
    Quoted,
    Reply,
    RowReport,
    SearchReport,
    TableReport,
    UsageReport,
)
from lcagent.cli.progress import Console
from lcagent.events import Event
from lcagent.memory.store import Store
from tests.helpers import QUESTION, REPORT, ROOT, clever, haystack, in_this_process, prose
from tests.killable import Command
from tests.loopback import Request


def lcagent(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return Command(*arguments, stdin=stdin, environment={"COLUMNS": "100"}).done()


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    return path


def test_stdout_carries_the_answer_alone(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    command = [sys.executable, "-W", "error", "-m", "lcagent.cli.main", "ask", document, QUESTION]
    command += ["--api-base", server.url, "--window", "2048"]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"Oskar Brandvold [1]\n"
    told = done.stderr.decode()
    assert "segments" in told and "Oskar Brandvold" in told and "looked up in" in told and "\x1b" not in told
    quiet = subprocess.run([*command, "-q"], capture_output=True)
    assert (quiet.stdout, quiet.stderr) == (b"Oskar Brandvold\n", b"")


def test_stream_prints_the_answer_once(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    done = lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048, "--stream")
    assert done.stdout == b"Oskar Brandvold [1]\n"


def test_json_is_one_versioned_object(loopback, document: Path, tmp_path: Path) -> None:
    server = loopback(window=2048, reply=clever)
    out = tmp_path / "run.json"
    done = lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048, "--json", "-o", out)
    answer = json.loads(done.stdout)
    assert json.loads(out.read_text()) == answer
    assert {
        "version",
        "answer",
        "text",
        "claims",
        "status",
        "citations",
        "coverage",
        "usage",
        "run_id",
    } <= set(answer)
    (citation,) = answer["citations"][:1]
    fields = {"number", "document", "place", "page", "char_start", "char_end", "quote", "boxes"}
    assert set(citation) == fields
    text = document.read_text()
    assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]


def test_standard_input_is_a_document(loopback) -> None:
    server = loopback(window=2048, reply=clever)
    done = lcagent(
        "ask",
        "-",
        QUESTION,
        "--api-base",
        server.url,
        "--window",
        2048,
        "-q",
        stdin=haystack(150).encode(),
    )
    assert done.stdout == b"Oskar Brandvold\n"


def test_not_in_the_document_is_exit_status_3(loopback, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(prose(100))
    done = lcagent("ask", path, QUESTION, "--api-base", loopback(reply=clever).url)
    assert done.returncode == 3


def test_a_budget_is_exit_status_4(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    options = ("--api-base", server.url, "--window", 2048, "--strategy", "memagent", "--max-calls", 3)
    done = lcagent("ask", document, QUESTION, *options)
    assert done.returncode == 4
    assert server.calls <= 3


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["ask", "nowhere.pdf", "why?"], 1, "DocumentNotFound"),
        (["ask", "doc.txt", " "], 2, "UsageError"),
        (["ask", "doc.txt", "why?", "--set", "memagent.mood=good"], 2, "SettingsError"),
        (["ask", "doc.txt", "why?", "--set", "nonsense"], 2, "SettingsError"),
        (["ask", "doc.txt", "why?", "--store", "mysql://db/lcagent"], 2, "SettingsError"),
        (["ask", "doc.txt", "why?", "--window", "12"], 2, "SettingsError"),
        (["ask", "doc.txt", "why?", "--api-base", "127.0.0.1:9"], 1, "EndpointUnavailable"),
        (["ask", "doc.txt", "why?", "-o", "missing/run.json"], 2, "UsageError"),
        (["ask", "doc.txt", "why?", "-o", "doc.txt/run.json"], 2, "UsageError"),
        (["summarize", "doc.txt", "-o", "."], 2, "UsageError"),
        (["runs", "show", "nothing"], 1, "RunNotFound"),
    ],
)
def test_bad_input_is_one_error_with_a_hint(
    document: Path, arguments: list[str], status: int, code: str
) -> None:
    plain = lcagent(*arguments)
    assert plain.returncode == status, plain.stderr
    assert plain.stdout == b""
    error, hint = plain.stderr.decode().strip().splitlines()
    assert error.startswith("error: ") and hint.startswith("hint: ")
    coded = lcagent(*arguments, "--json")
    assert json.loads(coded.stdout)["code"] == code


def test_usage_errors_are_exit_status_2() -> None:
    for arguments in (
        ["ask", "only-one-word"],
        ["frobnicate"],
        ["ask", "a", "b", "--no-such-flag"],
    ):
        done = lcagent(*arguments)
        assert done.returncode == 2, arguments
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("LCAGENT_WINDWO", "4096", "did you mean LCAGENT_WINDOW?"),
        ("LCAGENT_XYZZY", "1", "settings: model, api_base"),
        ("LCAGENT_WINDOW", "many", "settings: model, api_base"),
    ],
)
def test_a_wrong_variable_is_an_error_whose_hint_is_not_the_same_command(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, hint: str
) -> None:
    monkeypatch.setenv(name, value)
    done = lcagent("config")
    error, told = done.stderr.decode().strip().splitlines()
    assert done.returncode == 2 and name.removeprefix("LCAGENT_") in error.upper()
    assert told.startswith(f"hint: {hint}")


@pytest.mark.parametrize("folder", ["doc.txt", "doc.txt/home"])
def test_a_home_that_cannot_be_is_one_error_with_a_hint(loopback, document: Path, folder: str) -> None:
    for arguments in (
        ["ask", "doc.txt", QUESTION, "--api-base", loopback().url],
        ["runs", "list"],
        ["models", "pull"],
    ):
        done = lcagent(*arguments, "--home", folder)
        assert done.returncode in {1, 2}
        error, hint = done.stderr.decode().strip().splitlines()[-2:]
        assert error.startswith("error: ") and "LCAGENT_HOME" in hint


def test_a_tilde_is_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LCAGENT_HOME", "~/lc")
    assert f"home = {tmp_path / 'lc'}" in lcagent("config").stdout.decode()


def test_runs_are_listed_shown_replayed_and_deleted(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048)
    calls = len(server.requests)
    (row,) = json.loads(lcagent("runs", "list", "--json").stdout)
    assert row["question"] == QUESTION and row["calls"] == calls
    shown = lcagent("runs", "show", row["id"]).stdout.decode()
    assert "Oskar Brandvold" in shown and "finished" in shown
    replayed = lcagent("runs", "replay", "last").stdout.decode()
    assert replayed.count("--- ") == calls + 1
    assert len(server.requests) == calls
    assert lcagent("runs", "delete", row["id"]).returncode == 0
    assert json.loads(lcagent("runs", "list", "--json").stdout) == []


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    start = time.perf_counter()
    code = "import sys; from lcagent.cli import main; print(*[m for m in ('litellm','langgraph','httpx','pypdfium2','pydantic','numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
    assert time.perf_counter() - start < 60  # a hang, not a speed; the speed stands in benchmarks/


def test_doctor_says_which_model_and_why(loopback) -> None:
    server = loopback()
    done = lcagent("doctor", "--api-base", server.url, "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["uses"], facts["model"]) == (0, "given", "loopback")


def test_a_second_question_parses_nothing_again(loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    from lcagent import Reader

    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        first = reader.ask(REPORT, "Who kept the wireless after the new year?")

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("parsed or cut again")

        monkeypatch.setattr("lcagent.documents.parsing.Parser.parse", refuse)
        monkeypatch.setattr("lcagent.graphs.shared.segmenting.split_again", refuse)
        second = reader.ask(REPORT, "Who kept the instruments that winter?")
    assert first.coverage.sentence == second.coverage.sentence == "read 21 of 22 pages; 1 page holds no text"


def answer(**fields: Any) -> Answer:
    """An answer with what a test does not speak of left plain."""
    coverage = CoverageReport(
        sentence="read 3 of 4 pages", segments_read=3, segments_total=4, pages_read=3, pages_total=4,
        pages_empty=[], chars_read=30, chars_total=40, skipped=["d.txt: segment 4: refused by the server"],
    )  # fmt: skip
    usage = UsageReport(
        calls=1, replayed=0, retries=0, malformed=0, cut=0, prompt_tokens=9, cached_tokens=0,
        completion_tokens=1, seconds=1,
    )  # fmt: skip
    plain: dict[str, Any] = {
        "answer": "28", "text": "28 [1][2]", "status": "answered", "claims": [], "citations": [],
        "coverage": coverage, "usage": usage, "run_id": "r", "strategy": "direct", "model": "m",
    }  # fmt: skip
    return Answer(**(plain | fields))


def cite(number: int, quote: str, document: str = "d.pdf") -> Citation:
    return Citation(
        number=number, document=document, place="page 4 (ii)", page=4, char_start=0, char_end=9, quote=quote
    )


def told(one: Answer, capsys: pytest.CaptureFixture[str]) -> list[str]:
    with Console() as console:
        console.tell_answer(one)
    return [line.strip() for line in capsys.readouterr().err.splitlines()]


def test_citations_are_footnotes_and_what_was_put_together_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    claims = [
        Claim(text="He was 28.", support="inferred", citations=[1, 2]),
        Claim(text="He was born in 1901.", support="verbatim", citations=[1]),
        Claim(text="He was young.", support="inferred", citations=[]),
    ]
    citations = [cite(1, "Born\nin 1901."), cite(2, "word " * 100)]
    lines = told(answer(claims=claims, citations=citations), capsys)
    assert lines[1] == "[1] d.pdf, page 4 (ii): “Born in 1901.”"
    assert lines[2].startswith("[2] d.pdf, page 4 (ii): “word word") and lines[2].endswith("word…”")
    assert len(lines[2]) < 300
    assert lines[3] == "- put together from [1] [2]: He was 28."
    assert lines[4] == "- said by the model, from no sentence that was found: He was young."
    assert lines[5] == "note: not read: d.txt: segment 4: refused by the server"
    assert lines[6].startswith("answered; read 3 of 4 pages; 1 call, 10 tokens")


def test_not_found_is_told_like_a_result(
    loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(f"4.2 The harbour\n\nThe harbour was quiet, and its boats came and went.\n\n{prose(30)}")
    server = loopback(reply=clever)
    done = lcagent("ask", path, QUESTION, "--api-base", server.url)
    assert done.returncode == 3
    lines = [" ".join(line.split()) for line in done.stderr.decode().splitlines()]
    assert "read doc.txt: all of it" in lines
    assert "no hit for “master”, “Vellmere”" in lines
    assert any(
        line.startswith("nearest doc.txt, 4.2 The harbour, line 1: “4.2 The harbour") for line in lines
    )
    shown = lcagent("runs", "show", "last").stdout.decode()
    assert "nearest" in shown and "no hit for" in shown
    report = SearchReport(
        pages_read=["d.pdf: pages 1-3"], pages_unread=["d.pdf: page 4"], terms_without_hit=[], nearest=None
    )
    lines = told(answer(status="not_found", searched=report), capsys)
    assert lines[1:5] == [
        "read      d.pdf: pages 1-3",
        "not read  d.pdf: page 4",
        "not read  d.txt: segment 4: refused by the server",
        "nearest   no passage has a word of the question",
    ]


def test_what_steers_a_terminal_is_shown_and_not_obeyed(loopback, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07 \x9b31m \u202egnp.exe \U000e0041"
    path = tmp_path / "a\x1b[31m.txt"
    path.write_text(f"The harbour master of Vellmere in that year was Oskar Brandvold {evil}.\n")

    def reply(request: Request) -> str:
        return clever(request).replace("Oskar Brandvold", json.dumps(f"Oskar Brandvold {evil}")[1:-1])

    server = loopback(reply=reply)
    for arguments in (
        ["ask", path, QUESTION, "--api-base", server.url],
        ["ask", path, QUESTION, "--api-base", server.url, "--stream"],
        ["ask", path, QUESTION, "--api-base", server.url, "--json"],
        ["ask", path, f"why {evil}?", "--api-base", server.url, "-v"],
        ["ask", f"{path}nowhere", "why?"],
        ["runs", "list"],
        ["runs", "show", "last"],
        ["runs", "show", "last", "--json"],
        ["runs", "replay", "last"],
    ):
        done = lcagent(*arguments)
        printed = (done.stdout + done.stderr).decode()
        assert printed and not {"\x1b", "\x07", "\x9b", "\u202e", "\U000e0041"} & set(printed), arguments
    asked = lcagent("ask", path, QUESTION, "--api-base", server.url, "--json")
    (citation,) = json.loads(asked.stdout)["citations"]
    assert evil in citation["quote"]  # escaped as JSON has it: the object is the same


@pytest.mark.parametrize(
    ("streamed", "printed"),
    [
        ("28 [1][2]", "28 [1][2]\n"),
        ("28", "28 [1][2]\n"),
        ("28 [1][2]\n", "28 [1][2]\n"),
        ("", "28 [1][2]\n"),
        ("29", "29\n28 [1][2]\n"),
    ],
)
def test_a_streamed_answer_is_printed_again_only_if_it_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, streamed: str, printed: str
) -> None:
    def stream(*_: object, **__: object) -> Iterator[Event]:
        yield from (AnswerDelta(streamed[:1]), AnswerDelta(streamed[1:]), Finished(answer()))

    monkeypatch.setattr("lcagent.reader.Reader.stream", stream)
    (tmp_path / "d.txt").write_text("x")
    done = in_this_process("ask", "d.txt", "how old?", "--stream")
    assert done.stdout == printed
    assert ("after its checks" in done.stderr) == (streamed == "29")


def test_the_answers_style_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def stream(self: Any, *_: object, **__: object) -> Iterator[Event]:
        seen.append(self.settings.style)
        yield Finished(answer())

    monkeypatch.setattr("lcagent.reader.Reader.stream", stream)
    in_this_process("ask", "d.txt", "how old?")
    in_this_process("ask", "d.txt", "how old?", "--style", "full")
    assert seen == ["auto", "full"]
    wrong = lcagent("ask", "d.txt", "how old?", "--style", "long")
    assert wrong.returncode == 2 and b"style" in wrong.stderr


def test_every_field_of_the_json_object_is_described() -> None:
    text = (ROOT / "docs" / "json.md").read_text()
    models = (
        Answer,
        Claim,
        Citation,
        SearchReport,
        CoverageReport,
        HealthReport,
        UsageReport,
        HopReport,
        PathReport,
    )
    models = (*models, TableReport, RowReport, IntervalReport, Reply, Quoted)
    for model in models:
        missing = [name for name in model.model_fields if f"`{name}`" not in text]
        assert not missing, (model.__name__, missing)
    named = {name for model in models for name in model.model_fields} | {"code", "message", "hint"}
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for row in rows for name in row.split(",")} <= named
    assert f"version {Answer.model_fields['version'].default}" in text


def test_an_answer_of_an_earlier_version_is_still_shown(loopback, document: Path, home: Path) -> None:
    server = loopback(window=2048, reply=clever)
    lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048)
    store = Store(home / "lcagent.db")
    store.execute("UPDATE runs SET answer = ?", (json.dumps({"version": 1, "answer": "Old Oskar"}),))
    store.close()
    for command in ("show", "replay"):
        assert "Old Oskar" in lcagent("runs", command, "last").stdout.decode()
