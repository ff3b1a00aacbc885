"""Passages of a document and a ranking of them: BM25 by scanning, without an index.

A scan keeps only passages that hold a word of the query, so a text of any size costs no memory of
its own. BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009).
"""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, starmap

from lcagent.documents.boundaries import sentence_ends
from lcagent.documents.canonical import Characters
from lcagent.documents.words import SPACED, query_words, stem, unspaced

K1, B = 1.2, 0.75
MAX_PASSAGE = 500
"""Characters from which a paragraph is split into several passages."""
COMMON = 0.15
"""Share of the passages from which a name is too common to lead anywhere."""
STRONGEST = 6
"""A passage that holds this many of the rarest names is linked as strongly as can be."""
_PARAGRAPH_END = re.compile(r"\n[ \t\r]*\n\s*|\f\s*")
_LINE_END = re.compile(r"\n")
_SPACE = re.compile(r"\s+")
_GAP = "\x1e"
"""Parts passages that are laid end to end."""
_BLOCK = 1 << 16
_TOGETHER = 512
"""Passages that are looked through at once."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters `start:end` of a document, and how well they match a query (BM25)."""

    start: int
    end: int
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the passages of a text are, laid out once for several searches: 16 bytes a passage.

    `mixed` tells whether any of it is in a script that does not set words apart, `characters` which of them
    have another canonical form.
    """

    starts: array[int]
    ends: array[int]
    mixed: bool
    characters: Characters


def passages(text: str, start: int = 0, end: int | None = None) -> Iterator[Passage]:
    """Paragraphs between two offsets; long ones in pieces that end with a sentence.

    A heading (a short paragraph without a full stop) goes with the paragraph after it.
    """
    return starmap(Passage, _spans(text, start, len(text) if end is None else end))


def lay_out(
    text: str, within: Iterable[tuple[int, int]] | None = None, known: Layout | None = None
) -> Layout:
    """Lay out the passages of a text.

    Args:
        text: the document's text.
        within: stretches that no passage crosses, such as segments; default: the whole text.
        known: another layout of the same text: what its characters are is told by it.
    """
    mixed, characters = (known.mixed, known.characters) if known else (unspaced(text), Characters(text))
    layout = Layout(array("q"), array("q"), mixed, characters)
    for start, end in within or _blocks(text):
        for passage_start, passage_end in _spans(text, start, end):
            layout.starts.append(passage_start)
            layout.ends.append(passage_end)
    return layout


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _PARAGRAPH_END.finditer(text, start, end):
        stop = match.start()
        if _is_heading(text[begin:stop]) and "\f" not in match.group():
            continue
        yield from _pieces(text, begin, stop)
        begin = match.end()
    yield from _pieces(text, begin, end)


def _is_heading(paragraph: str) -> bool:
    stripped = paragraph.strip()
    return len(stripped) < 80 and stripped[-1:] not in ".!?:;。！？："


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_PASSAGE * 1.25:
        low, cut = start + MAX_PASSAGE // 2, start + MAX_PASSAGE
        if (sentence := max(sentence_ends(text, low, cut), default=0)) > start:
            cut = sentence
        else:
            for pattern in (_LINE_END, _SPACE):
                if found := [m.end() for m in pattern.finditer(text, low, cut)]:
                    cut = found[-1]
                    break
        yield start, cut
        start = cut
    if text[start:end].strip():
        yield start, end


def search(text: str, query: str, *, limit: int, layout: Layout | None = None) -> list[Passage]:
    """The passages that match a query best, best first.

    Args:
        text: the document's text.
        query: words; order and endings do not matter.
        limit: most passages to give.
        layout: the text's passages, where they are laid out already.
    """
    words = query_words(query)
    scan = _scan(text, words, layout)
    if not scan.found:
        return []
    average = scan.length / scan.total
    rarity = scan.rarity()
    ranked = [
        Passage(
            passage.start,
            passage.end,
            sum(
                rarity[w] * n * (K1 + 1) / (n + K1 * (1 - B + B * (passage.end - passage.start) / average))
                for w, n in held.items()
            ),
        )
        for passage, held in scan.found
    ]
    ranked.sort(key=lambda p: (-p.score, p.start))
    return ranked[:limit]


def linked(
    text: str,
    wanted: Iterable[str],
    *,
    known: Iterable[str] = (),
    layout: Layout | None = None,
    outside: tuple[int, int] | None = None,
) -> list[Passage]:
    """The passages that hold some of a stretch's rare names, best first: where the stretch leads to.

    A question of two hops names what stands in the first passage; what leads on to the second is a
    name that both passages hold and the question does not.

    Args:
        text: the document's text.
        wanted: stems of the stretch's names.
        known: stems that do not count, such as the question's.
        layout: the text's passages, where they are laid out already.
        outside: the stretch itself, where it is of this text: it does not lead to itself.

    Returns:
        Passages scored from 0 to 1.
    """
    skip = set(known)
    scan = _scan(text, [w for w in dict.fromkeys(wanted) if w not in skip], layout)
    few = max(3, int(COMMON * scan.total))
    found = [
        (passage, held)
        for passage, held in scan.found
        if outside is None or passage.end <= outside[0] or passage.start >= outside[1]
    ]
    shared = {w for _, held in found for w in held if scan.frequency[w] <= few}
    rarity = {w: v for w, v in scan.rarity().items() if w in shared}
    whole = sum(sorted(rarity.values(), reverse=True)[:STRONGEST])
    scored = [
        Passage(p.start, p.end, min(1.0, sum(rarity[w] for w in held if w in shared) / whole))
        for p, held in found
        if not shared.isdisjoint(held)
    ]
    scored.sort(key=lambda p: (-p.score, p.start))
    return scored


@dataclass(slots=True)
class _Scan:
    """Which passages hold which words: `found` the passages that hold any, with their counts."""

    total: int
    length: int
    found: list[tuple[Passage, dict[str, int]]]
    frequency: dict[str, int]

    def rarity(self) -> dict[str, float]:
        """Inverse frequency of each word that stands anywhere, as BM25 has it."""
        return {w: math.log(1 + (self.total - n + 0.5) / (n + 0.5)) for w, n in self.frequency.items() if n}


def _scan(text: str, words: list[str], layout: Layout | None) -> _Scan:
    layout = layout or lay_out(text)
    length = sum(layout.ends) - sum(layout.starts)
    scan = _Scan(len(layout.starts), length, [], dict.fromkeys(words, 0))
    if not words:
        return scan
    begins = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\w*")
    for start, end, plain in _holding(text, words, layout):
        if held := _counts(plain, scan.frequency, begins, mixed=layout.mixed):
            scan.found.append((Passage(start, end), held))
            for word in held:
                scan.frequency[word] += 1
    return scan


def _holding(text: str, stems: Sequence[str], layout: Layout) -> Iterator[tuple[int, int, str]]:
    """The passages, in order, that hold some of these characters, and their canonical form without case: most
    passages of a text hold none."""
    spans = zip(layout.starts, layout.ends, strict=True)
    while some := list(islice(spans, _TOGETHER)):
        whole = layout.characters(_GAP.join(text[start:end] for start, end in some)).casefold()
        pieces = whole.split(_GAP)
        if len(pieces) != len(some):  # it stands in the text too
            pieces = [layout.characters(text[start:end]).casefold() for start, end in some]
            whole = _GAP.join(pieces)
        ends = list(accumulate(len(piece) + 1 for piece in pieces))
        held: set[int] = set()
        for wanted in stems:
            at = whole.find(wanted)
            while at >= 0:
                held.add(number := bisect_right(ends, at))
                at = whole.find(wanted, ends[number])
        yield from ((*some[number], pieces[number]) for number in sorted(held))


def _counts(text: str, stems: Mapping[str, int], begins: re.Pattern[str], *, mixed: bool) -> dict[str, int]:
    """How often each stem's words stand in a text without case; only those that do."""
    counts: dict[str, int] = {}
    if mixed and unspaced(text):
        spaced = Counter(map(stem, SPACED.findall(text)))
        found = {s: text.count(s) if unspaced(s) else spaced[s] for s in stems}
        return {s: n for s, n in found.items() if n}
    for word in begins.findall(text):
        if (key := stem(word)) in stems:
            counts[key] = counts.get(key, 0) + 1
    return counts


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Stretches that end with a paragraph, so that no regular expression runs over a whole book."""
    start = 0
    while start < len(text):
        match = _PARAGRAPH_END.search(
            text, min(len(text), start + _BLOCK), min(len(text), start + 4 * _BLOCK)
        )
        end = match.end() if match else min(len(text), start + 4 * _BLOCK)
        yield start, end
        start = end
