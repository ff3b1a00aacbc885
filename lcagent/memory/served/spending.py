"""A budget that several processes spend together: counted in the store that they share."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from lcagent.memory.aside import within
from lcagent.memory.rows import Rows
from lcagent.models.budget import Budget

_FITS = (
    "UPDATE budgets SET calls = calls + 1, tokens = tokens + ? WHERE id = ?"
    " AND (most_calls IS NULL OR calls + 1 + ? <= most_calls)"
    " AND (most_tokens IS NULL OR tokens + ? <= most_tokens)"
)


def set_budget(store: Rows, id: str, budget: Budget) -> None:
    """Have a budget spent by whoever knows its name.

    Args:
        store: which they share.
        id: names it.
        budget: its limits of calls and tokens.
    """
    with store.transaction():
        drop_budget(store, id)
        store.execute(
            "INSERT INTO budgets (id, most_calls, most_tokens, calls, tokens) VALUES (?,?,?,0,0)",
            (id, budget.max_calls, budget.max_tokens),
        )


def drop_budget(store: Rows, id: str) -> None:
    """Have nothing more spent of a budget; arguments as for `set_budget`."""
    store.execute("DELETE FROM budgets WHERE id = ?", (id,))


@dataclass(slots=True)
class SharedBudget(Budget):
    """One that others spend too. A call is counted before it is sent, at the most that it can take: what was
    in flight of a process that died stays counted, and more than the budget is never spent.

    Args:
        store: where it is counted.
        id: its name, see `set_budget`; of one that is not there nothing can be spent.
    """

    store: Rows = field(kw_only=True)
    id: str = field(kw_only=True)
    _told: tuple[int, int] = (0, 0)
    """Calls and tokens that are spent here and counted there."""
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def check(self, *, tokens: int, reserve_calls: int, reserve_tokens: int, late: bool = False) -> None:
        """Count one more call, or raise; arguments and errors as for `Budget.check`."""
        fits = (tokens, self.id, reserve_calls, tokens + reserve_tokens)
        if not self.store.execute(_FITS, fits).rowcount:
            raise self.is_reached("all documents together")

    @asynccontextmanager
    async def call(
        self, *, tokens: int, reserve_calls: int, reserve_tokens: int, late: bool = False
    ) -> AsyncGenerator[None]:
        """Send one more call, if it fits; arguments and errors as for `check`."""

        @contextmanager
        def counted() -> Generator[None]:
            self.check(tokens=tokens, reserve_calls=reserve_calls, reserve_tokens=reserve_tokens, late=late)
            with self.in_flight(tokens):
                yield

        async with within(self.store.place, counted()):
            yield

    @contextmanager
    def in_flight(self, tokens: int) -> Generator[None]:
        """A call that was counted is sent; what it took less than that is given back at the end."""
        try:
            yield
        finally:
            with self._telling:
                calls, spent = self.calls - self._told[0], self.tokens - self._told[1]
                self._told = self.calls, self.tokens
            self.store.execute(
                "UPDATE budgets SET calls = calls + ?, tokens = tokens + ? WHERE id = ?",
                (calls - 1, spent - tokens, self.id),
            )
