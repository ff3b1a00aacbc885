"""What goes with entries that are forgotten: all that was made of them, or shows what they say.

What merely came later stays, and so does what stood there before and was only said again.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lcagent.documents import query_words
from lcagent.errors import EntryNotFound
from lcagent.memory.rows import Rows, marks, parts
from lcagent.memory.tiers.entries import ASSISTANT, FOREIGN
from lcagent.memory.tiers.origins import origins
from lcagent.memory.tiers.queue import QUEUED

Row = Mapping[str, Any]
"""An entry's id, session, kind, author, source, text, key, and data as JSON."""
Words = tuple[str, ...]
_COLUMNS = "e.id, e.session, e.kind, e.author, e.source, e.text, e.data, e.key"
_SHOWING = ("call", "result", "event")
"""What shows texts of others: arguments of functions, results of searches, what the system tells."""
_SAID = ("message", "passage", "block")
_TELLING = 6
"""Letters from which a word by itself shows that a text is found again, as "ok" does not."""
_FIRST = 3
"""Words by which a text is looked up."""
_ESCAPED = re.compile(r"\\[nrtbf]")
_WORD = re.compile(r"\w+")
_NAME = re.compile(r"(?<=[\w,;'’)] )[^\W\d_]\w+")
"""A word within a sentence; with a capital letter it is a name."""


def derived(store: Rows, tenant: str, entries: Iterable[int]) -> dict[int, Row]:
    """Entries with all that goes with them, by their numbers, in any session of a tenant:

    - what rests on one and came after it, step by step: core lines, passages, calls, results, replies;
    - what the turn did that it began: its calls, their results, the reply;
    - a core line or passage that replaced another and keeps words of it that its own sources do not say;
    - calls and results that show the text of one, or a telling word of it, that nothing that stays says;
    - replies that name a name or figure of one that nobody else says;
    - summaries of a span that holds one, and those after it, which are made of them;
    - changes that close nothing else.

    Raises:
        EntryNotFound: one of the entries is not there.
    """
    wanted = list(dict.fromkeys(entries))
    found = {row["id"]: row for row in _read(store, tenant, wanted)}
    if missing := [number for number in wanted if number not in found]:
        raise EntryNotFound(
            f"there is no entry {missing[0]}",
            hint="`lcagent memory search` and `lcagent memory show` tell their numbers",
        )
    while fresh := _fresh(found, _made_of(store, tenant, found)) or _fresh(
        found, _showing(store, tenant, found)
    ):
        found.update(fresh)
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Traces:
    """What tells of a document, by numbers of entries.

    Args:
        own: what says that it is there, shows a place in it, cites it, or comes from it.
        perhaps: what was written while it was in sight, and may come from elsewhere.
    """

    own: tuple[int, ...] = ()
    perhaps: tuple[int, ...] = ()


def traces_of(store: Rows, tenant: str, session: str, name: str, attached: Sequence[int]) -> Traces:
    """What tells of a document, what is made of that apart (`derived`).

    Args:
        store: where it is kept.
        tenant: whose it is.
        session: which the document is attached to.
        name: of the document.
        attached: its numbers.
    """
    places, keys = tuple(f"d{number}." for number in attached), {f"attached.{number}" for number in attached}
    where = "FROM entries e WHERE e.tenant = ? AND e.session = ?"
    own, perhaps = list[int](), list[int]()
    for row in _rows(store, where, (tenant, session)):
        data = json.loads(row["data"])
        came = [one for one in origins(data) if one.document in attached]
        shown = any(str(mark).startswith(places) for mark, *_ in data.get("shows", ()))
        cited = any(one["document"] == name for one in data.get("citations", ()))
        made = row["source"] in FOREIGN and any(one.carries for one in came)
        if shown or cited or made or row["key"] in keys:
            own.append(row["id"])
        elif came:
            perhaps.append(row["id"])
    return Traces(tuple(own), tuple(perhaps))


def _fresh(found: Mapping[int, Row], more: Iterable[Row]) -> dict[int, Row]:
    return {row["id"]: row for row in more if row["id"] not in found}


def _made_of(store: Rows, tenant: str, gone: Mapping[int, Row]) -> Iterator[Row]:
    """What goes in the next step because of what goes already."""
    for some in parts(list(gone)):
        yield from _rows(
            store,
            f"FROM rests r JOIN entries e ON e.id = r.entry WHERE r.source IN ({marks(some)})"
            " AND r.entry > r.source AND e.tenant || '' = ?",
            (*some, tenant),
        )
    yield from _read(store, tenant, _of_turns(store, tenant, gone))
    for row, data in _with(store, tenant, "old"):
        old = gone.get(data["old"])
        if old is not None and row["id"] not in gone and _keeps(store, tenant, row, old, gone):
            yield row
    for row, data in _with(store, tenant, "closes"):
        if row["kind"] == "change" and all(one["entry"] in gone for one in data["closes"]):
            yield row
    yield from _summaries(store, tenant, gone)


