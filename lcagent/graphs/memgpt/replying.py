"""Replying: the message that ends a turn, with what it rests on, found by code.

What the agent was shown in the turn, and the messages that it had before it, are the evidence: a statement
that stands there is a claim with its citations, as everywhere. What stands nowhere is talk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lcagent.documents import Document, query_words
from lcagent.documents.corpus import Corpus, Region
from lcagent.documents.resting import Sources
from lcagent.documents.retrieval import Retrieval
from lcagent.documents.shown import Evidence, block
from lcagent.graphs.memgpt.provenance import Passage, Seen, origins, source_of
from lcagent.graphs.memgpt.turn import Occasion, Turn
from lcagent.graphs.memgpt.view import View
from lcagent.graphs.shared.checks import checked
from lcagent.graphs.shared.verdict import Verdict
from lcagent.memory.tiers.entries import ASSISTANT, Entry, New
from lcagent.memory.tiers.origins import Origin, as_data
from lcagent.text import told_time

MOST_MESSAGES = 40
"""Messages of the conversation that a reply is compared with, beside those that were searched for."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Something a reply may rest on: a stretch of a document, or a message."""

    text: str
    message: Entry | None = None
    document: int = 0
    start: int = 0


def shown_regions(on: Occasion) -> list[Region]:
    """The stretches of documents that were shown since it began, in reading order."""
    return sorted({on.view.region(one) for one in on.shown() if one.mark[0] == "d"})


def seen_at(on: Occasion, window: Sequence[Entry], before: int | None = None) -> Seen:
    """What the model had before it when it made a call: the entries of its window, and texts of documents.

    Args:
        on: what it was called on.
        window: the entries that were shown.
        before: the call's number; None: it is not written yet.
    """
    entries = on.memory.entries
    recalled = [one.number for one in on.shown(before) if one.mark[0] in "mp"]
    lines = [line for label in on.memory.core.labels for line in on.memory.core.lines(label)]
    summary = on.memory.queue.summary()
    shown = sorted([*window, *entries.get(recalled).values()], key=lambda one: one.id)
    held = [*shown, *lines, *([summary] if summary else [])]
    corpus, numbers = on.view.corpus, on.view.numbers
    passages = [
        Passage(Origin(numbers[d], start, end), f"{corpus.documents[d].name} {corpus.text((d, start, end))}")
        for d, start, end in shown_regions(on)
    ]
    return Seen(tuple({one.id: one for one in held}.values()), tuple(passages), on.number)


def reply_of(turn: Turn, call: Entry, seen: Seen) -> New:
    """The message that a call of `send_message` sends, as it is kept.

    Args:
        turn: which it ends.
        call: with its arguments.
        seen: what the model had before it.
    """
    text = str(call.data["arguments"].get("message", "")).strip()
    known = call.data["arguments"].get("known", "yes") == "yes"
    words = set(query_words(text))  # what shares none of them carries nothing of it
    pieces = [piece for piece in _pieces(turn, seen) if not words.isdisjoint(query_words(piece.text))]
    verdict = _checked(turn, text, pieces)
    claims, citations = _claims(verdict, pieces, turn.view) if known else ([], [])
    messages = {one["message"] for one in citations if one["message"] is not None}
    status = "not_found" if not known else "conflicting" if verdict.conflict and claims else "answered"
    data = {
        "claims": claims,
        "citations": citations,
        "status": status,
        "warnings": list(verdict.warnings),
        "turn": turn.number,
        **as_data(origins(text, seen)),
    }
    return New(
        "message",
        text,
        ASSISTANT,
        ASSISTANT,
        source_of(text, seen),
        data,
        key=turn.reply_key,
        rests_on=(call.id, *sorted(messages)),
    )


def _pieces(turn: Turn, seen: Seen) -> list[_Piece]:
    """What was shown, the documents' stretches first."""
    texts = turn.view.corpus.documents
    pieces = [_Piece(texts[d].text[start:end], None, d, start) for d, start, end in shown_regions(turn)]
    entries = turn.memory.entries
    recalled = [one.number for one in turn.shown() if one.mark[0] == "m"]
    carrying = [
        n for one in seen.entries if one.kind in {"block", "passage"} for n in entries.rests_on(one.id)
    ]
    queued = [one.id for one in seen.entries if one.kind == "message" and one.id != turn.number]
    numbers = dict.fromkeys([*recalled, *carrying, *sorted(queued, reverse=True)[:MOST_MESSAGES]])
    held = {one.id: one for one in seen.entries}
    held |= entries.get([number for number in numbers if number not in held])
    for entry in (held[number] for number in sorted(numbers) if number in held):
        if entry.kind == "message" and entry.author != ASSISTANT and entry.id != turn.number:
            pieces.append(_Piece(entry.text, entry))
    return pieces


def _checked(turn: Turn, text: str, pieces: Sequence[_Piece]) -> Verdict:
    if not text or not pieces:
        return Verdict()
    documents = [Document(str(n), one.text, (), "", "", "text") for n, one in enumerate(pieces)]
    asked = turn.memory.entries.get([turn.number])
    question = asked[turn.number].text if turn.number in asked else ""
    retrieval = Retrieval(Corpus(tuple(documents)), question)
    blocks = [block(retrieval, (n, 0, len(one.text))) for n, one in enumerate(pieces)]
    return checked(question, text, Sources(Evidence(tuple(blocks)), question, retrieval))


def _claims(
    verdict: Verdict, pieces: Sequence[_Piece], view: View
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    claims: list[dict[str, Any]] = []
    citations: dict[Region, dict[str, Any]] = {}
    for statement in verdict.statements:
        if statement.support == "inferred" or not statement.regions:
            continue
        numbers: list[int] = []
        for region in statement.regions:
            if region not in citations:
                citations[region] = _citation(len(citations) + 1, region, pieces[region[0]], view)
            numbers.append(citations[region]["number"])
        claims.append({"text": statement.text, "support": statement.support, "citations": numbers})
    return claims, list(citations.values())


def _citation(number: int, region: Region, piece: _Piece, view: View) -> dict[str, Any]:
    _, start, end = region
    quote = piece.text[start:end]
    if piece.message is not None:
        entry = piece.message
        where = f"message {entry.id}, {told_time(entry.valid)}, {entry.author}"
        named = {"document": "conversation", "place": where, "page": None, "message": entry.id}
    else:
        document, start, end = view.corpus.documents[piece.document], piece.start + start, piece.start + end
        named = {
            "document": document.name,
            "place": document.place(start),
            "page": document.page_at(start),
            "message": None,
        }
    return {"number": number, **named, "char_start": start, "char_end": end, "quote": quote}
