"""A session as a folder of Markdown that a person reads, edits and keeps in git.

The same memory gives the same bytes, and nothing is named by a number of the store: messages are told apart
by their time and text, passages by a name that follows from theirs.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from rapidfuzz import fuzz, process

from lcagent.errors import UsageError
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.changes import closings
from lcagent.memory.tiers.core import Core, labels
from lcagent.memory.tiers.entries import Entries, Entry, New, Source
from lcagent.memory.tiers.origins import ELSEWHERE, Origin, as_data, origins
from lcagent.memory.tiers.queue import Queue
from lcagent.private import private_folder
from lcagent.text import folded_line, whole_characters

README = "README.md"
_SUMMARY = "summary.md"
_ABOUT = """# A memory

What `lcagent memory export` wrote of one conversation. Times are UTC.

May be edited; `lcagent memory import` of this folder then applies it:

- `core/*.md`: what is always before the model, one line of a block after each `-`. Lines may be changed,
  added and taken away.
- `archival/*.md`: what it looks up, one passage a file, under first lines that stay: since when, and the
  documents that it was made of or that were in sight when it was noted. A changed passage
  replaces the old one; a file with a name of your own becomes a new passage.

To be read only; changes here are told when the folder is imported, and not applied:

- `conversation/*.md`: who said what, a file a day.
- `summary.md`: stands for the first messages where they do not fit the window any more.

What holds no more, calls of functions and attached documents are not here: `lcagent memory export FILE.jsonl`
has all. To delete something, use `lcagent memory forget`.
"""
_BY_US = re.compile(
    r"core/[^/]+\.md|(?:archival/\d{4}-\d\d-\d\d-[0-9a-f]{12}|conversation/\d{4}-\d\d-\d\d)\.md"
)
_PASSAGE = re.compile(r"archival/\d{4}-\d\d-\d\d-[0-9a-f]{12}\.md")
_SINCE = re.compile(
    r"<!-- since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) -->((?:\r*\n<!-- (?:made of|in sight:) [^\n]*-->)*)"
)
_ORIGIN = re.compile(r"<!-- (?:made of|in sight:) (\S*?)(?: (\d{1,12})-(\d{1,12}))? -->")
"""The document's name, quoted as in a URL, and the characters."""
_BEHIND = re.compile(r"<!-- stands for the first (\d{1,9}) messages -->")
_SAID = re.compile(r"### (\d\d:\d\d:\d\d) · ([^·\n]+?)(?: · ([^\n]+))?")
_LINE_END = re.compile(r"\r+\n")
_FORM = "%Y-%m-%d %H:%M:%S"
_FIRST, _LAST = -62135596800, 253402300799
"""Seconds from 1970 of the first and the last moment of the calendar."""
_ALIKE = 50.0
"""Similarity (0-100) from which a line is a changed one, and not another."""
_ALL = 1 << 30
Files = Mapping[str, str]
"""Texts by their paths within the folder."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What came of importing a folder: sentences for people.

    Args:
        applied: what was changed in the session.
        ignored: what is different in the folder and was not applied, and why.
    """

    applied: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Message:
    at: str
    role: str
    author: str
    text: str


def files(entries: Entries) -> dict[str, str]:
    """A session as files of Markdown.

    Args:
        entries: of the session.
    """
    made = {README: _ABOUT}
    core = Core(entries, labels(entries))
    for label in core.labels:
        made[f"core/{quote(label, safe=' ')}.md"] = block_text(core, label)
    for name, passage in _passages(entries)[0].items():
        heads = [f"<!-- since {_moment(passage.valid)} -->", *_told_origins(entries, passage)]
        made[name] = "\n".join(heads) + f"\n\n{_plain(passage.text)}\n"
    days: dict[str, list[str]] = {}
    for message in _messages(entries):
        who = " · ".join(dict.fromkeys((message.role, message.author)))
        said = "\n".join(
            f"> {line}".rstrip(" ") if not line else f"> {line}" for line in message.text.split("\n")
        )
        days.setdefault(message.at[:10], []).append(f"### {message.at[11:]} · {who}\n\n{said}\n")
    made |= {f"conversation/{day}.md": "\n".join(said) for day, said in days.items()}
    queue = Queue(entries)
    if summary := queue.summary():
        made[_SUMMARY] = (
            f"<!-- stands for the first {queue.evicted()} messages -->\n\n{_plain(summary.text)}\n"
        )
    return made


