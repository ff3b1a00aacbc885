"""Core memory: labelled blocks of lines that are always in the window, with their versions.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2.1 (working context). A line is an entry, with
the entries that it rests on; a version of a block is the list of its lines, so that undoing is one more
version, and nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lcagent.errors import EntryNotFound, SessionError
from lcagent.memory.tiers.changes import closing, closings, lost_words, partly
from lcagent.memory.tiers.entries import Entries, Entry, New, Source
from lcagent.memory.tiers.origins import Origin, as_data

PERSONA, HUMAN = "persona", "human"
LABELS = (PERSONA, HUMAN)
_ITSELF = 0
"""Stands in a version for the line that was written with it."""
_ALL = 1 << 30


class BlockFull(SessionError):
    """A block holds no more: something in it has to be replaced, or put into archival memory."""


class Core:
    """The blocks of a session.

    Args:
        entries: of the session.
        labels: of its blocks.
        limit: most tokens of each.
        count: tokens of a text.
    """

    def __init__(
        self,
        entries: Entries,
        labels: Sequence[str] = LABELS,
        *,
        limit: int = 256,
        count: Callable[[str], int] = len,
    ) -> None:
        self._entries, self.labels, self.limit, self._count = entries, tuple(labels), limit, count

    def lines(self, label: str, *, before: int | None = None) -> list[Entry]:
        """A block's lines, in order.

        Args:
            label: the block's.
            before: as it was before an entry was written; None: as it is.

        Raises:
            EntryNotFound: there is no such block.
        """
        version = self._version(label, before)
        numbers = _after(version) if version else []
        held = self._entries.get(numbers)
        return [held[number] for number in numbers if number in held]

    def text(self, label: str) -> str:
        """A block as a prompt shows it: a line each."""
        return "\n".join(line.text for line in self.lines(label))

    def versions(self, label: str, limit: int = 100) -> list[Entry]:
        """What was done to a block, the newest first."""
        self._known(label)
        return self._entries.newest(["block"], name=label, limit=limit)

    def append(
        self,
        label: str,
        text: str,
        *,
        rests_on: Sequence[int] = (),
        author: str,
        source: Source,
        origins: Iterable[Origin] = (),
    ) -> Entry:
        """Add a line.

        Args:
            label: the block's.
            text: of the line.
            rests_on: entries that it was made of.
            author: who writes it.
            source: where its text comes from.
            origins: the documents among that.

        Raises:
            EntryNotFound: there is no such block.
            BlockFull: it does not fit.
        """
        line = _one_line(text)
        with self._entries.store.transaction():
            lines = self.lines(label)
            self._fits(label, lines, [*(one.text for one in lines), line])
            data = {"op": "append", "after": [*(one.id for one in lines), _ITSELF], **as_data(origins)}
            return self._write(label, line, data, rests_on, author, source)

    def replace(
        self,
        label: str,
        old: str,
        new: str,
        *,
        rests_on: Sequence[int] = (),
        author: str,
        source: Source,
        origins: Iterable[Origin] = (),
    ) -> Entry:
        """Replace some text of a line. The line as it was holds no more, nor what it said in the messages
        that it rests on.

        Args:
            label: the block's.
            old: a part of a line, or all of it.
            new: in its place; an empty one that leaves nothing takes the line away.
            rests_on: entries that the new text was made of.
            author: who replaces it.
            source: where the new text comes from.
            origins: the documents among that.

        Raises:
            EntryNotFound: there is no such block, or no line of it holds `old`.
            BlockFull: it does not fit.
        """
        old, new = _one_line(old), _one_line(new)
        with self._entries.store.transaction():
            lines = self.lines(label)
            # A whole line is meant before one that it is a part of.
            among = [line.text == old for line in lines] + [old in line.text for line in lines]
            at = among.index(True) % len(lines) if old and any(among) else None
            if at is None:
                raise EntryNotFound(
                    f"no line of the block {label!r} holds {old[:80]!r}",
                    hint="name a line, or a part of it, as it stands there",
                )
            before = lines[at]
            text = _one_line(before.text.replace(old, new, 1))
            after = [line.id for line in lines]
            kept = [line.text for line in lines]
            after[at : at + 1], kept[at : at + 1] = ([_ITSELF], [text]) if text else ([], [])
            self._fits(label, lines, kept)
            gone = lost_words(before.text, text)
            closes = [closing(before.id), *partly(self._entries, self._entries.rests_on(before.id), gone)]
            data = {"op": "replace", "after": after, "closes": closes, "old": before.id}
            data |= as_data(origins)
            return self._write(label, text, data, rests_on, author, source)

    def undo(self, label: str, *, author: str) -> Entry:
        """Make a block as it was before its last version that is not undone; what that closed holds again.

        Raises:
            EntryNotFound: there is no such block, or nothing to undo.
        """
        with self._entries.store.transaction():
            versions = self.versions(label, _ALL)
            undone = {number for one in versions for number in one.data.get("undoes", ())}
            done = (one for one in versions if one.id not in undone and one.data["op"] != "undo")
            last = next(done, None)
            if last is None:
                raise EntryNotFound(
                    f"there is nothing to undo in the block {label!r}",
                    hint="all of its changes are undone, or there never was one",
                )
            earlier = self.lines(label, before=last.id)
            data = {
                "op": "undo",
                "after": [line.id for line in earlier],
                "undoes": [last.id],
                "reopens": [last.id],
            }
            return self._write(label, "", data, (), author, "system")

    def _write(
        self,
        label: str,
        text: str,
        data: dict[str, Any],
        rests_on: Sequence[int],
        author: str,
        source: Source,
    ) -> Entry:
        new = New("block", text, label, author, source, data, rests_on=tuple(rests_on))
        return self._entries.append(new)

    def _version(self, label: str, before: int | None) -> Entry | None:
        self._known(label)
        found = self._entries.newest(["block"], name=label, limit=1, before=before)
        return found[0] if found else None

    def _known(self, label: str) -> None:
        if label not in self.labels:
            raise EntryNotFound(f"there is no block {label!r}", hint=f"blocks: {', '.join(self.labels)}")

    def _fits(self, label: str, before: Sequence[Entry], lines: Sequence[str]) -> None:
        """Refuse what makes a block too long; one that is, as others count, may become shorter."""
        taken = self._count("\n".join(lines))
        if taken > self.limit and taken > self._count("\n".join(line.text for line in before)):
            raise BlockFull(
                f"the block {label!r} would take {taken} tokens, and may take {self.limit}",
                hint="replace something in it, or put this into archival memory",
            )

    def closed(self, label: str) -> list[Entry]:
        """Lines that a block once held and that hold no more, the newest first."""
        versions = self.versions(label, _ALL)
        numbers = [number for one in versions for number in _after(one)]
        gone = closings(self._entries, numbers)
        held = self._entries.get(list(gone))
        return [held[number] for number in sorted(held, reverse=True)]


def labels(entries: Entries) -> tuple[str, ...]:
    """The blocks of a session: the usual ones, and those that were written."""
    rows = entries.store.rows(
        "SELECT DISTINCT name FROM entries WHERE tenant = ? AND session = ? AND kind = 'block' ORDER BY name",
        (entries.tenant, entries.session),
    )
    return tuple(dict.fromkeys([*LABELS, *(row["name"] for row in rows)]))


def _after(version: Entry) -> list[int]:
    return [version.id if number == _ITSELF else int(number) for number in version.data["after"]]


def _one_line(text: str) -> str:
    return " ".join(text.split())
