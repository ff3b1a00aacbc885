"""A conversation that ends at any of its writes goes on: what is kept is then what is kept undisturbed."""

import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lcagent import ChatSession
from lcagent.errors import RunBusy
from lcagent.memory.opening import open_store
from lcagent.memory.tiers.tables import open_memory
from lcagent.runs.records import Runs
from tests.chatting import send
from tests.dying import FILLER, WINDOW
from tests.ending import WRITES, Death, ended, some
from tests.helpers import prose
from tests.loopback import Loopback
from tests.reader import CompetentReader
from tests.test_memgpt_kills import keeper
from tests.test_memgpt_reading import CASE, HOPS

_NUMBER = re.compile(r"\b[mp]\d+\b")
Act = Callable[[ChatSession], Any]


@pytest.fixture(autouse=True)
def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has held a lease before is no process any more."""
    monkeypatch.setattr("lcagent.memory.tiers.leases.gone", lambda _: True)


class Talked:
    """A conversation, and what is kept after something is done in it undisturbed.

    Args:
        server: the model's.
        folder: for all of it.
        before: done first.
        act: what is done, and is done again where it ended.
        options: of the session.
    """

    def __init__(self, server: Loopback, folder: Path, before: Act, act: Act, **options: Any) -> None:
        self._act, self._folder = act, folder
        self._options = {"api_base": server.url, "window": server.window, **options}
        self._in("prepared", before)
        self._at("whole")
        counting = Death()
        with counting.among(WRITES):
            self.came = self._in("whole", act)
        self.kept, self.written = self._kept("whole"), counting.written

    def ended_at(self, at: int, again: Act) -> Any:
        """Do it, end at a write, do something then, and hold what is kept against what is kept undisturbed.

        Args:
            at: how many are written before.
            again: what is done then.

        Returns:
            What came of that.
        """
        name = self._at(f"at{at}")
        ended(at, WRITES, lambda: self._in(name, self._act))
        came = self._in(name, again)
        kept = self._kept(name)
        for what, rows in self.kept.items():
            assert kept[what] == rows, (at, what)
        return came

    def _at(self, name: str) -> str:
        shutil.copytree(self._folder / "prepared", self._folder / name)
        return name

    def _in(self, name: str, act: Act) -> Any:
        with ChatSession(home=self._folder / name, **self._options) as chat:
            return act(chat)

    def _kept(self, name: str) -> dict[str, Any]:
        """All that is kept, without times and numbers. A warning may stand elsewhere, with another number."""
        with closing(open_memory(self._folder / name)) as store:
            every = store.rows("SELECT id, kind, name, author, source, text FROM entries ORDER BY id")
            told = {row.pop("id"): (*list(row.values())[:-1], _NUMBER.sub("#", row["text"])) for row in every}
            rests = store.rows("SELECT entry, source FROM rests")
            kept: dict[str, Any] = {
                "messages": [one for one in told.values() if one[0] == "message"],
                "entries": sorted(told.values()),
                "rests": sorted((told[row["entry"]], told[row["source"]]) for row in rests),
                "attached": store.rows("SELECT name, sha256 FROM attached ORDER BY name"),
            }
        with closing(open_store(self._folder / name)) as store:
            kept["runs"] = store.rows("SELECT question, status FROM runs ORDER BY question")
            kept["calls"] = store.rows("SELECT count(*) AS n FROM calls")
        return kept


def test_a_turn_with_memory_functions_and_a_summary(loopback: Any, tmp_path: Path) -> None:
    def say(number: int) -> Act:
        text = f"The code of harbour {number} is C-{number}. {FILLER}"
        return lambda chat: chat.send(text, key=str(number)).text

    def before(chat: ChatSession) -> None:
        for number in range(3):
            say(number)(chat)

    talked = Talked(loopback(reply=keeper, window=WINDOW), tmp_path, before, say(3))
    assert talked.came == "Kept 3." and any(one[0] == "summary" for one in talked.kept["entries"])

    def resumes(chat: ChatSession) -> str:
        reply = chat.resume()
        return reply.text if reply else say(3)(chat)

    for number, at in enumerate(some(talked.written)):
        assert talked.ended_at(at, resumes if number % 2 else say(3)) == "Kept 3.", at


def test_a_turn_in_which_a_document_is_read(loopback: Any, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(f"{HOPS[0].sentence}\n\n{prose(350)}\n\n{HOPS[1].sentence}\n\n{prose(80, 1)}")
    server = loopback(window=4096, reply=CompetentReader([CASE]))

    def ask(chat: ChatSession) -> Any:
        reply = chat.send(CASE.question, key="asked")
        return reply.text, [one.quote for one in reply.citations]

    talked = Talked(server, tmp_path, lambda chat: chat.attach(path), ask, concurrency=2)
    assert talked.came[0] == "Anna Sofie" and talked.kept["runs"]
    for at in some(talked.written):
        assert talked.ended_at(at, ask) == talked.came, at


def test_a_document_is_attached(loopback: Any, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(prose(30, number))
    server = loopback(reply=lambda _: send("Seen."), window=WINDOW)

    def attach(chat: ChatSession) -> None:
        if chat.attach(folder, turn=True).reply is None:  # its turn was begun
            chat.resume()

    talked = Talked(server, tmp_path, lambda chat: chat.add("Hello."), attach)
    assert [one[-1] for one in talked.kept["messages"]] == ["Hello.", "Seen."]
    for at in some(talked.written):
        talked.ended_at(at, attach)


def _forgets(chat: ChatSession) -> int:
    return len(chat.forget("vessel").messages)


def test_what_is_forgotten_is_forgotten_with_the_run_that_tells_of_it(loopback: Any, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(f"{HOPS[0].sentence}\n\n{prose(100)}\n\n{HOPS[1].sentence}")

    def before(chat: ChatSession) -> None:
        chat.attach(path)
        assert chat.send(CASE.question).text == "Anna Sofie"

    talked = Talked(loopback(window=4096, reply=CompetentReader([CASE])), tmp_path, before, _forgets)
    assert talked.came and not talked.kept["runs"] and not talked.kept["messages"]
    for at in some(talked.written):
        talked.ended_at(at, _forgets)
        files = [*(tmp_path / f"at{at}").glob("*.db*")]
        assert files and not any(CASE.question.encode() in file.read_bytes() for file in files)


def test_what_a_busy_run_tells_of_is_not_forgotten_by_half(loopback: Any, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(f"{HOPS[0].sentence}\n\n{prose(100)}\n\n{HOPS[1].sentence}")
    server = loopback(window=4096, reply=CompetentReader([CASE]))
    with ChatSession(api_base=server.url, window=4096) as chat, closing(open_store(home)) as store:
        chat.attach(path)
        chat.send(CASE.question)
        (run,) = store.rows("SELECT id FROM runs")
        with Runs(store).writing(run["id"]), pytest.raises(RunBusy):
            _forgets(chat)
        assert store.rows("SELECT id FROM runs") and len(chat.history()) == 2
        assert _forgets(chat) and not store.rows("SELECT id FROM runs") and not chat.history()


CHANGES: dict[str, Act] = {
    "add_all": lambda chat: chat.add_all([{"text": f"No. {n}", "key": f"k{n}"} for n in range(3)]),
    "edit": lambda chat: "Paris" in str(chat.memory()) and chat.edit("human", "Paris", "Lyon"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_made_once(loopback: Any, tmp_path: Path, change: Act) -> None:
    talked = Talked(loopback(window=WINDOW), tmp_path, lambda chat: chat.remember("Lives in Paris."), change)
    for at in some(talked.written):
        talked.ended_at(at, change)