def write(folder: Path, made: Files) -> None:
    """Write a session's files; those that an earlier export wrote and that are no more are deleted.

    Args:
        folder: made where it is not there.
        made: as `files` gives them.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        private_folder(folder)
        for path in _markdown(folder):
            name = path.relative_to(folder).as_posix()
            if name not in made and (name == _SUMMARY or _BY_US.fullmatch(name)):
                path.unlink()
        for name, text in made.items():
            path = folder / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if path.is_symlink():  # it would lead out of the folder
                path.unlink()
            path.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error


def read(folder: Path) -> dict[str, str]:
    """The files of a folder that `write` wrote and a person may have edited; links are passed over.

    Raises:
        UsageError: it cannot be read, or is no such folder.
    """
    found: dict[str, str] = {}
    try:
        for path in _markdown(folder):
            found[path.relative_to(folder).as_posix()] = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{folder} cannot be read: {error}", hint="files are Markdown in UTF-8") from error
    if not any(name.startswith("core/") for name in found):
        raise UsageError(
            f"{folder} is no memory: it has no folder core", hint="`lcagent memory export FOLDER` writes one"
        )
    return found


def _markdown(folder: Path) -> Iterator[Path]:
    for pattern in ("*.md", "core/*.md", "archival/*.md", "conversation/*.md"):
        yield from (
            path
            for path in sorted(folder.glob(pattern))
            if path.is_file() and not path.is_symlink() and not path.parent.is_symlink()
        )


def apply(entries: Entries, told: Files, core: Core) -> Edits:
    """Bring what a person edited into a session; into an empty one all that is there.

    Args:
        entries: of the session, under its lease.
        told: as `read` gives them.
        core: the blocks of the session, with their limit.

    Raises:
        BlockFull: a block holds no more; nothing is applied then.
        UsageError: the conversation cannot be read.
    """
    said = list(_said(told))
    with entries.store.transaction():
        fresh = not entries.store.rows(
            "SELECT 1 FROM entries WHERE tenant = ? AND session = ? LIMIT 1",
            (entries.tenant, entries.session),
        )
        applied, ignored = _begun(entries, told, said) if fresh else ([], _not_said(entries, told, said))
        for done, left in (_core_edits(told, core), _archival_edits(entries, told, fresh=fresh)):
            applied += done
            ignored += left
    return Edits(tuple(applied), tuple(ignored))


def _begun(entries: Entries, told: Files, said: list[_Message]) -> tuple[list[str], list[str]]:
    """Write the conversation of an empty session."""
    news = [
        New("message", one.text, one.role, one.author, "imported", valid=_seconds(one.at)) for one in said
    ]
    written = entries.append_all(news)
    summary = told.get(_SUMMARY, "")
    if (behind := _BEHIND.match(summary)) and (first := written[: int(behind[1])]):
        span = {"span": [first[0].id, first[-1].id]}
        entries.append(New("summary", _body(summary, _BEHIND), source="imported", data=span))
    return ([f"{len(written)} messages"] if written else []), []


def _not_said(entries: Entries, told: Files, said: list[_Message]) -> list[str]:
    """What of a conversation and its summary is different in the folder."""
    held = Counter(_messages(entries))
    here = Counter(said)
    days = Counter(one.at[:10] for one in ((held - here) + (here - held)).elements())
    found = [
        f"conversation/{day}.md: what was said is not changed by an import ({count} differences)"
        for day, count in sorted(days.items())
    ]
    summary = Queue(entries).summary()
    if _body(told.get(_SUMMARY, ""), _BEHIND) != _plain(summary.text if summary else ""):
        found.append(f"{_SUMMARY}: a summary is not changed by an import")
    return found


def _core_edits(told: Files, core: Core) -> tuple[list[str], list[str]]:
    applied: list[str] = []
    ignored: list[str] = []
    for label, name in blocks(told).items():
        lines = block_lines(told[name])
        if label in core.labels:
            applied += [f"{name}: {edit}" for edit in edit_block(core, label, lines, source="imported")]
        elif lines:
            ignored.append(f"{name}: the session has no such block")
    return applied, ignored


def blocks(told: Files) -> dict[str, str]:
    """The names of the blocks' files by the labels of the blocks."""
    names = sorted(name for name in told if name.startswith("core/"))
    return {unquote(name.removeprefix("core/").removesuffix(".md")): name for name in names}


def block_lines(text: str) -> list[str]:
    """The lines of a block as a person writes them, each after a `-` or without it."""
    written = [line for line in map(str.strip, text.split("\n")) if line not in {"", "-"}]
    return [" ".join(line.removeprefix("- ").split()) for line in written]


def block_text(core: Core, label: str) -> str:
    """A block as a person reads and edits it."""
    return "".join(f"- {line.text}\n" for line in core.lines(label))


def edit_block(core: Core, label: str, lines: list[str], *, source: Source) -> Iterator[str]:
    """Make a block hold these lines; those that stay are not touched, new ones come last.

    Args:
        core: the blocks.
        label: the block's.
        lines: that it is to hold.
        source: where they come from.

    Yields:
        What was done, in words.

    Raises:
        EntryNotFound: there is no such block.
        BlockFull: they do not fit.
    """
    held = [line.text for line in core.lines(label)]
    gone, fresh = _beyond(held, lines), _beyond(lines, held)
    for old in gone:
        new = ""
        if like := process.extractOne(old, fresh, scorer=fuzz.ratio, score_cutoff=_ALIKE):
            fresh.remove(new := like[0])
        core.replace(label, old, new, author="user", source=source)
        yield f"{old!r} is now {new!r}" if new else f"{old!r} is taken away"
    for new in fresh:
        core.append(label, new, author="user", source=source)
        yield f"{new!r} is added"


