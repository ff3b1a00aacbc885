"""Documents read by client processes at many model servers, event by event (simpy).

They are taken up as whoever reads has a hand free, as `benchmarks.scale_client` takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import simpy

from benchmarks.scale_parts import Document, Place, Server, Steps


@dataclass(frozen=True)
class Costs:
    """Seconds of a document, beside its calls, and of a call: of a client, a router and a store."""

    client: tuple[float, float]
    router: float = 0.0
    store: tuple[float, float] = (0.0, 0.0)


@dataclass
class Fleet:
    """Who works: `slots` calls, and `documents` or else as many documents, are in flight at each server;
    `clients` share the servers out evenly, in order."""

    servers: Sequence[Server]
    clients: Sequence[Place]
    slots: int
    router: Place | None = None
    store: Place | None = None
    documents: int | None = None


@dataclass
class Outcome:
    """What came of it; times in seconds from the beginning."""

    ended: list[float] = field(default_factory=list)
    """When each document ended, in that order."""
    took: list[tuple[int, float]] = field(default_factory=list)
    """Of each its tokens, and how long it took."""
    called: list[float] = field(default_factory=list)
    """When each call ended, in that order."""
    emptied: float = 0.0
    """When somebody first found no more documents to begin with."""
    used: dict[str, float] = field(default_factory=dict)
    """Share of the time in which each kind was in use, until then."""

    @property
    def seconds(self) -> float:
        """Until the last document ended."""
        return self.ended[-1]

    @property
    def calls(self) -> int:
        """All of them."""
        return len(self.called)

    def rate(self) -> float:
        """Calls a second while everybody had work, without the first fifth of that time."""
        since = self.emptied / 5
        made = sum(since < at <= self.emptied for at in self.called)
        return made / (self.emptied - since) if made else self.calls / self.seconds


class Reading:
    """Documents read by a fleet.

    Args:
        env: the simulation.
        fleet: who works.
        costs: what it takes beside the model servers.
        queues: documents in order, one queue for all clients or one each.
    """

    def __init__(
        self, env: simpy.Environment, fleet: Fleet, costs: Costs, queues: Sequence[Sequence[Document]]
    ) -> None:
        self._env, self._fleet, self._costs, self.outcome = env, fleet, costs, Outcome()
        self._gates = [simpy.Resource(env, fleet.slots) for _ in fleet.servers]
        taken = [iter(queue) for queue in queues]
        each = fleet.documents or fleet.slots
        hands = len(fleet.servers) * each
        for hand in range(hands):
            client = hand * len(fleet.clients) // hands
            env.process(self._hand(taken[client % len(taken)], hand // each, fleet.clients[client]))

    def run(self) -> Outcome:
        """Read them all."""
        self._env.run()
        return self.outcome

    def _note_used(self) -> None:
        fleet, used = self._fleet, self.outcome.used
        busy = sum(server.busy() for server in fleet.servers) / len(fleet.servers)
        used["model servers"] = busy / max(self._env.now, 1e-9)
        used["clients"] = sum(place.used() for place in fleet.clients) / len(fleet.clients)
        shared = (("router", fleet.router), ("store", fleet.store))
        used.update({name: place.used() for name, place in shared if place})

    def _hand(self, queue: Iterator[Document], server: int, client: Place) -> Steps:
        for document in queue:
            begun, each = self._env.now, self._costs.client[0] / 2
            yield client.serve(each)
            for wave in document.waves:
                if wave == 1:
                    yield from self._call(document, server, client)
                else:
                    calls = [self._env.process(self._call(document, server, client)) for _ in range(wave)]
                    yield self._env.all_of(calls)
            yield client.serve(each)
            if self._fleet.store:
                yield self._fleet.store.serve(self._costs.store[0])
            self.outcome.ended.append(self._env.now)
            self.outcome.took.append((document.tokens, self._env.now - begun))
        if not self.outcome.used:
            self.outcome.emptied = self._env.now
            self._note_used()

    def _call(self, document: Document, server: int, client: Place) -> Steps:
        each = self._costs.client[1] / 2
        yield client.serve(each)
        with self._gates[server].request() as turn:
            yield turn
            if self._fleet.router:
                yield self._fleet.router.serve(self._costs.router)
            yield self._fleet.servers[server].call(document)
        yield client.serve(each)
        if self._fleet.store:
            yield self._fleet.store.serve(self._costs.store[1])
        self.outcome.called.append(self._env.now)


def simulated(
    build: Callable[[simpy.Environment], Fleet], costs: Costs, queues: Sequence[Sequence[Document]]
) -> Outcome:
    """Read documents with a fleet that is made for it."""
    env = simpy.Environment()
    return Reading(env, build(env), costs, queues).run()
