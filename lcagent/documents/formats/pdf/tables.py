"""Rows of tables that pdfium gives as several lines: a row is made one line as far as the layout tells.

Columns of prose are left as they are, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from statistics import median
from typing import NamedTuple

from lcagent.documents.formats.pdf.characters import Characters, Edit
from lcagent.documents.formats.pdf.objects import Texts

_BETWEEN = " | "
_LEVEL = 2.0
"""Points by which the baselines of one row differ at most."""
_LEAST_GAP = 6.0
"""Points between two cells; what stands nearer is the same cell."""
_MOST_WRAPPED = 6
"""Lines of one cell."""
_MOST_LEADING = 30.0
"""Points between two lines of one cell."""
_MOST_LINES = 400
"""Lines of a page that are looked at."""
_LONGEST = 60
"""Characters of a line of one."""
_SHORT = 20
_MOST_CELL = 40
"""Characters of a cell, at the median and at most, where columns are read across: prose has longer lines."""
_LINE = re.compile(r"\S(?:[^\r\n]*\S)?")
_GLUED = re.compile(r"\S\d+")
_FIGURE = re.compile(r"\d")


class _Line(NamedTuple):
    """A line by the numbers of its characters, and where it stands in points."""

    start: int
    end: int
    text: str
    left: float
    right: float
    y: float


def in_rows(
    characters: Characters, texts: Texts | None, edits: list[Edit], scripts: Sequence[Edit]
) -> list[Edit]:
    """A page's edits with what makes each row of a table one line.

    Args:
        characters: of the page.
        texts: its text objects, which tell whether there may be rows; None where they are too many.
        edits: what else is changed on the page.
        scripts: those of them that mark superscripts and subscripts, and put them on the line they stand on.
    """
    breaks = list(_glued(characters))
    if texts is not None and not breaks and not _may_hold_rows(texts):
        return edits
    lines = _lines(characters, breaks)
    if not any(line.y > before.y - _LEVEL for before, line in pairwise(lines)):
        return [*edits, *(Edit(at, at, "\n") for at in breaks)]  # nothing stands beside anything
    torn = {index for edit in scripts for index in range(edit.start, edit.end)}
    wholes = [
        Edit(rows[0][0].start, rows[-1][-1].end, _written(characters, rows, edits))
        for rows in _by_columns(_joined(lines, torn) if torn else lines)
    ]
    edits = [*edits, *(Edit(at, at, "\n") for at in breaks)]
    taken: set[int] = set()
    for whole in wholes:
        edits = [edit for edit in edits if not whole.start <= edit.start < whole.end]
        taken.update(at for at, line in enumerate(lines) if whole.start <= line.start < whole.end)
    edits += wholes
    jumps = list(_jumps(lines, taken, torn))
    for first, last in jumps:
        if first < last - 1 and len(jumps) < 2:
            continue  # one row makes no table
        for at in range(first, last):
            before, after = lines[at], lines[at + 1]
            if before.end in torn:
                continue  # a script: on its line already
            is_next = at == last - 1 and after.left - before.right >= _LEAST_GAP
            edits.append(Edit(before.end, after.start, _BETWEEN if is_next else " "))
    return edits


def _written(characters: Characters, rows: Sequence[Sequence[_Line]], edits: Sequence[Edit]) -> str:
    """Rows of cells as lines, with what is changed in each cell; form fields stand after their row."""
    starts = sorted(line.start for row in rows for line in row)
    ends = dict(pairwise([*starts, max(line.end for row in rows for line in row)]))
    written: list[str] = []
    for row in rows:
        fields: list[str] = []
        cells: list[str] = []
        for line in row:
            inside = list(_within(edits, line.start, ends[line.start]))
            cell, *beside = characters.edited(inside, line.start, line.end).strip().split("\n")
            cells.append(cell)
            fields += beside
        written += [_BETWEEN.join(cells), *fields]
    return "\n".join(written)


def _within(edits: Sequence[Edit], start: int, end: int) -> Iterator[Edit]:
    """The part of each edit that is made between two characters; it puts its text where it begins."""
    for edit in edits:
        if start <= edit.start < end:
            yield Edit(edit.start, min(edit.end, end), edit.put)
        elif edit.start < start < edit.end:
            yield Edit(start, min(edit.end, end), "")


def _glued(characters: Characters) -> Iterator[int]:
    """Figures of another line that pdfium sets right after the line before, making one number of two."""
    spans = [match.span() for match in _GLUED.finditer(characters.text)]
    firsts = characters.origins(characters.indices([start for start, _ in spans]))
    lasts = characters.origins(characters.indices([end - 1 for _, end in spans]))
    for (start, end), (_, one), (_, other) in zip(spans, firsts, lasts, strict=True):
        if one == other:
            continue
        indices = characters.indices(range(start, end))
        for (_, before), index, (_, y) in zip(
            characters.origins(indices), indices[1:], characters.origins(indices[1:]), strict=False
        ):
            if abs(y - before) > 0.85 * characters.size(index) > 0:
                yield index


def _may_hold_rows(texts: Texts) -> bool:
    """Whether some text stands beside or above the text drawn before it, further on."""
    return any(
        x > before_x + _LEAST_GAP and y > before_y - _LEVEL
        for (before_x, before_y), (x, y) in pairwise(texts.places)
    )


def _lines(characters: Characters, breaks: Sequence[int]) -> list[_Line]:
    spans = list(_spans(characters.text, sorted(map(characters.offset, breaks))))
    firsts = characters.indices([start for start, _ in spans])
    lasts = characters.indices([end - 1 for _, end in spans])
    measured = zip(spans, firsts, lasts, characters.origins(firsts), characters.rights(lasts), strict=True)
    return [
        _Line(first, last + 1, characters.text[start:end].strip(), left, right, y)
        for (start, end), first, last, (left, y), right in measured
    ]


def _spans(text: str, breaks: list[int]) -> Iterator[tuple[int, int]]:
    """Where each line begins and ends in the text, those that are glued parted."""
    starts = iter(breaks)
    next_break = next(starts, len(text))
    for match in islice(_LINE.finditer(text), _MOST_LINES):
        start, end = match.span()
        while next_break < end:
            if start < next_break:
                yield start, next_break
                start = next_break
            next_break = next(starts, len(text))
        yield start, end


def _joined(lines: Sequence[_Line], torn: set[int]) -> list[_Line]:
    """The lines, with those that a script tore joined again."""
    joined: list[_Line] = []
    for line in lines:
        if joined and joined[-1].end in torn:
            last = joined[-1]
            text = f"{last.text} {line.text}"
            joined[-1] = last._replace(end=line.end, text=text, right=max(last.right, line.right))
        else:
            joined.append(line)
    return joined


def _jumps(lines: Sequence[_Line], taken: set[int], torn: set[int]) -> Iterator[tuple[int, int]]:
    """Lines that are one row up to a line that stands beside them: their first, and that line."""
    base = 0.0
    for at, (before, line) in enumerate(pairwise(lines)):
        base = (
            base if at and lines[at - 1].end in torn else before.y
        )  # a script is as high as what it stands on
        if at in taken or at + 1 in taken or line.left < before.right - 1:
            continue
        if abs(line.y - before.y) <= _LEVEL or abs(line.y - base) <= _LEVEL:
            yield at, at + 1
        elif line.y > before.y:
            first = _cell_above(lines, at, line)
            if first is not None:
                yield first, at + 1


def _cell_above(lines: Sequence[_Line], last: int, beside: _Line) -> int | None:
    """The first line of the cell that ends with a line, where another stands beside it; else None."""
    below = lines[last]
    for at in range(last - 1, max(last - _MOST_WRAPPED, -1), -1):
        line = lines[at]
        overlap = line.left <= below.right and below.left <= line.right
        is_long = max(len(line.text), len(below.text)) > _LONGEST
        if (
            is_long
            or not overlap
            or not 0 < line.y - lines[at + 1].y <= _MOST_LEADING
            or line.right > beside.left + 1
        ):
            return None
        if line.y >= beside.y - _LEVEL:
            count = last - at + 1
            return None if _are_level(lines[at : last + 1], lines[last + 1 : last + 1 + count]) else at
    return None


def _are_level(one: Sequence[_Line], other: Sequence[_Line]) -> bool:
    """Whether two columns have the same baselines."""
    return len(one) == len(other) and all(abs(a.y - b.y) <= _LEVEL for a, b in zip(one, other, strict=True))


def _by_columns(lines: Sequence[_Line]) -> Iterator[list[tuple[_Line, ...]]]:
    """The rows of each table that was drawn column by column."""
    at = 0
    while at < len(lines) - 1:
        count = _descending(lines, at)
        columns = [lines[at : at + count]]
        end = at + count
        while count > 1:
            column = lines[end : end + count]
            is_next = _are_level(columns[-1], column) and _descending(lines, end) == count
            if not is_next or min(line.left for line in column) <= max(line.right for line in columns[-1]):
                break
            columns.append(column)
            end += count
        if len(columns) > 1 and _is_table(columns):
            yield list(zip(*columns, strict=True))
        at = end


def _descending(lines: Sequence[_Line], at: int) -> int:
    """How many lines stand below each other from there on."""
    end = at + 1
    while end < len(lines) and lines[end].y < lines[end - 1].y - _LEVEL:
        end += 1
    return end - at


def _is_table(columns: Sequence[Sequence[_Line]]) -> bool:
    lengths = [len(line.text) for column in columns for line in column]
    if max(lengths) > _MOST_CELL or median(lengths) > _SHORT:
        return False
    figures = [bool(_FIGURE.search(line.text)) for column in columns[1:] for line in column[1:]]
    return 2 * sum(figures) >= len(figures)
