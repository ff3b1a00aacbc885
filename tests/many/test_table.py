"""What a table over many documents holds, over the loopback server."""

import csv
import enum
import json
import os
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from lcagent import DocumentNotice, Notice, RowKept
from lcagent.errors import DocumentNotFound, UsageError
from lcagent.many.columns import Column
from tests.helpers import in_this_process
from tests.loopback import Loopback, Request
from tests.many.shipyard import QUESTION, TOML, boat, boats, shipyard, table


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


def test_names_that_are_no_text_are_told_apart(server: Loopback, tmp_path: Path) -> None:
    try:
        for number, name in enumerate((b"a\xe9.txt", b"a\xe8.txt")):
            (tmp_path / os.fsdecode(name)).write_text(boat(number))
    except OSError:
        pytest.skip("this file system takes text alone")
    rows = list(table(server, tmp_path, out="t.csv"))
    assert [Path(row.document).name for row in rows] == ["a\ufffd.txt", "a\ufffd.txt (2)"]
    assert {row.values["answer"] for row in rows} == {"1900", "1901"}
    assert table(server, tmp_path, out="t.csv").asked == 0


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
