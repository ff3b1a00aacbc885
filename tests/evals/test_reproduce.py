"""Figures again from what is stored: those that texts quote, and a measurement's own from its journal."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lcagent.errors import UsageError
from lcagent.evals.compare import load_rows
from lcagent.evals.figures import check
from lcagent.evals.replay import Outcome, can_replay, replay
from lcagent.evals.scorers import rescored
from tests.evals.test_bench import knows, measure
from tests.evals.test_scorers import row
from tests.helpers import ROOT
from tests.killable import Command
from tests.loopback import Loopback, Reply

RESULTS = ROOT / "benchmarks" / "results"


def reproduce(*paths: Path | str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return Command("bench", "reproduce", *paths, cwd=cwd).told()


# --- figures that texts quote


def test_the_readme_says_what_the_stored_rows_do() -> None:
    checked = check(RESULTS)
    assert [(one.computed, one.found) for one in checked if not one.same] == []
    texts = {one.text.relative_to(ROOT).as_posix() for one in checked}
    assert texts == {"README.md", "benchmarks/results/README.md"}
    assert len(checked) > 50


@pytest.mark.slow
def test_reproduce_gives_the_readmes_figures_and_fails_where_one_is_another(tmp_path: Path) -> None:
    done = reproduce()
    assert done.returncode == 0, done.stdout
    assert "answered 30 % among 7,000 tokens and 26 % among 14,000" in done.stdout
    assert "not from stored rows: README.md" in done.stdout
    results = tmp_path / "benchmarks" / "results"
    shutil.copytree(RESULTS, results)
    readme = (ROOT / "README.md").read_text()
    (tmp_path / "README.md").write_text(readme.replace("answered 30 % among", "answered 31 % among"))
    done = reproduce(cwd=tmp_path)
    assert done.returncode == 1
    assert "the text says: it then answered 31 % among 7,000 tokens" in done.stdout
    assert "quotations, 1 of them other than the rows say" in done.stdout


def manifest(folder: Path, says: str, show: str, file: str = "rows.jsonl", **more) -> None:
    value = {"file": file, "show": show, **more}
    quotation = {"text": "text.md", "says": says, "values": [value]}
    (folder / "figures.json").write_text(json.dumps({"version": 1, "quotations": [quotation]}))


def write_rows(path: Path, *predictions: str, **changes) -> None:
    rows = [rescored(row(said, item=f"t-{at}", **changes)) for at, said in enumerate(predictions)]
    path.write_text("".join(one.model_dump_json() + "\n" for one in rows))


def test_figures_are_scored_again_where_the_rows_hold_their_texts(tmp_path: Path) -> None:
    (tmp_path / "text.md").write_text("It answered **75 %**\nof 4.")
    manifest(tmp_path, "answered {0} of 4", "{score} %")
    write_rows(tmp_path / "rows.jsonl", "Paris", "In Paris.", "Paris!", "Rome")
    assert [one.same for one in check(tmp_path)] == [True]
    stale = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    for one in stale:
        one["scores"] = dict.fromkeys(one["scores"], 0.0)
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, stale)) + "\n")
    assert [one.same for one in check(tmp_path)] == [True]
    for one in stale:  # as rows without the texts of a data set
        one.update(question="", prediction="", answers=[])
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, stale)) + "\n")
    (found,) = check(tmp_path)
    assert (found.computed, found.found) == ("answered 0 % of 4", "answered 75 % of 4")


@pytest.mark.parametrize(
    ("where", "show", "text"),
    [
        ({}, "{k_tokens}", "9.5 to 1080.2"),
        ({"length": [7, 8]}, "{tokens:,.0f}", "9,500 to 12,000"),
        ({"name": "graph*"}, "{k_tokens}", "9.5"),
    ],
)
def test_figures_of_scripts_are_those_of_the_records_that_are_meant(
    tmp_path: Path, where: dict, show: str, text: str
) -> None:
    records = [("graphreader", 7, 9.5), ("memagent", 8, 12.0), ("memagent", 9, 1080.2)]
    figures = [{"name": name, "length": length, "k_tokens": k} for name, length, k in records]
    (tmp_path / "out.json").write_text(json.dumps({"figures": figures}))
    (tmp_path / "text.md").write_text(f"costs {text} tokens")
    manifest(tmp_path, "costs {0} tokens", show, "out.json", where=where)
    assert [one.found for one in check(tmp_path)] == [f"costs {text} tokens"]


def test_a_ratio_is_of_two_selections(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text('[{"length": 7, "k_tokens": 4}, {"length": 8, "k_tokens": 10}]')
    (tmp_path / "text.md").write_text("2.5 times")
    manifest(tmp_path, "{0} times", "{k_tokens}", "out.json", where={"length": 8}, over={"length": 7})
    assert [one.same for one in check(tmp_path)] == [True]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"file": "gone.jsonl"}, "gone.jsonl is missing"),
        ({"where": {"strategy": "telepathy"}}, "has no rows with"),
        ({"show": "{colour}"}, "has no figure 'colour'"),
        ({"colour": "red"}, "is malformed"),
    ],
)
def test_a_manifest_that_leads_nowhere_is_an_error(tmp_path: Path, broken: dict, says: str) -> None:
    (tmp_path / "text.md").write_text("1")
    write_rows(tmp_path / "rows.jsonl", "Paris")
    manifest(tmp_path, "{0}", **({"show": "{n}"} | broken))
    with pytest.raises(UsageError, match=says):
        check(tmp_path)


def test_without_a_manifest_or_rows_there_is_nothing_to_reproduce(tmp_path: Path) -> None:
    for paths in ((), ("nowhere",), (tmp_path,)):
        done = reproduce(*paths, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.startswith("error: ")


# --- a measurement's own figures, from its journal


def measured(loopback, out: Path, **more) -> Loopback:
    server = loopback(window=2048, reply=knows)
    measure(server, out, **more)
    # From here on whoever asks it anything is told that it is broken.
    server.reply = lambda _: Reply("", status=500)
    server.tokenize_fault = server.models_fault = Reply("", status=500)
    return server


def test_a_measurement_is_replayed_without_a_server(loopback, tmp_path: Path) -> None:
    out = tmp_path / "out"
    server = measured(
        loopback, out, n=2, strategies=("closed", "bm25", "gold", "memagent", "memagent:mode=parallel")
    )
    before = {path: path.read_bytes() for path in out.rglob("*.jsonl")}
    asked = (server.calls, server.tokenized)
    assert can_replay(out)
    replayed = replay(load_rows(out), out)
    assert [(one.outcome, one.why) for one in replayed] == [(Outcome.SAME, "")] * 10
    assert [one.after.cost.calls for one in replayed] == [row.cost.calls for row in load_rows(out)]
    assert {path: path.read_bytes() for path in out.rglob("*.jsonl")} == before
    done = reproduce(out)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "10 replayed alike, 0 replayed otherwise, 0 stopped for want of a call" in done.stdout
    assert (server.calls, server.tokenized) == asked
    assert "memagent:mode" in done.stdout and "by where the evidence begins" in done.stdout


def test_a_call_that_the_journal_lacks_is_told_and_fails(loopback, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measured(loopback, out, n=1, strategies=("memagent",))
    with sqlite3.connect(out / "home" / "lcagent.db") as store:
        store.execute("DELETE FROM calls WHERE rowid = (SELECT max(rowid) FROM calls)")
    store.close()
    (one,) = replay(load_rows(out), out)
    assert one.outcome is Outcome.LACKING and "the journal does not hold" in one.why
    done = reproduce(out)
    assert done.returncode == 1
    assert f"stopped for want of a call  {one.before.item} by memagent" in done.stdout


def test_another_reply_in_the_journal_gives_another_row(loopback, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measured(loopback, out, n=1, strategies=("gold",))
    with sqlite3.connect(out / "home" / "lcagent.db") as store:
        store.execute("""UPDATE calls SET text = '{"found": "yes", "answer": "7654321"}'""")
    store.close()
    (one,) = replay(load_rows(out), out)
    assert one.outcome is Outcome.OTHER and "prediction" in one.why and "scores" in one.why
    assert one.after.prediction == "7654321" and one.after.score == 0
    assert reproduce(out).returncode == 1


def test_what_failed_or_lies_elsewhere_is_not_replayed_and_told(loopback, tmp_path: Path) -> None:
    out = tmp_path / "out"
    server = loopback(window=2048, reply=lambda request: "{")
    measure(server, out, n=1, strategies=("gold",))
    measured(loopback, tmp_path / "filings", tasks=("filings",), lengths=(), strategies=("bm25",), n=1)
    for folder, why in ((out, "MalformedReply"), (tmp_path / "filings", "not in the folder")):
        (one,) = replay(load_rows(folder), folder)
        assert one.outcome is Outcome.LEFT_OUT and why in one.why


def test_rows_of_our_own_texts_are_kept_whole_and_can_be_scored_again(loopback, tmp_path: Path) -> None:
    out = tmp_path / "out"
    measured(loopback, out, tasks=("aggregate", "niah"), n=1, strategies=("closed",))
    command = [sys.executable, "-m", "benchmarks.strip", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (tmp_path / "kept.jsonl").write_text(done.stdout)
    ours, theirs = load_rows(tmp_path / "kept.jsonl")
    assert (ours.task, ours.stripped, theirs.task, theirs.stripped) == ("aggregate", False, "niah", True)
    assert ours.question and ours.answers and not theirs.gold and theirs.depths
    assert "1 of 2 rows hold no texts" in reproduce(tmp_path / "kept.jsonl").stdout


def test_rows_alone_are_scored_again(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", "Paris", "Rome")
    done = reproduce(tmp_path)
    assert done.returncode == 0 and "2 rows scored again, 0 of them other than then" in done.stdout
    assert "no journal is at hand" in done.stdout
    other = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    other[1]["scores"]["sub_em"] = 1.0
    (tmp_path / "other.jsonl").write_text("\n".join(map(json.dumps, other)) + "\n")
    done = reproduce(tmp_path / "other.jsonl")
    assert done.returncode == 1 and "OTHER  t-1 by reader: scored 1.000 then, 0.000 today" in done.stdout