def _of_turns(store: Rows, tenant: str, gone: Mapping[int, Row]) -> list[int]:
    """What turns did that one of these began: they name what they write `12.3.result`, `12.reply`."""
    begun = {str(number) for number, row in gone.items() if row["kind"] in {"message", "event"}}
    found: list[int] = []
    for session in {row["session"] for row in gone.values()}:
        rows = store.rows(
            "SELECT id, key FROM entries WHERE tenant = ? AND session = ? AND key >= '0' AND key < ':'"
            " AND kind IN ('call', 'result', 'event', 'message')",
            (tenant, session),
        )
        found += [row["id"] for row in rows if row["key"].partition(".")[0] in begun]
    return found


def _keeps(store: Rows, tenant: str, row: Row, old: Row, gone: Mapping[int, Row]) -> bool:
    """Whether what replaced a text keeps words of it that it has from nowhere else."""
    sources = store.rows("SELECT source FROM rests WHERE entry = ?", (row["id"],))
    own = [number for one in sources if (number := one["source"]) not in gone]
    said = {word for source in _read(store, tenant, own) for word in query_words(source["text"])}
    return bool((set(query_words(row["text"])) & set(query_words(old["text"]))) - said)


def _summaries(store: Rows, tenant: str, gone: Mapping[int, Row]) -> Iterator[Row]:
    evicted: dict[str, list[int]] = {}
    for number in sorted(gone):
        if gone[number]["kind"] in (*QUEUED, "summary"):
            evicted.setdefault(gone[number]["session"], []).append(number)
    for session, numbers in evicted.items():
        where = "FROM entries e WHERE e.tenant = ? AND e.session = ? AND e.kind = 'summary'"
        made_of_one = False  # each is made of the one before it
        for row in _rows(store, where, (tenant, session)):
            first, last = json.loads(row["data"])["span"]
            held = numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]
            made_of_one |= row["id"] in gone or any(gone[number]["kind"] in QUEUED for number in held)
            if made_of_one:
                yield row


def _showing(store: Rows, tenant: str, gone: Mapping[int, Row]) -> Iterator[Row]:
    kinds = f"FROM entries e WHERE e.tenant = ? AND e.kind IN ({marks(_SAID)})"
    left = [row for row in _rows(store, kinds, (tenant, *_SAID)) if row["id"] not in gone]
    forgotten = [row["text"] for row in gone.values() if row["kind"] in _SAID]
    texts, still_said = _Texts(forgotten), set[Words]()
    words = {word for text in forgotten for word in _telling(text)}
    names = {word for text in forgotten for word in _names(text)}
    for row in left:
        still_said |= texts.within(row["text"])
        own = set(_words(row["text"]))
        words -= own
        if not _is_reply(row):
            names -= own
    yield from (row for row in left if _is_reply(row) and names & set(_words(row["text"])))
    kinds = f"FROM entries e WHERE e.tenant = ? AND e.kind IN ({marks(_SHOWING)})"
    for row in _rows(store, kinds, (tenant, *_SHOWING)):
        parts = (row["text"], *_strings(json.loads(row["data"]))) if row["id"] not in gone else ()
        if any(words & set(_words(part)) or texts.within(part) - still_said for part in parts):
            yield row


def _is_reply(row: Row) -> bool:
    return row["kind"] == "message" and row["author"] == ASSISTANT


def _names(text: str) -> set[str]:
    """Names and figures of a text."""
    found = {word.casefold() for word in _NAME.findall(text) if word[0].isupper()}
    return found | {word for word in _words(text) if len(word) > 1 and any(map(str.isdigit, word))}


def _telling(text: str) -> set[str]:
    """Words that tell a text by themselves."""
    return _names(text) | {word for word in _words(text) if len(word) >= _TELLING}


class _Texts:
    """Texts that are looked for in others by their words, whatever marks stand between them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._beginning: dict[Words, set[Words]] = {}
        for words in map(_words, texts):
            if len(words) > 1 or (words and len(words[0]) >= _TELLING):
                self._beginning.setdefault(words[:_FIRST], set()).add(words)

    def within(self, other: str) -> set[Words]:
        """Those that stand in another text."""
        words, found = _words(other), set[Words]()
        for at in range(len(words)):
            for length in range(1, _FIRST + 1):
                for text in self._beginning.get(words[at : at + length], ()):
                    if words[at : at + len(text)] == text:
                        found.add(text)
        return found


def _words(text: str) -> Words:
    return tuple(_WORD.findall(_ESCAPED.sub(" ", text).casefold()))


def _strings(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _strings(value)
    elif isinstance(data, list):
        for value in data:
            yield from _strings(value)


def _with(store: Rows, tenant: str, name: str) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Entries whose data has a name, with their data."""
    for row in _rows(
        store, "FROM entries e WHERE e.tenant = ? AND instr(e.data, ?) > 0", (tenant, f'"{name}"')
    ):
        if name in (data := json.loads(row["data"])):
            yield row, data


def _read(store: Rows, tenant: str, numbers: Sequence[int]) -> Iterator[Row]:
    for some in parts(numbers):
        where = f"FROM entries e WHERE e.id IN ({marks(some)}) AND e.tenant || '' = ?"
        yield from _rows(store, where, (*some, tenant))


def _rows(store: Rows, rest: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return store.rows(f"SELECT DISTINCT {_COLUMNS} {rest} ORDER BY e.id", values)
