"""Sessions as lines of JSON: all that is kept of them, to be read into another store, tenant or session.

The first line names the version and the sessions, each other one is an entry or a document. Numbers are given
anew where they are read, and everything that names an entry by its number with them. Sources stay what they
were: nothing gets better by being carried about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, FiniteFloat, StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lcagent.documents import Document
from lcagent.documents.described import described, from_description
from lcagent.errors import UsageError
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.entries import Entries, Kind, New, Source
from lcagent.memory.tiers.leases import Lease
from lcagent.memory.tiers.origins import ELSEWHERE, as_data, origins
from lcagent.memory.tiers.sessions import known, sessions

VERSION = 1
_KEY = re.compile(
    r"(?:(?P<before>summary\.|warned\.|attached\.)|(?=\d+\.))(?P<number>\d{1,18})(?P<after>\..*)?", re.DOTALL
)
"""Keys that name an entry or a document: `12.3.result`, `12.reply`, `summary.12`, `attached.2`."""
_SOME = 500
"""Entries that are read at once."""


class _Closes(TypedDict):
    entry: int
    gone: list[str]


class _Window(TypedDict, total=False):
    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    entries: list[int]


class _Citation(TypedDict, total=False):
    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    message: int | None


class _Data(TypedDict, total=False):
    """What of an entry's data names others by number; the rest is as it is."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]
    closes: list[_Closes]
    reopens: list[int]
    undoes: list[int]
    after: list[int]
    old: int
    span: tuple[int, int]
    op: str
    turn: int | bool
    window: _Window
    shows: list[tuple[Annotated[str, StringConstraints(pattern=r"^[mp]\d+$|^d\d+\.\d+$")], int, int]]
    citations: list[_Citation]
    origins: list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class _Line:
    id: int
    session: str
    kind: Kind
    name: str
    author: str
    source: Source
    text: str
    data: _Data
    valid: FiniteFloat
    recorded: FiniteFloat
    key: str | None
    rests_on: list[int]

    def __post_init__(self) -> None:
        needed = {"block": {"op", "after"}, "summary": {"span"}}.get(self.kind, set[str]())
        if missing := needed - self.data.keys():
            raise ValueError(f"a {self.kind} without {', '.join(sorted(missing))}")
        if self.kind == "block" and self.text != " ".join(self.text.split()):
            raise ValueError("a block's line of several lines")

    @property
    def mark(self) -> tuple[object, ...]:
        """What tells it from others, whatever its number is, and those in its key and its data."""
        return (self.kind, self.name, self.author, self.source, self.text, self.valid, self.recorded)


