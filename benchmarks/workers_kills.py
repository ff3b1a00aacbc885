"""Kill, stop and cut off whatever there is of a site, and look what is missing afterwards.

Each process has lines of its own to the database and to each model server (`tests/proxy.py`). Readings are
asked for as others end, so that all of it meets work. A trigger notes of every finished call which process
wrote it, and who held the run's lease in that moment.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks.servers import fleet
from benchmarks.workers_site import Member, Site, by_one_process, site
from lcagent.memory.opening import open_store
from lcagent.memory.postgres.leases import SECONDS
from lcagent.place import Place
from tests.cluster import Cluster
from tests.proxy import Proxy

PLACES = 2
"""Model servers, and requests of a worker in flight."""
_PAST = "stopped past the lease"
_SHARES = {
    "worker killed": 14,
    "worker stopped": 4,
    "server killed": 5,
    "database killed": 4,
    "database line cut": 8,
    "database line silent": 6,
    "database line forgotten": 4,
    "model line cut": 6,
    "model line silent": 4,
}
"""What is done, and how often beside the others."""
_AUDIT = """
CREATE TABLE written (run TEXT, writer TEXT, holder TEXT);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
INSERT INTO public.written VALUES (NEW.scope, current_setting('application_name'),
    (SELECT holder FROM lcagent_runs.leases WHERE name = NEW.scope));
