"""Runs of a measurement once more, from their journal alone: no server, no model, no network.

The journal has every reply under its exact request. To plan the same requests again the same token counts are
needed, which only the server can give: they are kept beside the rows while it is measured (`replay.db`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from lcagent.errors import EndpointUnavailable, LcagentError, UsageError
from lcagent.evals.answered import fill
from lcagent.evals.baselines import BASELINES, baseline
from lcagent.evals.items import Item, Row
from lcagent.evals.scorers import rescored
from lcagent.memory.store import FILE, Store
from lcagent.models.embeddings import Embedder
from lcagent.models.estimate import Messages, Tools
from lcagent.models.replies import OnDelta, RawReply
from lcagent.models.request import ChatRequest
from lcagent.models.serving.session import ModelSession, OpenModel, Say
from lcagent.models.tokens import TokenCounter
from lcagent.models.transport import Notice, Transport
from lcagent.runs.runner import Request, run
from lcagent.settings import Settings, load_settings

KEPT = "replay.db"
"""Beside the rows: the model's facts, and the token counts that the server gave."""
_FACTS = ("model", "window", "most", "reasoning", "slots", "fingerprint")
_ROW_ONLY = {"item_seconds"}
_SAME = ("prediction", "status", "citations", "scores")
"""What a replay must give again, beside calls and tokens."""


class _Kept:
    """The file of what a server told."""

    def __init__(self, path: Path) -> None:
        self._alone = threading.Lock()
        self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=OFF")  # what a crash of the machine loses is counted again
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS counts (text BLOB PRIMARY KEY, tokens INT) WITHOUT ROWID"
        )
        self._file.execute("CREATE TABLE IF NOT EXISTS models (model TEXT PRIMARY KEY, facts TEXT)")

    def close(self) -> None:
        with self._alone:
            self._file.close()

    def tokens(self, key: bytes) -> int | None:
        with self._alone:
            found = self._file.execute("SELECT tokens FROM counts WHERE text = ?", (key,)).fetchone()
        return found[0] if found else None

    def put_tokens(self, key: bytes, tokens: int) -> None:
        with self._alone:
            self._file.execute("INSERT OR IGNORE INTO counts VALUES (?,?)", (key, tokens))

    def facts(self, model: str) -> dict[str, Any] | None:
        with self._alone:
            found = self._file.execute("SELECT facts FROM models WHERE model = ?", (model,)).fetchone()
        return json.loads(found[0]) if found else None

    def put_facts(self, model: str, facts: dict[str, Any]) -> None:
        with self._alone:
            self._file.execute("INSERT OR REPLACE INTO models VALUES (?,?)", (model, json.dumps(facts)))


class _Counter:
    """Counts that are kept; what is not kept `inner` counts, where there is one."""

    def __init__(self, kept: _Kept, inner: TokenCounter | None, source: str, *, exact: bool) -> None:
        self.source, self.exact = source, exact
        self._kept, self._inner = kept, inner

    def count(self, text: str) -> int:
        """Tokens of a text alone."""
        return self._count(f"t{text}", lambda inner: inner.count(text))

    def count_messages(self, messages: Messages, tools: Tools = ()) -> int:
        """Tokens of a whole prompt, with the functions it may call."""
        exact = json.dumps([messages, list(tools)])
        return self._count(f"m{exact}", lambda inner: inner.count_messages(messages, tools))

    def close(self) -> None:
        """Whoever opened the model closes it."""

    def _count(self, what: str, ask: Callable[[TokenCounter], int]) -> int:
        key = hashlib.sha256(f"{self.source} {what}".encode("utf-8", "surrogatepass")).digest()
        tokens = self._kept.tokens(key)
        if tokens is None:
            if self._inner is None:
                raise EndpointUnavailable("a text comes up that was not counted when this was measured")
            tokens = ask(self._inner)
            self._kept.put_tokens(key, tokens)
        return tokens


class RecordedSession(ModelSession):
    """A session whose token counts are kept, so that its runs can be replayed.

    Args:
        session: leads to the model; whoever made it closes it.
        settings: of the measurement.
        out: its folder.
    """

    def __init__(self, session: ModelSession, settings: Settings, out: Path) -> None:
        super().__init__(settings)
        self._session = session
        self._kept = _Kept(out / KEPT)

    def open(self, say: Say, halt: threading.Event | None = None, *, anew: bool = False) -> OpenModel:
        """The open model."""
        opened = self._session.open(say, halt, anew=anew)
        counter = opened.counter

        def transport(notice: Notice) -> Transport:
            made = opened.transport(notice)
            facts = {name: getattr(opened, name) for name in _FACTS}
            facts |= {"source": counter.source, "exact": counter.exact, "certainty": made.tells_certainty}
            self._kept.put_facts(opened.model, facts)
            return made

        kept = _Counter(self._kept, counter, counter.source, exact=counter.exact)
        return replace(opened, counter=kept, transport=transport)

    def embedder(self) -> Embedder | None:
        """The session's own."""
        return self._session.embedder()

    def close(self) -> None:
        """Close the file; the session stays open."""
        self._kept.close()


