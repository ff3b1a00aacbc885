"""What ends a table, and what is refused before it is begun."""

import errno
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from lcagent import Reader
from lcagent.errors import AccessRefused, EndpointUnavailable, OutputError, UsageError
from tests.helpers import in_this_process
from tests.killable import Command
from tests.loopback import Loopback, Reply, Request
from tests.many.shipyard import QUESTION, boats, command_line, rows_of, shipyard, table


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
    arguments = command_line(folder, server, concurrency=1)
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


def test_a_full_disk_ends_it_with_whole_rows_and_it_goes_on(
    server: Loopback, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def write(file: int, data: Any) -> int:
        if not os.path.samestat(os.fstat(file), Path("t.jsonl").stat()):
            return real(file, data)
        written.append(len(data))
        if len(written) == 3:
            return real(file, data[:50])
        if len(written) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data)

    real = os.write
    with monkeypatch.context() as full, pytest.raises(OutputError, match="No space left"):
        full.setattr(os, "write", write)
        table(server, folder, concurrency=1)
    assert len(rows_of("t.jsonl")) == 2 and Path("t.jsonl").read_bytes().endswith(b"}\n")
    calls = server.calls
    assert table(server, folder).rows == 6 and server.calls <= calls + 4
