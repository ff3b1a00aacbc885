"""A run that ends at any of its writes goes on from there: nothing is lost, nothing that is finished repeated."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lcagent import Answer
from lcagent.memory.checkpoints import LoopSaver
from lcagent.memory.store import Store
from tests.helpers import examples, haystack
from tests.test_every_strategy import WAYS, WRITTEN, Way, ask, knows

SHORT = Way("direct", 1)
EVERY = pytest.mark.parametrize("way", [SHORT, Way("auto", 1), *WAYS, WRITTEN], ids=str)
CHECKPOINTS = [(LoopSaver, "put")]
WRITES = [*CHECKPOINTS, (LoopSaver, "put_writes"), (LoopSaver, "delete_thread"), (Store, "execute")]
WRITES += [(Store, "execute_many"), (Store, "insert_many")]


class Ended(RuntimeError):
    """The process is at its end."""


class Death:
    """Counts what is written, and lets nothing be written from one of them on.

    Args:
        at: how many are written before; None: all are.
    """

    def __init__(self, at: int | None = None) -> None:
        self.written, self._at = 0, at

    def __call__(self) -> None:
        if self.written == self._at:
            raise Ended
        self.written += 1

    @contextmanager
    def among(self, writes: list[tuple[type, str]]) -> Generator[None]:
        """Be there while such things are written."""
        with pytest.MonkeyPatch.context() as patch:
            for kind, name in writes:
                patch.setattr(kind, name, self._before(getattr(kind, name)))
            yield

    def _before(self, plain: Any) -> Any:
        def dying(writer: Any, *given: Any) -> Any:
            self()
            return plain(writer, *given)

        return dying


class Asked:
    """A document that is asked by one strategy; what comes of it undisturbed.

    Args:
        loopback: makes servers.
        folder: for all of it.
        way: the strategy.
        writes: what is counted.
    """

    def __init__(self, loopback: Any, folder: Path, way: Way, writes: list[tuple[type, str]]) -> None:
        self._server, self._folder, self._way = loopback(window=2048, reply=knows), folder, way
        self._document = folder / "doc.txt"
        self._document.write_text(haystack(40) if way is SHORT else haystack())
        counting = Death()
        with counting.among(writes):
            self.whole = self._ask("whole")
        self.calls, self.written, self._writes = self._server.calls, counting.written, writes
        assert self.whole.status == "answered" and self.written > 1

    def broken_off(self, at: int) -> int:
        """End it at a write, ask again, and hold the answer against the undisturbed one.

        Returns:
            Requests beyond those that it takes.
        """
        before = self._server.calls
        with Death(at).among(self._writes), pytest.raises(Ended):
            self._ask(f"at{at}")
        answer = self._ask(f"at{at}")
        assert (answer.answer, answer.status) == (self.whole.answer, "answered"), at
        assert [one.quote for one in answer.citations] == [one.quote for one in self.whole.citations], at
        assert (answer.coverage, answer.usage.calls) == (self.whole.coverage, self.whole.usage.calls), at
        return self._server.calls - before - self.calls

    def _ask(self, home: str) -> Answer:
        return ask(self._server, self._document, self._way, home=self._folder / home, concurrency=2)


def some(all_of_them: int) -> range:
    """Numbers from 0 on, so many at most as there are examples."""
    return range(0, all_of_them, 1 + all_of_them // examples(40))


@EVERY
def test_whatever_checkpoint_is_the_last_nothing_is_lost_and_no_call_repeated(
    loopback, tmp_path: Path, way: Way
) -> None:
    asked = Asked(loopback, tmp_path, way, CHECKPOINTS)
    assert [asked.broken_off(at) for at in some(asked.written)] == [0] * len(some(asked.written))


@EVERY
def test_whatever_write_is_the_last_only_calls_in_flight_are_repeated(
    loopback, tmp_path: Path, way: Way
) -> None:
    asked = Asked(loopback, tmp_path, way, WRITES)
    # Two were in flight, and two more may be sent before the end of this process is noticed.
    assert max(asked.broken_off(at) for at in some(asked.written)) <= 4
