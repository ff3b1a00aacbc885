"""Things done to a session, one after the other, as they come."""

from typing import Any

from hypothesis import strategies as st

from lcagent.errors import LcagentError
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.core import Core
from lcagent.memory.tiers.entries import Entries, New
from lcagent.memory.tiers.forgetting import forget
from lcagent.memory.tiers.queue import Queue

EVERY: Any = ["message", "call", "result", "event", "summary", "block", "passage", "change"]
TEXTS = (
    "The harbour is blue.",
    "The harbour is red.",
    "Correction: the harbour is red.",
    "tea",
    "ü\u2028x\r\n",
)


def operations_with(*texts: str) -> st.SearchStrategy[list[tuple[str, str, int]]]:
    """What may be done to a session, with these texts among others."""
    names = ["say", "append", "replace", "undo", "insert", "swap", "forget", "change"]
    one = st.tuples(st.sampled_from(names), st.sampled_from([*TEXTS, *texts]), st.integers(0, 30))
    return st.lists(one, max_size=16)


class Doing:
    """Does things to a session as they come."""

    def __init__(self, store: Rows, session: str = "main") -> None:
        self._now = 1e9
        self.entries = Entries(store, "default", session, clock=self._tick)
        self.core, self.archival = Core(self.entries), Archival(self.entries)
        self.queue = Queue(self.entries)

    def _tick(self) -> float:
        self._now += 0.125
        return self._now

    def do(self, operation: str, text: str, number: int) -> None:
        every = self.entries.oldest(EVERY, limit=1000)
        one = every[number % len(every)] if every else None
        rests = (one.id,) if one else ()
        by: Any = {"author": "assistant", "source": ("said", "document", "model")[number % 3]}
        key = f"key {number}" if number % 2 else None
        try:
            if operation == "say":
                self.entries.append(New("message", text, "user", "Ann", "said", {"note": text}, key=key))
            elif operation == "append":
                self.core.append("human", text, rests_on=rests, **by)
            elif operation == "replace":
                self.core.replace("human", "red", text, rests_on=rests, **by)
            elif operation == "undo":
                self.core.undo("human", author="user")
            elif operation == "insert":
                held = self.entries.newest(["passage"], limit=3)
                self.archival.insert(text, held, rests_on=rests, **by)
            elif operation == "swap" and (oldest := self.queue.oldest(2)):
                before = self.queue.summary()
                told = [*([before] if before else []), *oldest]
                self.queue.swap(" ".join(one.text for one in told), oldest, source="said")
            elif operation == "change" and one:
                data = {"closes": [{"entry": one.id, "gone": []}]}
                self.entries.append(New("change", f"it holds no more: {one.text}", data=data))
            elif operation == "forget" and one and number % 5 == 0:
                forget(self.entries.store, "default", [one.id])
        except LcagentError:
            pass  # the block is full, there is nothing to undo, no line holds it
