"""Whether an answer stands on what the model was shown, and which sentences say it: checks by code."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict

from rapidfuzz import fuzz

from lcagent.agents import answerer
from lcagent.documents import figures, query_words, sentences
from lcagent.documents.forms import dates, in_digits, without_dates
from lcagent.documents.lexical import among
from lcagent.graphs.shared.final import Final
from lcagent.graphs.shared.task import Task
from lcagent.memory.entries import Evidence

MOST_CITATIONS = 3
MOST_LISTED = 12
"""Citations where the answer is a list of values."""
ABOUT = 0.34
"""Share of the question's words that must stand in the passages shown."""
GROUNDED = 0.34
"""Share of the answer's words that must stand in what the model was shown."""


def check(
    task: Task,
    reply: answerer.FinalReply,
    regions: Sequence[tuple[int, int, int]],
    *,
    doubted: bool,
) -> Final:
    """Accept an answer only if it stands on what the model was shown.

    Args:
        task: the run.
        reply: the model's.
        regions: (document, start, end) of the text it was shown.
        doubted: also refuse it where the text is not about the question, or lacks a name in it.
    """
    text = reply.answer.strip()
    missing = [f"the text never mentions {name}" for name in task.unmentioned()]
    if reply.found == "no" or not text or (doubted and missing):
        return Final("", found=False, warnings=missing)
    shown = " ".join(task.documents[d].text[s:e] for d, s, e in regions)
    if doubted and not about(task.question, shown):
        return Final("", False, warnings=[_off_topic(task)])
    told = missing
    if not grounded(text, shown, task.question):
        # Of several things one that the text does not hold, such as a number with a slip, costs itself alone.
        values = text.split(", ") if task.several else []
        held = [value for value in values if grounded(value, shown, task.question)]
        loose = ", ".join(value for value in values if value not in held) or text
        told = [*told, f"an answer was dropped that the text does not hold: {loose[:200]}"]
        if not held:
            return Final("", found=False, warnings=told)
        text = ", ".join(held)
    cited = cite(task, text, regions)
    # Of several things asked for, each has another value.
    rival = None if task.several else _rival(task, text, cited, regions)
    if rival is not None:
        cited = [*cited[:1], rival]
    given = [asdict(c) for c in cited]
    return Final(text, True, given, rival is not None, warnings=told, certainty=reply.certainty)


def _off_topic(task: Task) -> str:
    """Why nothing is about the question; a question in another language fails by its words alone."""
    if task.worded():
        return "no passage is about what the question asks for"
    return (
        "no word of the question stands in the text, so that nothing shows which passage is about it:"
        " ask in the text's own language and words"
    )


def about(question: str, shown: str) -> bool:
    """Whether the text shown speaks of what is asked: small models answer from any text at all."""
    words = query_words(question)
    held = set(query_words(shown))
    return not words or sum(w in held for w in words) >= ABOUT * len(words)


def grounded(answer: str, shown: str, question: str) -> bool:
    """Whether an answer's figures and at least a third of its words stand in the text shown."""
    return _stands(answer, shown, question) or _stands(without_dates(answer, dates(shown)), shown, question)


def _stands(answer: str, shown: str, question: str) -> bool:
    plain = _plain(shown)
    stated = figures(shown) | figures(plain)
    given = stated.union(*map(_parts, stated))
    unknown = figures(answer) - given - figures(question)
    if any(end not in given for figure in unknown for end in _ends(figure)):
        return False
    words = [w for w in query_words(_plain(answer)) if w not in _VERDICTS and not _LETTER.fullmatch(w)]
    if not words:
        return True
    held = set(query_words(plain))
    return sum(among(w, held) for w in words) >= GROUNDED * len(words)


_LETTER = re.compile("[a-z]")
"""Names one of the question's options; it stands in no text, or in any."""
_GROUPED = re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,])")


def _plain(text: str) -> str:
    """A text with its numbers in one notation: spelt ones in digits, none with separators."""
    return _GROUPED.sub(lambda match: match.group().replace(",", ""), in_digits(text))


_RANGE = re.compile(r"([^-]+)-([^-]+)|(\d{4})/(\d{2}|\d{4})")
_MONTH, _DAY = "(0?[1-9]|1[0-2])", "(0?[1-9]|[12]\\d|3[01])"
_DATE = re.compile(rf"(\d{{4}})[-/.]{_MONTH}[-/.]{_DAY}|{_DAY}[-/.]{_DAY}[-/.](\d{{4}})")