@dataclass(frozen=True, slots=True)
class _File:
    sessions: tuple[str, ...]
    entries: tuple[_Line, ...]
    documents: tuple[tuple[str, int, Document], ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import.

    Args:
        sessions: names of those that were read into.
        entries: how many were added.
        known: how many were there already.
        documents: how many were attached.
    """

    sessions: tuple[str, ...]
    entries: int
    known: int
    documents: int


def exported(store: Rows, tenant: str, session: str | None = None) -> Iterator[str]:
    """The lines of a session, or of all of a tenant's: the same memory gives the same lines.

    Args:
        store: where it lies.
        tenant: whose it is.
        session: which; None: all.

    Raises:
        SessionNotFound: there is no such session.
    """
    names = sorted(one.name for one in sessions(store, tenant))
    if session is not None:
        names = [known(store, tenant, session)]
    yield _json({"lcagent_memory": VERSION, "sessions": names})
    for name in names:
        for attached in Archival(Entries(store, tenant, name)).documents():
            told = {**described(attached.document), "text": attached.document.text}
            yield _json({"session": name, "id": attached.id, "document": told})
    yield from (_json({"entry": asdict(line)}) for line in _lines(store, tenant, session))


def _lines(store: Rows, tenant: str, session: str | None) -> Iterator[_Line]:
    columns = ", ".join(field.name for field in fields(_Line) if field.name != "rests_on")
    after, which = 0, "" if session is None else " AND session = ?"
    while True:
        values = (tenant, after) if session is None else (tenant, after, session)
        rows = store.rows(
            f"SELECT {columns} FROM entries WHERE tenant = ? AND id > ?{which} ORDER BY id LIMIT {_SOME}",  # noqa: S608 - ours
            values,
        )
        if not rows:
            return
        after = rows[-1]["id"]
        for row in rows:
            rests = store.rows("SELECT source FROM rests WHERE entry = ? ORDER BY source", (row["id"],))
            line: dict[str, Any] = {**row, "data": json.loads(row["data"])}
            yield _Line(**line, rests_on=[one["source"] for one in rests])


def imported(store: Rows, tenant: str, lines: Iterable[str], *, session: str | None = None) -> Imported:
    """Read the lines that `exported` gave; again, or after more was exported, only what is new is added.

    Args:
        store: where it goes.
        tenant: whose it will be.
        lines: as exported.
        session: what the one session of the lines is to be called; None: as it was.

    Raises:
        UsageError: the lines are none of these, or a session has gone another way than they tell.
        SessionBusy: somebody writes one of the sessions.
    """
    file = _read(lines)
    if session is not None:
        if len(file.sessions) != 1:
            raise UsageError(
                f"there are {len(file.sessions)} sessions in it, and one name for them",
                hint="leave the session out: they keep their names",
            )
        file = _renamed(file, session)
    with store.transaction(), ExitStack() as leases:
        targets = {
            name: _Target(store, tenant, name, leases.enter_context(Lease(store, tenant, name).held()))
            for name in file.sessions
        }
        attached = sum(targets[name].attach(number, document) for name, number, document in file.documents)
        for name, target in targets.items():
            target.match([line for line in file.entries if line.session == name])
        new = _write(targets, file.entries)
    return Imported(file.sessions, new, len(file.entries) - new, attached)


def _renamed(file: _File, session: str) -> _File:
    entries = tuple(replace(line, session=session) for line in file.entries)
    return _File(
        (session,), entries, tuple((session, number, document) for _, number, document in file.documents)
    )


class _Target:
    """A session that is read into."""

    def __init__(self, store: Rows, tenant: str, session: str, fence: int) -> None:
        self._now = 0.0
        self._entries = Entries(store, tenant, session, clock=lambda: self._now, fence=fence)
        self.known: dict[int, int] = {}
        self._documents: dict[int, int] = {}

    def attach(self, number: int, document: Document) -> bool:
        """Attach a document; whether it is new."""
        archival = Archival(self._entries)
        before = {one.document.sha256 for one in archival.documents()}
        self._documents[number] = archival.attach(document).id
        return document.sha256 not in before

    def match(self, lines: Sequence[_Line]) -> None:
        """Find out which lines are there already.

        Raises:
            UsageError: the session holds something else, or lacks something that came earlier.
        """
        entries = self._entries
        held: dict[tuple[object, ...], list[int]] = {}
        count = 0
        for line in _lines(entries.store, entries.tenant, entries.session):
            held.setdefault(line.mark, []).insert(0, line.id)
            count += 1
        for line in lines:
            if same := held.get(line.mark):
                self.known[line.id] = same.pop()
        begun = [line.id in self.known for line in lines]
        if not all(begun) and (len(self.known) < count or begun != sorted(begun, reverse=True)):
            raise UsageError(
                f"the session {entries.session!r} has gone another way than what is to be imported",
                hint="import it under another name, with --session NAME",
            )

    def write(self, line: _Line, numbers: Mapping[int, int]) -> int:
        """Write a line with what it names by their new numbers; its own one."""
        self._now = line.recorded
        data = _mapped(line.data, numbers)
        if "shows" in data:
            data["shows"] = [[self._marked(mark, numbers), *place] for mark, *place in data["shows"]]
        if came := origins(data):
            data |= as_data(replace(o, document=self._documents.get(o.document, ELSEWHERE)) for o in came)
        if span := line.data.get("span"):  # its ends may be forgotten
            inside = [new for old, new in self.known.items() if span[0] <= old <= span[1]]
            data["span"] = [min(inside, default=0), max(inside, default=0)]
        key = self._keyed(line.key, numbers) if line.key else None
        new = New(line.kind, line.text, line.name, line.author, line.source, data, line.valid, key)
        self.known[line.id] = self._entries.append(new).id
        return self.known[line.id]

    def _marked(self, mark: str, numbers: Mapping[int, int]) -> str:
        """The mark of something that is shown: `m12`, `p7`, `d2.1534`."""
        number, *place = mark[1:].split(".")
        known = self._documents if mark[0] == "d" else numbers
        return ".".join([f"{mark[0]}{known.get(int(number), 0)}", *place])

    def _keyed(self, key: str, numbers: Mapping[int, int]) -> str | None:
        """A key under which turns find what they wrote, with the new number of what it names."""
        if not (match := _KEY.fullmatch(key)):
            return key  # a caller's own
        before, number, after = match["before"] or "", int(match["number"]), match["after"] or ""
        known = self._documents if before == "attached." else {**numbers, 0: 0}
        return f"{before}{known[number]}{after}" if number in known else None

    def rest(self, number: int, source: int) -> None:
        """Note what an entry rests on."""
        self._entries.rest(number, source)


def _write(targets: Mapping[str, _Target], lines: Sequence[_Line]) -> int:
    """Write what is not there yet, then what rests on what: on later entries too, as they confirm it.
    How many are new."""
    numbers = {old: new for target in targets.values() for old, new in target.known.items()}
    new = {line.id for line in lines if line.id not in numbers}
    for line in lines:
        if line.id in new:
            numbers[line.id] = targets[line.session].write(line, numbers)
    for line in lines:
        for source in line.rests_on:
            if source in numbers:
                targets[line.session].rest(numbers[line.id], numbers[source])
    return len(new)


def _mapped(data: Mapping[str, Any], numbers: Mapping[int, int]) -> dict[str, Any]:
    """An entry's data with the new numbers of those that it names; what is not there is left out."""
    mapped = dict(data)
    for name in ("reopens", "undoes"):
        if name in data:
            mapped[name] = [numbers[one] for one in data[name] if one in numbers]
    if "after" in data:  # 0 is the line itself
        mapped["after"] = [numbers.get(one, 0) for one in data["after"] if one in numbers or not one]
    if "closes" in data:
        closes = [one for one in data["closes"] if one["entry"] in numbers]
        mapped["closes"] = [{**one, "entry": numbers[one["entry"]]} for one in closes]
    for name in ("old", "turn"):
        if name in data and not isinstance(data[name], bool):  # `turn` is False of what began none
            mapped[name] = numbers.get(data[name], 0)
    if "entries" in data.get("window", ()):
        seen = [numbers[one] for one in data["window"]["entries"] if one in numbers]
        mapped["window"] = {**data["window"], "entries": seen}
    if "citations" in data:
        cited = data["citations"]
        mapped["citations"] = [{**one, "message": numbers.get(one.get("message"))} for one in cited]
    return mapped


def _read(lines: Iterable[str]) -> _File:
    texts = iter(lines)
    names = _header(next(texts, ""))
    entries: list[_Line] = []
    documents: list[tuple[str, int, Document]] = []
    for number, text in enumerate(texts, 2):
        if not text.strip():
            continue
        with _told(number):
            told = json.loads(text)
            if "document" in told:
                session = told["session"]
                attached = _adapter(int).validate_python(told["id"])
                documents.append((session, attached, _document(told["document"])))
            else:
                entries.append(_adapter(_Line).validate_python(told["entry"]))
                session = entries[-1].session
            if session not in names:
                raise ValueError(f"no session {session!r} is named in the first line")
            if len(entries) > 1 and entries[-1].id <= entries[-2].id and "entry" in told:
                raise ValueError("entries are not in order")
    return _File(names, tuple(entries), tuple(documents))


def _header(line: str) -> tuple[str, ...]:
    with _told(1):
        header = json.loads(line)
        version = header["lcagent_memory"]
        if version != VERSION:
            raise UsageError(
                f"this is a memory of version {version}; version {VERSION} is known here",
                hint="upgrade lcagent",
            )
        return _adapter(tuple[str, ...]).validate_python(header["sessions"])


@contextmanager
def _told(number: int) -> Generator[None]:
    """Tell the line that is wrong."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise UsageError(
            f"line {number} is no line of an exported memory: {why}",
            hint="`lcagent memory export FILE.jsonl` writes such files",
        ) from error


def _document(told: dict[str, Any]) -> Document:
    text = told.pop("text")  # may hold half a surrogate pair, as its file did
    if not isinstance(text, str):
        raise TypeError("a document without text")
    told["pages"] = [list(one.values()) if isinstance(one, dict) else one for one in told["pages"]]
    return from_description(told, text)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
