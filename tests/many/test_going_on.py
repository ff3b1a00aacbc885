"""A table that is stopped, by whatever, and started again."""

import json
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent import Reader
from lcagent.errors import UsageError
from lcagent.memory.opening import open_store
from lcagent.place import Place
from tests.cluster import files_daily
from tests.helpers import examples, in_this_process, some_slow
from tests.killable import Command, killed_at
from tests.loopback import Loopback, Request
from tests.many.shipyard import QUESTION, boat, command_line, plain, rows_of, shipyard, table


def test_a_table_that_is_whole_asks_nobody(server: Loopback, folder: Path) -> None:
    before = plain(table(server, folder, out="t.csv"))
    written, calls = Path("t.csv").read_bytes(), server.calls
    Path("t.csv").unlink()
    with Reader(api_base="http://127.0.0.1:1") as reader:
        again = reader.map(folder, QUESTION, out="t.csv")
    assert plain(again) == before and Path("t.csv").read_bytes() == written and server.calls == calls


@pytest.mark.parametrize(
    ("step", "out"),
    some_slow([(step, f"t.{ending}") for step in (3, 0, 1, 5) for ending in ("jsonl", "csv")]),
)
def test_killed_and_started_again_it_is_the_table_of_an_undisturbed_one(
    loopback: Any, folder: Path, step: int, out: str
) -> None:
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "copy.txt").write_bytes((folder / "004.txt").read_bytes())
    whole = plain(table(loopback(reply=shipyard), folder, out=f"whole-{out}"))
    Path("home").rename("other")
    server = loopback(reply=shipyard)
    arguments = command_line(folder, server, concurrency=2, out=out)
    killed_at(step, server, arguments, shipyard)
    asked = {request.text for request in server.requests if request.ended}
    done = Command(*arguments, "--json").told()
    told = json.loads(done.stdout)
    assert (done.returncode, told["rows"], told["complete"]) == (0, 8, True)
    assert plain(rows_of(out)) == whole
    texts = [request.text for request in server.requests]
    assert len(texts) - len(set(texts)) <= 2  # those in flight, of two documents
    assert len(set(texts)) == 6 and asked <= set(texts)


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


@files_daily
def test_a_table_over_either_store_goes_on(loopback: Any, folder: Path, place: Place) -> None:
    server = loopback(reply=shipyard)
    arguments = command_line(folder, server, concurrency=2)
    killed_at(3, server, arguments, shipyard)
    assert Command(*arguments).ended() == 0
    rows = rows_of("t.jsonl")
    assert [row.values["answer"] for row in rows] == [str(1900 + number) for number in range(6)]
    assert len({request.text for request in server.requests}) == 6 and len(server.requests) <= 8
    with closing(open_store(place)) as store:
        told = {row["id"] for row in store.rows("SELECT id FROM runs WHERE told = 1")}
    assert {row.answers["answer"].run for row in rows} <= told
