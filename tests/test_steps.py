"""A run that ends at any of its writes goes on from there: nothing is lost, nothing that is finished repeated."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lcagent import Answer, Reader
from lcagent.agents.mapper import WHOLE
from tests import exploring, tallying
from tests.ending import CHECKPOINTS, WRITES, Asked, Writes, some
from tests.helpers import haystack, prose
from tests.reader import CompetentReader
from tests.test_every_strategy import WAYS, WRITTEN, Way, ask, knows
from tests.test_graphreader import chain
from tests.test_memgpt_reading import CASE, HOPS
from tests.test_summarize import POINTS, writes
from tests.test_tally import labeller

Made = Callable[[Any, Path, Writes], Asked]
SHORT = Way("direct", 1)


def by(way: Way) -> Made:
    """A document that is asked by a strategy."""

    def made(loopback: Any, folder: Path, writes: Writes) -> Asked:
        server, document = loopback(window=2048, reply=knows), folder / "doc.txt"
        document.write_text(haystack(40) if way is SHORT else haystack())
        put = lambda home: ask(server, document, way, home=home, concurrency=2)  # noqa: E731
        return Asked(put, server, folder, writes)

    return made


def explored(*, built: bool) -> Made:
    """One that is asked by graphreader, whose graph is built on the way, or was before."""

    def made(loopback: Any, folder: Path, writes: Writes) -> Asked:
        world = chain()
        server, path = loopback(window=4096, reply=world), exploring.written(world, folder)
        how: dict[str, Any] = {"graphreader": {"paths": 2}, "concurrency": 2}

        def put(home: Path, question: str = exploring.QUESTION) -> Answer:
            return exploring.ask(server, path, question, home=home, **how)

        before = (lambda home: put(home, "Who built the Skarholm light?")) if built else None
        return Asked(put, server, folder, writes, before)

    return made


def tallied(*, built: bool) -> Made:
    """One of which something is counted; its rows are read on the way, or were before."""

    def made(loopback: Any, folder: Path, writes: Writes) -> Asked:
        items = tallying.biographies(12)
        text = tallying.text_of(items, filler=4)
        first, case, *_ = tallying.person_questions(items)
        server = loopback(window=4096, reply=labeller(items, text, [first, case]))
        path = tallying.written(folder, text)
        put = lambda home: tallying.ask(server, path, case.question, home=home, concurrency=2)  # noqa: E731
        before = (lambda home: tallying.ask(server, path, first.question, home=home)) if built else None
        return Asked(put, server, folder, writes, before)

    return made


def searched(strategy: str) -> Made:
    """One of which what is asked is found by reading alone, after it was searched."""

    def made(loopback: Any, folder: Path, writes: Writes) -> Asked:
        server, path = loopback(window=4096, reply=CompetentReader([CASE])), folder / "doc.txt"
        path.write_text(f"{HOPS[0].sentence}\n\n{prose(350)}\n\n{HOPS[1].sentence}\n\n{prose(80, 1)}")

        def put(home: Path) -> Answer:
            how: dict[str, Any] = {"api_base": server.url, "window": 4096, "home": home, "concurrency": 2}
            with Reader(strategy=strategy, **how) as reader:
                return reader.ask(path, CASE.question)

        return Asked(put, server, folder, writes)

    return made


def summed_up(loopback: Any, folder: Path, writing: Writes) -> Asked:
    """One that is summarised."""
    server, path = loopback(window=2048, reply=writes), folder / "doc.txt"
    path.write_text("\n\n".join([POINTS[0], prose(80), POINTS[1], prose(80, 1), POINTS[2], prose(80, 2)]))

    def put(home: Path) -> Answer:
        how: dict[str, Any] = {"api_base": server.url, "window": 2048, "home": home, "concurrency": 2}
        with Reader(strategy="mapreduce", mapreduce={"mode": "summary"}, **how) as reader:
            return reader.ask(path, WHOLE)

    return Asked(put, server, folder, writing)


EVERY: dict[str, Made] = {str(way): by(way) for way in [SHORT, Way("auto", 1), *WAYS, WRITTEN]}
EVERY |= {"graphreader": explored(built=False), "graphreader, built": explored(built=True)}
EVERY |= {"tally": tallied(built=False), "tally, built": tallied(built=True)}
EVERY |= {"memgpt": searched("memgpt"), "auto, read": searched("auto"), "summary": summed_up}
every = pytest.mark.parametrize("made", EVERY.values(), ids=EVERY)


@every
def test_whatever_checkpoint_is_the_last_nothing_is_lost_and_no_call_repeated(
    loopback: Any, tmp_path: Path, made: Made
) -> None:
    asked = made(loopback, tmp_path, CHECKPOINTS)
    assert [asked.broken_off(at) for at in some(asked.written)] == [0] * len(some(asked.written))


@every
def test_whatever_write_is_the_last_only_calls_in_flight_are_repeated(
    loopback: Any, tmp_path: Path, made: Made
) -> None:
    asked = made(loopback, tmp_path, WRITES)
    # Two were in flight, and two more may be sent before the end of this process is noticed.
    assert max(asked.broken_off(at) for at in some(asked.written)) <= 4
