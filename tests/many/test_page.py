"""The page about tables: its examples run."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from lcagent.cli.progress import Console
from tests.helpers import ROOT, in_this_process
from tests.loopback import Request

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


def test_the_time_left_is_told_from_the_first_document_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((100.0, 120.0, 140.0))
    monkeypatch.setattr("lcagent.cli.progress.time.monotonic", lambda: next(clock))
    console = Console()  # 500 rows of 503 are there already
    for done in (501, 502):
        console.counting("calls", done, 503, "documents")
    assert re.findall("about .* left", capsys.readouterr().err) == ["about 40 s left", "about 20 s left"]
