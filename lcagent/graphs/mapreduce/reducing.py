"""Reducing: from the findings that are left to the answer, each mode in its way.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", reduce stage and its tasks. What
code can do it does: sums, and values that must come out letter for letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

from lcagent.agents import calculator, reducer, summariser
from lcagent.agents.answerer import FinalReply
from lcagent.agents.prompt import as_data
from lcagent.documents import figures, find_quote, query_words, sentences
from lcagent.errors import CutReply, MalformedReply
from lcagent.graphs.mapreduce.collapsing import reduce_room, summary_words
from lcagent.graphs.mapreduce.findings import RANK, Finding, show, union
from lcagent.graphs.shared.answering import (
    given,
    is_doubted,
    layout,
    passages_shown,
    ranked_views,
    streamer,
    tokens_of,
)
from lcagent.graphs.shared.checks import ABOUT, MOST_CITATIONS, check
from lcagent.graphs.shared.evidence import View, fill, widen
from lcagent.graphs.shared.final import Final
from lcagent.graphs.shared.task import Task
from lcagent.memory.entries import Entry, Evidence

MOST_SOURCES = 12
"""Citations of a summary or a sum."""
SUPPORTS = 0.3
"""Share of a summary's sentence that must stand in a source of it …"""
HELD = 0.5
"""… or share of the source that must stand in the sentence."""


def answer_by_code(task: Task, operation: calculator.Operation, findings: Sequence[Finding]) -> Final | None:
    """The answer where no model is needed for it: a calculation, or the exact value of a key."""
    mode = task.settings.mapreduce.mode
    if mode == "math":
        return _calculated(task, operation)
    return _value(task, findings) if mode == "retrieval" else None


def _calculated(task: Task, operation: calculator.Operation) -> Final | None:
    """Largest, smallest, count, sum or difference of the numbers found; None: the model answers."""
    numbers = _numbers(task)
    result = calculator.calculate(operation, [value for _, value in numbers])
    if result is None:
        return None
    written = [row.note for row, _ in numbers]
    text, cited = f"{result:f}", [row for row, _ in numbers]
    if operation in {"largest", "smallest"}:
        cited = [row for row, value in numbers if value == result]
        text = cited[0].note  # as the document writes it
    told = f"{operation} of {len(numbers)} numbers: {', '.join(written[:20])}{', …' * (len(written) > 20)}"
    return Final(text, True, _as_cited(_one_a_sentence(cited)[:MOST_SOURCES]), warnings=[told])


def _numbers(task: Task) -> list[tuple[Entry, Decimal]]:
    """Every number that a map call found; a sentence that is repeated word for word counts once."""
    numbers: list[tuple[Entry, Decimal]] = []
    places: dict[str, tuple[int, int]] = {}
    for row in task.ledger.live():
        value = calculator.value_of(row.note)
        place = (row.document, row.start)
        if value is not None and places.setdefault(" ".join(row.quote.split()), place) == place:
            numbers.append((row, value))
    return numbers


def _one_a_sentence(rows: Sequence[Entry]) -> list[Entry]:
    return list({(row.document, row.start): row for row in rows}.values())


def _value(task: Task, findings: Sequence[Finding]) -> Final | None:
    """The value that stands nearest to the key; the model never writes it again.

    Values that stand equally near are all given, as a conflict: which of them holds, or whether the key
    has several, the document leaves open. Where the question asks for several, each that stands by the
    key is one. None: no value stands by the key, so the model has to put facts together.
    """
    live = {row.id: row for row in task.ledger.live()}
    near: list[tuple[float, int, Entry]] = []
    for finding in findings:
        rows = [live[name] for name in finding["evidence"] if name in live]
        values = {finding["answer"], *finding["answer"].split(", ")} - {""}
        rows = [row for row in rows if row.note in values]
        near += [(row.score, RANK[finding["confidence"]], row) for row in rows]
    best = max((n[:2] for n in near), default=(0.0, 0))
    if best[0] < ABOUT:
        return None
    chosen = [n[2] for n in near if n[:2] == best or (task.several and n[0] >= ABOUT)]
    rows = list({row.note: row for row in reversed(chosen)}.values())[::-1][:MOST_SOURCES]
    conflict = len(rows) > 1 and not task.several
    return Final(", ".join(row.note for row in rows), True, _as_cited(rows), conflict=conflict)


