"""Files of the store that are cut, altered, locked, full or closed: a line each, and nothing lost in silence."""

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from lcagent import ChatSession, Reader
from lcagent.errors import ConfigUnreadable, LcagentError, StoreBusy, StoreDamaged, StoreError
from lcagent.memory import sqlite
from lcagent.memory.repair import RUNS, faults
from lcagent.memory.store import CHECKPOINTS, FILE, Store
from lcagent.memory.tiers.saving import MEMORY
from lcagent.runs.records import RunRecord, Runs
from lcagent.settings import load_settings
from tests.helpers import QUESTION, clever, examples, haystack, in_this_process
from tests.killable import Command, started
from tests.loopback import Loopback

COMMANDS = (
    ("runs", "list"),
    ("runs", "show", "last"),
    ("runs", "replay", "last"),
    ("works", "list"),
    ("memory", "list"),
    ("memory", "show"),
    ("memory", "search", "cat"),
)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("documents") / "doc.txt"
    path.write_text(haystack(150))
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(window=2048, reply=clever) as running:
        yield running


@pytest.fixture(scope="module")
def kept(server: Loopback, document: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with runs, one of them not finished, works, and a conversation."""
    home = tmp_path_factory.mktemp("kept")
    options = {"api_base": server.url, "window": 2048, "strategy": "memagent", "home": home}
    with Reader(**options) as reader:
        for number in range(3):
            reader.ask(document, f"{QUESTION} {number}")
    with Reader(**options, max_calls=3) as reader:
        assert reader.ask(document, QUESTION).status == "budget"
    with ChatSession("main", home=home) as chat:
        for number in range(60):
            chat.add(f"Message {number}: my cat {number} is called Mira, and lives in Oslo.")
    return home


@pytest.fixture
def filled(kept: Path, home: Path) -> Path:
    """The same, to be damaged."""
    return Path(shutil.copytree(kept, home))


def told(*arguments: str) -> tuple[str, str]:
    """What a command prints, and how it failed; every other failure than one of ours is raised."""
    sqlite._looked_at.clear()  # as if in a process of its own
    done = in_this_process(*arguments)
    error = done.exception
    if isinstance(error, LcagentError):
        assert "\n" not in error.message and error.hint and error.exit_code == 1
        return done.stdout, error.code
    if error is not None and not isinstance(error, SystemExit):
        raise error
    return done.stdout, ""


def alter(data: bytes, rng: random.Random) -> bytes:
    """A byte altered, more often than not one of those that tell where what lies."""
    at = rng.randrange(len(data)) if rng.random() < 0.6 else rng.randrange(min(4096, len(data)))
    return data[:at] + bytes([data[at] ^ rng.randrange(1, 256)]) + data[at + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("name", [FILE, "memory.db"])
def test_an_altered_or_cut_database_is_read_told_or_saved(filled: Path, name: str, tmp_path: Path) -> None:
    rng, good = random.Random(name), (filled / name).read_bytes()
    commands = [one for one in COMMANDS if (one[0] == "memory") == (name == "memory.db")]
    right = {one: told(*one)[0] for one in commands}
    cuts = [0, 1, 511, 4096, len(good) // 2, len(good) - 1, len(good) - 4096]
    versions = [alter(good, rng) for _ in range(examples(50))] + [good[:cut] for cut in cuts]
    noticed = 0
    for version in versions:
        for end in ("-wal", "-shm"):
            (filled / f"{name}{end}").unlink(missing_ok=True)
        (filled / name).write_bytes(version)
        codes = {}
        for one in commands:
            try:
                out, codes[one] = told(*one)
            except (ValueError, TypeError, LookupError) as error:  # main() then looks for the damage
                assert faults(filled / name, RUNS if name == FILE else MEMORY), error
                codes[one] = "StoreDamaged"
                continue
            assert codes[one] in {"", "StoreDamaged", "SettingsError"}
            # Nothing is missing without a word: of a text that was altered a letter is.
            assert codes[one] or len(out.splitlines()) == len(right[one].splitlines())
        noticed += "StoreDamaged" in codes.values()
        assert len(version) == len(good) or "StoreDamaged" in codes.values(), len(version)
        if "StoreDamaged" in codes.values():
            sqlite._looked_at.clear()
            assert in_this_process("doctor", "--repair").exit_code == 0
            assert "damaged:" not in in_this_process("doctor", "--repair").stdout
            for one in commands:
                assert told(*one)[1] in {"", "RunNotFound", "SessionNotFound"}
        for left in filled.glob("*.damaged-*"):
            left.unlink()
    assert noticed >= len(cuts)


def test_what_can_be_read_is_saved_and_the_rest_made_again(
    filled: Path, document: Path, server: Loopback
) -> None:
    """One page of the calls is lost: the runs stay, and the unfinished one goes on without a call repeated."""
    with closing(sqlite3.connect(filled / FILE)) as connection:
        before = connection.execute("SELECT id, answer FROM runs ORDER BY id").fetchall()
        (calls,) = connection.execute("SELECT count(*) FROM calls").fetchone()
        pages = (
            [
                page
                for (page,) in connection.execute(
                    "SELECT pageno FROM dbstat WHERE name = 'findings' AND pagetype = 'leaf'"
                )
            ]
            if _has_dbstat(connection)
            else []
        )
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'findings'").fetchone()
    data = bytearray((filled / FILE).read_bytes())
    at = ((pages or [root])[0] - 1) * 4096
    data[at : at + 200] = b"\xff" * 200
    (filled / FILE).write_bytes(data)
    repaired = json.loads(in_this_process("doctor", "--repair", "--json").stdout)["files"][0]
    assert not repaired["sound"] and Path(repaired["aside"]).read_bytes() == data
    assert repaired["saved"]["runs"] == len(before) and repaired["saved"]["calls"] == calls
    assert repaired["lost"] == {}
    with closing(sqlite3.connect(filled / FILE)) as connection:
        assert connection.execute("SELECT id, answer FROM runs ORDER BY id").fetchall() == before
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    asked = server.calls
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        answer = reader.ask(document, QUESTION)
    assert answer.answer == "Oskar Brandvold" and answer.usage.replayed >= 2
    assert server.calls - asked == answer.usage.calls - answer.usage.replayed


def _has_dbstat(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1 FROM dbstat LIMIT 1")
    except sqlite3.Error:
        return False
    return True


def test_messages_are_saved_and_found_again(filled: Path) -> None:
    with closing(sqlite3.connect(filled / "memory.db")) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'postings'").fetchone()
    data = bytearray((filled / "memory.db").read_bytes())
    data[(root - 1) * 4096 : (root - 1) * 4096 + 100] = b"\xff" * 100
    (filled / "memory.db").write_bytes(data)
    assert told("memory", "search", "cat")[1] == "StoreDamaged"
    assert "damaged" in in_this_process("doctor").stdout
    assert in_this_process("doctor", "--repair").exit_code == 0
    assert told("memory", "search", "cat")[0].startswith("60 found")


def test_a_byte_that_is_no_text_is_found_where_json_takes_it(filled: Path) -> None:
    with closing(sqlite3.connect(filled / "memory.db")) as connection:
        connection.execute(
            """UPDATE entries SET data = CAST(X'7b2274f3726e223a317d' AS TEXT) WHERE text LIKE 'Message 59:%'"""
        )
        connection.commit()
    assert told("memory", "search", "cat")[1] == "StoreDamaged"
    repaired = json.loads(in_this_process("doctor", "--repair", "--json").stdout)["files"][1]
    assert repaired["faults"] == ["data of entries: UnicodeEncodeError"] and repaired["lost"] == {
        "entries": 1
    }
    assert told("memory", "search", "cat")[0].startswith("59 found")


def test_a_damaged_checkpoint_is_made_again_from_the_journal(
    filled: Path, document: Path, server: Loopback
) -> None:
    """Whatever byte is altered: the checksum of a state tells, and so does SQLite of all else."""
    rng = random.Random(3)
    command = ("ask", document, "And who else?", "--api-base", server.url, "--strategy", "memagent")
    asked = server.calls
    process = Command(*command, "--window", 2048)
    until = time.monotonic() + 120
    while process.poll() is None and server.calls - asked < 3 and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.ended()
    good = (filled / CHECKPOINTS).read_bytes()
    for _ in range(examples(10)):
        shutil.rmtree(filled.with_name("copy"), ignore_errors=True)
        shutil.copytree(filled, filled.with_name("copy"))
        (filled.with_name("copy") / CHECKPOINTS).write_bytes(alter(good, rng))
        sqlite._looked_at.clear()
        with Reader(
            api_base=server.url, window=2048, strategy="memagent", home=filled.with_name("copy")
        ) as reader:
            assert reader.ask(document, "And who else?").answer == "Oskar Brandvold"


# The write-ahead log


def _written(home: Path) -> None:
    store = Store.open(home)
    for n in range(50):
        store.execute("INSERT INTO profiles VALUES (?,?,?,?)", (str(n), "f", "m", "x" * 500))
    os.kill(os.getpid(), signal.SIGKILL)


def _killed(home: Path) -> None:
    """Rows are written, and the process is killed: they stand in the log alone."""
    started(_written, home).join()
    assert (home / f"{FILE}-wal").stat().st_size > 50 * 500


@pytest.mark.parametrize("how", ["byte", "salt", "header", "cut", "emptied"])
def test_a_log_that_is_read_in_part_alone_is_told_once(home: Path, how: str) -> None:
    _killed(home)
    log = home / f"{FILE}-wal"
    data = bytearray(log.read_bytes())
    if how in {"byte", "salt", "header"}:
        data[{"byte": len(data) // 2, "salt": 32 + 4120 * 9 + 9, "header": 18}[how]] ^= 0x55
    else:
        del data[0 if how == "emptied" else len(data) // 2 :]
    log.write_bytes(data)
    sqlite._looked_at.clear()
    with pytest.raises(StoreDamaged, match="cannot be read") as caught:
        Store.open(home)
    (aside,) = home.glob("*-wal.damaged-*")
    assert aside.name in caught.value.hint and aside.read_bytes() == data
    Store.open(home).close()  # what was kept before them is there


def test_a_sound_log_is_taken_up(home: Path) -> None:
    _killed(home)
    sqlite._looked_at.clear()
    with closing(Store.open(home)) as store:
        assert store.rows("SELECT count(*) AS n FROM profiles") == [{"n": 50}]


def test_opening_and_closing_once_more_gives_up_no_lock(home: Path) -> None:
    """POSIX drops all of a process's locks on a file when it closes any descriptor of it."""
    code = (
        "import sys; from lcagent.memory import sqlite; from lcagent.memory.store import Store\n"
        "from pathlib import Path; sqlite.WAIT = 0.2\n"
        "Store.open(Path(sys.argv[1])).execute('INSERT INTO profiles VALUES (1, 2, 3, 4)')"
    )
    with closing(Store.open(home)) as one, one.transaction():
        one.execute("INSERT INTO profiles VALUES ('a', 'b', 'c', 'd')")
        Store.open(home).close()
        other = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True)
        assert "StoreBusy" in other.stderr  # it did not write meanwhile


