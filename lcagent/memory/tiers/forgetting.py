"""Really deleting: an entry goes with its index, with what was made of it (`derived`), and from the file.

Afterwards the memory is as if what is forgotten had never been written. So what a forgotten statement had
replaced holds again: left closed, it would be hidden by something that nobody can look up. Where the
forgotten one was itself replaced by one that stays, that one closes what both had replaced, and a block shows
again the line that the forgotten one stood for. What later entries say of a forgotten one by number, or of
its words, is taken out of them: the only change that is ever made to an entry.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from lcagent.documents import query_words
from lcagent.errors import DocumentNotFound
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.derived import Row, Traces, derived, traces_of
from lcagent.memory.tiers.entries import Entries, New, Source
from lcagent.memory.tiers.index import unindex
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.tiers.queue import QUEUED
from lcagent.memory.tiers.sessions import known


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted.

    Args:
        entries: how many of each kind.
        documents: names of those that were attached.
        runs: ids of the runs that deleted entries tell of (`run` in their data) and no other entry does.
        sessions: names of those that are gone whole.
        perhaps: numbers of entries that stay, and that may have been made of a document that was deleted: it
            was in sight when they were written.
        erased: whether the file holds no trace; False where another process was reading it, until that ends
            and something else is forgotten or the file is closed by all. A server writes over it in time.
    """

    entries: Mapping[str, int] = field(default_factory=dict[str, int])
    documents: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    perhaps: tuple[int, ...] = ()
    erased: bool = True


DropRuns = Callable[[Sequence[str]], None]
"""Deletes runs, by their ids. They lie in another file, so they go before what names them is gone for good:
who is ended in between, or finds one of them busy, forgets the same again."""


def _left(_runs: Sequence[str]) -> None:
    """Where no run is told of."""


def forget(
    store: Rows,
    tenant: str,
    entries: Iterable[int],
    *,
    clock: Callable[[], float] = time.time,
    drop_runs: DropRuns = _left,
) -> Forgotten:
    """Delete entries: messages, core lines, passages, by their numbers, with what was made of them.

    A summary that was made of one goes with all later ones. In the place of the newest, one that is written
    by code keeps where the queue begins, and the text of the last summary before it.

    Args:
        store: where they are.
        tenant: whose they are.
        entries: which.
        clock: seconds since 1970.
        drop_runs: deletes the runs that these alone tell of.

    Raises:
        EntryNotFound: one of them is not there.
        SessionBusy: somebody writes a session that something is deleted from.
        LcagentError: as `drop_runs`; nothing is forgotten.
    """
    with store.transaction():
        gone = derived(store, tenant, entries)
        told = _delete(store, tenant, gone, clock)
        drop_runs(told.runs)
    return _erased(store, told)


def document_traces(store: Rows, tenant: str, session: str, names: Sequence[str]) -> Traces:
    """What goes with documents that are forgotten, and what may have been made of them and stays.

    Args:
        store: where they are.
        tenant: whose they are.
        session: which has them.
        names: of the documents.

    Raises:
        SessionNotFound: there is no such session.
        DocumentNotFound: one is not attached.
    """
    known(store, tenant, session)
    own, perhaps = list[int](), list[int]()
    for name in names:
        attached = _attached(store, tenant, session, name)
        if not attached:
            raise DocumentNotFound(
                f"no document {name!r} is attached to the session {session!r}",
                hint="`lcagent memory show` names those that are",
            )
        found = traces_of(store, tenant, session, name, attached)
        own += found.own
        perhaps += found.perhaps
    going = derived(store, tenant, own)
    # A call is a step of the agent's, and says what was then noted: that is what a person decides on.
    rows = store.rows(
        "SELECT id FROM entries WHERE tenant = ? AND kind IN ('block', 'passage', 'message')", (tenant,)
    )
    said = {row["id"] for row in rows}
    left = (number for number in dict.fromkeys(perhaps) if number in said and number not in going)
    return Traces(tuple(going), tuple(left))


def _attached(store: Rows, tenant: str, session: str, name: str) -> list[int]:
    rows = store.rows(
        "SELECT id FROM attached WHERE tenant = ? AND session = ? AND name = ?", (tenant, session, name)
    )
    return [row["id"] for row in rows]


