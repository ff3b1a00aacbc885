"""What `lcagent memory` tells of entries, and how it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lcagent.cli import terminal
from lcagent.errors import EntryNotFound
from lcagent.text import clipped, folded_line, told_time

if TYPE_CHECKING:
    from lcagent.memory.tiers.core import Core
    from lcagent.memory.tiers.entries import Entries, Entry
    from lcagent.memory.tiers.forgetting import Forgotten

_WIDTH = 100
"""Characters of an entry in a list."""
_MOST = 1 << 30


def entry_told(entries: Entries, entry: Entry) -> dict[str, Any]:
    """An entry as it is told: `--json` prints it as it is."""
    from lcagent.graphs.memgpt.view import notes
    from lcagent.memory.tiers.changes import standings

    standing = standings(entries, [entry])[entry.id]
    return {
        "id": entry.id,
        "kind": entry.kind,
        "name": entry.name,
        "author": entry.author,
        "source": entry.source,
        "at": entry.valid,
        "text": entry.text,
        "notes": notes(entries, standing),
        "rests_on": entries.rests_on(entry.id),
    }


def one(entries: Entries, number: int) -> dict[str, Any]:
    """An entry with all that is known of it, what it rests on, and what was made of it.

    Raises:
        EntryNotFound: the session has none of that number.
    """
    entry = entries.get([number]).get(number)
    if entry is None:
        raise EntryNotFound(
            f"the session {entries.session!r} has no entry {number}",
            hint="`lcagent memory search` tells numbers; --session and --tenant name another one",
        )
    around = {
        name: [entry_told(entries, one) for one in entries.get(numbers).values()]
        for name, numbers in (
            ("rests_on", entries.rests_on(number)),
            ("made_of_it", entries.resting_on(number)),
        )
    }
    told = {**entry_told(entries, entry), "recorded": entry.recorded, "data": dict(entry.data)}
    return {**told, **around, "origins": _origins(entries, entry)}


def _origins(entries: Entries, entry: Entry) -> list[dict[str, Any]]:
    """The documents that an entry was made of, or that were in sight when it was written."""
    from lcagent.memory.tiers.archival import Archival
    from lcagent.memory.tiers.origins import origins

    documents = {one.id: one.document for one in Archival(entries).documents()}
    told: list[dict[str, Any]] = []
    for one in origins(entry.data):
        document = documents.get(one.document)
        named: dict[str, Any] = {"document": document.name if document else None, "in_sight": not one.carries}
        if document and one.carries:
            quote = document.text[one.start : one.end]
            named |= {"place": document.place(one.start), "char_start": one.start, "char_end": one.end}
            named["quote"] = quote
        told.append(named)
    return told


def overview(entries: Entries, core: Core, at: float | None) -> dict[str, Any]:
    """What a session holds; of a time, in seconds since 1970, its core memory alone."""
    from lcagent.memory.tiers.archival import Archival
    from lcagent.memory.tiers.queue import Queue

    blocks: dict[str, Any] = {}
    for label in core.labels:
        before = None
        if at is not None:
            then = [one.id for one in core.versions(label, _MOST) if one.recorded < at]
            before = max(then, default=0) + 1
        blocks[label] = [entry_told(entries, line) for line in core.lines(label, before=before)]
    told: dict[str, Any] = {"tenant": entries.tenant, "session": entries.session, "blocks": blocks}
    if at is not None:
        return told
    queue = Queue(entries)
    summary = queue.summary()
    return {
        **told,
        "summary": entry_told(entries, summary) if summary else None,
        "evicted": queue.evicted(),
        "queued": queue.count(),
        "messages": entries.count(["message"]),
        "passages": entries.count(["passage"]),
        "documents": [one.document.name for one in Archival(entries).documents()],
    }


def print_overview(told: dict[str, Any]) -> None:
    """Print what `overview` gives."""
    for label, lines in told["blocks"].items():
        terminal.line(f"{folded_line(label)}:" + ("" if lines else " (empty)"))
        for one in lines:
            terminal.line(line(one))
    if "messages" not in told:
        return
    if told["summary"]:
        terminal.line(f"summary of {told['evicted']:,} messages:")
        terminal.line(line(told["summary"]))
    for name in told["documents"]:
        terminal.line(f"document: {folded_line(name)}")
    terminal.line(
        f"{told['messages']:,} messages, {told['passages']:,} passages, {told['queued']:,} in the queue"
    )


def print_entry(told: dict[str, Any]) -> None:
    """Print what `one` gives."""
    terminal.line(f"entry     {told['id']} ({told['kind']} {folded_line(told['name'])})")
    terminal.line(
        f"said      {told_time(told['at'])} by {folded_line(told['author'])}, source {told['source']}"
    )
    for note in told["notes"]:
        terminal.line(f"note      {folded_line(note)}")
    terminal.text(told["text"])
    for title, name in (("rests on", "rests_on"), ("made of it", "made_of_it")):
        if told[name]:
            terminal.line(f"--- {title}")
        for one in told[name]:
            terminal.line(line(one))
    if told["origins"]:
        terminal.line("--- documents")
    for one in told["origins"]:
        name = one["document"] or "a document that is not here any more"
        place = ", ".join(dict.fromkeys([name, *filter(None, [one.get("place")])]))
        how = "in sight when it was written" if one["in_sight"] else clipped(one.get("quote", ""), _WIDTH)
        terminal.line(folded_line(f"{place}: {how}" if how else place))


def line(told: dict[str, Any]) -> str:
    """An entry in one line."""
    rests = [str(one) for one in told["rests_on"]]
    marks = [*([f"rests on {', '.join(rests)}"] if rests else []), *told["notes"]]
    who = told["author"] if told["kind"] == "message" else told["kind"]
    text = clipped(told["text"], _WIDTH)
    after = f" [{'; '.join(marks)}]" if marks else ""
    return folded_line(f"{told['id']} {told_time(told['at'])} {who}: {text}{after}")


def print_forgotten(gone: Forgotten, as_json: bool) -> None:
    """Print what was deleted."""
    from dataclasses import asdict

    if as_json:
        print_json(asdict(gone))
    else:
        counts = [f"{count:,} {kind}{'s' * (count != 1)}" for kind, count in gone.entries.items()]
        for name, some in (("document", gone.documents), ("run", gone.runs), ("session", gone.sessions)):
            if some:
                counts.append(f"{len(some)} {name}{'s' * (len(some) != 1)} ({folded_line(', '.join(some))})")
        terminal.line(f"deleted {', '.join(counts) or 'nothing'}")
        if gone.perhaps:
            numbers = " ".join(map(str, gone.perhaps))
            terminal.line(f"written with it in sight, and kept: `lcagent memory show ID` of {numbers}")
    if not gone.erased:
        terminal.note("traces stay: a process was reading memory.db, or a server has yet to write over them")


def print_json(told: object) -> None:
    """Print an object as JSON."""
    terminal.as_json(told)
