"""Passages of a document and a ranking of them: BM25 by scanning, without an index.

A scan keeps only passages that hold a word of the query, so a text of any size costs no memory of
its own. BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

K1, B = 1.2, 0.75
MAX_PASSAGE = 500
"""Characters from which a paragraph is split into several passages."""
_WORD = re.compile(r"\w+")
_PARAGRAPH_END = re.compile(r"\n[ \t\r]*\n\s*|\f\s*")
_SENTENCE_END = re.compile(r"[.!?。！？][\"'”’)\]]*\s+|\n|\s+")
_BLOCK = 1 << 16

STOPWORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "by",
        "with",
        "from",
        "and",
        "or",
        "nor",
        "is",
        "was",
        "are",
        "were",
        "be",
        "been",
        "being",
        "am",
        "that",
        "this",
        "these",
        "those",
        "which",
        "who",
        "whom",
        "whose",
        "what",
        "when",
        "where",
        "why",
        "how",
        "do",
        "does",
        "did",
        "done",
        "has",
        "have",
        "had",
        "having",
        "it",
        "its",
        "as",
        "than",
        "then",
        "there",
        "their",
        "theirs",
        "his",
        "her",
        "hers",
        "him",
        "he",
        "she",
        "they",
        "them",
        "i",
        "me",
        "my",
        "you",
        "your",
        "we",
        "us",
        "our",
        "no",
        "not",
        "if",
        "but",
        "into",
        "about",
        "over",
        "under",
        "also",
        "both",
        "between",
        "same",
        "either",
        "other",
        "others",
        "many",
        "much",
        "more",
        "most",
        "some",
        "any",
        "each",
        "can",
        "could",
        "would",
        "should",
        "will",
        "shall",
        "may",
        "might",
        "must",
        "such",
        "so",
        "up",
        "out",
        "during",
        "after",
        "before",
        "while",
        "just",
        "only",
        "own",
        "s",
        "t",
    ]
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters `start:end` of a document, and how well they match a query (BM25)."""

    start: int
    end: int
    score: float = 0.0


def stem(word: str) -> str:
    """Cut the commonest English endings; other languages pass through."""
    for ending in ("ing", "ed", "es", "s", "'s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def query_words(text: str) -> list[str]:
    """Stems of the content words of a text, each once, in order."""
    words = (w for w in _WORD.findall(text.casefold()) if w not in STOPWORDS)
    return list(dict.fromkeys(map(stem, words)))


def passages(text: str, start: int = 0, end: int | None = None) -> Iterator[Passage]:
    """Paragraphs between two offsets; long ones in pieces that end with a sentence.

    A heading (a short paragraph without a full stop) goes with the paragraph after it.
    """
    end = len(text) if end is None else end
    begin = start
    for match in _PARAGRAPH_END.finditer(text, start, end):
        if _is_heading(text[begin : match.start()]) and "\f" not in match.group():
            continue
        yield from _pieces(text, begin, match.start())
        begin = match.end()
    yield from _pieces(text, begin, end)


def _is_heading(paragraph: str) -> bool:
    stripped = paragraph.strip()
    return len(stripped) < 80 and stripped[-1:] not in ".!?:;"


def _pieces(text: str, start: int, end: int) -> Iterator[Passage]:
    while end - start > MAX_PASSAGE * 1.25:
        cut = start + MAX_PASSAGE
        ends = [
            m.end()
            for m in _SENTENCE_END.finditer(text, start + MAX_PASSAGE // 2, cut)
            if m.group()[0] in ".!?。！？\n"
        ]
        ends = ends or [m.end() for m in _SENTENCE_END.finditer(text, start + MAX_PASSAGE // 2, cut)]
        cut = ends[-1] if ends else cut
        yield Passage(start, cut)
        start = cut
    if text[start:end].strip():
        yield Passage(start, end)


def search(
    text: str, query: str, *, limit: int, within: Iterable[tuple[int, int]] | None = None
) -> list[Passage]:
    """The passages that match a query best, best first.

    Args:
        text: the document's text.
        query: words; order and endings do not matter.
        limit: most passages to give.
        within: stretches to look in, such as segments; default: the whole text.
    """
    words = query_words(query)
    if not words:
        return []
    wanted = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + ")", re.I)
    total = length = 0
    found: list[tuple[Passage, int, dict[str, int]]] = []
    frequency: dict[str, int] = dict.fromkeys(words, 0)
    for start, end in within or _blocks(text):
        for passage in passages(text, start, end):
            total += 1
            length += passage.end - passage.start
            if not wanted.search(text, passage.start, passage.end):
                continue
            held = _counts(text[passage.start : passage.end], frequency)
            for word in held:
                frequency[word] += 1
            if held:
                found.append((passage, passage.end - passage.start, held))
    if not found:
        return []
    average = length / total
    rarity = {w: math.log(1 + (total - n + 0.5) / (n + 0.5)) for w, n in frequency.items()}
    ranked = [
        Passage(
            passage.start,
            passage.end,
            sum(rarity[w] * n * (K1 + 1) / (n + K1 * (1 - B + B * size / average)) for w, n in held.items()),
        )
        for passage, size, held in found
    ]
    ranked.sort(key=lambda p: (-p.score, p.start))
    return ranked[:limit]


def _counts(text: str, words: dict[str, int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in _WORD.findall(text.casefold()):
        key = stem(word)
        if key in words:
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
