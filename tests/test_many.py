"""A table over many documents: `lcagent map` and `Reader.map`, over the loopback server."""

import csv
import enum
import json
import re
import signal
import threading
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from lcagent import DocumentNotice, Notice, Reader, RowKept
from lcagent.errors import AccessRefused, DocumentNotFound, EndpointUnavailable, OutputError, UsageError
from lcagent.many.columns import Column, columns_of
from lcagent.many.rows import Row
from lcagent.many.tables import Table
from lcagent.many.turning import turned
from tests.helpers import ROOT, examples, in_this_process
from tests.killable import Command, killed_at
from tests.loopback import Loopback, Reply, Request

QUESTION = "In which year was the boat built?"
TOML = f'[built]\nquestion = "{QUESTION}"\ntype = "int"\n'


def shipyard(request: Request) -> str:
    """A model that answers what the question is about: year, owner, date, kind, length, crew, tax."""
    text, _, asked = request.text.partition("<question>")
    answers = {
        "which year": r"built in (\d{4})",
        "owner": r"belongs to (\w+ \w+)",
        "When": r"launched on (\d+ \w+ \d{4})",
        "kind": r"It is a (\w+)",
        "long": r"length is ([\d.]+ \w+)",
        "crew": r"crew: ([^.]+)",
        "tax": r"pays (no tax|tax)",
    }
    pattern = next(pattern for word, pattern in answers.items() if word in asked)
    found = re.search(pattern, text)
    said = {"no tax": "No.", "tax": "Yes."}.get(found[1], found[1]) if found else ""
    return json.dumps({"found": "yes" if found else "no", "answer": said})


def boat(number: int) -> str:
    return (
        f"Boat {number} was built in {1900 + number} at Vellmere. It belongs to Anna Holm and was launched on"
        f" {number % 28 + 1} May {1900 + number}. It is a {'sloop' if number % 2 else 'ketch'}. Its length is"
        f" {number}.5 m. Its crew: Ida Frey, Jon Berg. It pays {'no tax' if number % 2 else 'tax'}.\n"
    )


def boats(folder: Path, count: int = 6) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(boat(number))
    return folder


@pytest.fixture
def server(loopback: Any) -> Loopback:
    return loopback(reply=shipyard)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return boats(tmp_path / "boats")


def table(
    server: Loopback, sources: Any, questions: Any = QUESTION, out: str = "t.jsonl", **how: Any
) -> Table:
    options = {name: how.pop(name) for name in list(how) if name in {"max_calls", "max_tokens", "window"}}
    with Reader(api_base=server.url, **options) as reader:
        return reader.map(sources, questions, out=out, **how)