def forget_documents(
    store: Rows,
    tenant: str,
    session: str,
    names: Sequence[str],
    *,
    clock: Callable[[], float] = time.time,
    drop_runs: DropRuns = _left,
) -> Forgotten:
    """Delete documents that are attached to a session, with what shows them, cites them or was made of them.

    Args:
        store: where they are.
        tenant: whose they are.
        session: which has them.
        names: of the documents.
        clock: seconds since 1970.
        drop_runs: deletes the runs that what goes alone tells of.

    Raises:
        SessionNotFound: there is no such session.
        DocumentNotFound: one is not attached.
        SessionBusy: somebody writes the session.
        LcagentError: as `drop_runs`; nothing is forgotten.
    """
    with store.transaction():
        traces = document_traces(store, tenant, session, names)
        for name in names:
            for number in _attached(store, tenant, session, name):
                store.execute("DELETE FROM attached WHERE id = ?", (number,))
        done = _delete(store, tenant, derived(store, tenant, traces.own), clock, [session])
        drop_runs(done.runs)
    return _erased(store, replace(done, documents=tuple(names), perhaps=traces.perhaps))


def forget_sessions(
    store: Rows, tenant: str, sessions: Sequence[str], *, drop_runs: DropRuns = _left
) -> Forgotten:
    """Delete sessions with all that they hold, and what other sessions of the tenant made of it.

    Args:
        store: where they are.
        tenant: whose they are.
        sessions: which; nothing else tells one of a tenant from all of them.
        drop_runs: deletes the runs that these alone tell of.

    Raises:
        SessionNotFound: there is no such session.
        SessionBusy: somebody writes one of them, or one that something is deleted from.
        LcagentError: as `drop_runs`; nothing is forgotten.
    """
    names = tuple(dict.fromkeys(sessions))
    with store.transaction():
        documents: list[str] = []
        numbers: list[int] = []
        for session in names:
            whose = (tenant, known(store, tenant, session))
            rows = store.rows("SELECT name FROM attached WHERE tenant = ? AND session = ? ORDER BY id", whose)
            documents += [row["name"] for row in rows]
            rows = store.rows("SELECT id FROM entries WHERE tenant = ? AND session = ?", whose)
            numbers += [row["id"] for row in rows]
        told = _delete(store, tenant, derived(store, tenant, numbers), time.time, names)
        for session in names:
            for table in ("attached", "sessions"):
                store.execute(f"DELETE FROM {table} WHERE tenant = ? AND session = ?", (tenant, session))  # noqa: S608 - ours
        drop_runs(told.runs)
    return _erased(store, Forgotten(told.entries, tuple(documents), told.runs, names))


def _erased(store: Rows, told: Forgotten) -> Forgotten:
    """Overwrite what was deleted in the file, and in what is written ahead of it."""
    return replace(told, erased=store.rewrite())


def _delete(
    store: Rows,
    tenant: str,
    gone: Mapping[int, Row],
    clock: Callable[[], float],
    sessions: Sequence[str] = (),
) -> Forgotten:
    """Delete entries within a transaction, under the leases of their sessions and of these."""
    with ExitStack() as leases:
        open_ = {
            name: Entries(
                store,
                tenant,
                name,
                clock=clock,
                fence=leases.enter_context(Lease(store, tenant, name).held()),
            )
            for name in sorted({*sessions, *(row["session"] for row in gone.values())})
        }
        summaries = {name: _begins(entries, gone) for name, entries in open_.items()}
        ended = {name: _ended(store, tenant, name, gone) for name in open_}
        runs = _runs(store, tenant, gone)
        _let_go(store, tenant, gone)
        unindex(store, gone)
        for number in gone:
            store.execute("DELETE FROM entries WHERE id = ?", (number,))
        for name, entries in open_.items():
            entries.rebuild()
            if (lost := summaries[name]) is not None:
                _stand_in(entries, *lost)
            # A turn whose reply is forgotten has been answered: nobody goes on with it.
            entries.append_all([New("event", "", key=key) for key in ended[name]])
    return Forgotten(dict(sorted(Counter(row["kind"] for row in gone.values()).items())), runs=runs)


def _begins(entries: Entries, gone: Mapping[int, Row]) -> tuple[int, int] | None:
    """The span of a session's newest summary where that goes."""
    newest = entries.newest(["summary"], limit=1)
    if not newest or newest[0].id not in gone:
        return None
    first, last = newest[0].data["span"]
    return first, last


def _ended(store: Rows, tenant: str, session: str, gone: Mapping[int, Row]) -> list[str]:
    """Keys of the forgotten replies of turns whose beginning stays."""
    keys = [str(row["key"]) for row in gone.values() if row["session"] == session]
    begun = {key: int(number) for key in keys if (number := key.removesuffix(".reply")).isdecimal()}
    rows = store.rows("SELECT id FROM entries WHERE tenant = ? AND session = ?", (tenant, session))
    stay = {row["id"] for row in rows} - gone.keys()
    return [key for key, number in begun.items() if key.endswith(".reply") and number in stay]


