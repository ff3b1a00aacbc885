"""What is raised or lowered on a page, by the size and the baseline of its characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from lcagent.documents.formats.pdf.characters import Characters, Edit
from lcagent.documents.formats.pdf.objects import Texts
from lcagent.documents.formats.raised import lowered, raised

_MOST_SHIFT = 15.0
"""Points between two baselines of one line; beyond, it is another line."""
_LEAST_SHIFT = 0.3
_SMALLER = 0.88
"""Of the size of what it stands on, at most."""
_SMALLEST = 0.4
"""And at least: a drop cap is larger still than the text beside it."""
_LOOKS = re.compile(r"(?<=\S)\d|(?<=[\r\n])\d|(?<=\d)[a-z](?![a-z])|(?<=\d)[-−–+](?=\d)")
_MOST_CHARS = 12
"""Of a superscript or subscript; what is longer is text that stands higher or lower."""
_NO_BASE = frozenset("([{“‘«„¿¡•·▪◦‣–—-")
"""What begins something, and has no script behind it: small text there is a word or a number."""


def script_edits(characters: Characters, texts: Texts | None) -> list[Edit]:
    """What marks superscripts and subscripts, for `settle` to write.

    Args:
        characters: of the page.
        texts: its text objects, which say where a baseline changes; None where they are too many. Then only
            what follows a character without a space and looks like a script is asked.
    """
    starts = _by_looks(characters) if texts is None else _by_objects(characters, texts)
    edits: list[Edit] = []
    done = -1
    for start in sorted(set(starts)):
        if start > done and (found := _edits_at(characters, start)):
            edits += found
            done = found[0].end
    return edits


def _by_looks(characters: Characters) -> Iterator[int]:
    """Figures and letters that may be scripts by the text alone, and stand a little higher or lower."""
    for index, before, place in characters.raised(_LOOKS):
        if _is_near(before, place):
            yield index


def _by_objects(characters: Characters, texts: Texts) -> Iterator[int]:
    """The first characters of objects that stand a little higher or lower than the object before them."""
    order = {handle: number for number, handle in enumerate(texts.handles)}
    for number, (before, place) in enumerate(pairwise(texts.places), start=1):
        if before[1] == place[1] or not _is_near(before, place):
            continue
        (x, y), size, handle = place, texts.sizes[number], texts.handles[number]
        index = _in_order(characters, order, number)
        if index < 0:
            index = characters.at(x + 0.12 * size, y + 0.25 * size, 0.4 * size, 0.4 * size)
        if index < 0 or characters.object(index) != handle:
            continue
        while index > 0 and characters.object(index - 1) == handle:
            index -= 1
        yield index


def _in_order(characters: Characters, order: dict[int, int], number: int) -> int:
    """A character of a text object, where the characters come in the order of drawing; else -1.

    To ask for what stands at a place takes pdfium a look at each character of the page.
    """
    low, high = 0, characters.count - 1
    while low <= high:
        middle = (low + high) // 2
        index = middle
        while index < high and characters.object(index) not in order:  # put there by pdfium
            index += 1
        found = order.get(characters.object(index), -1)
        if found == number:
            return index
        if 0 <= found < number:
            low = index + 1
        else:
            high = middle - 1
    return -1


def _is_near(before: tuple[float, float], place: tuple[float, float]) -> bool:
    """Whether it stands further on, and a little higher or lower."""
    return _LEAST_SHIFT < abs(place[1] - before[1]) < _MOST_SHIFT and place[0] > before[0]


def _edits_at(characters: Characters, start: int) -> list[Edit]:
    """What writes the script that begins there; none where none does."""
    base = _before(characters, start)
    code = characters.code(base)
    if not code or code in _NO_BASE:
        return []
    size, base_size = characters.size(start), characters.size(base)
    if not size or not base_size:
        return []
    (x, y), (_, base_y) = characters.origin(start), characters.origin(base)
    shift = (y - base_y) / base_size
    is_above = 0.12 <= shift <= 0.8
    if not (_SMALLEST * base_size <= size <= _SMALLER * base_size and (is_above or -0.5 <= shift <= -0.06)):
        return []
    if not -0.3 * base_size <= x - characters.box(base).right <= 0.3 * base_size:
        return []
    end = _end(characters, start, size, y)
    if end - start > _MOST_CHARS:
        return []
    run = _text(characters, start, end)
    edits = [Edit(base + 1, end, raised(run) if is_above else lowered(run))]
    follows, gap = _following(characters, end, base_y, base_size)
    if follows > end and gap != _text(characters, end, follows):
        edits.append(Edit(end, follows, gap))
    return edits


def _before(characters: Characters, start: int) -> int:
    """The character before, beyond a line's end that pdfium put there; -1 where there is none."""
    index = start - 1
    while index >= 0 and characters.code(index) in {"\r", "\n"}:
        index -= 1
    return -1 if index >= 0 and characters.code(index).isspace() else index


def _end(characters: Characters, start: int, size: float, y: float) -> int:
    """The first character that is no part of the script."""
    end, handle = start, characters.object(start)
    for index in range(start, min(start + _MOST_CHARS + 2, characters.count)):
        if characters.code(index) == " " and index == end:
            continue  # 1, 2
        is_part = characters.object(index) == handle or (
            abs(characters.origin(index)[1] - y) <= 0.02 * size
            and abs(characters.size(index) - size) <= 0.02 * size
        )
        if not is_part or characters.code(index).isspace():
            break
        end = index + 1
    return end


def _following(characters: Characters, end: int, base_y: float, base_size: float) -> tuple[int, str]:
    """The line's next character, and what stands between: pdfium ends a line where the baseline falls."""
    index = end
    while index < characters.count and index < end + 4 and characters.code(index).isspace():
        index += 1
    between = _text(characters, end, index)
    if "\n" not in between and "\r" not in between:
        return end, between if index > end else ""
    _, y = characters.origin(index)
    left = characters.box(index).left
    right = characters.box(end - 1).right
    if abs(y - base_y) > 0.05 * base_size or not -0.1 * base_size <= left - right <= 2 * base_size:
        return end, between
    return index, " " if between.strip("\r\n") or left - right > 0.15 * base_size else ""


def _text(characters: Characters, start: int, end: int) -> str:
    return "".join(map(characters.code, range(max(start, 0), end)))