async def answer_from_findings(task: Task, findings: Sequence[Finding]) -> Final:
    """The answer from all findings that are left, by the model."""
    if task.settings.mapreduce.mode == "summary":
        return await _summary(task, findings)
    mode = task.settings.mapreduce.mode
    shown = "\n\n".join(map(show, findings))
    doubted = is_doubted(task)
    ranked = await asyncio.to_thread(ranked_views, task)
    ranked = ranked[: passages_shown(task, ranked, doubted=doubted)]

    def best(tokens: int) -> list[View]:
        return fill(ranked, tokens, lambda view: tokens_of(task, view))

    def room() -> int:
        count = task.model.window.count
        taken = count(as_data(task.question)) + count(as_data(shown)) + task.model.window.size // 100
        return reduce_room(task) - taken

    views = await asyncio.to_thread(lambda: best(room()))
    warnings: list[str] = []
    reply: FinalReply | None
    try:
        reply = await reducer.reduce(
            task.model,
            mode,
            task.question,
            shown,
            layout(task, views),
            shrink=lambda tokens: layout(task, best(tokens)),
            several=task.several,
        )
    except (MalformedReply, CutReply):
        reply = _surest(findings)
        if reply is None:
            raise
        warnings = ["the last call gave no usable reply: this is the surest single finding"]
    regions = _regions(task, views, findings)
    final = await asyncio.to_thread(check, task, reply, regions, doubted=doubted)
    if mode == "retrieval" and final.found:
        final = _verbatim(task, final)
    final.warnings = [*warnings, *final.warnings]
    return await given(task, final, doubted=doubted)


def _surest(findings: Sequence[Finding]) -> FinalReply | None:
    answered = [finding for finding in findings if finding["answer"]]
    best = max(answered, key=lambda finding: RANK[finding["confidence"]], default=None)
    return FinalReply(found="yes", answer=best["answer"]) if best else None


def _verbatim(task: Task, final: Final) -> Final:
    """A value only if it stands, letter for letter, in what is cited for it; of several each."""
    quotes = [cited["quote"] for cited in final.cited]
    values = final.text.split(", ") if task.several else [final.text]
    if all(any(find_quote(quote, value) for quote in quotes) for value in values):
        return final
    return Final("", False, warnings=[f"a value was dropped that no source holds: {final.text[:200]}"])


def _regions(task: Task, views: Sequence[View], findings: Sequence[Finding]) -> list[tuple[int, int, int]]:
    """(document, start, end) of all that the model was shown: passages, and what findings rest on."""
    rests = set(union(findings))
    around = widen([row for row in task.ledger.live() if row.id in rests], task.documents, task.span)
    return sorted({(v.document, v.start, v.end) for v in [*views, *around]})


async def _summary(task: Task, findings: Sequence[Finding]) -> Final:
    """The summary, with the sentences that it rests on.

    It is not refused for words that stand nowhere in the document: a summary says things in its own.
    Its figures are not its own, so those that no source holds are told.
    """
    words = summary_words(task)
    warnings: list[str] = []
    if words < task.settings.mapreduce.words:
        warnings.append(f"the window allows a summary of about {words} words")
    shown = "\n\n".join(map(show, findings))
    try:
        text = await summariser.summarise(task.model, task.question, shown, words, on_text=streamer(task))
    except (MalformedReply, CutReply):
        text = ""
    if not text:
        text = _notes(findings, words)
        warnings.append("the last call gave no usable reply: these are the notes it was to be made from")
    rests = set(union(findings))
    rows = [row for row in task.ledger.live() if row.id in rests]
    unknown = figures(text) - figures(" ".join([task.question, shown, *(row.quote for row in rows)]))
    if unknown:
        warnings.append(f"figures that stand in no source: {', '.join(sorted(unknown))}")
    return Final(text, bool(text), _as_cited(sources(text, rows)), warnings=warnings)


def _notes(findings: Sequence[Finding], words: int) -> str:
    """The notes themselves, whole sentences, up to the length asked for."""
    chosen: list[str] = []
    for note in (f["answer"] or " ".join(f["facts"]) for f in findings):
        words -= len(note.split())
        if chosen and words < 0:
            break
        chosen.append(note)
    return " ".join(chosen)


def sources(text: str, rows: Sequence[Entry]) -> list[Entry]:
    """What each sentence of a summary rests on: rows that hold its words, or whose words it holds.

    One sentence may draw on several rows; each takes away the words that it accounts for.
    """
    held = [set(query_words(row.quote)) for row in rows]
    chosen: dict[str, Entry] = {}
    for span in sentences(text):
        said = set(query_words(text[span.start : span.end]))
        left = set(said)
        while left and rows:
            best = max(range(len(rows)), key=lambda i: len(left & held[i]))
            shared = len(left & held[best])
            if shared < min(SUPPORTS * len(said), HELD * len(held[best])) or not shared:
                break
            chosen.setdefault(rows[best].id, rows[best])
            left -= held[best]
    return list(chosen.values())[:MOST_SOURCES] or list(rows[:MOST_CITATIONS])


def _as_cited(rows: Sequence[Entry]) -> list[dict[str, object]]:
    """Rows as plain data for the checkpoint."""
    return [asdict(Evidence(r.document, r.segment, r.start, r.end, r.quote, r.note, r.score)) for r in rows]
