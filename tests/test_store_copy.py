"""`lcagent store copy`: everything goes along, from files to a PostgreSQL and back, whenever it is broken off."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from lcagent import ChatSession, Reader, SegmentRead
from lcagent.documents import Span
from lcagent.errors import StoreError
from lcagent.memory import copying
from lcagent.memory.copying import copied
from lcagent.memory.facts import Facts, search_facts
from lcagent.memory.opening import open_store
from lcagent.memory.served.keys import Keys
from lcagent.memory.served.tables import open_served
from lcagent.memory.served.uploads import Uploads
from lcagent.memory.works import Works
from lcagent.place import Place
from tests.cluster import Cluster
from tests.helpers import QUESTION, haystack, in_this_process
from tests.server.serving import able


@pytest.fixture
def filled(home: Path, tmp_path: Path, loopback) -> tuple[Place, str]:
    """Files with a finished run, one that was broken off, facts, a conversation, an upload, a tenant's too."""
    server = loopback(window=2048, reply=able)
    (tmp_path / "doc.txt").write_text(haystack(150))
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        reader.ask(tmp_path / "doc.txt", "Who kept the wireless?")
        for event in reader.stream(tmp_path / "doc.txt", QUESTION):
            if isinstance(event, SegmentRead) and event.done > 2:
                break
    with ChatSession("main", api_base=server.url, window=2048) as chat:
        chat.send("I live in Paris.")
    with closing(open_store(home)) as store:
        works = Works(store)
        gone, work = (works.open("facts", name=n, document=n, exact={"n": n}) for n in "ab")
        works.drop(gone.id)
        for segment in range(700):
            Facts(store, work.id).put(segment, [(f"No. {segment}\0 of Vellmere", [Span(0, 3)], ["Vellmere"])])
        last = works.open("facts", name="c", document="c", exact={"n": "c"})
        works.drop(last.id)
    for place in (Place(home), Place(home).within("team-a")):
        with closing(open_served(place)) as store, (tmp_path / "doc.txt").open("rb") as file:
            Uploads(store).put(file, "doc.txt", purpose="", most=1 << 30, room=1 << 30)
            Keys(store).create("team-a")
    return Place(home), server.url


def test_all_of_it_goes_to_a_server_and_back(
    filled: tuple[Place, str], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, model = filled
    there = f"{cluster.url}#{os.urandom(8).hex()}"
    first = in_this_process("store", "copy", str(source.folder), there)
    assert first.exit_code == 0, first.stderr
    back = Place(tmp_path / "back")
    second = in_this_process("store", "copy", there, str(back.folder))
    assert first.stdout == second.stdout and "are the same in both" in first.stdout
    assert "team-a: files: 1 rows" in first.stderr
    again = in_this_process("store", "copy", there, str(back.folder))
    assert "(0 of them new)" in again.stdout
    states: list[list[dict[str, object]]] = []
    for place in (source, Place(source.folder / "elsewhere", there), back):
        with closing(open_store(place)) as store:
            (work,) = (one for one in Works(store).list() if one.name == "b")
            assert len(search_facts(store, [work.id], "Vellmere", 1000)) == 700
            fresh = Works(store).open("facts", name="d", document="d", exact={"n": "d"})
            assert fresh.id > work.id + 1  # that of one which was dropped is not given again
            with store.checkpoints() as steps:
                kept = [one.checkpoint["channel_values"] for one in steps.list(None)]
            assert kept and kept[0]
            states.append(kept)
        with closing(open_served(place.within("team-a"))) as store:
            (upload,) = Uploads(store).all(limit=9)
            assert Uploads(store).path(upload).read_bytes() == (tmp_path / "doc.txt").read_bytes()
    assert states[0] == states[1] == states[2]
    # The run that was broken off goes on where it stood.
    monkeypatch.setenv("LCAGENT_STORE", there)
    with Reader(api_base=model, window=2048, strategy="memagent") as reader:
        assert reader.ask(tmp_path / "doc.txt", QUESTION).usage.replayed > 0


def test_one_that_is_broken_off_goes_on_and_what_differs_is_told(
    filled: tuple[Place, str], cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, _ = filled
    target = Place(source.folder / "there", f"{cluster.url}#{os.urandom(8).hex()}")
    after, left = copying._after, []

    def breaks(*given):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return after(*given)

    monkeypatch.setattr(copying, "_AT_ONCE", 100)
    for many in (15, 38, 60):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(copying, "_after", breaks)
            left += range(many)
            copied(source, target, lambda _: None)
    done = copied(source, target, lambda _: None)
    assert 0 < done.fresh < done.rows
    with closing(open_store(target)) as store:
        store.execute("UPDATE facts SET text = 'changed' WHERE segment = 5")
    with pytest.raises(StoreError, match="facts is not the same in both"):
        copied(source, target, lambda _: None)
