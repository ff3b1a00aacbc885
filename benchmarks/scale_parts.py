"""What fleets are made of, event by event (simpy): places where something is done, and model servers.

What takes a known time one after the other is a `Station`; a model server that batches as vLLM does is an
`Engine`.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
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


class Place(Protocol):
    """A `Station`, `Share` or `Process`."""

    def serve(self, seconds: float) -> simpy.Event:
        """Stay there."""
        ...

    def used(self) -> float:
        """Share of the time in which it was in use."""
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
