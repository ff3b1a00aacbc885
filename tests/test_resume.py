"""SIGKILL at every step boundary: the two commands together make exactly the calls of an undisturbed one."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lcagent import Finished, Reader, SegmentRead
from lcagent.errors import RunBusy
from lcagent.memory.checkpoints import open_checkpoints
from lcagent.memory.locks import locked
from lcagent.place import Place
from tests.cluster import files_daily
from tests.helpers import QUESTION, clever, in_this_process, prose
from tests.killable import Command, dies_before_printing, killed_at
from tests.loopback import Loopback

SEGMENTS = 20


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("doc") / "doc.txt"
    text = prose(670)
    cut = text.index("\n\n", len(text) // 2)
    path.write_text(
        f"{text[:cut]}\n\nThe harbour master of Vellmere in that year was Oskar Brandvold.{text[cut:]}"
    )
    return path


def arguments(server: Loopback, document: Path, home: Path) -> list[str]:
    return [
        *("ask", str(document), QUESTION, "--api-base", server.url, "--home", str(home), "--json"),
        *("--strategy", "memagent", "--window", "2048"),
        *("--set", "memagent.segment_tokens=800"),  # decides the number of segments, whatever the prompts are
    ]


def command(server: Loopback, document: Path, home: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "lcagent.cli.main", *arguments(server, document, home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background ignores Ctrl-C for all its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


STEPS = [0, SEGMENTS, SEGMENTS + 1, *range(1, SEGMENTS)]
"""The first three are tried every day: the plan, the last segment, the answer."""


@files_daily
@pytest.mark.parametrize(
    "step", [*STEPS[:3], *(pytest.param(step, marks=pytest.mark.slow) for step in STEPS[3:])]
)
def test_sigkill_at_every_step_repeats_no_call_and_loses_nothing(
    loopback, document: Path, tmp_path: Path, place: Place, step: int
) -> None:
    server = loopback(window=2048)
    home = tmp_path / "home"
    killed_at(step, server, arguments(server, document, home), clever)
    # `--resume` and the plain command do the same for a run that was killed.
    second = in_this_process(*arguments(server, document, home), *(["--resume"] if step % 2 else []))
    assert second.exit_code == 0, second.stderr
    answer = json.loads(second.stdout)
    assert answer["answer"] == "Oskar Brandvold"
    assert answer["usage"]["calls"] == SEGMENTS + 2
    assert answer["usage"]["replayed"] == step
    # The request that was in the air when the process died is sent again, and no other.
    keys = [request.key for request in server.requests]
    assert len(keys) == SEGMENTS + 3
    assert len(set(keys)) == SEGMENTS + 2
    assert keys[step] == keys[step + 1]


@files_daily
def test_two_processes_cannot_write_one_run(loopback, document: Path, tmp_path: Path, place: Place) -> None:
    server = loopback(window=2048, latency=1.0, reply=clever)
    words = arguments(server, document, tmp_path / "home")
    first = Command(*words)
    while len(server.requests) < 2:
        assert first.poll() is None
        time.sleep(0.01)
    second = Command(*words).done()
    home = ["--home", str(tmp_path / "home")]
    deleted = in_this_process("runs", "delete", "last", *home)
    server.latency = 0.0
    done = first.done()
    assert (done.returncode, second.returncode) == (0, 1)
    busy = json.loads(second.stdout)
    assert busy["code"] == "RunBusy" and "--resume" in busy["hint"]
    assert isinstance(deleted.exception, RunBusy)
    calls = len(server.requests)
    again = in_this_process(*words, "--resume")
    assert (json.loads(again.stdout), len(server.requests)) == (json.loads(done.stdout), calls)
    assert in_this_process("runs", "delete", "last", *home).exit_code == 0


def test_ctrl_c_is_exit_status_130_and_says_that_it_goes_on(loopback, document: Path, tmp_path: Path) -> None:
    server = loopback(window=2048, latency=0.1, reply=clever)
    process = command(server, document, tmp_path / "home")
    while len(server.requests) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, json.loads(out)["code"]) == (130, "Interrupted")
    assert "goes on from here" in out and "Traceback" not in err


@files_daily
@pytest.mark.parametrize("as_json", [True, False])
def test_a_run_killed_before_its_answer_was_printed_tells_it_at_no_call(
    loopback, document: Path, tmp_path: Path, place: Place, as_json: bool
) -> None:
    server = loopback(window=2048, reply=clever)
    words = arguments(server, document, tmp_path / "home")
    if not as_json:
        words.remove("--json")
    assert Command(*words, first=dies_before_printing).ended() == -signal.SIGKILL
    calls = server.calls
    again = in_this_process(*words)
    told = json.loads(again.stdout)["answer"] if as_json else again.stdout.strip()
    assert (told.removesuffix(" [1]"), server.calls) == ("Oskar Brandvold", calls)
    in_this_process(*words)
    assert server.calls == 2 * calls  # now that it was told, it is asked anew


def test_an_answer_that_was_taken_from_a_stream_is_told(loopback, document: Path, place: Place) -> None:
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        stream = reader.stream(document, QUESTION)
        while not isinstance(event := next(stream), Finished):
            pass
        untold = reader.ask(document, QUESTION)  # who took `event` might have died with it
        assert untold == event.answer
        stream.close()
        assert reader.ask(document, QUESTION).run_id != untold.run_id


def interrupted(server: Loopback, document: Path, strategy: str = "memagent") -> int:
    """Leave a run in the middle; its finished calls."""
    with Reader(api_base=server.url, window=2048, strategy=strategy) as reader:
        read = 0
        for event in reader.stream(document, QUESTION):
            read += isinstance(event, SegmentRead)
            if read == 4:
                break
    with sqlite3.connect(os.environ["LCAGENT_HOME"] + "/lcagent.db") as connection:
        names = "run, document, segment, text, spans, role, answer, detail, quote, seq, op, target, tokens"
        old = "id, 0, 0, 'of an old one', '[[0, 9]]', 'reader', '', '', '', 7, 'add', NULL, 3"
        connection.execute(f"INSERT INTO findings ({names}) SELECT {old} FROM runs")
        return connection.execute("SELECT count(*) FROM calls").fetchone()[0]


def spoil(how: str, home: Path) -> None:
    """Make the run's checkpoint one of an earlier version, or one that cannot be read."""
    if how == "version":
        with sqlite3.connect(home / "lcagent.db") as connection:
            connection.execute("UPDATE runs SET version = 'old'")
        return
    with open_checkpoints(home / "checkpoints.db") as saver:
        if how == "bytes":
            saver.conn.execute("UPDATE checkpoints SET checkpoint = x'c1c1c1'")
            saver.conn.execute("UPDATE writes SET value = x'c1c1c1'")
            saver.conn.commit()
            return
        for thread, space in saver.conn.execute("SELECT DISTINCT thread_id, checkpoint_ns FROM checkpoints"):
            where = {"configurable": {"thread_id": thread, "checkpoint_ns": space}}
            last = saver.get_tuple(where)
            assert last is not None
            state = last.checkpoint["channel_values"]
            for name in [name for name in state if not name.startswith(("branch:", "__"))]:
                del state[name]
            saver.put(where, last.checkpoint, last.metadata, {})


