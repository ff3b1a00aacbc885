"""A sheet's rows as lines: row n is line n, so that a citation names the row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MOST_ROWS = 1_048_576
_MOST_BLANK = 20_000
"""Blank rows that are kept between two others; what stands further down is named, not read."""


def lined(rows: Iterable[list[str]]) -> str:
    """A sheet's text, a line for each row; what is blank at its end is left away.

    Args:
        rows: cells of each, from the first row on.
    """
    lines: list[str] = []
    blank = 0
    for cells in rows:
        line = " | ".join(cells).rstrip(" |")
        if not line:
            blank += 1
            if blank > _MOST_BLANK:
                break
            continue
        lines += [""] * blank + [line]
        blank = 0
        if len(lines) >= _MOST_ROWS:
            break
    return "\n".join(lines)


def numbered(lines: Mapping[int, str]) -> tuple[str, int]:
    """A sheet's text, and the number of the first row that stands too far down to be in it; 0 if none does.

    Args:
        lines: of the rows that are not blank, by their numbers.
    """
    written: list[str] = []
    for number in sorted(lines):
        if number - len(written) - 1 > _MOST_BLANK:
            return "\n".join(written), number
        written += [""] * (number - len(written) - 1) + [lines[number]]
    return "\n".join(written), 0
