"""What a command gives to a worker, and follows: graphs built, memories embedded."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lcagent import ChatSession, Notice, Reader, RunStarted, SegmentRead
from lcagent.errors import AccessRefused, DocumentError, RunBusy, SettingsError
from lcagent.events import Event
from lcagent.memory.rows import Rows
from lcagent.memory.tiers import bitmaps, nearest
from lcagent.memory.tiers.tables import open_memory
from lcagent.place import Place
from tests.cluster import files_daily
from tests.handing import PATIENT, Workers, interrupted_without, ready
from tests.helpers import in_this_process
from tests.killable import Command, killed_at
from tests.loopback import Loopback, Reply, Request
from tests.test_graphreader import chain

only_postgres = pytest.mark.parametrize("place", ["postgres"], indirect=True)
GIVEN: dict[str, Any] = {"window": 4096, "graphreader": {"segment_tokens": 64}}


@pytest.fixture
def server(loopback: Any) -> Loopback:
    return loopback(window=4096, reply=chain())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "papers").mkdir()
    paragraphs = chain().paragraphs
    (folder / "one.txt").write_text("\n\n".join(paragraphs[:6]))
    (folder / "two.txt").write_text("\n\n".join(paragraphs[6:]))
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (folder / "odd.xyz").write_bytes(b"\0\1")
    return folder


def left(served: Rows) -> list[int]:
    """Jobs and bytes that are still there."""
    return [served.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in ("jobs", "files")]


@only_postgres
def test_a_graph_is_built_by_a_worker_as_it_is_here(
    server: Loopback, folder: Path, workers: Workers, served: Rows, place: Place, tmp_path: Path
) -> None:
    told: list[Event] = []
    with Reader(api_base=server.url, store=str(tmp_path / "files"), **GIVEN) as reader:
        counts = reader.build(folder, on_event=told.append)
    calls = server.calls
    assert counts["documents"] == 2 and counts["facts"] and calls
    workers.start()
    ready(place)
    over: list[Event] = []
    with Reader(api_base="http://127.0.0.1:1", **GIVEN) as reader:
        assert reader.build(folder, on_event=over.append) == counts
        assert server.calls == 2 * calls and left(served) == [0, 0]
        assert over.pop(0) == Notice("it is done by workers")
        kinds = (Notice, RunStarted, SegmentRead)
        both = [sorted(str(one) for one in some if isinstance(one, kinds)) for some in (told, over)]
        assert [len(some) for some in both] == [len(both[0])] * 2
        assert [one for one in over if isinstance(one, Notice)] == [
            one for one in told if isinstance(one, Notice)
        ]
        assert reader.build(folder) == counts and server.calls == 2 * calls
        shown = in_this_process("graph", "show", str(folder / "one.txt"), str(folder / "two.txt"), "--json")
        assert {**json.loads(shown.stdout)["counts"], "unread": 0} == counts, shown.stderr
        with pytest.raises(DocumentError, match=r"bad\.pdf"):  # named directly it must be readable
            reader.build(folder / "bad.pdf")
        with pytest.raises(DocumentError):
            reader.build(folder / "none.txt")
    assert left(served) == [0, 0]


@only_postgres
def test_killed_and_started_again_it_is_followed_on(
    server: Loopback, folder: Path, workers: Workers, served: Rows, place: Place
) -> None:
    workers.start()
    ready(place)
    go, world = threading.Event(), chain()

    def waits(request: Request) -> Reply | str:
        if request.number >= 1:
            go.wait(30)
        return world(request)

    arguments = ["graph", "build", str(folder), "--json", "--api-base", server.url, "--window", "4096"]
    arguments += ["--set", "graphreader.segment_tokens=64"]
    killed_at(0, server, arguments, waits)
    assert left(served) == [1, 3]
    go.set()
    done = in_this_process(*arguments)
    assert done.exit_code == 0 and json.loads(done.stdout)["documents"] == 2
    texts = [request.text for request in server.requests]
    assert len(texts) == len(set(texts)) and left(served) == [0, 0]


@pytest.mark.slow
@only_postgres
def test_a_graph_waits_for_a_worker_aloud_and_ends_by_ctrl_c(
    server: Loopback,
    folder: Path,
    workers: Workers,
    served: Rows,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers.start()
    ready(place)
    world = chain()

    def dies(request: Request) -> str:
        if request.number == 2:
            workers.kill()
        return world(request)

    server.reply = dies
    arguments = ["graph", "build", str(folder), "--json", "--api-base", server.url, "--window", "4096"]
    arguments += ["--set", "graphreader.segment_tokens=64"]
    command = Command(*arguments, first=partial(interrupted_without, workers.running[0].pid)).told()
    assert command.returncode == 130 and "it waits, and no worker has" in command.stderr
    assert left(served) == [0, 0]
    told: list[str] = []
    goes_on = threading.Event()

    def hears(event: Event) -> None:
        """When it is waited for one, there is a worker."""
        if isinstance(event, Notice):
            told.append(event.text)
            if "it goes on" in event.text:  # nothing is done before that is told
                goes_on.set()
            if "no worker" in event.text and not workers.alive:
                workers.start()

    before = server.calls

    def dies_again(request: Request) -> Reply:
        if request.number == before:
            workers.kill()
        said = world(request)
        assert isinstance(said, str)
        return Reply(said, held=goes_on if request.number > before else None)

    server.reply = dies_again
    workers.start()
    monkeypatch.setattr("lcagent.work.engine.Beats", lambda: PATIENT)
    monkeypatch.setattr("lcagent.work.missing._AGAIN", 0)
    ready(place)
    with Reader(api_base=server.url, **GIVEN) as reader:
        assert reader.build(folder, on_event=hears)["documents"] == 2
    by, *waits, goes_on = (one for one in told if "worker" in one)
    assert (by, goes_on) == ("it is done by workers", "a worker is there: it goes on")
    assert waits and waits[-1].startswith("it waits, and no worker has given a sign of life since 2")


def letters(texts: list[str]) -> list[dict[str, Any]]:
    """Vectors by how often each letter stands in a text."""
    rows = [[1.0 + text.count(letter) for letter in "abcdefgh"] for text in texts]
    return [{"index": at, "embedding": row} for at, row in enumerate(rows)]


@files_daily
@pytest.mark.parametrize("by", ["here", "worker"])
def test_a_memory_is_embedded_anew_whoever_does_it(
    loopback: Any, home: Path, place: Place, workers: Workers, by: str
) -> None:
    if by == "worker" and not place.url:
        pytest.skip("workers share a store in PostgreSQL")
    pytest.importorskip("numpy")
    embedding = loopback(embed=letters)
    with ChatSession("anna") as chat:
        chat.add_all([{"text": f"ship {number} came in"} for number in range(600)])
    given = ["memory", "embed", "--json"]
    if by == "worker":
        workers.start(f"embed_base={embedding.url}")
        ready(place)
    else:
        assert isinstance(in_this_process(*given).exception, SettingsError)  # no model is named
        given += ["--set", f"embed_base={embedding.url}"]

    def refuses(texts: list[str]) -> Any:
        """In its second part the server refuses the key: the first part is kept."""
        return letters(texts) if sum(map(len, embedding.embedded)) <= nearest.TOGETHER + 1 else 401

    embedding.embed = refuses
    first = in_this_process(*given)
    embedding.embed = letters
    done = in_this_process(*given)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    with closing(open_memory(place)) as store:
        held = bitmaps.count(nearest.embedded(store, "default", told["model"]))
        assert (held, bitmaps.count(nearest.missing(store, "default", told["model"]))) == (600, 0)
        assert isinstance(first.exception, AccessRefused) and told["entries"] == 600 - nearest.TOGETHER
        assert json.loads(in_this_process(*given).stdout)["entries"] == 0
        if by == "here":
            name = hashlib.sha256(b"default").hexdigest()[:32]
            with store.locked(f"embed-{name}", RunBusy("held")):
                refused = in_this_process(*given)
            assert isinstance(refused.exception, RunBusy)
