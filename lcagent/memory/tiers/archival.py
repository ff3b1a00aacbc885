"""Archival memory: passages that a model inserts, and documents that are attached, with their spans.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2.1 (external context). Something that is known
already is not stored again, and what replaces something closes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcagent.documents import Document
from lcagent.documents.conflicts import contradict
from lcagent.documents.corrections import repeats, supersedes
from lcagent.memory.parsed import packed, unpacked
from lcagent.memory.tiers.changes import closing, lost_words, partly
from lcagent.memory.tiers.entries import FOREIGN, Entries, Entry, New, Source
from lcagent.memory.tiers.leases import holds
from lcagent.memory.tiers.origins import Origin, as_data
from lcagent.memory.tiers.origins import origins as origins_of


@dataclass(frozen=True, slots=True)
class Inserted:
    """What became of a passage.

    Args:
        entry: where it stands now; of something known, where that stands.
        known: it was there already.
        replaced: the passages that hold no more.
    """

    entry: Entry
    known: bool = False
    replaced: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Attached:
    """A document of a session.

    Args:
        id: its number within the store.
        document: with its text.
    """

    id: int
    document: Document


class Archival:
    """The passages and documents of a session."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    def insert(
        self,
        text: str,
        alike: Sequence[Entry],
        *,
        rests_on: Sequence[int] = (),
        author: str,
        source: Source,
        origins: Iterable[Origin] = (),
    ) -> Inserted:
        """Store a passage.

        Args:
            text: of it.
            alike: passages that may say the same or something else of the same, as a search finds them.
            rests_on: entries that it was made of.
            author: who stores it.
            source: where its text comes from.
            origins: the documents among that.
        """
        text = text.strip()
        with self._entries.store.transaction():
            same = next((one for one in alike if _same(text, one.text)), None)
            if same is not None:
                for number in rests_on:
                    self._entries.rest(same.id, number)
                return Inserted(same, known=True)
            # What a document says is no reason not to believe the user any more.
            may = [one for one in alike if source not in FOREIGN or one.source in FOREIGN]
            replaced = [one for one in may if supersedes(text, one.text) or contradict(text, one.text)]
            new = New(
                "passage",
                text,
                author=author,
                source=source,
                data={**self._closing(text, replaced), **as_data(origins)},
                rests_on=tuple(rests_on),
            )
            return Inserted(self._entries.append(new), replaced=tuple(replaced))

    def replace(self, old: Entry, text: str, *, author: str, source: Source) -> Inserted:
        """Store a passage in the place of another one, which holds no more; what that was made of stays told.

        Args:
            old: the one that is replaced.
            text: of the new one.
            author: who replaces it.
            source: where the text comes from.
        """
        text = text.strip()
        with self._entries.store.transaction():
            data = {**self._closing(text, [old]), "old": old.id, **as_data(origins_of(old.data))}
            new = New("passage", text, author=author, source=source, data=data)
            return Inserted(self._entries.append(new), replaced=(old,))

    def _closing(self, text: str, replaced: Sequence[Entry]) -> dict[str, Any]:
        """As it stands in the data of a passage that replaces others: they hold no more, nor do the words of
        them that it does not say in what they rest on."""
        closes = [closing(one.id) for one in replaced]
        for one in replaced:
            gone = lost_words(one.text, text)
            closes += partly(self._entries, self._entries.rests_on(one.id), gone)
        return {"closes": closes} if closes else {}

    def attach(self, document: Document, file: Path | None = None) -> Attached:
        """Keep a document with the session; one that is attached already stays as it is.

        Args:
            document: with its text.
            file: where its bytes are, which is told nowhere; None: not known, and where they were stays so.

        Raises:
            SessionLost: another process has taken the session over.
        """
        entries = self._entries
        meta, text = packed(document)
        with entries.store.transaction():
            holds(entries.store, entries)
            entries.store.execute(
                "INSERT INTO attached (tenant, session, name, sha256, meta, text)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (entries.tenant, entries.session, document.name, document.sha256, meta, text),
            )
            if file is not None:
                entries.store.execute(
                    "UPDATE attached SET file = ? WHERE tenant = ? AND session = ? AND sha256 = ?",
                    (os.fsencode(file), entries.tenant, entries.session, document.sha256),
                )
            (row,) = entries.store.rows(
                "SELECT id FROM attached WHERE tenant = ? AND session = ? AND sha256 = ?",
                (entries.tenant, entries.session, document.sha256),
            )
        return Attached(int(row["id"]), document)

    def documents(self) -> list[Attached]:
        """The documents of the session, in the order in which they were attached."""
        rows = self._entries.store.rows(
            "SELECT id, meta, text FROM attached WHERE tenant = ? AND session = ? ORDER BY id",
            (self._entries.tenant, self._entries.session),
        )
        return [Attached(int(row["id"]), unpacked(row["meta"], row["text"])) for row in rows]

    def files(self) -> dict[int, Path]:
        """Where the bytes of documents were when they were attached, by the documents' numbers."""
        rows = self._entries.store.rows(
            "SELECT id, file FROM attached WHERE tenant = ? AND session = ? AND file IS NOT NULL",
            (self._entries.tenant, self._entries.session),
        )
        return {int(row["id"]): Path(os.fsdecode(row["file"])) for row in rows}


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()) == " ".join(other.split()) or repeats(one, other)