@pytest.mark.parametrize("strategy", ["memagent", "mapreduce", "segment"])
@pytest.mark.parametrize("how", ["version", "keys", "bytes"])
def test_a_checkpoint_of_no_use_begins_anew_from_the_finished_calls(
    loopback, document: Path, home: Path, how: str, strategy: str
) -> None:
    server = loopback(window=2048, reply=clever)
    finished = interrupted(server, document, strategy)
    spoil(how, home)
    sent = [request.key for request in server.requests]
    with Reader(api_base=server.url, window=2048, strategy=strategy) as reader:
        events = list(reader.stream(document, QUESTION))
    answer = events[-1].answer
    assert answer.usage.replayed == finished
    assert len(server.requests) - len(sent) == answer.usage.calls - finished
    read = [event.done for event in events if isinstance(event, SegmentRead)]
    assert read[-1] <= answer.coverage.segments_total
    assert answer.coverage.segments_read == answer.coverage.segments_total
    with sqlite3.connect(home / "lcagent.db") as connection:
        (old,) = connection.execute("SELECT count(*) FROM findings WHERE text = 'of an old one'").fetchone()
    # SEGMENT+ needs nothing of the state that it began with, so it goes on from there.
    assert old == (how == "keys" and strategy == "segment")


def test_a_run_of_another_tokenizer_or_segmentation_is_another_run(loopback, document: Path) -> None:
    exact, estimated = (
        loopback(window=2048, reply=clever),
        loopback(window=2048, reply=clever, tokenize=False),
    )
    finished = interrupted(exact, document)
    with Reader(api_base=estimated.url, window=2048, strategy="memagent") as reader:
        other = reader.ask(document, QUESTION)
    assert (other.answer, other.usage.replayed) == ("Oskar Brandvold", 0)
    with Reader(api_base=exact.url, window=2048, strategy="memagent") as reader:
        answer = reader.ask(document, QUESTION)
    assert answer.usage.replayed == finished
    assert answer.run_id != other.run_id


def test_who_opened_a_lock_that_was_removed_meanwhile_does_not_hold_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    flock, path = fcntl.flock, tmp_path / "locks" / "run"

    def removed(file: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()  # as who held it does, between our opening it and locking it
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", removed)
    busy = RunBusy("busy")
    with locked(tmp_path, "run", busy):
        assert path.exists()
        with pytest.raises(RunBusy), locked(tmp_path, "run", busy):
            pass
    assert not path.exists()