class _Silent:
    """Has no server behind it: a call that the journal lacks is a failure."""

    def __init__(self, *, tells_certainty: bool) -> None:
        self.tells_certainty, self.sets_window = tells_certainty, False
        self.answered: Mapping[str, int] = {}

    async def send(self, request: ChatRequest, on_delta: OnDelta | None = None) -> RawReply:
        """There is nobody to ask.

        Raises:
            EndpointUnavailable: always.
        """
        raise EndpointUnavailable("a call is made that the journal does not hold")

    async def close(self) -> None:
        """Nothing is open."""


class _JournalSession(ModelSession):
    """The model as it was when its runs were measured, without its server."""

    def __init__(self, settings: Settings, kept: _Kept, model: str) -> None:
        super().__init__(settings)
        facts = kept.facts(model)
        if facts is None:
            raise UsageError(f"nothing is kept of {model}: it was measured before replaying was possible")
        silent = _Silent(tells_certainty=facts["certainty"])
        self._model = OpenModel(
            name="journal",
            **{name: facts[name] for name in _FACTS},
            counter=_Counter(kept, None, facts["source"], exact=facts["exact"]),
            transport=lambda _: silent,
            alive=lambda: True,
            same=lambda: True,
        )

    def open(self, say: Say, halt: threading.Event | None = None, *, anew: bool = False) -> OpenModel:
        """The model as it was."""
        return self._model


class Outcome(Enum):
    """What came of replaying a row."""

    SAME = "replayed alike"
    OTHER = "replayed otherwise"
    LACKING = "stopped for want of a call"
    LEFT_OUT = "not replayed"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One row once more.

    Args:
        before: as it was measured.
        outcome: what came of it.
        after: as its journal gives it today; None where that gives none.
        why: what differs, or why there is none.
    """

    before: Row
    outcome: Outcome
    after: Row | None = None
    why: str = ""


def can_replay(out: Path) -> bool:
    """Whether a folder of `lcagent bench` holds journals and counts."""
    return (out / KEPT).is_file() and (out / "home" / FILE).is_file()


def replay(rows: Sequence[Row], out: Path) -> list[Replayed]:
    """Run the rows of a measurement again from their journal, in a copy of their store.

    Args:
        rows: of the folder.
        out: the folder of `lcagent bench`; nothing in it is changed.
    """
    with tempfile.TemporaryDirectory(prefix="lcagent-replay-") as folder:
        home = Path(folder)
        _copied(out / "home" / FILE, home / FILE)
        shutil.copyfile(out / KEPT, home / KEPT)
        with closing(Store.open(home)) as store:
            # As if each had been stopped after its last call: it goes on, and finds every call finished.
            store.execute("UPDATE runs SET status = 'interrupted', answer = NULL")
        with closing(_Kept(home / KEPT)) as kept:
            return [_replayed(row, out, home, kept) for row in rows]


def _copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _replayed(row: Row, out: Path, home: Path, kept: _Kept) -> Replayed:
    source = out / "documents" / f"{row.item}.txt"
    if row.error or row.status == "budget":
        return Replayed(row, Outcome.LEFT_OUT, why=f"it ended in {row.error or 'a budget'} then")
    if not source.is_file():
        return Replayed(row, Outcome.LEFT_OUT, why="its document is not in the folder")
    if row.settings.get("embed_model") or row.settings.get("embed_base"):
        return Replayed(row, Outcome.LEFT_OUT, why="an embedding model ranked its passages")
    try:
        text = source.read_bytes().decode("utf-8", "surrogatepass")
        after = asyncio.run(_run(row, source, text, home, kept))
    except LcagentError as error:
        return Replayed(row, Outcome.LACKING, why=error.message)
    why = _difference(row, after)
    return Replayed(row, Outcome.OTHER if why else Outcome.SAME, after, why)


async def _run(row: Row, source: Path, text: str, home: Path, kept: _Kept) -> Row:
    settings = _settings(row, home)
    item = Item(
        id=row.item,
        task=row.task,
        length=row.length,
        question=row.question,
        answers=row.answers,
        text=text,
        gold=row.gold,
        gold_pages=row.gold_pages,
    )
    after = row.model_copy(deep=True)
    session = _JournalSession(settings, kept, row.model)
    asked = Request([source], row.question, resume=True, strategy=baseline(row.strategy, item))
    answer = await run(asked, settings, session, lambda _: None)
    if answer.run_id != row.run_id:
        raise UsageError("the code asks otherwise today, so that the run of then is not found")
    fill(after, answer, source, settings)
    return rescored(after)


def _settings(row: Row, home: Path) -> Settings:
    """Those that the row was measured with."""
    name = row.strategy.partition(":")[0]
    strategy = "direct" if row.strategy.removesuffix(":") in BASELINES else name
    kept = {key: value for key, value in row.settings.items() if key not in _ROW_ONLY}
    return load_settings(
        kept | {"window": row.window, "strategy": strategy, "home": home, "store": str(home)}
    )


def _difference(before: Row, after: Row) -> str:
    names = [name for name in _SAME if getattr(before, name) != getattr(after, name)]
    costs = ("calls", "prompt_tokens", "completion_tokens")
    names += [name for name in costs if getattr(before.cost, name) != getattr(after.cost, name)]
    return f"other {', '.join(names)}" if names else ""
