"""Gathering: what the map calls of all segments found, into the ledger and into findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, TypedDict

from lcagent.agents.mapper import Mapping
from lcagent.documents import query_words
from lcagent.graphs.mapreduce.findings import Confidence, Finding
from lcagent.graphs.shared.answering import BELIEVED, MOST_PASSAGES, ranked_views, reader_trust
from lcagent.graphs.shared.checks import grounded
from lcagent.graphs.shared.retrieval import hint_entries
from lcagent.graphs.shared.task import Task, counted
from lcagent.memory.entries import Entry, Evidence, claim, integrate
from lcagent.memory.standing import Standing

HINTED = {"qa", "code", "retrieval"}
"""Modes in which retrieval for the question's words is a second witness."""

FEW_ANSWERS = 0.25
"""Share of the segments up to which a reader that claims answers in them is selective."""


class Mapped(TypedDict):
    """What one map call left, as plain data for the checkpoint."""

    document: int
    segment: int
    evidence: list[dict[str, Any]]
    facts: list[str]
    rationale: str
    answer: str
    confidence: Confidence
    unplaced: int
    unread: bool
    stop: str


def as_mapped(document: int, segment: int, got: Mapping | None, *, stop: str = "") -> Mapped:
    """A map call's result; None is a call that failed for good, or was not sent (`stop` says why)."""
    found = got or Mapping()
    return Mapped(
        document=document,
        segment=segment,
        evidence=[asdict(evidence) for evidence in found.evidence],
        facts=found.facts,
        rationale=found.rationale,
        answer=found.answer,
        confidence=found.confidence,
        unplaced=found.unplaced,
        unread=got is None and not stop,
        stop=stop,
    )


def record(task: Task, mapped: Sequence[Mapped]) -> list[Finding]:
    """Write all evidence into the ledger and give what is relevant, both in reading order.

    The calls ran at once, so what repeats and what corrects an earlier segment is decided here, in an
    order that does not depend on which call ended first.
    """
    rows: dict[tuple[int, int], list[Entry]] = {}
    live: dict[int, Standing] = {}
    ordered = sorted(mapped, key=lambda m: (m["document"], m["segment"]))
    for one in ordered:
        document, index = one["document"], one["segment"]
        if one["unread"] or one["stop"]:
            continue
        found = [Evidence(**evidence) for evidence in one["evidence"]]
        if task.settings.mapreduce.mode in HINTED:
            found += hint_entries(task, document, task.segments[document][index])
        entries = _entries(task, found, live.setdefault(document, Standing()))
        if (one["unplaced"] or one["answer"]) and not one["evidence"]:
            note = one["answer"] or "a fact that stands nowhere"
            entries.append(claim(document, task.segments[document][index], note, seq=len(entries)))
        task.ledger.record(document, index, entries)
        rows[document, index] = entries
        live[document].add(entries)
    findings = [
        _finding(task, one, rows[place], live[place[0]])
        for one in ordered
        if (place := (one["document"], one["segment"])) in rows
    ]
    return [finding for finding in findings if finding is not None]


def _entries(task: Task, found: Sequence[Evidence], standing: Standing) -> list[Entry]:
    if task.settings.mapreduce.mode == "math":
        # Two numbers of one sentence are two rows; as quotes they would count as repetitions.
        entries = [Entry(**asdict(evidence), seq=seq) for seq, evidence in enumerate(found)]
    else:
        entries = integrate(found, standing.near(found))
    if task.settings.mapreduce.mode == "retrieval":
        entries = _each_value(entries)
    return [counted(task, entry) for entry in entries]


def _each_value(entries: Sequence[Entry]) -> list[Entry]:
    """Another value of a sentence is no repetition of the first one."""
    notes = {entry.id: entry.note for entry in entries}
    return [
        replace(entry, op="add", target=None)
        if entry.op == "merge" and entry.note and notes.get(entry.target or "", entry.note) != entry.note
        else entry
        for entry in entries
    ]


def _finding(task: Task, one: Mapped, rows: Sequence[Entry], standing: Standing) -> Finding | None:
    """One segment's finding without what a later segment has corrected; None if nothing is left."""
    noted = [row for row in rows if row.note]
    names = {row.id: row.target if row.op == "merge" and row.target else row.id for row in noted}
    kept = [row for row in noted if names[row.id] in standing]
    if not kept:
        return None
    gone = {row.note for row in noted} - {row.note for row in kept}
    answer = one["answer"] if _stands(task, one, kept, corrected=len(kept) < len(noted)) else ""
    place = place_of(task, one["document"], one["segment"])
    return Finding(
        first=place,
        last=place,
        facts=[fact for fact in one["facts"] if fact not in gone],
        rationale=one["rationale"],
        answer=answer,
        confidence=one["confidence"] if answer else "zero",
        evidence=list(dict.fromkeys(names[row.id] for row in kept)),
    )


def _stands(task: Task, one: Mapped, kept: Sequence[Entry], *, corrected: bool) -> bool:
    """Whether a segment's answer stands in it, and not only in what was corrected later."""
    if task.settings.mapreduce.mode in {"summary", "math"}:
        return True  # a summary has words of its own, and a sum stands nowhere
    if one["confidence"] == "zero":
        return False
    text = task.segment_text(one["document"], one["segment"])
    if corrected:
        text = " ".join(row.quote for row in kept)
    return bool(query_words(one["answer"])) and grounded(one["answer"], text, task.question)


def place_of(task: Task, document: int, segment: int) -> str:
    """Where a segment stands, for a prompt."""
    source = task.documents[document]
    page = source.page_at(task.segments[document][segment].start)
    where = f"{source.unit} {page}" if page else f"part {segment + 1}"
    return f"{source.name}, {where}" if len(task.documents) > 1 else where


def believed(task: Task, findings: list[Finding]) -> list[Finding]:
    """What goes on to the reduce: all that a selective reader found.

    Of one that finds something in most segments, what stands where the ledger's best passages are; and
    what it calls an answer, if that at least is said of few.
    """
    if task.settings.mapreduce.mode == "summary":
        return findings
    if reader_trust(task) >= BELIEVED:
        return findings
    best = {entry.id for view in ranked_views(task)[:MOST_PASSAGES] for entry in view.entries}
    answers = sum(bool(finding["answer"]) for finding in findings)
    few = answers <= FEW_ANSWERS * task.total
    kept = [f for f in findings if best & set(f["evidence"]) or (few and f["answer"])]
    return kept or findings
