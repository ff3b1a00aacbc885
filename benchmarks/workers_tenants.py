"""Two tenants at one site: one has many readings waiting when the other comes with a few.

How long the other waits is held against what it would wait with half of the site to itself, and against
coming last. Then everything is gone through: each row of each schema of the one for a word or an id of the
other's, and with each key what the other has.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.servers import fleet
from benchmarks.workers_site import Site, site
from tests.cluster import Cluster

LENGTH = 240
"""Sentences of a document: some ten calls."""
SERVERS = 2
"""Model servers: few, so that readings wait."""
PLACES = 4
"""Readings at once of a worker."""


class Tenant:
    """Who asks.

    Args:
        name: of it.
        made: the site.
        first: the number of its first document; a word of each document has the number in it.
    """

    def __init__(self, name: str, made: Site, first: int) -> None:
        self.name, self._made, self._next = name, made, first
        self.http = made.client(made.key(name))
        self.runs: list[str] = []
        self.words: list[str] = []

    def ask(self, number: int) -> None:
        """Have so many documents read."""
        for _ in range(number):
            self.runs.append(self._made.ask(self._next, self.http, LENGTH))
            self.words.append(f"river{self._next}")
            self._next += 1

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        """Its readings, in the order in which they were asked for."""
        return self._made.rows(f'SELECT {columns} FROM "lcagent_server_/{self.name}".jobs ORDER BY created')

    def sees(self, other: Tenant) -> int:
        """What this one is shown that is the other's: lists, runs, answers, evidence, events and files."""
        lists = [self.http.get(f"/v1/{what}", params={"limit": 1000}).text for what in ("runs", "files")]
        shown = sum(one in text for text in lists for one in (*other.runs, *other.words))
        paths = [
            f"/v1/runs/{run}{of}" for run in other.runs for of in ("", "/answer", "/findings", "/events")
        ]
        files = other.http.get("/v1/files", params={"limit": 1000}).json()["data"]
        paths += [f"/v1/files/{file['id']}{of}" for file in files for of in ("", "/content")]
        return shown + sum(self.http.get(path).status_code != 404 for path in paths)

    def holds(self, marks: Sequence[str]) -> tuple[int, int]:
        """Rows of this one's schemas, and those of them with a mark, as text or as bytes."""
        every = found = 0
        tables = self._made.rows(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            f" WHERE schemaname LIKE 'lcagent%/{self.name}'"
        )
        for (table,) in tables:
            for (row,) in self._made.rows(f"SELECT t::text FROM {table} t"):
                every += 1
                found += any(mark in row or mark.encode().hex() in row for mark in marks)
        return every, found


def tenants(cluster: Cluster, workers: int, many: int, few: int) -> dict[str, Any]:
    """Have both read, and look.

    Args:
        cluster: the database.
        workers: of the site.
        many: readings of the one that comes first; they wait when the workers are started.
        few: of the other one, which comes when the first of these have ended.
    """
    with (
        fleet(SERVERS) as (bases, _),
        tempfile.TemporaryDirectory() as name,
        site(cluster, bases, Path(name), 0, PLACES) as made,
    ):
        first, other = Tenant("many", made, 100_000), Tenant("few", made, 200_000)
        first.ask(many)
        for _ in range(workers):
            made.work()
        while sum(status == "finished" for (status,) in first.rows("status")) < many // 10:
            time.sleep(0.2)
        other.ask(few)
        while made.rows("SELECT 1 FROM procrastinate_jobs LIMIT 1"):
            time.sleep(0.5)
        ids = {one: [*one.runs, *one.words] for one in (first, other)}
        rows, crossed = first.holds(ids[other])
        more, back = other.holds(ids[first])
        (_, own) = first.holds(ids[first])
        return {
            **_waited(first, other),
            "rows of both": rows + more,
            "of them with a mark of the other tenant": crossed + back,
            "of them of the first with a mark of its own": own,
            "of the other's seen with a key": first.sees(other) + other.sees(first),
        }


def _waited(first: Tenant, other: Tenant) -> dict[str, Any]:
    theirs, its = first.rows("created, updated"), other.rows("created, updated")
    came, ended = its[0][0], max(end for _, end in its)
    before = [end for _, end in theirs if end <= came]
    left = len(theirs) - len(before)
    last = max(end for _, end in theirs)
    rate = (left + len(its)) / (max(last, ended) - came)
    return {
        "readings": [len(theirs), len(its)],
        "of the first that had not ended when the other came": left,
        "readings a second from then on": round(rate, 2),
        "the other's last had ended after, s": round(ended - came, 1),
        "with half of the site that takes, s": round(2 * len(its) / rate, 1),
        "behind all others, s": round((left + len(its)) / rate, 1),
        "the other's median, s": round(sorted(end - asked for asked, end in its)[len(its) // 2], 1),
        "of the first that ended meanwhile": sum(came < end <= ended for _, end in theirs),
    }
