"""Fleets of 1 to 10,000 model servers: documents drawn, what is simulated, what follows for the rest.

A fleet of many servers is cut into cells that are alike. One cell is simulated, with its share of what all
cells share; documents are simulated until its rate is steady, and the others take as long each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import simpy

from benchmarks.scale_parts import Document, Engine, Place, Share, Spec, Station
from benchmarks.scale_sim import Costs, Fleet, Outcome, simulated

Numbers = np.ndarray[Any, np.dtype[np.float64]]
CELL = 16
"""Servers that are simulated of a larger fleet."""
SIMULATED = 4_000
"""Documents that are simulated of more of them."""
SPREAD = 0.5
"""Of the logarithm of a size about one of those that were measured."""
NOT_THERE = 0.2
"""Share of the questions that the text does not answer: `auto` reads all of it then. Assumed."""
MOST_USED = 0.7
"""Of what is added, so that queues stay short."""


@dataclass(frozen=True)
class Model:
    """A model on a server, with what it is rented for.

    Args:
        about: what it is.
        spec: how fast; where from, docs/scale.md says.
        gpus: of a server.
    """

    about: str
    spec: Spec
    gpus: int


MODELS = {
    # From 1024/1024 and 8192/1024 tokens in and out: 13,890 and 4,015 tokens a second (TensorRT-LLM).
    # Keys and values: 49 kB a token, in what a tenth of the memory and 14 GB of weights leave of 141 GB.
    "small": Model("gpt-oss-20b, FP8, one H200", Spec(4.6e-3, 42e-6, 25.3e-6, 8192, 1024, 2.3e6), 1),
    # The same of 2,582 and 537 tokens a second and GPU, two GPUs a server; 164 kB a token.
    "large": Model("Llama 3.3 70B, FP8, two H200", Spec(16e-3, 72e-6, 105e-6, 8192, 1024, 1.1e6), 2),
}
SLOTS = 32
"""Documents in flight at a server."""
GPU_HOUR = 3.5
"""Dollars; 2.5 to 7 by who rents it out (May 2026)."""
CORE_HOUR = 0.04
"""Dollars, of a rented core. Assumed."""
STORE_CORES = 16
"""Of a large PostgreSQL server. Assumed; its cost a row is measured on two cores."""


def drawn(sizes: list[int], number: int, seed: int = 0) -> Numbers:
    """Tokens of so many documents: one of those measured each, made longer or shorter."""
    rng = np.random.default_rng(seed)
    return (rng.choice(np.array(sizes, float), number) * np.exp(rng.normal(0, SPREAD, number))).clip(500)


def _along(points: list[list[float]], column: int, at: Numbers) -> Numbers:
    """Between and beyond points in straight lines."""
    x, y = np.array([row[0] for row in points]), np.array([row[column] for row in points])
    inside = np.interp(at, x, y)
    before = y[0] + (at - x[0]) * (y[1] - y[0]) / (x[1] - x[0])
    after = y[-1] + (at - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2])
    return np.where(at < x[0], before, np.where(at > x[-1], after, inside))


def documents(table: dict[str, Any], strategy: str, tokens: Numbers, seed: int = 0) -> list[Document]:
    """What reading texts of those lengths asks of the model servers."""
    works, reply = table["work"], table["replies"].get(strategy, table["replies"]["memagent"])
    if strategy == "auto":
        there = [
            row for row in works["auto"] if row[0] < 500_000
        ]  # beyond, one question in five was read for
        absent = np.random.default_rng(seed + 1).random(len(tokens)) < NOT_THERE
        looked, read = np.minimum(tokens, there[-1][0]), works["auto, not there"]
        calls = np.where(absent, _along(read, 1, tokens), _along(there, 1, looked))
        asked = np.where(absent, _along(read, 2, tokens), _along(there, 2, looked))
    else:
        absent = np.zeros(len(tokens), bool)
        calls, asked = (_along(works[strategy], column, tokens) for column in (1, 2))
    calls = calls.round().clip(1)
    prompt = (asked / calls - reply["tokens"]).clip(200)
    known = reply["cached"]
    return [
        Document(
            int(size),
            _waves(strategy, int(number), bool(all_of_it)),
            each * (1 - known),
            each * known,
            reply["tokens"],
        )
        for size, number, each, all_of_it in zip(tokens, calls, prompt, absent, strict=True)
    ]


def _waves(strategy: str, calls: int, absent: bool) -> tuple[int, ...]:
    """Which calls go out together: `mapreduce` reads all at once, `auto` in waves, each twice as large."""
    if strategy == "mapreduce" and calls > 2:
        return calls - 1, 1
    waves: list[int] = []
    left, wave = calls, 1
    while left > 0:
        if absent and len(waves) >= 3:
            wave = 8 if wave == 1 else wave * 2
        waves.append(min(wave, left))
        left -= waves[-1]
    return tuple(waves)


@dataclass(frozen=True)
class Setup:
    """What stands beside the model servers; 0 of a kind: none, or as much of it as is wanted.

    Args:
        servers: model servers.
        clients: processes that read.
        router: cores of routers.
        store: cores of database servers.
    """

    servers: int
    clients: int = 0
    router: int = 0
    store: int = 0


def costs(table: dict[str, Any], strategy: str) -> Costs:
    """Seconds, from the table."""
    client, store = table["client"][strategy]["client_ms"], table["postgres"]
    return Costs(
        (client["document"] / 1000, client["call"] / 1000),
        table["router"]["cpu_ms"] / 1000,
        (store["document"]["cpu_ms"] / 1000, store["call"]["cpu_ms"] / 1000),
    )


def simulate(
    table: dict[str, Any], strategy: str, setup: Setup, model: Model, texts: list[Document]
) -> Outcome:
    """Read texts with one cell of a fleet."""
    cell = min(setup.servers, CELL)
    part = cell / setup.servers

    def places(env: simpy.Environment, number: int) -> Place | None:
        if not number:
            return None
        return Station(env, number) if part == 1 else Share(env, number * part)

    def clients(env: simpy.Environment) -> list[Place]:
        own = setup.clients * part
        if not setup.clients:
            return [Station(env, cell * SLOTS)]
        return [Station(env) for _ in range(round(own))] if own >= 1 else [Share(env, own)]

    def build(env: simpy.Environment) -> Fleet:
        servers = [Engine(env, model.spec) for _ in range(cell)]
        return Fleet(servers, clients(env), SLOTS, places(env, setup.router), places(env, setup.store))

    return simulated(build, costs(table, strategy), [texts])


@dataclass(frozen=True)
class Row:
    """A fleet, as it comes out: rates a second of the whole, times in hours.

    `tail` is from when no document is left to begin with until the last has ended; it is part of `hours`.
    """

    setup: Setup
    documents: int
    rate: float
    calls: float
    hours: float
    tail: float
    used: dict[str, float]
    gpus: int = 1

    @property
    def dollars(self) -> float:
        """Rent of GPUs and of cores while it runs."""
        cores = self.setup.clients + self.setup.router + self.setup.store
        return self.hours * (self.setup.servers * self.gpus * GPU_HOUR + cores * CORE_HOUR)


def run(
    table: dict[str, Any],
    strategy: str,
    setup: Setup,
    number: int,
    model: str = "small",
    *,
    longest_first: bool = False,
) -> Row:
    """A fleet and so many documents, in any order or the longest first."""
    sizes = drawn(table["sizes_tokens"], number)
    cell = min(setup.servers, CELL)
    part = cell / setup.servers
    texts = documents(table, strategy, sizes[: min(number, SIMULATED * cell // CELL + 500)])
    whole = len(texts) == number and part == 1
    if longest_first:
        texts.sort(key=lambda text: -text.calls)
    elif not whole:
        texts.append(_last(documents(table, strategy, sizes[:200_000]), setup.servers * SLOTS))
    outcome = simulate(table, strategy, setup, MODELS[model], texts)
    calls = outcome.rate() / part
    rate = calls / float(np.mean([text.calls for text in documents(table, strategy, sizes[:200_000])]))
    tail = outcome.seconds - outcome.emptied
    seconds = outcome.seconds if whole else number / rate + tail
    used = {name: round(float(value), 3) for name, value in outcome.used.items()}
    return Row(setup, number, rate, calls, seconds / 3600, tail / 3600, used, MODELS[model].gpus)


def _last(texts: list[Document], hands: int) -> Document:
    """What is left of the slowest document that all hands of a fleet hold when nothing is left to begin with.

    Who is met then is met in proportion to how long it takes, at any moment of that. One cell alone would
    rarely hold the slowest of all; it is given to the one that is simulated, as its last document.
    """
    rng = np.random.default_rng(1)
    waves = np.array([len(text.waves) for text in texts], float)
    met = rng.choice(waves, min(hands, 400_000), p=waves / waves.sum()) * rng.random(min(hands, 400_000))
    left = max(round(met.max()), 1)
    return min(texts, key=lambda text: (abs(len(text.waves) - left), -text.calls))


def enough(table: dict[str, Any], strategy: str, free: Row) -> Setup:
    """What the servers of a fleet need beside them to be busy, as `free` says who had all of everything."""
    spent = costs(table, strategy)
    clients = free.rate * spent.client[0] + free.calls * spent.client[1]
    store = free.rate * spent.store[0] + free.calls * spent.store[1]
    return replace(
        free.setup,
        clients=math.ceil(clients / MOST_USED),
        router=math.ceil(free.calls * spent.router / MOST_USED),
        store=math.ceil(store / MOST_USED),
    )