def plain(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows without what differs from one time to the next."""
    told = [row.model_dump(exclude={"seconds"}) for row in rows]
    for row in told:
        for cell in row["answers"].values():
            del cell["run"]
    return told


class Kind(enum.Enum):
    SLOOP = "sloop"
    KETCH = "ketch"


class Boat(BaseModel):
    built: int = Field(description=QUESTION, ge=1800)
    owner: str = Field(description="Who is the owner?")
    launched: date | None = Field(None, description="When was it launched?")
    kind: Kind = Field(description="Of which kind is it?")
    length: float = Field(description="How long is it?", json_schema_extra={"unit": "cm"})
    crew: list[str] = Field(description="Who is the crew?")
    taxed: bool = Field(description="Does it pay tax?")
    rig: Literal["sloop"] = Field(description="Which kind of rig is it?")


# What a table holds


def test_a_pydantic_model_is_the_columns_and_each_value_is_of_its_type(
    server: Loopback, folder: Path
) -> None:
    made = table(server, folder, Boat, limit=2)
    first, second = made
    assert first.values == {
        "built": 1900,
        "owner": "Anna Holm",
        "launched": date(1900, 5, 1),
        "kind": "ketch",
        "length": 50.0,
        "crew": ["Ida Frey", "Jon Berg"],
        "taxed": True,
        "rig": None,
    }
    assert second.values["kind"] == "sloop" and second.values["taxed"] is False
    assert (first.answers["rig"].status, first.answers["rig"].text) == ("wrong_type", "ketch [1]")
    text = (folder / "000.txt").read_text()
    for cell in first.answers.values():
        for quote in cell.citations:
            assert text[quote.char_start : quote.char_end] == quote.quote and quote.document == first.document
        assert cell.citations or cell.status != "answered"
    assert first.calls == 8 and first.tokens > 0
    assert Boat.model_validate({**second.values}).kind is Kind.SLOOP


def test_a_json_schema_and_a_toml_file_say_the_same_as_a_model(
    server: Loopback, folder: Path, tmp_path: Path
) -> None:
    by_schema = table(server, folder, Boat.model_json_schema(), out="schema.jsonl", limit=1)
    file = tmp_path / "q.toml"
    file.write_text(
        TOML + '[length]\nquestion = "How long is it?"\ntype = "float"\nunit = "cm"\n'
        '[kind]\nquestion = "Of which kind is it?"\ntype = "enum"\nvalues = ["sloop", "ketch"]\n'
        '[crew]\nquestion = "Who is the crew?"\ntype = "list[str]"\n'
        '[launched]\nquestion = "When was it launched?"\nschema = {type = "string", format = "date"}\n'
    )
    done = in_this_process(
        "map",
        str(folder),
        "--questions",
        str(file),
        "--out",
        "t.jsonl",
        "--limit",
        "1",
        "--api-base",
        server.url,
    )
    assert done.exit_code == 0 and done.stdout == "t.jsonl\n"
    (row,) = (json.loads(line) for line in Path("t.jsonl").read_text().splitlines())
    (same,) = by_schema
    assert {name: cell["value"] for name, cell in row["answers"].items()} == {
        **{name: same.values[name] for name in ("built", "length", "kind", "crew")},
        "launched": "1900-05-01",
    }


@pytest.mark.parametrize("out", ["t.csv", "t.parquet"])
def test_the_same_rows_for_spreadsheets_and_data_frames(server: Loopback, folder: Path, out: str) -> None:
    if out.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "copy.txt").write_bytes((folder / "001.txt").read_bytes())
    rows = list(table(server, folder, Boat, out=out))
    if out.endswith("csv"):
        with Path(out).open(encoding="utf-8-sig", newline="") as file:
            flat = list(csv.DictReader(file))
        quotes = json.loads(flat[1]["built_citations"])
        assert flat[1]["taxed"] == "false" and json.loads(flat[1]["crew"]) == ["Ida Frey", "Jon Berg"]
        assert (flat[1]["built"], flat[1]["launched"], flat[-1]["copy_of"]) == (
            "1901",
            "1901-05-02",
            flat[1]["document"],
        )
    else:
        import pyarrow.parquet as parquet

        flat = parquet.read_table(out).to_pylist()
        quotes = flat[1]["built_citations"]
        assert flat[1]["launched"] == date(1901, 5, 2) and flat[1]["crew"] == ["Ida Frey", "Jon Berg"]
        assert flat[1]["built"] == 1901 and flat[1]["taxed"] is False and flat[-2]["built"] is None
    assert [one["document"] for one in flat] == [row.document for row in rows]
    assert (flat[-2]["status"], flat[-2]["code"]) == ("failed", "DocumentDamaged")
    assert quotes == [quote.model_dump() for quote in rows[1].answers["built"].citations]


def test_a_cell_that_a_spreadsheet_would_run_is_shown(loopback: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The formula is =1+1 and nothing else.")
    server = loopback(reply=lambda _: json.dumps({"found": "yes", "answer": "=1+1"}))
    table(server, tmp_path / "a.txt", "Which formula?", out="t.csv")
    with Path("t.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["answer"] == "'=1+1"


# Documents


def test_documents_of_the_same_bytes_are_read_once(server: Loopback, folder: Path) -> None:
    for name in ("zz1.txt", "zz2.txt"):
        (folder / name).write_bytes((folder / "002.txt").read_bytes())
    made = table(server, [folder, folder / "000.txt", str(folder / "*.txt")], concurrency=3)
    rows = {Path(row.document).name: row for row in made}
    assert (made.rows, made.copies, made.asked, server.calls) == (8, 2, 6, 6)
    for name in ("zz1.txt", "zz2.txt"):
        assert rows[name].copy_of == rows["002.txt"].document and rows[name].calls == 0
        assert rows[name].answers == rows["002.txt"].answers


def test_what_cannot_be_read_is_a_row_that_says_why(server: Loopback, folder: Path) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    told: list[Any] = []
    made = table(server, [folder, "missing.txt"], on_event=told.append)
    failed = {Path(row.document).name: row for row in made if row.status == "failed"}
    codes = {name: row.code for name, row in failed.items()}
    assert codes == {
        "bad.pdf": "DocumentDamaged",
        "empty.txt": "DocumentEmpty",
        "binary.txt": "UnsupportedFormat",
        "missing.txt": "DocumentNotFound",
    }
    assert all(row.message and row.answers["answer"].status == "failed" for row in failed.values())
    assert (made.rows, made.failed, made.complete) == (10, 4, True)
    kept = [event for event in told if isinstance(event, RowKept)]
    assert [event.done for event in kept] == list(range(1, 11)) and kept[-1].failed == 4


def test_a_question_that_the_model_fails_at_costs_its_cell_and_is_asked_again_alone(
    loopback: Any, folder: Path
) -> None:
    bad = True

    def reply(request: Request) -> str:
        return (
            "no JSON" if bad and "owner" in request.text and "Boat 3" in request.text else shipyard(request)
        )

    server = loopback(reply=reply)
    columns = [Column("built", QUESTION, "int"), Column("owner", "Who is the owner?")]
    made = table(server, folder, columns)
    row = list(made)[3]
    assert (made.failed, row.status, row.code) == (1, "failed", "MalformedReply")
    assert row.values == {"built": 1903, "owner": None} and row.answers["owner"].status == "failed"
    calls, bad = server.calls, False
    assert table(server, folder, columns).asked == 0 and server.calls == calls
    again = table(server, folder, columns, retry_failed=True)
    assert (again.failed, again.asked, server.calls) == (0, 1, calls + 1)
    assert list(again)[3].values == {"built": 1903, "owner": "Anna Holm"}


def test_patterns_and_folders_are_named_and_nothing_else(server: Loopback, folder: Path) -> None:
    boats(folder / "deep", 1)
    (folder / "notes.xyz").write_text("no kind that is read")
    told: list[Any] = []
    made = table(server, [f"{folder}/**/00[01].txt"], limit=3)
    assert [Path(row.document).parts[-2:] for row in made] == [
        ("boats", "000.txt"),
        ("boats", "001.txt"),
        ("deep", "000.txt"),
    ]
    table(server, folder, out="o.jsonl", on_event=told.append, limit=1)
    assert next(event.text for event in told if isinstance(event, Notice)).startswith("not read: 1 file")
    with pytest.raises(DocumentNotFound, match="nothing matches"):
        table(server, "nowhere/*.txt")
    with pytest.raises(UsageError, match="standard input"):
        table(server, "-")
    (folder / "none").mkdir()
    with pytest.raises(DocumentNotFound, match="holds no document"):
        table(server, [folder, folder / "none"])


def test_what_there_is_to_say_of_one_document_is_said_apart(server: Loopback, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(boat(1).encode() + b"\x96 a dash of old")
    told: list[Any] = []
    table(server, path, on_event=told.append)
    notices = [event for event in told if isinstance(event, DocumentNotice)]
    assert notices and all(event.document == str(path) for event in notices)
    arguments = ["map", str(path), QUESTION, "--api-base", server.url]
    assert "a.txt: " not in in_this_process(*arguments, "--out", "b.jsonl").stderr
    assert "a.txt: " in in_this_process(*arguments, "--out", "c.jsonl", "-v").stderr


# Going on


def test_a_table_that_is_whole_asks_nobody(server: Loopback, folder: Path) -> None:
    before = plain(table(server, folder, out="t.csv"))
    written, calls = Path("t.csv").read_bytes(), server.calls
    Path("t.csv").unlink()
    with Reader(api_base="http://127.0.0.1:1") as reader:
        again = reader.map(folder, QUESTION, out="t.csv")
    assert plain(again) == before and Path("t.csv").read_bytes() == written and server.calls == calls


@pytest.mark.parametrize("out", ["t.jsonl", "t.csv"])
@pytest.mark.parametrize("step", [0, 1, 3, 5])
def test_killed_and_started_again_it_is_the_table_of_an_undisturbed_one(
    loopback: Any, folder: Path, step: int, out: str
) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "copy.txt").write_bytes((folder / "004.txt").read_bytes())
    whole = plain(table(loopback(reply=shipyard), folder, out=f"whole-{out}"))
    Path("home").rename("other")
    server = loopback(reply=shipyard)
    arguments = ["map", str(folder), QUESTION, "--out", out, "--api-base", server.url, "--concurrency", "2"]
    killed_at(step, server, arguments, shipyard)
    asked = {request.text for request in server.requests if request.ended}
    done = Command(*arguments, "--json").told()
    told = json.loads(done.stdout)
    assert (done.returncode, told["rows"], told["complete"]) == (0, 8, True)
    assert plain(rows_of(out)) == whole
    texts = [request.text for request in server.requests]
    assert len(texts) - len(set(texts)) <= 2  # those in flight, of two documents
    assert len(set(texts)) == 6 and asked <= set(texts)


def rows_of(out: str) -> list[Row]:
    kept = Path(out if out.endswith(".jsonl") else f"{out}.jsonl")
    return [Row.model_validate_json(line) for line in kept.read_text().splitlines()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(30))
@given(cut=st.integers(1, 400), order=st.permutations(range(3)), done=st.integers(0, 2))
def test_a_half_written_row_is_mended(
    server: Loopback, folder: Path, cut: int, order: Sequence[int], done: int
) -> None:
    server.requests.clear()  # which hypothesis would print
    files = [folder / f"{number:03}.txt" for number in order]
    out = Path("t.jsonl")
    out.unlink(missing_ok=True)
    whole = plain(table(server, files))
    lines = out.read_bytes().splitlines(keepends=True)
    half = lines[done][:-cut]
    out.write_bytes(b"".join(lines[:done]) + half)
    again = table(server, files)
    assert plain(again) == whole and [row.document for row in again] == list(map(str, files))
    assert again.asked == 3 - done - (cut == 1)  # of which nothing but the end of the line is missing


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(30))
@given(
    contents=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    broken=st.sets(st.integers(0, 7)),
    stops=st.lists(st.integers(1, 8), max_size=2),
    at_once=st.integers(1, 4),
)
def test_there_is_a_row_for_each_document_in_order_however_often_it_was_stopped(
    server: Loopback,
    tmp_path_factory: pytest.TempPathFactory,
    contents: list[int],
    broken: set[int],
    stops: list[int],
    at_once: int,
) -> None:
    server.requests.clear()
    folder = tmp_path_factory.mktemp("some")
    for at, number in enumerate(contents):
        (folder / f"{at}.txt").write_bytes(b"" if at in broken else boat(number).encode())
    out, before = str(folder / "t.jsonl"), server.calls
    for stop in stops:
        table(server, folder, out=out, limit=stop, concurrency=at_once)
    made = table(server, folder, out=out, concurrency=at_once)
    rows = list(made)
    assert [Path(row.document).name for row in rows] == [f"{at}.txt" for at in range(len(contents))]
    readable = {number for at, number in enumerate(contents) if at not in broken}
    assert server.calls - before == len(readable)
    first: dict[str, str] = {}
    for at, row in enumerate(rows):
        assert row.copy_of == first.get(row.sha256)
        first.setdefault(row.sha256, row.document)
        assert row.values["answer"] == (None if at in broken else str(1900 + contents[at]))


def test_a_document_that_has_changed_is_read_again_and_copies_keep_what_they_had(
    server: Loopback, folder: Path
) -> None:
    (folder / "copy.txt").write_bytes((folder / "001.txt").read_bytes())
    table(server, folder)
    (folder / "001.txt").write_text(boat(50))
    (folder / "new.txt").write_text(boat(1))
    made = table(server, folder)
    values = {Path(row.document).name: row.values["answer"] for row in made}
    assert (values["001.txt"], values["copy.txt"], values["new.txt"]) == ("1950", "1901", "1901")
    assert (made.rows, made.asked) == (8, 2)


def test_rows_of_documents_that_are_not_named_any_more_stay_behind_the_others(
    server: Loopback, folder: Path
) -> None:
    table(server, folder)
    made = table(server, [folder / "004.txt", folder / "002.txt"])
    assert [Path(row.document).stem for row in made] == ["004", "002", "000", "001", "003", "005"]
    assert made.asked == 0


@pytest.mark.parametrize("budget", [{"max_calls": 3}, {"max_tokens": 1800}])
def test_a_budget_is_for_all_documents_together(
    server: Loopback, folder: Path, budget: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = table(server, folder, concurrency=4, window=1024, **budget)
    assert not made.complete and 0 < made.rows < 6
    assert made.calls <= budget.get("max_calls", 6) and made.tokens <= budget.get("max_tokens", 10**6)
    monkeypatch.setenv("LCAGENT_WINDOW", "1024")
    arguments = ["map", str(folder), QUESTION, "--api-base", server.url]
    name, value = next(iter(budget.items()))
    option = f"--{name.replace('_', '-')}"
    assert in_this_process(*arguments, "--out", "u.csv", option, str(value)).exit_code == 4
    assert 1 < len(Path("u.csv").read_text().splitlines()) < 7
    assert in_this_process(*arguments, "--out", "u.csv").exit_code == 0
    assert table(server, folder, window=1024).rows == 6


# What concerns all


def test_a_server_that_goes_ends_the_table_and_another_goes_on_with_it(loopback: Any, folder: Path) -> None:
    gone = loopback()

    def goes(request: Request) -> str:
        if request.number == 3:
            gone.stop_soon()
        return shipyard(request)

    gone.reply = goes
    with pytest.raises(EndpointUnavailable):
        table(gone, folder, concurrency=1)
    kept = rows_of("t.jsonl")
    assert 3 <= len(kept) < 6 and all(row.status == "read" for row in kept)
    server = loopback(reply=shipyard)
    assert table(server, folder).rows == 6 and server.calls <= 3


def test_a_server_that_refuses_the_key_concerns_all(loopback: Any, folder: Path) -> None:
    with pytest.raises(AccessRefused):
        table(loopback(reply=lambda _: Reply("", status=401)), folder)
    assert rows_of("t.jsonl") == []
    with pytest.raises(EndpointUnavailable):
        Reader(api_base="http://127.0.0.1:1").map(folder, QUESTION, out="none.jsonl")


def test_a_document_that_the_server_never_answers_is_a_row(loopback: Any, folder: Path) -> None:
    def reply(request: Request) -> Reply | str:
        return Reply("", status=500) if "Boat 2 " in request.text else shipyard(request)

    made = table(loopback(reply=reply), folder)
    assert [row.code for row in made if row.status == "failed"] == ["EndpointUnavailable"]
    assert (made.rows, made.failed, made.complete) == (6, 1, True)


def test_a_server_that_answers_no_document_concerns_all(loopback: Any, tmp_path: Path) -> None:
    folder = boats(tmp_path / "boats", 20)
    with pytest.raises(EndpointUnavailable):
        table(loopback(reply=lambda _: Reply("", status=500)), folder, concurrency=1)
    assert len(rows_of("t.jsonl")) < 10


def test_ctrl_c_ends_it_at_once_and_it_goes_on(loopback: Any, folder: Path) -> None:
    started, go = threading.Event(), threading.Event()

    def reply(request: Request) -> Reply | str:
        if request.number >= 2 and not go.is_set():
            started.set()
            go.wait(60)
        return shipyard(request)

    server = loopback(reply=reply)
    arguments = [
        "map",
        str(folder),
        QUESTION,
        "--out",
        "t.jsonl",
        "--api-base",
        server.url,
        "--concurrency",
        "1",
    ]
    command = Command(*arguments)
    assert started.wait(60)
    command.send_signal(signal.SIGINT)
    done = command.told()
    go.set()
    assert done.returncode == 130 and "the same command goes on from here" in done.stderr
    assert len(rows_of("t.jsonl")) == 2
    assert in_this_process(*arguments).exit_code == 0 and len(rows_of("t.jsonl")) == 6


def test_all_failed_is_a_failure_and_the_table_is_there(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    done = in_this_process("map", "a.txt", "b.txt", QUESTION, "--out", "t.csv", "--api-base", server.url)
    assert done.exit_code == 1 and len(Path("t.csv").read_text().splitlines()) == 3


def test_a_file_of_something_else_is_left_as_it_is(server: Loopback, folder: Path) -> None:
    for name, text in (("t.jsonl", "my notes"), ("t.jsonl", '{"a": 1}\n'), ("t.csv", "a,b\n")):
        Path(name).write_text(text)
        with pytest.raises(UsageError):
            table(server, folder, out=name)
        assert Path(name).read_text() == text
        Path(name).unlink()
    table(server, folder, limit=1)
    with pytest.raises(UsageError, match="answers other questions"):
        table(server, folder, "Who is the owner?")
    for name in ("t.xlsx", "t"):
        with pytest.raises(UsageError, match="no kind of table"):
            table(server, folder, out=name)
    with pytest.raises(OutputError):
        table(server, folder, out="nowhere/t.jsonl")
    assert server.calls == 1


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ([], "nothing is asked"),
        ([Column("a b", "What?")], "no name of a column"),
        ([Column("document", "What?")], "two columns"),
        ([Column("a", "What?"), Column("a_text", "What?")], "two columns"),
        ([Column("a", " ")], "has no question"),
        ([Column("a", "What?", "enum")], "allows no value"),
        ([Column("a", "What?", "int", unit="furlongs per fortnight")], "no unit is known"),
        ([Column("a", "What?", unit="km")], "is no number"),
        ({"properties": {"a": {"type": "object", "description": "What?"}}}, "its type is not known"),
        ({"properties": {"a": {"type": "string", "format": "email", "description": "What?"}}}, "its type"),
        (
            {"properties": {"a": {"type": "array", "uniqueItems": True, "items": {"type": "string"}}}},
            "uniqueItems",
        ),
        ({"properties": {"a": {"type": "integer"}}}, "has no question"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused_before_anything_is_read(
    questions: Any, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        columns_of(questions)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("built = 1", "is no table"),
        ("[a", "no questions can be read"),
        ('[a]\nquestion = "What?"\ntype = "decimal"', "is no type"),
        ('[a]\nquestion = "What?"\nkind = "int"', "is not known"),
        ("", "nothing is asked"),
    ],
)
def test_a_file_of_questions_that_says_something_else_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "q.toml").write_text(text)
    done = in_this_process("map", "a.txt", "--questions", "q.toml", "--out", "t.csv")
    assert isinstance(done.exception, UsageError) and says in done.exception.message


# Values


def is_date(*parts: int) -> date:
    return date(*parts)


@pytest.mark.parametrize(
    ("column", "said", "value"),
    [
        (Column("a", "?", "int"), "thirty days", 30),
        (Column("a", "?", "int"), "30 (thirty) days", 30),
        (Column("a", "?", "int"), "1,234", 1234),
        (Column("a", "?", "int"), "1.234", None),  # either of two
        (Column("a", "?", "int"), "12 of 30 boats", None),
        (Column("a", "?", "int"), "2.5", None),
        (Column("a", "?", "int"), "9223372036854775808", None),
        (Column("a", "?", "int", rules=(("ge", 5),)), "3", None),
        (Column("a", "?", "float"), "1.5 million", 1_500_000.0),
        (Column("a", "?", "float", unit="km"), "1500 m", 1.5),
        (Column("a", "?", "float", unit="km"), "12", 12.0),
        (Column("a", "?", "float", unit="km"), "1,500 m", 1.5),
        (Column("a", "?", "float", unit="km"), "12 kg", None),
        (Column("a", "?", "float", unit="EUR"), "$5", None),
        (Column("a", "?", "float", unit="°C"), "-3 °C", -3.0),
        (Column("a", "?", "float", unit="days"), "two weeks", 14.0),
        (Column("a", "?", "date"), "on 5 March 1911", is_date(1911, 3, 5)),
        (Column("a", "?", "date"), "March 1911", None),
        (Column("a", "?", "date"), "03/04/2021", None),
        (Column("a", "?", "date"), "30.02.2021", None),
        (Column("a", "?", "date"), "5 May 1911 or 6 May 1911", None),
        (Column("a", "?", "bool"), "Yes, it does.", True),
        (Column("a", "?", "bool"), "Nein", False),
        (Column("a", "?", "bool"), "No employee may.", None),
        (Column("a", "?", "bool"), "42", None),
        (Column("a", "?", "enum", allowed=("lease", "sale")), "It is a lease.", "lease"),
        (Column("a", "?", "enum", allowed=("lease", "sale")), "not a lease", None),
        (Column("a", "?", "enum", allowed=("lease", "sale")), "a lease and a sale", None),
        (Column("a", "?", "enum", allowed=("time", "part-time")), "It is part-time.", "part-time"),
        (
            Column("a", "?", "enum", many=True, allowed=("lease", "sale")),
            "a sale and a lease",
            ["sale", "lease"],
        ),
        (Column("a", "?", many=True), "1. Ida Frey\n2. Jon Berg", ["Ida Frey", "Jon Berg"]),
        (
            Column("a", "?", many=True),
            "Ida Frey, Jon Berg and Anna Holm",
            ["Ida Frey", "Jon Berg", "Anna Holm"],
        ),
        (Column("a", "?", many=True), "Frey, Ida; Berg, Jon", ["Frey, Ida", "Berg, Jon"]),
        (Column("a", "?", many=True, list_rules=(("max_length", 1),)), "Frey; Berg", None),
        (Column("a", "?", "int", many=True), "1, 2 and 3", [1, 2, 3]),
        (Column("a", "?", "int", many=True), "1, some, 3", None),
        (Column("a", "?", "bool", many=True), "yes\nno", [True, False]),
        (
            Column("a", "?", "date", many=True),
            "May 5, 1911, May 6, 1911",
            [is_date(1911, 5, 5), is_date(1911, 5, 6)],
        ),
        (Column("a", "?", many=True), "", None),
        (Column("a", "?"), "", None),
    ],
)
def test_words_become_a_value_or_nothing(column: Column, said: str, value: Any) -> None:
    assert turned(column, said) == value


def test_the_quote_tells_which_of_two_readings_is_meant() -> None:
    column = Column("a", "?", "int")
    assert turned(column, "1.234", ["Der Preis war 1.234 Mark, nicht 5.000,50 Mark."]) == 1234
    assert (
        turned(Column("a", "?", "float", unit="EUR"), "1.234 EUR", ["1.234 EUR, nicht 5.000,50 EUR"]) == 1234
    )


@given(st.text(max_size=60), st.sampled_from(["int", "float", "bool", "date", "enum"]), st.booleans())
def test_whatever_is_said_becomes_a_value_of_the_type_or_nothing(said: str, kind: Any, many: bool) -> None:
    column = Column("a", "?", kind, many, allowed=("lease", "sale") if kind == "enum" else ())
    value = turned(column, said)
    if value is not None:
        types: dict[str, type] = {"int": int, "float": float, "bool": bool, "date": date, "enum": str}
        assert all(type(one) is types[kind] for one in (value if many else [value]))


@given(st.integers(-(10**12), 10**12), st.dates(date(1200, 1, 1), date(2150, 1, 1)))
def test_what_is_written_plainly_is_what_it_says(number: int, day: date) -> None:
    assert turned(Column("a", "?", "int"), str(number)) == number
    assert turned(Column("a", "?", "date"), day.isoformat()) == day


def test_two_at_once_do_not_write_one_table(loopback: Any, folder: Path) -> None:
    inside, go = threading.Event(), threading.Event()

    def reply(request: Request) -> str:
        inside.set()
        go.wait(30)
        return shipyard(request)

    server = loopback(reply=reply)
    first = threading.Thread(target=lambda: table(server, folder))
    first.start()
    assert inside.wait(30)
    with pytest.raises(UsageError, match="being written"):
        table(server, folder)
    go.set()
    first.join()
    assert len(rows_of("t.jsonl")) == 6


# The page

PAGE = (ROOT / "docs" / "map.md").read_text()
LEASE = (
    "Lease of a flat. The landlord is Anna Holm, the tenants are Ida Frey and Jon Berg. The rent is EUR 900 a month."
    " It was signed on 5 March 1911, for 24 months.\n"
)
SAID = {
    "landlord": "Anna Holm",
    "rent": "EUR 900",
    "signed": "5 March 1911",
    "What is let": "a flat",
    "tenants": "Ida Frey\nJon Berg",
    "months": "24 months",
}


def lawyer(request: Request) -> str:
    asked = request.text.partition("<question>")[2].partition("</question>")[0]
    return json.dumps({"found": "yes", "answer": next(said for word, said in SAID.items() if word in asked)})


@pytest.fixture
def contracts(loopback: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LCAGENT_API_BASE", loopback(reply=lawyer).url)
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "a.txt").write_text(LEASE)
    (folder / "b.pdf").write_bytes(b"%PDF-1.4 broken")
    return folder


def test_the_example_of_the_page_runs(contracts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(snippet, {"__name__": __name__})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "contracts/a.txt read {'landlord': 'Anna Holm', 'rent': 900.0, 'signed': datetime.date("
    )
    assert "answered ['Lease of a flat." not in first and "The rent is EUR 900 a month." in first
    assert second.startswith("contracts/b.pdf failed")


def test_the_commands_of_the_page_run_and_its_columns_are_those_of_the_file(contracts: Path) -> None:
    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    Path("lease.toml").write_text(toml)
    done = in_this_process("map", "contracts/", "--questions", "lease.toml", "--out", "answers.csv")
    assert done.exit_code == 0 and "2 rows, 1 failed" in done.stderr
    with Path("answers.csv").open(encoding="utf-8-sig", newline="") as file:
        row = next(csv.DictReader(file))
    values = {"landlord": "Anna Holm", "rent": "900.0", "signed": "1911-03-05", "kind": "flat", "term": "24"}
    assert {name: row[name] for name in values} == values and json.loads(row["tenants"]) == [
        "Ida Frey",
        "Jon Berg",
    ]
    questions = (*values, "tenants")
    for name in row:
        named = name if name.partition("_")[0] not in questions else name.removeprefix(name.partition("_")[0])
        assert f"`{named}`" in PAGE or not named, name
    json_told = in_this_process(
        "map", "contracts/", "--questions", "lease.toml", "--out", "answers.csv", "--json"
    )
    fields = re.search(r"one object\n\((.*?)\)", PAGE, re.S)
    assert fields and list(json.loads(json_told.stdout)) == re.findall(r"`(\w+)`", fields[1])


def test_progress_tells_what_is_done_and_what_it_cost(contracts: Path) -> None:
    done = in_this_process("map", "contracts/", "Who is the landlord?", "--out", "t.jsonl")
    assert re.search(r"1 calls, [\d,]+ tokens, 1 failed: 2 of 2 documents", done.stderr)
    quiet = in_this_process("map", "contracts/", "Who is the landlord?", "--out", "u.jsonl", "-q")
    assert (quiet.stderr, quiet.stdout) == ("", "u.jsonl\n")
