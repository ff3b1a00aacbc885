"""The harness: all strategies on the same items, model and window, the cost beside the score."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcagent.errors import EndpointUnavailable, LcagentError, SettingsError, UsageError
from lcagent.evals.answered import blank, fill, spent
from lcagent.evals.baselines import BASELINES, baseline
from lcagent.evals.compare import ROWS_FILE
from lcagent.evals.items import Item, Row, read_rows
from lcagent.evals.replay import RecordedSession
from lcagent.evals.scorers import rescored
from lcagent.evals.tasks import Request, folder, generate, named
from lcagent.events import Event, RunStarted
from lcagent.graphs import STRATEGIES
from lcagent.memory.opening import open_store
from lcagent.memory.profiles import StoredProfiles
from lcagent.memory.store import FILE, Store
from lcagent.models.serving.session import ModelSession, OpenModel
from lcagent.runs.runner import Request as Question
from lcagent.runs.runner import mark_told, run
from lcagent.settings import Settings, load_settings, split_strategy

TIMED_OUT = "TimedOut"
"""Error code of an item that took longer than it may."""
_MANY = 64
"""With none of a category among so many items there is none."""
_APART = {"model", "window", "strategy", "home", "api_base", "api_key", "timeout", "concurrency"}
"""Settings that a row notes in fields of their own, or that decide no answer: where, and how fast."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Args:
        tasks: names of tasks.
        lengths: tokens of the documents; 0: as long as they are.
        strategies: names, each with options of its own behind a colon (`memagent:mode=overwrite`).
        n: items a task and length.
        offset: items left out at the beginning, such as those that were looked at before.
        category: only items whose category begins so, such as `multivalue` of `niah`.
        seed: decides the items.
        data: folder of the data sets; None: the samples in the package.
        out: folder of what comes out.
        jobs: items in work at once. More than one is faster; seconds are then those of a busy server.
        item_seconds: an item that takes longer has failed.
    """

    tasks: tuple[str, ...]
    lengths: tuple[int, ...]
    strategies: tuple[str, ...]
    n: int
    seed: int
    out: Path
    offset: int = 0
    category: str = ""
    data: Path | None = None
    jobs: int = 1
    item_seconds: float = 3600.0


@dataclass(slots=True)
class Progress:
    """How far a measurement is; `left` items times strategies are to be done."""

    done: int
    total: int
    row: Row | None = None


@dataclass(slots=True)
class Bench:
    """One measurement. Rows are written as they come; done again, those that are there are kept.

    Args:
        plan: what is measured.
        settings: model, window, options of all strategies.
        say: gets sentences for people.
        tell: gets the progress after each row.
    """

    plan: Plan
    settings: Settings
    say: Callable[[str], None]
    tell: Callable[[Progress], None]
    skipped: list[str] = field(default_factory=list)
    """What was not run, each with the reason."""
    _most: int | None = None
    """The model's own window, where the server tells it."""

    def run(self, session: ModelSession) -> list[Row]:
        """Measure what is missing and give all rows.

        Raises:
            UsageError: an unknown task or strategy, data that is missing, or rows in the output folder
                that answer the same items but were measured otherwise.
            EndpointUnavailable: the model server has gone; the rows so far are kept.
        """
        for name in self.plan.strategies:
            self._settings(name)  # a misspelt option is an error before the first call
        for name in self.plan.tasks:
            named(name)  # and a misspelt task before a model is looked for
        self.plan.out.mkdir(parents=True, exist_ok=True)
        opened = session.open(self.say)
        self._most = opened.most
        self._bring_profile(opened)
        count = opened.counter.count
        items = [item for task in self.plan.tasks for item in self._items(task, count)]
        path = self.plan.out / ROWS_FILE
        _drop_half_a_line(path)
        blank = [(item, self._blanks(item, opened.model)) for item in items]
        wanted = {(row.item, row.strategy): row for _, some in blank for row in some}
        rows = [row for row in read_rows(path) if (row.item, row.strategy) in wanted]
        for row in rows:
            _check_same(row, wanted[row.item, row.strategy], path)
        self._keep_documents(items)
        have = {(row.item, row.strategy) for row in rows}
        missing = [(item, [r for r in some if (r.item, r.strategy) not in have]) for item, some in blank]
        done = len(have)
        self.tell(Progress(done, len(wanted)))
        with path.open("a", encoding="utf-8") as file:

            def keep(row: Row | None) -> None:
                if row is not None:
                    file.write(row.model_dump_json() + "\n")
                    file.flush()
                    rows.append(row)
                nonlocal done
                done += 1
                self.tell(Progress(done, len(wanted), row))

            with RecordedSession(session, self.settings, self.plan.out) as recorded:
                asyncio.run(self._all(missing, recorded, keep))
        return rows

    def _bring_profile(self, opened: OpenModel) -> None:
        """What was measured of the model holds here too, where runs have a store of their own."""
        place = self.settings.place
        if not place.url and not (place.folder / FILE).exists():
            return
        with closing(open_store(place)) as store:
            kept = StoredProfiles(store).get(opened.model, opened.fingerprint)
        if kept is not None:
            with closing(Store.open(self.plan.out / "home")) as store:
                StoredProfiles(store).put(kept)

    def _items(self, task: str, count: Callable[[str], int]) -> list[Item]:
        """The items of one task."""
        plan, items = self.plan, list[Item]()
        for length in plan.lengths or (0,):
            items += self._of_category(task, length, count)[plan.offset :]
        if not items:
            raise UsageError(
                f"{task} has no items here", hint="see --offset, --lengths, --category and --data"
            )
        return items

    def _keep_documents(self, items: Sequence[Item]) -> None:
        """What is read lies beside the rows."""
        documents = self.plan.out / "documents"
        documents.mkdir(exist_ok=True)
        for item in items:
            if item.text is not None:
                (documents / f"{item.id}.txt").write_bytes(item.text.encode("utf-8", "surrogatepass"))

    def _blanks(self, item: Item, model: str) -> list[Row]:
        """One row a strategy, with all that is known before it is asked."""
        content = item.digest(folder(self.plan.data))
        # A strategy named twice is one: its rows would count twice.
        return [self._blank(item, name, model, content) for name in dict.fromkeys(self.plan.strategies)]

    def _blank(self, item: Item, name: str, model: str, content: str) -> Row:
        settings = self._settings(name)
        row = blank(item, name, model=model, window=self._window(settings))
        row.settings, row.content, row.seed = self._deciding(settings), content, self.plan.seed
        return row

    def _window(self, settings: Settings) -> int:
        """The window that calls really have: the server's may be smaller."""
        return min(settings.window, self._most or settings.window)

    def _deciding(self, settings: Settings) -> dict[str, Any]:
        """The settings that decide what a strategy answers, budgets included."""
        others = STRATEGIES.keys() - {settings.strategy}
        return {
            **settings.model_dump(mode="json", exclude=_APART | others),
            "item_seconds": self.plan.item_seconds,
        }

    def _of_category(self, task: str, length: int, count: Callable[[str], int]) -> list[Item]:
        """The first items of the category; as many are made as it takes, since kinds come by turns."""
        plan = self.plan
        wanted = asked = plan.offset + plan.n
        while True:
            made = generate(task, Request(plan.data, length, asked, plan.seed, count))
            items = [item for item in made if item.category.startswith(plan.category)]
            if len(items) >= wanted or len(made) < asked or (asked >= _MANY and not items):
                return items[:wanted]
            asked *= 2

    async def _all(
        self,
        missing: Sequence[tuple[Item, list[Row]]],
        session: ModelSession,
        keep: Callable[[Row | None], None],
    ) -> None:
        gate = asyncio.Semaphore(self.plan.jobs)

        async def one(item: Item, rows: list[Row]) -> None:
            async with gate:
                # One after the other: two names of one and the same run would wait for its lock in vain.
                for row in rows:
                    keep(await self._row(item, row, session))

        try:
            async with asyncio.TaskGroup() as group:
                for item, rows in missing:
                    group.create_task(one(item, rows))
        except* LcagentError as failed:
            raise failed.exceptions[0] from None

    async def _row(self, item: Item, row: Row, session: ModelSession) -> Row | None:
        """One item by one strategy; None where it cannot be asked, as `whole` past the model's window."""
        name, settings = row.strategy, self._settings(row.strategy)
        started = time.monotonic()

        def note(event: Event) -> None:
            if isinstance(event, RunStarted):
                row.run_id = event.run_id

        try:
            chosen = baseline(name, item)
            question = Question([self._source(item)], item.question, resume=True, strategy=chosen)
            async with asyncio.timeout(self.plan.item_seconds):
                answer = await run(question, settings, session, note)
            mark_told(settings, answer.run_id)
        except TimeoutError:
            row.error = TIMED_OUT
        except UsageError as error:
            if name in {"direct", "whole", "gold"}:
                self.skipped.append(f"{name} on {item.id}: {error.message}")
                return None
            row.error = error.code
        except EndpointUnavailable as error:
            if not await asyncio.to_thread(session.open(self.say).alive):
                raise
            row.error = error.code
        except LcagentError as error:
            row.error = error.code
        else:
            fill(row, answer, self._source(item), settings)
        if row.error:
            row.cost = spent(row, settings, time.monotonic() - started)
        return rescored(row)

    def _source(self, item: Item) -> Path:
        if item.path is not None:
            return folder(self.plan.data) / item.path
        return self.plan.out / "documents" / f"{item.id}.txt"

    def _settings(self, name: str) -> Settings:
        """The settings of one strategy: those of all, its own options, and a home beside the rows."""
        bare, pairs = split_strategy(name)
        if name.removesuffix(":") in BASELINES:
            chosen = {"strategy": "direct"}
        elif bare in STRATEGIES:
            chosen = {"strategy": bare}
        else:
            known = ", ".join([*STRATEGIES, *BASELINES])
            raise UsageError(
                f"there is no strategy {name!r}", hint=f"strategies are {known}; memagent:mode=overwrite"
            )
        values = self.settings.model_dump()
        # As dumped, an address lacks its password.
        values |= {name: getattr(self.settings, name) for name in ("api_base", "embed_base")}
        values |= {**chosen, "home": self.plan.out / "home", "store": str(self.plan.out / "home")}
        if bare == "whole":
            values["window"] = max(self.settings.window, self._most or 0)
        try:
            return load_settings(values, pairs)
        except SettingsError as error:
            raise UsageError(f"strategy {name!r}: {error.message}", hint=error.hint) from error


def _drop_half_a_line(path: Path) -> None:
    """What a killed process left at the file's end would spoil the next row."""
    if path.exists() and not (text := path.read_bytes()).endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])


def _check_same(kept: Row, asked: Row, path: Path) -> None:
    """A row that was measured otherwise must not stand in for an answer.

    Raises:
        UsageError: what differs.
    """
    if how := _difference(kept, asked):
        raise UsageError(
            f"the answer of {kept.strategy} to {kept.item} in {path} {how}", hint="choose another --out"
        )


def _difference(kept: Row, asked: Row) -> str:
    if not kept.content:
        return "does not say what it was measured with"
    if kept.model != asked.model:
        return f"is by the model {kept.model}, not {asked.model}"
    if kept.window != asked.window:
        return f"had a window of {kept.window} tokens, not {asked.window}"
    if kept.settings != asked.settings:
        every = sorted(kept.settings.keys() | asked.settings.keys())
        names = [name for name in every if kept.settings.get(name) != asked.settings.get(name)]
        return f"was given with other settings ({', '.join(names)})"
    return "" if kept.content == asked.content else "is about another question or document"