# Locked, full, closed, elsewhere


def test_a_locked_database_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(home).close()
    monkeypatch.setattr(sqlite, "WAIT", 0.2)
    with closing(sqlite3.connect(home / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with closing(Store.open(home)) as store, pytest.raises(StoreBusy, match="locked by another"):
            store.execute("DELETE FROM runs")


def test_a_database_that_is_not_shared_is_told_and_not_repaired(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(home).close()
    monkeypatch.setattr(sqlite, "WAIT", 0.2)
    with closing(sqlite3.connect(home / FILE, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert told("runs", "list")[1] == "StoreBusy"
        assert told("doctor", "--repair")[1] == "StoreBusy"


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "lcagent.cli.main", *map(str, arguments)]


def test_a_full_disk_is_a_line_and_loses_no_call(document: Path, server: Loopback, home: Path) -> None:
    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    command = _command("ask", document, QUESTION, "--api-base", server.url, "--strategy", "memagent")
    full = subprocess.run([*command, "--window", "2048"], capture_output=True, text=True, preexec_fn=no_room)
    assert full.returncode == 1 and "Traceback" not in full.stderr
    assert [line for line in full.stderr.splitlines() if line.startswith("error: nothing can be kept in ")]
    done = Command(*command[3:], "--window", 2048, "-q").told()
    assert done.stdout == "Oskar Brandvold\n"


@pytest.mark.parametrize("name", ["", " ", "file", "file/below", "\0"])
def test_a_home_that_is_none_is_told(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.iterdir())
    out = in_this_process("runs", "list", "--home", name)
    assert isinstance(out.exception, StoreError) and out.exception.exit_code == 1 and out.exception.hint
    if "\0" not in name:
        monkeypatch.setenv("LCAGENT_HOME", name)
        assert told("runs", "list")[1] == "StoreError"
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_a_home_that_may_not_be_written_is_told(filled: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if any(one.name.startswith("pytest-of-") for one in (folder, *folder.parents)):
            folder.chmod(0o755)
    for file in (filled, *filled.rglob("*")):
        file.chmod(0o755 if file.is_dir() else 0o644)
    for arguments in (("runs", "list"), ("memory", "show"), ("doctor", "--repair")):
        try:
            done = subprocess.run(_command(*arguments), capture_output=True, text=True, user=65534)
        except PermissionError:
            pytest.skip("nobody else may run this Python")
        if "No module named" in done.stderr:
            pytest.skip("nobody else may import this package")
        assert "Traceback" not in done.stderr
        assert done.returncode in {0, 1}, done.stderr
        assert done.returncode == 0 or done.stderr.startswith("error: ")


def test_settings_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "config" / "lcagent" / "config.toml"
    file.parent.mkdir(parents=True)
    for data in (b"window = [", b"\xff\xfe\x00", b"window = 2\nwindow = 3"):
        file.write_bytes(data)
        with pytest.raises(ConfigUnreadable, match=r"config\.toml") as caught:
            load_settings()
        assert caught.value.exit_code == 1 and "\n" not in caught.value.message


# At once, and with clocks that are set back


@pytest.mark.slow
def test_many_at_once_with_one_command_make_one_run(document: Path, server: Loopback) -> None:
    command = ("ask", document, QUESTION, "--api-base", server.url, "-q")
    every = [Command(*command) for _ in range(12)]
    ended = [process.told() for process in every]
    assert len(json.loads(in_this_process("runs", "list", "--json").stdout)) == 1
    for one in ended:
        answered = (one.stdout, one.returncode) == ("Oskar Brandvold\n", 0)
        assert answered or "is being written by another process" in one.stderr
    assert ("Oskar Brandvold\n", 0) in [(one.stdout, one.returncode) for one in ended]
    assert Command(*command).told().stdout == "Oskar Brandvold\n"  # asked again, it is a new run
    assert len(json.loads(in_this_process("runs", "list", "--json").stdout)) == 2


def test_who_holds_an_answered_run_is_no_hindrance(
    document: Path, server: Loopback, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of sixty processes at once one holds a run for a moment, only to see that it is answered."""
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        first, calls = reader.ask(document, QUESTION), server.calls
        # It was found before it was answered, and is held when it is to be written.
        monkeypatch.setattr(Runs, "open", lambda *_, **__: RunRecord(first.run_id))
        with closing(Store.open(home)) as store, Runs(store).writing(first.run_id):
            again = reader.ask(document, QUESTION)
    assert (again, server.calls) == (first, calls)


def test_a_run_that_is_let_go_of_unanswered_is_gone_on_with(
    document: Path, server: Loopback, home: Path
) -> None:
    options = {"api_base": server.url, "window": 2048, "strategy": "memagent"}
    with Reader(**options, max_calls=3) as reader:
        run = reader.ask(document, QUESTION).run_id
    with Reader(**options) as reader, closing(Store.open(home)) as store, ExitStack() as held:
        held.enter_context(Runs(store).writing(run))
        letting_go = threading.Timer(0.2, held.close)
        letting_go.start()
        answer = reader.ask(document, QUESTION)
        letting_go.join()
    assert (answer.run_id, answer.usage.replayed, answer.answer) == (run, 3, "Oskar Brandvold")


def test_a_clock_that_is_set_back_makes_no_new_run(
    document: Path, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    options = {"api_base": server.url, "window": 2048, "strategy": "memagent"}
    with Reader(**options) as reader:
        done = reader.ask(document, QUESTION)
    monkeypatch.setattr(time, "time", lambda: now - 86400)
    with Reader(**options, max_calls=3) as reader:
        cut = reader.ask(document, QUESTION)
    assert cut.status == "budget" and cut.run_id != done.run_id
    monkeypatch.setattr(time, "time", lambda: now - 2 * 86400)
    with Reader(**options) as reader:
        gone_on = reader.ask(document, QUESTION)
    assert gone_on.run_id == cut.run_id and gone_on.usage.replayed == 3
    last = json.loads(in_this_process("runs", "show", "last", "--json").stdout)
    assert last["id"] == cut.run_id


# What is deleted, and what nobody else is told


def test_a_deleted_run_leaves_no_word_and_no_room(filled: Path, server: Loopback, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    words = " ".join(f"zanzibar{number}" for number in range(20_000))
    secret.write_text(f"<html><body><p>{haystack(100)}</p><p>{words}</p></body></html>")
    before = sum(file.stat().st_size for file in filled.glob("lcagent.db*"))
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        run = reader.ask(secret, "Who is the harbour master of Zanzibar?").run_id
    grown = sum(file.stat().st_size for file in filled.glob("lcagent.db*"))
    assert in_this_process("runs", "delete", run).exit_code == 0
    left = sum(file.stat().st_size for file in filled.glob("lcagent.db*"))
    assert left < before + (grown - before) / 10
    for file in filled.rglob("*"):
        assert not file.is_file() or b"arbour master of Zanzibar" not in file.read_bytes(), file
        assert not file.is_file() or b"zanzibar1" not in file.read_bytes(), file


@pytest.mark.slow
def test_nobody_but_the_model_is_contacted(
    document: Path, server: Loopback, loopback, tmp_path: Path
) -> None:
    """Proxies and services that packages know of lead to a trap; strace, where there is one, sees the rest."""
    trap = loopback(reply=clever)
    names = ("LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT", "HF_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    services = dict.fromkeys(names, trap.url)
    tracing = {"LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true", "LANGSMITH_API_KEY": "k"}
    log = tmp_path / "calls"
    watched = (
        ["strace", "-f", "-qq", "-e", "trace=connect,sendto", "-o", str(log)]
        if shutil.which("strace")
        else []
    )
    command = _command("ask", document, QUESTION, "--api-base", server.url, "-q")
    done = subprocess.run(
        [*watched, *command], capture_output=True, text=True, env={**os.environ, **services, **tracing}
    )
    assert done.stdout == "Oskar Brandvold\n", done.stderr
    assert trap.requests == []
    if watched:
        lines = [line for line in log.read_text().splitlines() if "AF_INET" in line]
        port = server.url.rsplit(":", 1)[1].split("/")[0]
        assert lines
        assert all("127.0.0.1" in line and f"htons({port})" in line for line in lines)
