"""How often one reading goes to its PostgreSQL and back, beside the statements that it has of SQLite.

    python -m benchmarks.round_trips [--strategies A,B] [--sentences N] [--show N] [--out FILE.json]

A proxy between the two counts: whenever the client sends again after it has been answered, it has waited for
the server. Tables are made before, and the model is `tests.reader`, which knows the answer where it stands.
With `--show` the statements that most of the ways were made for.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from lcagent import Reader
from lcagent.memory.opening import open_store
from lcagent.memory.tiers.tables import open_memory
from lcagent.place import Place
from lcagent.settings import load_settings, split_strategy
from tests.cluster import running
from tests.helpers import prose
from tests.loopback import Loopback
from tests.reader import Case, CompetentReader
from tests.reader.cases import Hop

HOPS = (
    Hop("Vellmere goes back to Oskar Brandvold.", "Oskar Brandvold", "Who is the founder of Vellmere?"),
    Hop("The Anna Sofie carried him under.", "Anna Sofie", "What did they perish on?"),
)
CASE = Case("Which vessel did the founder of Vellmere perish on?", HOPS, "Anna Sofie", ("Anna Sofie",))
STRATEGIES = (
    "direct:retrieve=true,memagent,memagent:mode=parallel,mapreduce,longagent,graphreader,segment,memgpt"
)


class Counting:
    """A proxy before a PostgreSQL, on this machine; `received`: bytes that the server has sent.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server, self.ways, self.received = (parts.hostname, parts.port), Counter[str](), 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.url = url.replace(f":{parts.port}/", f":{port}/") + "?sslmode=disable"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._between, args=(client,), daemon=True).start()

    def _between(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            said = _Said(self.ways)

            def answers(data: bytes) -> None:
                self.received += len(data)
                said.answers()

            back = threading.Thread(target=_passed, args=(server, client, answers), daemon=True)
            back.start()
            _passed(client, server, said.asks)
            back.join()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def _passed(own: socket.socket, other: socket.socket, seen: Any) -> None:
    with suppress(OSError):  # one of them is gone
        while data := own.recv(1 << 16):
            seen(data)
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


class _Said:
    """What goes over one connection: a new way begins where the client sends after an answer."""

    def __init__(self, ways: Counter[str]) -> None:
        self._ways, self._prepared = ways, dict[bytes, str]()
        self._left, self._begun, self._answered = b"", False, True
        self._now: list[str] = []

    def asks(self, data: bytes) -> None:
        if self._answered:
            self._answered, self._now = False, []
        self._left += data
        while (message := self._message()) is not None:
            kind, body = message
            if kind == b"Q":
                self._now.append(body.rstrip(b"\0").decode())
            elif kind == b"P":
                name, sql, _ = body.split(b"\0", 2)
                self._prepared[name] = sql.decode()
            elif kind == b"B":
                self._now.append(self._prepared[body.split(b"\0", 2)[1]])

    def _message(self) -> tuple[bytes, bytes] | None:
        head = 1 if self._begun else 0  # the first one has no kind
        if len(self._left) < head + 4:
            return None
        size = head + int.from_bytes(self._left[head : head + 4], "big")
        if len(self._left) < size:
            return None
        kind, body, self._left = self._left[:head], self._left[head + 4 : size], self._left[size:]
        self._begun = True
        return kind, body

    def answers(self) -> None:
        if not self._answered:
            self._answered = True
            if self._now:  # else it logs in, or says that it goes
                self._ways[" | ".join(" ".join(sql.split()) for sql in self._now)] += 1


@contextmanager
def statements() -> Iterator[Counter[str]]:
    """The statements of SQLite's connections that are opened meanwhile."""
    said, connect = Counter[str](), sqlite3.connect

    def traced(*given: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*given, **more)
        connection.set_trace_callback(lambda sql: said.update([" ".join(sql.split())[:200]]))
        return connection

    with mock.patch("lcagent.memory.sqlite.sqlite3.connect", traced):
        yield said


def read(strategy: str, place: Place, model: str, path: Path) -> int:
    """Read with one strategy; the calls that it took."""
    name, pairs = split_strategy(strategy)
    given = {
        "strategy": name,
        "api_base": model,
        "window": 4096,
        "home": place.folder,
        "store": place.url or None,
    }
    with Reader(load_settings(given, pairs)) as reader:
        answer = reader.ask(path, CASE.question)
    built = answer.usage.building
    return answer.usage.calls + (built.calls if built else 0)


def counted(strategy: str, url: str, path: Path) -> dict[str, Any]:
    proxy, held = Counting(url), list[Counter[str]]()
    with (
        closing(proxy),
        statements() as said,
        Loopback(window=4096, reply=CompetentReader([CASE])) as model,
        tempfile.TemporaryDirectory() as home,
    ):
        for address, noted in (("", said), (f"{proxy.url}#{secrets.token_hex(8)}", proxy.ways)):
            place = Place(Path(home, "there" if address else "files"), address)
            with closing(open_store(place)) as store, store.checkpoints(), closing(open_memory(place)):
                noted.clear()
                calls = read(strategy, place, model.url, path)
                held.append(Counter(noted))
    files = sum(number for sql, number in held[0].items() if not sql.startswith("PRAGMA"))
    return {
        "calls": calls,
        "statements": files,
        "round_trips": held[1].total(),
        "worst": held[1].most_common(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    told = {}
    with running() as cluster, tempfile.TemporaryDirectory() as folder:
        if cluster is None:
            raise SystemExit("no PostgreSQL here")
        path = Path(folder, "doc.txt")
        half = options.sentences // 2
        path.write_text(f"{HOPS[0].sentence}\n\n{prose(half)}\n\n{HOPS[1].sentence}\n\n{prose(half, 1)}")
        for strategy in options.strategies.split(","):
            row = counted(strategy, cluster.url, path)
            worst = row.pop("worst")
            told[strategy] = row
            print(f"{strategy:<24}", *(f"{name} {number:>6,}" for name, number in row.items()))
            for sql, number in worst[: options.show]:
                print(f"{number:>8} {sql[:400]}")
    if options.out:
        options.out.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
