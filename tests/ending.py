"""The end of a process at any of its writes, within this process: it raises there, and at all that come after."""

import shutil
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lcagent import Answer
from lcagent.memory.checkpoints import LoopSaver
from lcagent.memory.store import Store
from tests.helpers import examples
from tests.loopback import Loopback

Writes = Sequence[tuple[Any, str]]
"""What writes: a class or a module, and the name of a function of it."""
STEPS = ("put", "put_writes", "delete_thread")
CHECKPOINTS: Writes = [(LoopSaver, "put")]
STORE: Writes = [(Store, "execute"), (Store, "execute_many"), (Store, "insert_many")]
WRITES: Writes = [*[(LoopSaver, name) for name in STEPS], *STORE]


def postgres_writes() -> Writes:
    """What writes to a PostgreSQL; it needs the extra `postgres`."""
    from lcagent.memory.postgres.checkpoints import PoolSaver
    from lcagent.memory.postgres.store import PostgresStore

    return [*((PoolSaver, name) for name in STEPS), *((PostgresStore, name) for _, name in STORE)]


class Ended(RuntimeError):
    """The process is at its end."""


class Death:
    """Counts what is written, and lets nothing be written from one of them on.

    Args:
        at: how many are written before; None: all are.
    """

    def __init__(self, at: int | None = None) -> None:
        self.written, self._at, self._one = 0, at, threading.Lock()

    def __call__(self) -> None:
        """Something is about to be written.

        Raises:
            Ended: it is not.
        """
        with self._one:
            if self.written == self._at:
                raise Ended
            self.written += 1

    @contextmanager
    def among(self, writes: Writes) -> Generator[None]:
        """Be there while such things are written."""
        with pytest.MonkeyPatch.context() as patch:
            for kind, name in writes:
                patch.setattr(kind, name, self._before(getattr(kind, name)))
            yield

    def _before(self, plain: Any) -> Any:
        def dying(*given: Any, **named: Any) -> Any:
            self()
            return plain(*given, **named)

        return dying


def ended(at: int, writes: Writes, work: Callable[[], object]) -> None:
    """Do something that ends at a write.

    Args:
        at: how many are written before.
        writes: what is counted.
        work: what is done.
    """
    with Death(at).among(writes), pytest.raises(Ended):
        work()


def some(all_of_them: int, most: int = 40) -> range:
    """Numbers from 0 on, so many at most as there are examples.

    Args:
        all_of_them: how many numbers there are.
        most: how many are tried where all examples are; a quarter of it without.
    """
    return range(0, all_of_them, 1 + all_of_them // examples(most))


def built(answer: Answer) -> int:
    """Calls for what is kept of the documents."""
    return answer.usage.building.calls if answer.usage.building else 0


class Asked:
    """A question; what comes of it undisturbed.

    Args:
        ask: puts it, with everything kept in a folder that it is given.
        server: the model's.
        folder: for all of it.
        writes: what is counted.
        prepare: done in a folder before; None: nothing is.
    """

    def __init__(
        self,
        ask: Callable[[Path], Answer],
        server: Loopback,
        folder: Path,
        writes: Writes,
        prepare: Callable[[Path], object] | None = None,
    ) -> None:
        self._ask, self._server, self._folder, self._writes = ask, server, folder, writes
        self._prepared = folder / "prepared" if prepare else None
        if prepare and self._prepared:
            prepare(self._prepared)
        counting, before, home = Death(), server.calls, self._home("whole")
        with counting.among(writes):
            self.whole = ask(home)
        self.calls, self.written = server.calls - before, counting.written
        assert self.whole.status == "answered" and self.written > 1

    def broken_off(self, at: int) -> int:
        """End it at a write, ask again, and hold the answer against the undisturbed one.

        Returns:
            Requests beyond those that it takes.
        """
        before, home = self._server.calls, self._home(f"at{at}")
        ended(at, self._writes, lambda: self._ask(home))
        answer = self._ask(home)
        assert (answer.answer, answer.status) == (self.whole.answer, "answered"), at
        assert [one.quote for one in answer.citations] == [one.quote for one in self.whole.citations], at
        assert (answer.claims, answer.table) == (self.whole.claims, self.whole.table), at
        assert (answer.coverage, answer.usage.calls) == (self.whole.coverage, self.whole.usage.calls), at
        assert built(answer) == built(self.whole), at
        return self._server.calls - before - self.calls

    def _home(self, name: str) -> Path:
        home = self._folder / name
        if self._prepared:
            shutil.copytree(self._prepared, home)
        return home
