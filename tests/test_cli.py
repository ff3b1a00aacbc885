"""The command line: what goes to stdout, exit codes, and errors that a person can use."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import QUESTION, REPORT, clever, haystack, prose


def lcagent(*arguments: object, stdin: bytes | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "lcagent.cli.main", *map(str, arguments)],
        capture_output=True,
        input=stdin,
        env={**os.environ, "COLUMNS": "100"},
    )


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    return path


def test_stdout_carries_the_answer_alone(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    done = lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"Oskar Brandvold\n"
    told = done.stderr.decode()
    assert "segments" in told and "Oskar Brandvold" in told and "read " in told and "\x1b" not in told
    quiet = lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048, "-q")
    assert (quiet.stdout, quiet.stderr) == (b"Oskar Brandvold\n", b"")


def test_stream_prints_the_answer_once(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    done = lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048, "--stream", "-q")
    assert done.stdout == b"Oskar Brandvold\n"


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
    assert set(citation) == {"number", "document", "place", "page", "char_start", "char_end", "quote"}
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
    done = lcagent("ask", document, QUESTION, "--api-base", server.url, "--window", 2048, "--max-calls", 3)
    assert done.returncode == 4
    assert server.calls <= 3


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (["ask", "nowhere.pdf", "why?"], 1, "DocumentNotFound"),
        (["ask", "doc.txt", " "], 2, "UsageError"),
        (["ask", "doc.txt", "why?", "--set", "memagent.mood=good"], 2, "SettingsError"),
        (["ask", "doc.txt", "why?", "--set", "nonsense"], 2, "SettingsError"),
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
    code = "import sys; from lcagent.cli import main; print(*[m for m in ('litellm','langgraph','httpx','pypdfium2','pydantic') if m in sys.modules])"
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
        tokenized = server.tokenized

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("parsed again")

        monkeypatch.setattr("lcagent.documents.pdf.parse_pdf", refuse)
        second = reader.ask(REPORT, "Who kept the instruments that winter?")
    assert first.coverage.sentence == second.coverage.sentence == "read 21 of 22 pages; 1 page holds no text"
    assert server.tokenized - tokenized < 20
