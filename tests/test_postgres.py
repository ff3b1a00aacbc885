"""What a store in PostgreSQL has beside what both have: leases, restarts, PgBouncer, and how it fails."""

import json
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.round_trips import HOPS, counted
from lcagent import Reader
from lcagent.errors import (
    LcagentError,
    RunBusy,
    SessionBusy,
    SettingsError,
    StoreError,
    UsageError,
    WorkBusy,
    WorkNotFound,
)
from lcagent.memory.facts import Facts, search_facts
from lcagent.memory.migrations import STEPS
from lcagent.memory.opening import open_store
from lcagent.memory.postgres import sizes
from lcagent.memory.rows import Rows
from lcagent.memory.served import tables as served
from lcagent.memory.served.jobs import StoredJobs
from lcagent.memory.tiers import tables as memory
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.works import Work, Works
from lcagent.place import Place
from tests.cluster import PASSWORD, Cluster, bouncing, running
from tests.helpers import QUESTION, clever, haystack, in_this_process, prose
from tests.loopback import Request

pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")


@pytest.fixture
def place(cluster: Cluster, home: Path) -> Place:
    return Place(home, f"{cluster.url}#{secrets.token_hex(8)}")


@pytest.fixture
def store(place: Place) -> Iterator[Rows]:
    with closing(open_store(place)) as opened:
        yield opened


@pytest.fixture
def other(place: Place) -> Iterator[Rows]:
    """The same store, as another process has it open."""
    with closing(open_store(place)) as opened:
        yield opened


def begun(store: Rows, name: str = "a") -> Work:
    return Works(store).open("facts", name=name, document="5ea", exact={"name": name})


BUSY = RunBusy("somebody is at it")


def usurp(other: Rows) -> None:
    """Have somebody else take a lease, as after its time."""
    other.execute("UPDATE leases SET fence = fence + 1, holder = 'x:1:2'")


def test_who_has_lost_a_lease_writes_nothing(store: Rows, other: Rows) -> None:
    work = begun(store)
    with store.locked("run", BUSY):
        Works(store).done(work)
        usurp(other)
        with pytest.raises(RunBusy):
            store.execute("UPDATE works SET name = 'late'")
        with pytest.raises(RunBusy), store.transaction():
            store.execute("UPDATE works SET name = 'late'")
        with pytest.raises(RunBusy):
            store.insert_many("extracted", [{"work": work.id, "segment": 1}])
        with pytest.raises(RunBusy), store.checkpoints() as steps:
            steps.delete_thread("run")
        assert Works(store).find(str(work.id)).name == "a"  # it may still read
    assert other.rows("SELECT name FROM works") == [{"name": "a"}]
    assert other.rows("SELECT count(*) AS n FROM extracted") == [{"n": 0}]


def test_a_lease_is_held_by_one_and_each_time_under_a_higher_fence(store: Rows, other: Rows) -> None:
    fences: list[int] = []
    for _ in range(2):
        with store.locked("it's a run", BUSY):
            fences += [row["fence"] for row in other.rows("SELECT fence FROM leases")]
            with pytest.raises(RunBusy), other.locked("it's a run", BUSY):
                pass
            with other.locked("another", BUSY):
                pass
    assert fences == sorted(set(fences)) and len(fences) == 2
    assert other.rows("SELECT * FROM leases") == []


def test_the_lease_of_a_process_that_died_here_is_taken_at_once(store: Rows, other: Rows) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with store.locked("run", BUSY):
        store.execute("UPDATE leases SET holder = ?", (f"{_host()}:{ended.pid}:1",))
        with other.locked("run", BUSY):
            pass


def _host() -> str:
    import socket

    return socket.gethostname()