def _beyond(some: list[str], others: list[str]) -> list[str]:
    """Those that the others have not, or not as often, in order."""
    left = Counter(others)
    found: list[str] = []
    for one in some:
        if left[one]:
            left[one] -= 1
        else:
            found.append(one)
    return found


def _archival_edits(entries: Entries, told: Files, *, fresh: bool) -> tuple[list[str], list[str]]:
    archival, applied, ignored = Archival(entries), list[str](), list[str]()
    live, closed = _passages(entries)
    known = {_plain(passage.text) for passage in live.values()}
    bodies = {name: _body(text, _SINCE) for name, text in told.items() if name.startswith("archival/")}
    for name, text in bodies.items():
        if text in known:
            continue
        if not text:
            ignored.append(f"{name}: it is empty; `lcagent memory forget` deletes a passage")
        elif name in live:
            archival.replace(live[name], text, author="user", source="imported")
            applied.append(f"{name}: the passage is replaced")
        elif fresh or not _PASSAGE.fullmatch(name):
            since = _SINCE.match(told[name])
            valid = _seconds(since[1]) if since else None
            data = as_data(_read_origins(entries, since[2])) if since else {}
            entries.append(New("passage", text, author="user", source="imported", data=data, valid=valid))
            applied.append(f"{name}: a passage is added")
        else:
            why = (
                "holds no more"
                if name in closed
                else "is not in the session: it was forgotten, or is of another"
            )
            ignored.append(f"{name}: the passage {why}")
        known.add(text)
    here = set(bodies.values())
    ignored += [
        f"{name}: it is not in the folder, and stays; `lcagent memory forget {passage.id}` deletes it"
        for name, passage in live.items()
        if name not in bodies and _plain(passage.text) not in here
    ]
    return applied, ignored


def _told_origins(entries: Entries, passage: Entry) -> list[str]:
    """The documents that a passage was made of, a line each."""
    came = origins(passage.data)
    names = {one.id: one.document.name for one in Archival(entries).documents()} if came else {}
    return [
        f"<!-- made of {name} {one.start}-{one.end} -->" if one.carries else f"<!-- in sight: {name} -->"
        for one in came
        for name in [quote(names.get(one.document, ""), safe="")]
    ]


def _read_origins(entries: Entries, text: str) -> list[Origin]:
    """What `_told_origins` told, of the session's own documents; of one that is not there that it was."""
    numbers = {one.document.name: one.id for one in Archival(entries).documents()}
    return [
        Origin(numbers.get(unquote(name), ELSEWHERE), int(start or 0), int(end or 0))
        for name, start, end in _ORIGIN.findall(text)
    ]


def _passages(entries: Entries) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Passages by the names of their files: those that hold, and those that do not."""
    every = entries.oldest(["passage"], limit=_ALL)
    gone = closings(entries, [one.id for one in every])
    live: dict[str, Entry] = {}
    closed: dict[str, Entry] = {}
    for one in every:
        over = any(not part.gone for part in gone.get(one.id, ()))
        name = hashlib.sha256(_plain(one.text).encode()).hexdigest()[:12]
        (closed if over else live).setdefault(f"archival/{_moment(one.valid)[:10]}-{name}.md", one)
    return live, closed


def _messages(entries: Entries) -> Iterator[_Message]:
    for one in entries.oldest(["message"], limit=_ALL):
        role = folded_line(one.name or one.author).replace("·", "-") or "unknown"
        yield _Message(_moment(one.valid), role, folded_line(one.author) or role, _plain(one.text))


def _said(told: Files) -> Iterator[_Message]:
    """The messages of the conversation's files.

    Raises:
        UsageError: a line is none of these.
    """
    for name in sorted(name for name in told if name.startswith("conversation/")):
        messages: list[tuple[_Message, list[str]]] = []
        for number, line in enumerate(told[name].replace("\r\n", "\n").split("\n"), 1):
            where = f"{name}, line {number}"
            if head := _SAID.fullmatch(line):
                at = f"{Path(name).stem} {head[1]}"
                _seconds(at, where)
                messages.append((_Message(at, head[2], head[3] or head[2], ""), []))
            elif line.startswith(">") and messages:
                messages[-1][1].append(line[1:].removeprefix(" "))
            elif line.strip():
                raise UsageError(
                    f"{where} is neither a heading (### 14:03:05 · user) nor text after >",
                    hint="what was said is not to be edited",
                )
        yield from (replace(one, text=_plain("\n".join(lines))) for one, lines in messages)


def _body(text: str, head: re.Pattern[str]) -> str:
    """The text of a file under its first line."""
    return _plain(head.sub("", text, count=1) if head.match(text) else text)


def _plain(text: str) -> str:
    return _LINE_END.sub("\n", whole_characters(text)).strip()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(max(_FIRST, min(seconds, _LAST)), UTC).strftime(_FORM).rjust(19, "0")


def _seconds(moment: str, where: str = "") -> float:
    """Seconds since 1970 of a moment as `_moment` writes it."""
    try:
        return datetime.strptime(moment, _FORM).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise UsageError(
            f"{where or moment!r} has no time like 2026-11-29 14:03:05",
            hint="headings are to stay as they were",
        ) from error