RETURN NULL; END $$;
CREATE TRIGGER noted AFTER INSERT ON lcagent_runs.calls FOR EACH ROW EXECUTE FUNCTION note();
"""
_REFUSED = ("was taken over by another process", "was given to another worker meanwhile")
"""What a worker logs that was thought dead, and whose write or end of a job was refused."""
_LEFT = "is left for now"


class Havoc:
    """What is done to a site.

    Args:
        made: the site.
        cluster: its database.
        chance: decides.
    """

    def __init__(self, made: Site, cluster: Cluster, chance: random.Random) -> None:
        self._made, self._cluster, self._chance = made, cluster, chance
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._silent: set[Member] = set()
        self.counts: Counter[str] = Counter()

    def strikes(self, number: int) -> list[str]:
        """What is done, in its order; two workers are stopped past their leases, in the first half."""
        drawn = self._chance.choices(list(_SHARES), list(_SHARES.values()), k=number - 2)
        for _ in range(2):
            drawn.insert(self._chance.randrange(number // 2), _PAST)
        return drawn

    def strike(self, what: str) -> None:
        """Do it."""
        self.counts[what] += 1
        kind, _, how = what.rpartition(" ")
        if what == _PAST:
            self._stop(SECONDS + self._chance.uniform(5, 30))
            self._made.work()
        elif kind == "worker":
            if how == "stopped":
                self._stop(self._chance.uniform(1, 40))
            else:
                self._kill_worker()
        elif kind == "server":
            self._made.server.end()
            self._made.serve()
        elif kind == "database":
            self._cluster.stop("immediate")
            time.sleep(self._chance.uniform(0, 2))
            self._cluster.start()
        else:
            self._cut(kind, how)

    def due(self) -> None:
        """What was to end by now ends."""
        now = time.monotonic()
        for at, end in [one for one in self._later if one[0] <= now]:
            self._later.remove((at, end))
            end()

    @property
    def ended(self) -> bool:
        """Whether all of it has."""
        return not self._later

    def _then(self, seconds: float, end: Callable[[], None], member: Member) -> None:
        self._later.append((time.monotonic() + seconds, lambda: None if member.ended else end()))

    def _kill_worker(self) -> None:
        one = self._chance.choice(self._made.workers)
        one.end()
        self._made.workers.remove(one)
        self._made.work()

    def _stop(self, seconds: float) -> None:
        """A worker; it is killed no more, so that it wakes."""
        one = self._chance.choice(self._made.workers)
        one.process.send_signal(signal.SIGSTOP)
        self._made.workers.remove(one)

        def wake() -> None:
            one.process.send_signal(signal.SIGCONT)
            self._made.workers.append(one)

        self._then(seconds, wake, one)

    def _cut(self, kind: str, how: str) -> None:
        workers = self._made.workers
        if kind == "database line":
            one = self._chance.choice([self._made.server, *workers])
            assert one.database is not None
            line = one.database
        else:  # one of its lines alone is ever silent: a reading fails whose model servers are all away
            one = self._chance.choice([worker for worker in workers if worker not in self._silent])
            line = one.models[0] if how == "silent" else self._chance.choice(one.models)
        if how == "cut":
            line.cut()
        elif how == "forgotten":
            line.silence(new=False)
        else:
            line.silence()
            self._then(self._chance.uniform(2, 75), lambda: self._mended(one, line), one)
            if kind == "model line":
                self._silent.add(one)

    def _mended(self, one: Member, line: Proxy) -> None:
        line.mend()
        if line is not one.database:
            self._silent.discard(one)


def unfinished(made: Site) -> int:
    """Readings that wait or are worked on."""
    return made.rows("SELECT count(*) FROM lcagent_server.jobs WHERE status IN ('queued', 'running')")[0][0]


def kills(cluster: Cluster, workers: int, runs: int, number: int, seed: int) -> dict[str, Any]:
    """So many blows, and what came of the readings.

    Args:
        cluster: the database.
        workers: at once.
        runs: readings at once.
        number: blows.
        seed: of chance.
    """
    with fleet(PLACES) as (bases, pipes), tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        made = stack.enter_context(site(cluster, bases, Path(name), workers, places=16, cuttable=True))
        open_store(Place(Path(name), made.url)).close()  # makes its tables
        with psycopg.connect(made.url, autocommit=True) as audited:
            audited.execute(_AUDIT)
        asked: list[str] = []
        chance = random.Random(seed)
        havoc, began = Havoc(made, cluster, chance), time.monotonic()
        for what in havoc.strikes(number):
            until = time.monotonic() + chance.uniform(0.5, 3.0)
            while time.monotonic() < until:
                _top_up(made, asked, runs)
                havoc.due()
                time.sleep(0.2)
            havoc.strike(what)
        struck = time.monotonic() - began
        until = time.monotonic() + 420
        while (unfinished(made) or not havoc.ended) and time.monotonic() < until:
            havoc.due()
            time.sleep(0.5)
        for pipe in pipes:
            pipe.send("told")
        sent = sum(sum(pipe.recv()[0].values()) for pipe in pipes)
        found = _found(made, asked, workers, havoc.counts, sent)
        return {"seconds of blows": round(struck), "blows": dict(havoc.counts), **found}


def _top_up(made: Site, asked: list[str], runs: int) -> None:
    with suppress(httpx.HTTPError):  # its server may be cut off
        made.http.timeout = 5.0
        while unfinished(made) < runs:
            asked.append(made.ask(len(asked)))


def _found(made: Site, asked: list[str], workers: int, blows: Counter[str], sent: int) -> dict[str, Any]:
    made.http.timeout = 60.0
    statuses = Counter(status for (status,) in made.rows("SELECT status FROM lcagent_server.jobs"))
    ended = [run for run, status in zip(asked, made.statuses(asked), strict=True) if status == "finished"]
    outcomes = [made.outcome(run) for run in asked[:4] if run in ended]
    single = by_one_process(range(len(outcomes)), made.folder)
    for one in outcomes:
        del one["usage"]
    calls = made.rows("SELECT count(*), count(DISTINCT (scope, key)) FROM lcagent_runs.calls")[0]
    pids = {member.name: member.process.pid for member in made.members}
    written = made.rows("SELECT writer, coalesce(holder, '') FROM written")
    strangers = sum(f":{pids.get(writer)}:" not in holder for writer, holder in written)
    logs = [member.log.read_text() for member in made.members]
    others = blows["database killed"] * workers * PLACES
    in_air = PLACES * (blows.total() - blows["server killed"] - blows["database killed"]) + others
    return {
        "readings asked": len(asked),
        "of them finished": len(ended),
        "all readings, by status": dict(statuses),
        "errors": made.rows("SELECT error FROM lcagent_server.jobs WHERE status = 'failed'"),
        "calls in the journals": calls[0],
        "of them twice": calls[0] - calls[1],
        "requests that the model servers got": sent,
        "repeated": sent - calls[0],
        "most that could be in the air": in_air,
        "calls written by who did not hold the run": strangers,
        "refused to who was thought dead": sum(text.count(what) for text in logs for what in _REFUSED),
        "left, as the database was away": sum(text.count(_LEFT) for text in logs),
        "traces in the logs": sum(text.count("Traceback") for text in logs),
        "answers and evidence as of one process": f"{_same(outcomes, single)} of {len(single)}",
    }


def _same(outcomes: list[dict[str, Any]], single: list[dict[str, Any]]) -> int:
    return sum(one == other for one, other in zip(outcomes, single, strict=True))