def test_the_clock_of_no_machine_ends_a_sessions_lease(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(memory.open_memory(place)) as store:
        with Lease(store, "t", "s").held():
            here = time.time
            monkeypatch.setattr("time.time", lambda: here() + 3600)
            with pytest.raises(SessionBusy):
                Lease(store, "t", "s").take()
        Lease(store, "t", "s").take()


STOPPED = """
import sys
from pathlib import Path
from lcagent.errors import RunBusy
from lcagent.memory.opening import open_store
from lcagent.memory.postgres import leases
from lcagent.place import Place
leases.SECONDS = 1.0
store = open_store(Place(Path(sys.argv[1]), sys.argv[2]))
try:
    with store.locked("run", RunBusy("taken")):
        print("holds it", flush=True)
        sys.stdin.readline()
        store.execute("UPDATE works SET name = 'late'")
except RunBusy:
    print("lost it", flush=True)
store.close()
"""


def test_a_worker_that_was_stopped_past_its_lease_cannot_write(store: Rows, place: Place) -> None:
    begun(store)
    command = [sys.executable, "-c", STOPPED, str(place.folder), place.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None and worker.stdout is not None
        assert worker.stdout.readline() == "holds it\n"
        worker.send_signal(signal.SIGSTOP)
        while True:
            try:
                with store.locked("run", BUSY):
                    store.execute("UPDATE works SET name = 'mine'")
                    worker.send_signal(signal.SIGCONT)
                    worker.stdin.write("\n")
                    worker.stdin.flush()
                    assert worker.stdout.readline() == "lost it\n"
                break
            except RunBusy:  # not yet past it
                time.sleep(0.05)
    assert store.rows("SELECT name FROM works") == [{"name": "mine"}]


@pytest.mark.slow
def test_what_was_deleted_takes_no_room(store: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows lie in the server's files still; of a large table some pages stand for all."""
    empty = store.size()
    for number in range(40):
        work = begun(store, str(number))
        Facts(store, work.id).put(0, [(f"fact {number} {at} {at * 7919}", [], ["fact"]) for at in range(200)])
        values = (work.id, random.Random(number).randbytes(50_000))
        store.execute("INSERT INTO documents (work, meta, text) VALUES (?, '', ?)", values)
    whole = store.size()
    assert 2_000_000 < whole - empty < 8_000_000
    monkeypatch.setattr(sizes, "_PAGES", 20)
    assert 0.7 < store.size() / whole < 1.3
    for work in Works(store).list()[10:]:
        freed = store.size(work.scope)
        Works(store).drop(work.id)
        assert freed > 50_000 and store.size(work.scope) == 0
    monkeypatch.undo()
    assert 0.2 < store.size() / whole < 0.3


def test_only_a_limit_that_is_named_makes_room(place: Place, loopback, tmp_path: Path) -> None:
    (tmp_path / "doc.txt").write_text(haystack(40))
    server = loopback(window=2048, reply=clever)

    def left(**more: int) -> set[str]:
        with closing(open_store(place)) as store:
            for name in ("older", "newer"):
                work = Works(store).done(begun(store, name))
                store.execute(
                    "INSERT INTO documents (work, meta, text) VALUES (?, '', ?) ON CONFLICT (work) DO NOTHING",
                    (work.id, random.Random(name).randbytes(1_000_000)),
                )
        given = {"window": 2048, "strategy": "memagent", "store": place.url, **more}
        with Reader(api_base=server.url, home=place.folder, **given) as reader:
            reader.ask(tmp_path / "doc.txt", QUESTION)
        with closing(open_store(place)) as store:
            return {work.name for work in Works(store).list() if work.kind == "facts"}

    assert left() == {"older", "newer"}
    assert left(store_mb=2) == {"older", "newer"}
    assert left(store_mb=1) < {"newer", "older"}


def test_a_state_with_any_text_comes_back(store: Rows) -> None:
    """The server's JSON holds no NUL."""
    from langgraph.checkpoint.base import empty_checkpoint

    where = {"configurable": {"thread_id": "run", "checkpoint_ns": ""}}
    state = {"memory": "a\0b", "plain": "c", "list": ["d\0"]}
    versions = dict.fromkeys(state, "1")
    whole = {**empty_checkpoint(), "channel_values": state, "channel_versions": versions}
    with store.checkpoints() as steps:
        steps.put(where, whole, {"source": "loop", "step": 0, "parents": {}}, versions)
        kept = steps.get_tuple(where)
    assert kept is not None and kept.checkpoint["channel_values"] == state


@pytest.mark.parametrize("how", ["immediate", pytest.param("fast", marks=pytest.mark.slow)])
def test_a_run_goes_on_when_the_server_was_started_anew(
    own: Cluster, home: Path, tmp_path: Path, loopback, how: str
) -> None:
    """In the middle of a reading: at the least the same command goes on, and asks nothing that it had kept."""
    (tmp_path / "doc.txt").write_text(haystack(200))
    plain = loopback(window=2048, reply=clever)
    calls = 0

    def reply(request: Request) -> str:
        nonlocal calls
        calls += 1
        if calls == 5:
            own.stop(how)
            own.start()
        return clever(request)

    server = loopback(window=2048, reply=reply)
    given = {"window": 2048, "strategy": "memagent"}
    with Reader(api_base=plain.url, home=tmp_path / "undisturbed", **given) as reader:
        undisturbed = reader.ask(tmp_path / "doc.txt", QUESTION)
    for _ in range(3):
        try:
            with Reader(api_base=server.url, home=home, store=own.url, **given) as reader:
                answer = reader.ask(tmp_path / "doc.txt", QUESTION)
        except StoreError:
            continue
        break
    assert (answer.answer, answer.usage.calls) == (undisturbed.answer, undisturbed.usage.calls)
    keys = [request.key for request in server.requests]
    assert len(keys) - len(set(keys)) <= 1  # the one that was in flight


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A PostgreSQL that a test may stop."""
    with running() as one:
        if one is None:
            pytest.skip("no PostgreSQL here")
        yield one


def test_a_server_that_was_started_anew_is_gone_on_with(own: Cluster, home: Path) -> None:
    with closing(open_store(Place(home, own.url))) as store:
        work = begun(store)
        own.stop()
        own.start()
        store.execute("UPDATE works SET name = 'after it'")  # over a connection of before it
        with store.transaction():
            store.execute("UPDATE works SET used = 1")
        own.stop()
        own.start()
        with store.checkpoints() as steps:
            assert steps.get_tuple({"configurable": {"thread_id": "run"}}) is None
        with pytest.raises(StoreError, match="cannot be reached") as caught, store.transaction():
            store.execute("UPDATE works SET name = 'lost with it'")
            own.stop()
            own.start()
            store.execute("UPDATE works SET used = 2")
        assert PASSWORD not in f"{caught.value} {caught.value.hint}" and caught.value.hint
        found = Works(store).find(str(work.id))
        assert (found.name, found.used) == ("after it", 1)


def test_faults_are_told_in_our_words_without_the_password(
    own: Cluster, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(url: str) -> LcagentError:
        with pytest.raises(LcagentError) as caught:
            open_store(Place(home, url))
        for secret in (PASSWORD, "wrong-one"):
            assert secret not in f"{caught.value!r} {caught.value.hint}"
        assert caught.value.hint
        return caught.value

    assert "does not let us in" in told(own.url.replace(PASSWORD, "wrong-one")).message
    assert "no such database" in told(own.url.replace("/postgres", "/none")).message
    with closing(open_store(Place(home, f"{own.url}#newer"))) as store:
        store.execute("UPDATE version SET number = number + 1")
    monkeypatch.setattr("lcagent.memory.postgres.store._prepared", dict[tuple[str, str], str]())
    newer = told(f"{own.url}#newer")
    assert isinstance(newer, SettingsError) and "a newer lcagent" in newer.message
    with closing(open_store(Place(home, f"{own.url}#cut"))) as store:
        store.execute("DROP TABLE uses")
        with pytest.raises(StoreError, match="does not have the tables"):
            store.rows("SELECT * FROM uses")
    own.stop()
    assert "cannot be reached" in told(own.url).message


def test_doctor_says_whether_it_answers(own: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCAGENT_STORE", own.url)

    def told(name: str = "store") -> str:  # as in a process of its own
        monkeypatch.setattr("lcagent.memory.postgres.store._prepared", dict[tuple[str, str], str]())
        shown = in_this_process("doctor", "--json")
        assert PASSWORD not in shown.stdout + shown.stderr
        return json.loads(shown.stdout)["facts"][name]

    where = own.url.replace(f"owner:{PASSWORD}@", "")
    assert (
        told().startswith(f"0.0 MB in {where}, PostgreSQL 1") and f"tables of version {len(STEPS)}" in told()
    )
    assert told("workers").startswith("no worker was ever there: start one with `lcagent worker`")
    assert isinstance(in_this_process("doctor", "--repair").exception, UsageError)
    own.stop()
    assert "cannot be reached" in told()


def test_a_statement_that_fails_undoes_all_that_was_to_be_written_with_it(store: Rows) -> None:
    import psycopg

    work = begun(store)
    with pytest.raises(StoreError, match="all of what was to be written"), store.transaction():
        store.execute("UPDATE works SET name = 'half'")
        with pytest.raises(psycopg.Error):
            store.execute("INSERT INTO works (id) VALUES (?)", (work.id,))
    assert Works(store).find(str(work.id)).name == "a"


def test_it_has_the_tables_of_the_files(place: Place) -> None:
    """What is asked of one store can be asked of the other."""
    for kind, steps, opened in (("runs", STEPS, open_store), ("memory", memory.STEPS, memory.open_memory)):
        with closing(opened(place.folder)) as files, closing(opened(place)) as there:
            held = files.rows(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            assert len(held) > len(steps) // 2
            for table in (row["name"] for row in held):
                columns = {row["name"] for row in files.rows(f"PRAGMA table_info({table})")}
                own = there.rows(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?",
                    (f"lcagent_{kind}_{place.name}", table),
                )
                assert {row["column_name"] for row in own} - columns <= {"rowid", "terms", "size", "near"}
                assert columns <= {row["column_name"] for row in own}


def test_a_store_of_before_is_brought_up_to_date(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from lcagent.memory.postgres.schema import schema_of
    from lcagent.memory.postgres.store import PostgresStore

    job = "INSERT INTO jobs (id, status, created, updated, ask) VALUES ('a', 'queued', 1, 2, '{}')"
    with closing(PostgresStore(place, "server", served.STEPS[:2])) as old:
        old.execute(job)
    monkeypatch.setattr("lcagent.memory.postgres.store._prepared", dict[tuple[str, str], str]())
    fresh = Place(place.folder, f"{place.url}-fresh")
    sql = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = ?"
    with closing(served.open_served(place)) as new, closing(served.open_served(fresh)) as other:
        assert StoredJobs(new).get("a").kind == "question"
        names = [schema_of(place, "server"), schema_of(fresh, "server")]
        both = zip((new, other), names, strict=True)
        columns = [sorted(map(tuple, store.execute(sql, (name,)))) for store, name in both]
    # A table that older programs still use stays where it is (docs/design/0042-side-by-side.md).
    assert [one for one in columns[0] if one[0] != "spent"] == columns[1] and columns[1]


@pytest.mark.parametrize(
    "text", ["a\0b", "\ue000", "\ue0000\0\ue0001", "' \\ % %s ? :name ::text", "𝔘 ütf\n"]
)
def test_any_text_comes_back_as_it_went(store: Rows, text: str) -> None:
    store.execute(
        "INSERT INTO profiles (model, fingerprint, measured, profile) VALUES (?, ?, '', '')", (text, text)
    )
    assert store.rows("SELECT model FROM profiles WHERE fingerprint = :f", {"f": text}) == [{"model": text}]
    assert store.rows("SELECT '?:a%' AS x, length(model) AS n FROM profiles")[0]["x"] == "?:a%"


def test_what_is_opened_by_many_at_once_is_made_once(cluster: Cluster, home: Path) -> None:
    ready = threading.Barrier(4)

    def opened(place: Place) -> int:
        ready.wait()
        with closing(open_store(place)) as store, store.checkpoints() as steps:
            steps.delete_thread("none")
            return begun(store).id

    for _ in range(4):
        place = Place(home, f"{cluster.url}#{secrets.token_hex(8)}")
        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(opened, [place] * 4)) == {1}


def test_each_name_has_rows_of_its_own(cluster: Cluster, home: Path) -> None:
    """Also one that is too long for a name there, or that has a quotation mark in it."""
    names = [secrets.token_hex(8), 'a"b' + secrets.token_hex(8), "x" * 80 + secrets.token_hex(8)]
    for at, name in enumerate(names):
        with closing(open_store(Place(home, f"{cluster.url}#{name}"))) as store:
            begun(store, name=str(at))
    for at, name in enumerate(names):
        with closing(open_store(Place(home, f"{cluster.url}#{name}"))) as store:
            assert [work.name for work in Works(store).list()] == [str(at)]


@pytest.mark.slow
def test_pgbouncer_in_transaction_mode_will_do(
    cluster: Cluster, home: Path, loopback, tmp_path: Path
) -> None:
    """More threads than it has connections: no statement needs the one before it."""
    with bouncing(cluster) as url:
        if url is None:
            pytest.skip("no PgBouncer here")
        place = Place(home, f"{url}#{secrets.token_hex(8)}")

        def working(number: int) -> int:
            with closing(open_store(place)) as store:
                work = begun(store, str(number))
                with Works(store).building(work):
                    for segment in range(20):
                        Facts(store, work.id).put(segment, [(f"Fact {segment} of {number}", [], ["fact"])])
                        assert len(search_facts(store, [work.id], "fact", 99)) == segment + 1
                    Works(store).done(work)
                return work.id

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(working, range(8)))) == 8
        (tmp_path / "doc.txt").write_text(haystack(100))
        server = loopback(window=2048, reply=clever)
        words = ("--api-base", server.url, "--window", "2048", "--strategy", "memagent", "--store", place.url)
        assert in_this_process("ask", str(tmp_path / "doc.txt"), QUESTION, *words).exit_code == 0
        with closing(open_store(place)) as store:
            assert store.rows("SELECT status FROM runs") == [{"status": "finished"}]
            assert store.rows("SELECT count(*) AS n FROM pg_prepared_statements") == [{"n": 0}]


def test_a_reading_goes_there_less_often_than_sqlite_has_statements(cluster: Cluster, tmp_path: Path) -> None:
    """Once for each call that is kept; what belongs together goes together."""
    (tmp_path / "doc.txt").write_text(f"{HOPS[0].sentence} {prose(400)} {HOPS[1].sentence}")
    told = {name: counted(name, cluster.url, tmp_path / "doc.txt") for name in ("mapreduce", "longagent")}
    for one in told.values():
        assert one["round_trips"] < 0.7 * one["statements"]
    further = told["longagent"]["calls"] - told["mapreduce"]["calls"]
    assert told["longagent"]["round_trips"] - told["mapreduce"]["round_trips"] < 2 * further


def test_a_work_that_is_built_elsewhere_is_busy(store: Rows, other: Rows) -> None:
    work = begun(store)
    with Works(store).building(work):
        with pytest.raises(WorkBusy), Works(other).building(work):
            pass
        with pytest.raises(WorkBusy):
            Works(other).delete(work.id)
    Works(other).delete(work.id)
    with pytest.raises(WorkNotFound), Works(store).building(work):
        pass


def test_no_driver_is_imported_for_files(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from lcagent.memory.opening import open_store;"
        f"open_store(pathlib.Path({str(tmp_path)!r})).close(); sys.exit('psycopg' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
