"""What is drawn in Office files, as text: charts, diagrams, what stands for pictures."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from lcagent.documents.formats.number_formats import shown
from lcagent.documents.formats.package import child, local, value
from lcagent.documents.formats.rows import Cell, Rows

_MOST_POINTS = 5_000
_SAYS_SOMETHING = frozenset({"t", "txbxContent", "pic", "chart", "relIds"})
_GUESSED = ("Description automatically generated", "AI-generated content may be incorrect.")

_COUNTED = re.compile(r"[^\W\d_]+ \d+")
"""A picture that is called Picture 1."""


def words(element: Element) -> str:
    """The text of an element's runs."""
    return "".join(part.text or "" for part in element.iter() if local(part) == "t")


def choice(element: Element) -> Element:
    """The one way of several in which content is given: the first that says anything, else the last.

    Args:
        element: an `mc:AlternateContent`.
    """
    found = element
    for one in element:
        found = one
        if any(local(part) in _SAYS_SOMETHING for part in one.iter()):
            break
    return found


def diagram_text(root: Element) -> str:
    """The words of a diagram, a line each.

    Args:
        root: of the part of its data.
    """
    texts = (words(one) for one in root.iter() if local(one) == "p")
    return "\n".join(text.strip() for text in texts if text.strip())


def chart_titles(root: Element) -> list[str]:
    """A chart's title and those of its axes.

    Args:
        root: of the chart's part.
    """
    titles = (" ".join(words(one).split()) for one in root.iter() if local(one) == "title")
    return [title for title in titles if title]


def chart_text(root: Element) -> str:
    """A chart's titles, and its values as a table.

    Args:
        root: of the chart's part.
    """
    titles = chart_titles(root)
    series = [one for one in root.iter() if local(one) == "ser"]
    table = "\n".join(filter(None, (_table(labels, group) for labels, group in _alike(series))))
    head = " / ".join(titles)
    return "\n".join(filter(None, [f"Chart: {head}" if head and table else head, table]))


def _alike(series: list[Element]) -> list[tuple[dict[int, str], list[Element]]]:
    """Series that stand over the same categories, together, and these."""
    found: list[tuple[dict[int, str], list[Element]]] = []
    for one in series:
        given = child(one, "cat")
        labels = _points(child(one, "xVal") if given is None else given)
        if found and labels in ({}, found[-1][0]):
            found[-1][1].append(one)
        else:
            found.append((labels, [one]))
    return found


def _table(labels: dict[int, str], series: list[Element]) -> str:
    names = [" ".join(_points(child(one, "tx")).values()) for one in series]
    values: list[dict[int, str]] = []
    for one in series:
        given = child(one, "val")
        values.append(_points(child(one, "yVal") if given is None else given))
        for at, label in _written_labels(one).items():
            values[-1][at] = f"{values[-1].get(at, '')} ({label})".strip()
    rows = Rows()
    rows.add([Cell(""), *map(Cell, names)], heads=True)
    for at in sorted({*labels, *(index for one in values for index in one)})[:_MOST_POINTS]:
        rows.add([Cell(labels.get(at, "")), *(Cell(one.get(at, "")) for one in values)])
    return rows.text() if labels or any(values) else ""


def _written_labels(series: Element) -> dict[int, str]:
    """The labels of single points that somebody has written over them."""
    labels = child(series, "dLbls")
    found: dict[int, str] = {}
    for one in labels if labels is not None else ():
        index, text = value(child(one, "idx")), child(one, "tx")
        if text is not None and index.isdecimal() and (written := " ".join(words(text).split())):
            found[int(index)] = written
    return found


def _points(element: Element | None) -> dict[int, str]:
    """The values that are kept with a reference to a sheet, by their index, as its cells show them."""
    found: dict[int, str] = {}
    code = ""
    for one in element.iter() if element is not None else ():
        if local(one) == "formatCode":
            code = one.text or ""
        elif local(one) == "pt" and (index := value(one, "idx")).isdecimal():
            written = "".join(part.text or "" for part in one.iter() if local(part) == "v")
            there = found.get(int(index))  # categories on several levels, the innermost first
            written = _shown(written, value(one, "formatCode") or code)
            found[int(index)] = f"{written} {there}" if there else written
        elif local(one) == "v" and not found:
            found[0] = one.text or ""
    return found


def _shown(text: str, code: str) -> str:
    if not code:  # of texts there is none
        return text
    try:
        return shown(float(text), code)
    except ValueError:
        return text


def alternative(element: Element | None) -> str:
    """The text that stands for a picture; "" where a program has guessed it, or it names a file.

    Args:
        element: the properties of the drawing, with its `descr`.
    """
    alt = " ".join(value(element, "descr").split())
    return "" if alt.endswith(_GUESSED) or "." in alt[-5:-2] or _COUNTED.fullmatch(alt) else alt
