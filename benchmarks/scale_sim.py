"""Documents read by client processes at many model servers, event by event (simpy).

What takes a known time one after the other is a `Station`; a model server that batches as vLLM does is an
`Engine`; documents arrive as whoever reads them has a hand free, as `benchmarks.scale_client` reads them.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import simpy

Steps = Generator[simpy.Event, Any, None]
_LITTLE = 1e-4
"""Of a step: what is nearer than that is reached, so that time is never too far on to tell it from later."""


@dataclass(frozen=True)
class Document:
    """A document as the model servers meet it.

    Args:
        tokens: its length.
        waves: calls of each wave; a wave begins when the one before has ended.
        prompt: tokens of a call's prompt that are in no prefix cache.
        known: tokens of it that are.
        reply: tokens of a reply.
    """

    tokens: int
    waves: tuple[int, ...]
    prompt: float
    known: float
    reply: float

    @property
    def calls(self) -> int:
        """All its calls."""
        return sum(self.waves)


@dataclass(frozen=True)
class Spec:
    """A model server that batches continuously. Times in seconds.

    Args:
        step: of a decoding step, whatever it holds.
        sequence: of each sequence in a step.
        prompt: of each prompt token.
        budget: most prompt tokens of a step.
        sequences: most of them at once.
        held: most tokens whose keys and values it has room for.
    """

    step: float
    sequence: float
    prompt: float
    budget: int
    sequences: int
    held: float


class Server(Protocol):
    """Where a call is answered."""

    def call(self, document: Document) -> simpy.Event:
        """One call about it; the event is its end."""
        ...

    def busy(self) -> float:
        """Seconds in which it had work."""
        ...


class Station:
    """So many alike places, first come first served; how long each stay takes is known as it comes.

    Args:
        env: the simulation.
        places: how many.
    """

    def __init__(self, env: simpy.Environment, places: int = 1) -> None:
        self._env, self._free, self._busy = env, [0.0] * places, 0.0

    def serve(self, seconds: float) -> simpy.Event:
        """Wait for a place and stay."""
        end = max(self._free[0], self._env.now) + seconds
        heapq.heapreplace(self._free, end)
        self._busy += seconds
        return self._env.timeout(end - self._env.now)

    def used(self) -> float:
        """Share of the time so far in which its places were taken."""
        later = sum(max(end - self._env.now, 0.0) for end in self._free)
        return (self._busy - later) / (len(self._free) * self._env.now) if self._env.now else 0.0


class Share:
    """A part's share of a station that serves many parts like it.

    A part alone has not the bursts of the whole, so it may run a second ahead of its share; over longer
    times it gets no more than that. What it serves takes no time of its own where there is room.

    Args:
        env: the simulation.
        places: of the whole station, times this part's share.
    """

    AHEAD = 1.0

    def __init__(self, env: simpy.Environment, places: float) -> None:
        self._env, self._places, self._until, self._busy = env, places, 0.0, 0.0

    def serve(self, seconds: float) -> simpy.Event:
        """Wait until the share allows it."""
        now = self._env.now
        self._until = max(self._until, now - self.AHEAD) + seconds / self._places
        self._busy += seconds / self._places
        return self._env.timeout(max(self._until - now, 0.0) + seconds)

    def used(self) -> float:
        """Share of the time so far in which it was in use."""
        return min(self._busy / self._env.now, 1.0) if self._env.now else 0.0


class Process:
    """A process that runs one thing at a time, on a machine whose cores others want too.

    Args:
        env: the simulation.
        cores: of the machine.
        running: share of the time it is occupied in which it needs a core; else it waits, as for a disk.
    """

    def __init__(self, env: simpy.Environment, cores: Station, running: float = 1.0) -> None:
        self._env, self._cores, self._running = env, cores, running
        self._lock, self._busy = simpy.Resource(env), 0.0

    def serve(self, seconds: float) -> simpy.Event:
        """Wait for its turn and a core, and run."""
        return self._env.process(self._serve(seconds))

    def _serve(self, seconds: float) -> Steps:
        with self._lock.request() as turn:
            yield turn
            yield self._cores.serve(seconds * self._running)
            if self._running < 1:
                yield self._env.timeout(seconds * (1 - self._running))
            self._busy += seconds

    def used(self) -> float:
        """Share of the time so far in which it ran."""
        return self._busy / self._env.now if self._env.now else 0.0


class Stub:
    """A server that answers after a fixed time, whatever else it does.

    Args:
        env: the simulation.
        latency: seconds.
        process: where it spends `cpu` seconds on each call; None: nowhere.
        cpu: of a call.
    """

    def __init__(
        self, env: simpy.Environment, latency: float, process: Process | None = None, cpu: float = 0
    ) -> None:
        self._env, self._latency, self._process, self._cpu = env, latency, process, cpu
        self._busy, self._inside, self._since = 0.0, 0, 0.0

    def call(self, document: Document) -> simpy.Event:
        """See `Server`."""
        return self._env.process(self._call())

    def _call(self) -> Steps:
        if not self._inside:
            self._since = self._env.now
        self._inside += 1
        if self._process:
            yield self._process.serve(self._cpu)
        yield self._env.timeout(self._latency)
        self._inside -= 1
        if not self._inside:
            self._busy += self._env.now - self._since

    def busy(self) -> float:
        """See `Server`."""
        return self._busy + (self._env.now - self._since if self._inside else 0.0)


class Engine:
    """A server that batches continuously, as a fluid: prompts are read one after the other in pieces, and
    each step gives every other sequence one token.

    Args:
        env: the simulation.
        spec: how fast.
    """

    def __init__(self, env: simpy.Environment, spec: Spec) -> None:
        self._env, self._spec = env, spec
        self._waiting: deque[tuple[Document, simpy.Event]] = deque()
        self._reading: deque[tuple[Document, simpy.Event]] = deque()
        self._left = 0.0
        self._writing: list[tuple[float, int, Document, simpy.Event]] = []
        self._written = 0.0
        """Tokens that a sequence has got that writes since the beginning."""
        self._held = 0.0
        self._at = self._busy = 0.0
        self._number = self._plan = 0

    def call(self, document: Document) -> simpy.Event:
        """See `Server`."""
        event = self._env.event()
        self._forward()
        self._waiting.append((document, event))
        self._next()
        return event

    def busy(self) -> float:
        """See `Server`."""
        self._forward()
        return self._busy

    def _step(self) -> float:
        spec = self._spec
        reading = spec.prompt * spec.budget if self._reading else 0.0
        return spec.step + spec.sequence * len(self._writing) + reading

    def _forward(self) -> None:
        """Bring it to the present."""
        passed, self._at = self._env.now - self._at, self._env.now
        if not passed or not (self._reading or self._writing):
            return
        steps = passed / self._step()
        self._busy += passed
        self._written += steps
        self._left -= steps * self._spec.budget if self._reading else 0.0

    def _next(self) -> None:
        """End what is at its end, take in what there is room for, and plan to come again."""
        while self._writing and self._writing[0][0] <= self._written + _LITTLE:
            _, _, document, event = heapq.heappop(self._writing)
            self._held -= _size(document)
            event.succeed()
        if self._reading and self._left <= _LITTLE * self._spec.budget:
            document, event = self._reading.popleft()
            self._number += 1
            heapq.heappush(self._writing, (self._written + document.reply, self._number, document, event))
            self._left = self._reading[0][0].prompt if self._reading else 0.0
        while self._waiting and self._fits(self._waiting[0][0]):
            document, event = self._waiting.popleft()
            self._held += _size(document)
            self._left = self._left if self._reading else document.prompt
            self._reading.append((document, event))
        self._plan += 1
        if wait := self._until():
            event = self._env.timeout(wait, self._plan)
            event.callbacks.append(self._come)

    def _until(self) -> float:
        ends = [self._left / self._spec.budget] if self._reading else []
        ends += [self._writing[0][0] - self._written] if self._writing else []
        return max(min(ends), _LITTLE) * self._step() if ends else 0.0

    def _come(self, event: simpy.Event) -> None:
        if event.value == self._plan:
            self._forward()
            self._next()

    def _fits(self, document: Document) -> bool:
        inside = len(self._reading) + len(self._writing)
        room = self._held + _size(document) <= self._spec.held
        return not inside or (room and inside < self._spec.sequences)


def _size(document: Document) -> float:
    return document.prompt + document.known + document.reply


@dataclass(frozen=True)
class Costs:
    """Seconds of a document, beside its calls, and of a call: of a client, a router and a store."""

    client: tuple[float, float]
    router: float = 0.0
    store: tuple[float, float] = (0.0, 0.0)


class Place(Protocol):
    """A `Station`, `Share` or `Process`."""

    def serve(self, seconds: float) -> simpy.Event:
        """Stay there."""
        ...

    def used(self) -> float:
        """Share of the time in which it was in use."""
        ...


@dataclass
class Fleet:
    """Who works: `slots` documents, and calls, are in flight at each server; `clients` share the servers out
    evenly, in order."""

    servers: Sequence[Server]
    clients: Sequence[Place]
    slots: int
    router: Place | None = None
    store: Place | None = None


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
        hands = len(fleet.servers) * fleet.slots
        for hand in range(hands):
            client = hand * len(fleet.clients) // hands
            env.process(self._hand(taken[client % len(taken)], hand // fleet.slots, fleet.clients[client]))

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
