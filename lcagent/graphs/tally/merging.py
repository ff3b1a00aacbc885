"""Merging: rows as they were told become items, each once.

An item whose text crosses a segment's end is told in both, and an item may be told in several places. Two
rows are one item where their quotes stand at the same place, where one goes on with the other across a
segment's end, or where all fields that identify an item agree. Where mentions differ, a value is the one that
most of them tell; where there is none such, it is in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lcagent.documents import Span
from lcagent.documents.corpus import Corpus
from lcagent.graphs.tally.cells import NOT_TOLD, Cell, Reading, Values, same
from lcagent.memory.items import Row
from lcagent.memory.schema import Kind, Schema

UNPLACED = "its words were not found in the text"


@dataclass(frozen=True, slots=True)
class Mention:
    """Where an item is told: a document, a segment, and the characters of the quote, if it was found."""

    document: int
    segment: int
    span: Span | None


@dataclass(frozen=True, slots=True)
class Item:
    """One item.

    Args:
        number: names it among those of its kind.
        kind: of the schema's.
        cells: by field; one that is not told is left out.
        mentions: in reading order.
    """

    number: int
    kind: str
    cells: Mapping[str, Cell]
    mentions: tuple[Mention, ...]

    def cell(self, name: str) -> Cell:
        """One of its values."""
        return self.cells.get(name, NOT_TOLD)

    @property
    def doubt(self) -> str:
        """Why it is not sure that there is such an item at all; empty if it is."""
        return "" if any(mention.span for mention in self.mentions) else UNPLACED


@dataclass(slots=True)
class _Group:
    """Rows that are one item."""

    mentions: list[Mention]
    cells: dict[str, list[Cell]] = field(default_factory=dict)

    def add(self, mention: Mention, cells: Mapping[str, Cell]) -> None:
        self.mentions.append(mention)
        for name, cell in cells.items():
            self.cells.setdefault(name, []).append(cell)

    def agrees(self, cells: Mapping[str, Cell]) -> bool:
        """Whether nothing that it tells contradicts some values."""
        return all(same(own, cell) for name, cell in cells.items() for own in self.cells.get(name, ()))

    def take(self, other: _Group) -> None:
        self.mentions += other.mentions
        for name, cells in other.cells.items():
            self.cells.setdefault(name, []).extend(cells)

    def reading(self, name: str) -> Reading | None:
        """What it says in a field that identifies; None where it says nothing sure."""
        return next((one for cell in self.cells.get(name, ()) if (one := cell.sure) is not None), None)


def readers(schema: Schema, rows: Sequence[Sequence[Row]]) -> dict[tuple[str, str], Values]:
    """What reads the values of each field, by kind and field.

    Args:
        schema: whose fields.
        rows: of each document.
    """
    written: dict[tuple[str, str], list[str]] = {}
    for row in (row for some in rows for row in some):
        for name, text in row.told.values.items():
            written.setdefault((row.told.kind, name), []).append(text)
    return {
        (kind.name, one.name): Values(one, written.get((kind.name, one.name), ()))
        for kind in schema.kinds
        for one in kind.fields
    }


def merged(
    kind: Kind, corpus: Corpus, rows: Sequence[Sequence[Row]], read: Mapping[tuple[str, str], Values]
) -> list[Item]:
    """The items of one kind, in the order in which they are first told.

    Args:
        kind: which.
        corpus: what was read.
        rows: of each document, in reading order.
        read: as `readers` gives it.
    """
    groups: list[_Group] = []
    for document, some in enumerate(rows):
        own = [row for row in some if row.told.kind == kind.name]
        groups += _side_by_side(kind, document, corpus, own, read)
    if kind.key:
        groups = _identified(kind.key, groups)
    return [
        Item(
            number,
            kind.name,
            {name: _agreed(cells) for name, cells in group.cells.items()},
            tuple(group.mentions),
        )
        for number, group in enumerate(groups)
    ]


def _side_by_side(
    kind: Kind, document: int, corpus: Corpus, rows: Iterable[Row], read: Mapping[tuple[str, str], Values]
) -> list[_Group]:
    """Rows of a document with those put together that stand at one place, or go on with the one before."""
    groups: list[_Group] = []
    for row in rows:
        cells = {name: read[kind.name, name].read(text) for name, text in row.told.values.items()}
        mention = Mention(document, row.segment, row.told.span)
        last = groups[-1] if groups else None
        if last is not None and last.agrees(cells) and _goes_on(kind, last, mention, cells, corpus):
            last.add(mention, cells)
            continue
        groups.append(_Group([]))
        groups[-1].add(mention, cells)
    return groups


def _goes_on(kind: Kind, last: _Group, mention: Mention, cells: Mapping[str, Cell], corpus: Corpus) -> bool:
    """Whether a row that contradicts nothing is more of the item before it."""
    before = last.mentions[-1]
    if before.segment < mention.segment - 1:
        return False
    if before.span and mention.span and _overlap(before.span, mention.span):
        return True  # told twice at one place
    if kind.key:
        return not any(name in cells for name in kind.key)
    # Without a name each mention is an item, unless it is cut in two by a segment's end.
    if before.segment == mention.segment or not (before.span and mention.span):
        return False
    if any(name in last.cells for name in cells):
        return False
    between = corpus.documents[mention.document].text[before.span.end : mention.span.start]
    return "\n" not in between.strip()


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _identified(key: Sequence[str], groups: Sequence[_Group]) -> list[_Group]:
    """Those that agree in all fields that identify them put together; one that lacks some of these goes to
    the only one that has what it has."""
    kept: dict[tuple[Reading | None, ...], _Group] = {}
    partly: list[tuple[tuple[Reading | None, ...], _Group]] = []
    order: dict[int, int] = {id(group): at for at, group in enumerate(groups)}
    for group in groups:
        exact = tuple(group.reading(name) for name in key)
        if None in exact:
            partly.append((exact, group))
        elif exact in kept:
            kept[exact].take(group)
        else:
            kept[exact] = group
    alone: list[_Group] = []
    for exact, group in partly:
        fitting = [
            whole
            for known, whole in kept.items()
            if any(one is not None for one in exact)
            and all(one is None or one == other for one, other in zip(exact, known, strict=True))
        ]
        if len(fitting) == 1:
            fitting[0].take(group)
        else:
            alone.append(group)
    return sorted([*kept.values(), *alone], key=lambda group: order[id(group)])


def _agreed(cells: Sequence[Cell]) -> Cell:
    """What several mentions tell: the value that most of them tell, the finest where one lies in another."""
    readable = [cell for cell in cells if cell.readings]
    if not readable:
        return cells[0]
    told = Counter(cell.readings for cell in readable)
    if len(told) == 1:
        return readable[0]
    finest = max(readable, key=lambda cell: (-len(cell.readings), len(str(cell.readings[0]))))
    if all(same(finest, cell) for cell in readable):
        return finest
    (first, most), (_, second) = told.most_common(2)
    chosen = next(cell for cell in readable if cell.readings == first)
    if most > second:
        return chosen
    others = ", ".join(dict.fromkeys(repr(cell.text) for cell in readable))
    return Cell(chosen.text, (), f"it is told as {others}")
