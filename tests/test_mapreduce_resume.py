"""SIGKILL in the middle of a fan-out: the next command sends what was not finished, and nothing else."""

import json
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.killable import Command
from tests.loopback import Loopback, Reply
from tests.mapping import role, roles
from tests.test_condensing import QUESTION, many, reads


def command(server: Loopback, path: Path, home: Path) -> Command:
    arguments = [
        *("ask", str(path), QUESTION, "--api-base", server.url, "--window", "1536", "--home", str(home)),
        *("--strategy", "mapreduce", "--set", "mapreduce.segment_tokens=200", "--json"),
        *("--set", "mapreduce.mode=code"),
    ]
    return Command(*arguments)


def finished(home: Path) -> int:
    """Calls that the killed command has on its disk."""
    try:
        with sqlite3.connect(f"file:{home / 'lcagent.db'}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM calls").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.mark.parametrize("stage", [pytest.param("map", marks=pytest.mark.slow), "collapse"])
def test_only_unfinished_calls_are_sent_again(loopback, tmp_path: Path, stage: str) -> None:
    path, server = many(loopback, tmp_path)
    home, undisturbed = tmp_path / "home", tmp_path / "undisturbed"
    whole = command(server, path, undisturbed).told()
    every = json.loads(whole.stdout)["usage"]["calls"]
    maps, collapses = roles(server).count("map"), roles(server).count("collapse")
    assert collapses >= 4, whole.stderr
    most = {"map": maps // 2, "collapse": maps + 2}[stage]  # calls that are answered before the kill
    server.requests.clear()
    lock, answered = threading.Lock(), [0]

    def hangs(request):
        with lock:
            answered[0] += 1
            return reads(request) if answered[0] <= most else Reply("", delay=600)

    server.reply = hangs
    process = command(server, path, home)
    while finished(home) < most or len(server.requests) < most + 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.ended()
    before = server.requests[:]
    done = {request.key for request in before[:most]}
    server.requests.clear()
    server.reply = reads
    second = command(server, path, home).told()
    assert second.returncode == 0, second.stderr
    answer = json.loads(second.stdout)
    assert (answer["answer"], answer["usage"]["replayed"]) == ("Oskar Brandvold", most)
    assert answer["usage"]["calls"] == every
    keys = [request.key for request in server.requests]
    assert len(keys) == len(set(keys)) == every - most
    assert not done & set(keys)
    if stage == "map":
        assert f"{maps} of {maps} segments" in second.stderr  # those read before the kill count
    else:
        assert not any(role(request) == "map" for request in server.requests)