def _ends(figure: str) -> list[str]:
    """The two ends of a range, which a text may give apart; any other figure stays whole."""
    match = _RANGE.fullmatch(figure)
    return [end for end in match.groups() if end] if match else [figure]


def _parts(figure: str) -> set[str]:
    """What else a figure of the text states: the ends of a range; a date's year, month and day."""
    match = _DATE.fullmatch(figure)
    parts = {part for part in match.groups() if part} if match else set(_ends(figure))
    return parts | {part.lstrip("0") for part in parts}


_VERDICTS = {"yes", "no", "true", "false"}


def cite(task: Task, answer: str, regions: Sequence[tuple[int, int, int]]) -> list[Evidence]:
    """The sentences that an answer rests on: first the one that says it, then what leads to it."""
    asked = set(query_words(task.question))
    plain = _plain(answer)
    said = set(query_words(plain)) - _VERDICTS
    numbers = figures(plain)
    scored: list[tuple[float, Evidence, frozenset[str]]] = []
    for document, start, end in regions:
        text = task.documents[document].text
        for span in sentences(text, start, end):
            quote = text[span.start : span.end]
            stated = _plain(quote)  # "three years" says "3 years"
            words = set(query_words(stated))
            says = len(said & words) / len(said) if said else 0.0
            named = figures(stated) if numbers else frozenset[str]()
            if not numbers <= named:
                says *= 0.3
            about = len(asked & words) / len(asked) if asked else 0.0
            item = Evidence(document, _segment_at(task, document, span.start), span.start, span.end, quote)
            scored.append((2 * says + about, item, named))
    scored.sort(key=lambda one: (-one[0], one[1].document, one[1].start))
    best = scored[0][0] if scored else 0.0
    chosen = [one for one in scored[:MOST_CITATIONS] if one[0] > 0 and one[0] >= 0.6 * best]
    # Of a list of values each has a source of its own.
    for number in sorted(numbers) if len(numbers) > 1 else ():
        if not any(number in named for _, _, named in chosen):
            chosen += [one for one in scored if number in one[2]][:1]
    return [item for _, item, _ in chosen[:MOST_LISTED]]


def _rival(
    task: Task, answer: str, cited: Sequence[Evidence], regions: Sequence[tuple[int, int, int]]
) -> Evidence | None:
    """A sentence that says the same as the first citation but for the answer's figures.

    Only figures are compared, and only between sentences that are nearly word for word alike, or that say
    the same words in another order: a contradiction reported where there is none costs more trust than one
    overlooked.
    """
    numbers = figures(answer)
    if not cited or not numbers:
        return None
    first = cited[0]
    mask, words = _masked(first.quote), _bare_words(first.quote)
    beside = figures(first.quote) - numbers
    # A sentence about another year than the one asked about says nothing else about it.
    asked = figures(task.question) & figures(first.quote)
    superseded = {row.target for row in task.ledger.rows() if row.op == "supersede"}
    gone = {(r.document, r.start) for r in task.ledger.rows() if r.id in superseded}
    for document, start, end in regions:
        text = task.documents[document].text
        for span in sentences(text, start, end):
            quote = text[span.start : span.end]
            other = figures(quote)
            if (document, span.start) == (first.document, first.start) or not other:
                continue
            # Another edition, year or lot differs in more than the answer.
            if numbers & other or not asked | beside <= other or (document, span.start) in gone:
                continue
            reordered = len(words) >= _LEAST_WORDS and words == _bare_words(quote)
            if reordered or fuzz.ratio(mask, _masked(quote)) >= _ALIKE:
                segment = _segment_at(task, document, span.start)
                return Evidence(document, segment, span.start, span.end, quote)
    return None


_ALIKE = 90.0
_LEAST_WORDS = 3
"""Two sentences of fewer words in common may be about anything."""


def _masked(text: str) -> str:
    return re.sub(r"\d[\d.,:/-]*", "#", " ".join(text.casefold().split()))


def _bare_words(text: str) -> set[str]:
    """The content words of a sentence, without its figures and dates."""
    words = query_words(without_dates(text, dates(text)))
    return {word for word in words if not any(map(str.isdigit, word))}


def _segment_at(task: Task, document: int, offset: int) -> int:
    at = bisect_right(task.segments[document], offset, key=lambda segment: segment.start) - 1
    return task.segments[document][max(at, 0)].index
