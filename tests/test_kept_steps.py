"""What is made to be kept, ended at any of its writes and made again: nothing is lost, nothing doubled."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lcagent import ChatSession, Reader, private
from lcagent.many.rows import KeptRows
from lcagent.memory import copying
from lcagent.memory.copying import copied
from lcagent.memory.opening import open_store
from lcagent.memory.served import uploads
from lcagent.memory.served.tables import open_served
from lcagent.memory.served.uploads import Uploads
from lcagent.memory.tiers import nearest
from lcagent.memory.tiers.tables import open_memory
from lcagent.place import Place
from lcagent.runs.graphs import exported
from lcagent.settings import load_settings
from tests import exploring
from tests.ending import WRITES, Death, Writes, ended, postgres_writes, some
from tests.helpers import in_this_process
from tests.many.shipyard import boats, plain, shipyard, table
from tests.test_given_to_workers import letters
from tests.test_graphreader import chain
from tests.test_store_copy import filled  # noqa: F401 - a fixture

ROWS: Writes = [*WRITES, (KeptRows, "add"), (os, "fsync"), (Path, "replace")]
Made = Callable[[], object]


def undisturbed(writes: Writes, make: Made) -> int:
    """Make it; how many writes that takes."""
    counting = Death()
    with counting.among(writes):
        make()
    assert counting.written > 10
    return counting.written


def test_a_table(loopback: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, server = boats(tmp_path / "boats", 4), loopback(reply=shipyard)
    (folder / "copy.txt").write_bytes((folder / "001.txt").read_bytes())
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")

    def make(name: str) -> Any:
        monkeypatch.setenv("LCAGENT_HOME", str(tmp_path / name))
        made = table(server, folder, out=f"{name}.csv", concurrency=2)
        with Path(f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = [{**row, "answer_run": "", "seconds": ""} for row in csv.DictReader(file)]
        return plain(made), rows

    written = undisturbed(ROWS, lambda: make("whole"))
    whole = make("whole")
    for at in some(written):
        name, before = f"at{at}", server.calls
        ended(at, ROWS, lambda name=name: make(name))
        assert make(name) == whole, at
        assert server.calls - before <= 4 + 2, at
        with closing(open_store(tmp_path / name)) as store:
            runs = store.rows("SELECT status, told FROM runs")
        assert runs == [{"status": "finished", "told": 1}] * 4, at


def test_a_graph(loopback: Any, tmp_path: Path) -> None:
    server = loopback(window=4096, reply=(world := chain()))
    path = exploring.written(world, tmp_path)

    def make(name: str) -> Any:
        given: dict[str, Any] = {"api_base": server.url, "window": 4096, "concurrency": 2}
        given |= {"home": tmp_path / name, "graphreader": {"segment_tokens": 64}}
        with Reader(**given) as reader:
            counts = reader.build(path)
        return counts, json.loads(exported([path], load_settings(given), "json"))

    written, calls = undisturbed(WRITES, lambda: make("whole")), server.calls
    whole = make("whole")
    for at in some(written):
        name, before = f"at{at}", server.calls
        ended(at, WRITES, lambda name=name: make(name))
        assert make(name) == whole, at
        assert server.calls - before <= calls + 4, at


def test_vectors_of_a_memory(loopback: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numpy")
    server = loopback(embed=letters)
    monkeypatch.setattr(nearest, "TOGETHER", 8)
    with ChatSession("anna", home=tmp_path / "prepared") as chat:
        chat.add_all([{"text": f"ship {number} came in"} for number in range(20)])

    def at_home(name: str) -> str:
        shutil.copytree(tmp_path / "prepared", tmp_path / name)
        return name

    def make(name: str) -> Any:
        given = ["--home", str(tmp_path / name), "--set", f"embed_base={server.url}"]
        done = in_this_process("memory", "embed", "--json", *given)
        if done.exception is not None:
            raise done.exception
        with closing(open_memory(tmp_path / name)) as store:
            return [store.rows(f"SELECT * FROM {one} ORDER BY 1, 2, 3") for one in ("embedded", "codes")]

    written = undisturbed(WRITES, lambda: make(at_home("whole")))
    whole = make("whole")
    assert len(whole[0]) == 20
    for at in some(written):
        name = at_home(f"at{at}")
        ended(at, WRITES, lambda name=name: make(name))
        assert make(name) == whole, at


@pytest.mark.parametrize("to", ["files", pytest.param("postgres", marks=pytest.mark.slow)])
def test_a_copy_of_a_store(
    filled: tuple[Place, str],  # noqa: F811
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    to: str,
) -> None:
    source, _ = filled
    monkeypatch.setattr(copying, "_AT_ONCE", 300)
    writes = [*WRITES, (private, "private_folder"), (uploads, "_written")]
    server = request.getfixturevalue("cluster").url if to == "postgres" else ""
    if server:
        writes += postgres_writes()

    def make(name: str) -> Any:
        return copied(source, Place(tmp_path / name, server and f"{server}#{name}"), lambda _: None)

    whole = make("first")
    written = undisturbed(writes, lambda: make("whole"))
    for at in some(written):
        name = f"at{at}"
        ended(at, writes, lambda name=name: make(name))
        done = make(name)
        assert (done.rows, done.digest) == (whole.rows, whole.digest), at
        there = Place(tmp_path / name, server and f"{server}#{name}")
        with closing(open_store(there)) as store, store.checkpoints() as steps:
            kept = [(one.checkpoint, one.pending_writes) for one in steps.list(None)]
        with closing(open_store(source)) as store, store.checkpoints() as steps:
            assert kept == [(one.checkpoint, one.pending_writes) for one in steps.list(None)], at
        with closing(open_served(there.within("team-a"))) as store:
            (upload,) = Uploads(store).all(limit=9)
            assert Uploads(store).path(upload).read_bytes() == (tmp_path / "doc.txt").read_bytes(), at
