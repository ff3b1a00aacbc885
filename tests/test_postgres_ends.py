"""Over a PostgreSQL a run goes on too: ended at any of its writes, or where one is kept and its answer is lost."""

import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lcagent import Answer, ChatSession
from lcagent.errors import StoreError
from tests.cluster import Cluster
from tests.dying import WINDOW
from tests.ending import Asked, Death, postgres_writes, some
from tests.helpers import haystack
from tests.test_every_strategy import Way, ask, knows
from tests.test_memgpt_kills import keeper

psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
Put = Callable[[Path], Answer]


class Lost(Death):
    """Loses the connection right after something was written: it is kept, and nobody is told."""

    @contextmanager
    def there(self) -> Generator[None]:
        """Be there while a PostgreSQL is written to."""
        from lcagent.memory.postgres.checkpoints import PoolSaver
        from lcagent.memory.postgres.store import PostgresStore

        over, again, execute = PostgresStore.over, PoolSaver._again, psycopg.Connection.execute

        def executed(connection: Any, query: Any, *more: Any, **named: Any) -> Any:
            done = execute(connection, query, *more, **named)
            if query == "COMMIT":
                self.lose(connection)
            return done

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(psycopg.Connection, "execute", executed)
            patch.setattr(PostgresStore, "over", lambda own, work: over(own, self.losing(work)))
            patch.setattr(PoolSaver, "_again", lambda own, work: again(own, self.losing(work)))
            yield

    def losing(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*connection: Any) -> Any:
            made = work(*connection)
            self.lose(*connection)
            return made

        return done

    def lose(self, *connection: Any) -> None:
        with self._one:
            self.written += 1
            if self.written - 1 == self._at:
                for one in connection:
                    one.close()
                raise psycopg.OperationalError("the connection was lost")


@pytest.fixture(params=[Way("direct", 1), Way("mapreduce", 4)], ids=str)
def put(request: pytest.FixtureRequest, loopback: Any, cluster: Cluster, tmp_path: Path) -> Put:
    """A question, with everything kept under the name of a folder."""
    way, path, mark = request.param, tmp_path / "doc.txt", secrets.token_hex(4)
    path.write_text(haystack(40 if way.name == "direct" else 120))
    server = loopback(window=2048, reply=knows)

    def asks(home: Path) -> Answer:
        store = f"{cluster.url}#{mark}{home.name}"
        return ask(server, path, way, home=home, store=store, concurrency=2)

    asks.server = server
    return asks


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has held a lease before is no process any more."""
    monkeypatch.setattr("lcagent.memory.postgres.leases.gone", lambda _: True)


def test_whatever_write_is_the_last_only_calls_in_flight_are_repeated(
    put: Any, gone: None, tmp_path: Path
) -> None:
    asked = Asked(put, put.server, tmp_path, postgres_writes())
    assert max(asked.broken_off(at) for at in some(asked.written)) <= 4


def test_what_was_written_and_not_told_is_written_once(put: Any, tmp_path: Path) -> None:
    counting = Lost()
    with counting.there():
        whole = put(tmp_path / "whole")
    calls = put.server.calls
    for at in some(counting.written):
        before, home, answers = put.server.calls, tmp_path / f"lost{at}", list[Answer]()
        with Lost(at).there(), suppress(StoreError):
            answers.append(put(home))
        answer = answers[0] if answers else put(home)
        assert (answer.answer, answer.status) == (whole.answer, "answered"), at
        assert answer.citations == whole.citations and answer.coverage == whole.coverage, at
        assert answer.usage.calls == whole.usage.calls, at
        assert put.server.calls - before - calls <= 4, at


def test_what_is_said_and_not_told_is_said_once(loopback: Any, cluster: Cluster, tmp_path: Path) -> None:
    server, mark = loopback(reply=keeper, window=WINDOW), secrets.token_hex(4)

    def send(chat: ChatSession) -> str:
        return chat.send("The code of harbour 3 is C-3.", key="3").text

    def opened(name: str) -> ChatSession:
        store = f"{cluster.url}#{mark}{name}"
        return ChatSession(api_base=server.url, window=WINDOW, home=tmp_path / name, store=store, wait=0.5)

    def kept(chat: ChatSession) -> list[tuple[str, ...]]:
        every = chat._store.rows("SELECT kind, name, text, key FROM entries ORDER BY id")
        return [tuple(row.values()) for row in every]

    counting = Lost()
    with opened("whole") as chat, counting.there():
        assert send(chat) == "Kept 3."
    with opened("whole") as chat:
        whole = kept(chat)
    for at in some(counting.written):
        with opened(f"lost{at}") as chat:
            with Lost(at).there(), suppress(StoreError):
                send(chat)
            assert send(chat) == "Kept 3.", at
            assert kept(chat) == whole, at