def _stand_in(entries: Entries, first: int, last: int) -> None:
    """Write the summary that says where the queue begins, in the place of one that is gone."""
    behind = entries.count(QUEUED, before=last + 1)
    messages = entries.count(["message"], before=last + 1)
    earlier = entries.newest(["summary"], limit=1)
    if not behind and not earlier:
        return
    count = f"{messages} earlier message{'' if messages == 1 else 's'}"
    note = f"{count} can be searched; the summary of them was deleted with something that was forgotten."
    text = f"{earlier[0].text}\n{note}" if earlier else note
    source: Source = earlier[0].source if earlier else "system"
    entries.append(New("summary", text, source=source, data={"span": [first, last]}))


def _runs(store: Rows, tenant: str, gone: Mapping[int, Row]) -> tuple[str, ...]:
    """The runs that these entries alone tell of."""
    told = dict.fromkeys(
        run for row in gone.values() if isinstance(run := json.loads(row["data"]).get("run"), str)
    )
    if told:
        rows = store.rows(
            "SELECT id, data FROM entries WHERE tenant = ? AND data LIKE '%\"run\"%'", (tenant,)
        )
        for kept in (row for row in rows if row["id"] not in gone):
            told.pop(json.loads(kept["data"]).get("run"), None)
    return tuple(told)


def _let_go(store: Rows, tenant: str, gone: Mapping[int, Row]) -> None:
    """Take what is forgotten out of the data of what stays."""
    data = {number: json.loads(row["data"]) for number, row in gone.items()}
    inherited = _inherited(store, gone, data)
    naming = " OR ".join(
        f"data LIKE '%\"{name}\"%'" for name in ("closes", "reopens", "undoes", "after", "old")
    )
    rows = store.rows(f"SELECT id, data FROM entries WHERE tenant = ? AND ({naming})", (tenant,))  # noqa: S608 - ours
    for row in (row for row in rows if row["id"] not in gone):
        before = json.loads(row["data"])
        after = _without(before, data)
        own = {one["entry"] for one in after.get("closes", ())}
        more = [one for one in inherited.get(row["id"], ()) if one["entry"] not in own]
        if after != before or more:
            if more or "closes" in after:
                after["closes"] = _own_words(store, [*after.get("closes", ()), *more])
            kept = json.dumps(after, ensure_ascii=False)
            store.execute("UPDATE entries SET data = ? WHERE id = ?", (kept, row["id"]))


def _inherited(
    store: Rows, gone: Mapping[int, Row], data: Mapping[int, dict[str, Any]]
) -> dict[int, list[dict[str, Any]]]:
    """What an entry that stays closes in the place of a forgotten one that it had replaced."""
    found: dict[int, list[dict[str, Any]]] = {}
    for number in gone:
        closes = [one for one in data[number].get("closes", ()) if one["entry"] not in gone]
        by = _replaced_by(store, number, gone) if closes else None
        if by is not None:
            found.setdefault(by, []).extend(closes)
    return found


def _replaced_by(store: Rows, number: int, gone: Mapping[int, Row]) -> int | None:
    """The entry that stays and stands in the place of a forgotten one, or of the one after that."""
    rows = store.rows(
        'SELECT "by" FROM closings WHERE entry = ? AND gone = \'\' AND "by" > entry ORDER BY "by"', (number,)
    )
    for row in rows:
        by = row["by"] if row["by"] not in gone else _replaced_by(store, row["by"], gone)
        if by is not None:
            return by
    return None


def _without(before: Mapping[str, Any], gone: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    after = dict(before)
    if after.get("old") in gone:
        del after["old"]
    for name in ("reopens", "undoes"):
        if name in after:
            after[name] = [number for number in after[name] if number not in gone]
    if "closes" in after:
        after["closes"] = [one for one in after["closes"] if one["entry"] not in gone]
    if "after" in after:
        lines = [_stood_for(number, gone) for number in after["after"]]
        after["after"] = list(dict.fromkeys(number for number in lines if number is not None))
    return after


def _stood_for(number: int | None, gone: Mapping[int, Mapping[str, Any]]) -> int | None:
    """The line that a forgotten one had replaced."""
    while number is not None and number in gone:
        number = gone[number].get("old")
    return number


def _own_words(store: Rows, closes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Closings by words that the closed entry itself says: others may be of what is forgotten."""
    kept: list[dict[str, Any]] = []
    for one in closes:
        rows = store.rows("SELECT text FROM entries WHERE id = ?", (one["entry"],)) if one["gone"] else []
        said = {word for row in rows for word in query_words(row["text"])}
        words = [word for word in one["gone"] if word in said]
        if words or not one["gone"]:
            kept.append({"entry": one["entry"], "gone": words})
    return kept
