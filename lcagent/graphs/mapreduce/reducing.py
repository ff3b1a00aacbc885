"""Reducing: from all findings to the answer, each mode in its way.

Source: "LLM×MapReduce: Simplified Long-Sequence Processing using LLMs", reduce stage and its tasks. What
code can do it does: sums, and values that must come out letter for letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from lcagent.agents import calculator, reducer, summariser
from lcagent.documents import figures, find_quote
from lcagent.documents.corpus import Region
from lcagent.documents.placing import Placing
from lcagent.documents.resting import accounted
from lcagent.documents.support import support
from lcagent.documents.values import bare_number
from lcagent.errors import CutReply, MalformedReply
from lcagent.graphs.shared.answering import answer_from
from lcagent.graphs.shared.asking import streamer
from lcagent.graphs.shared.collapsing import collapsing
from lcagent.graphs.shared.condensing import Merger, condensed
from lcagent.graphs.shared.evidence import Note, merged_blocks, notes_of
from lcagent.graphs.shared.fallback import own_answer
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Statement, Verdict
from lcagent.memory.findings import Finding

NEAR = 0.34
"""Share of the question's words before a value from which it is the one asked for …"""
BEFORE = 240
"""… and how many characters ahead of its sentence they are looked for."""


def answer_by_code(task: Task, operation: calculator.Operation) -> Verdict | None:
    """The answer where no model is needed for it: a calculation, or the exact value of a key; None: it is."""
    if task.options.mode == "math":
        return _calculated(task, operation)
    return _value(task) if task.options.mode == "retrieval" else None


def _calculated(task: Task, operation: calculator.Operation) -> Verdict | None:
    """Largest, smallest, count, sum or difference of the numbers found; None: the model has to say."""
    numbers = _numbers(task)
    if numbers is None:
        return None
    result = calculator.calculate(operation, [value for _, value in numbers])
    if result is None:
        return None
    written = [finding.text for finding, _ in numbers]
    text, rests = f"{result:f}", [finding for finding, _ in numbers]
    if operation in {"largest", "smallest"}:
        rests = [finding for finding, value in numbers if value == result]
        text = rests[0].text  # as the document writes it
    told = f"{operation} of {len(numbers)} numbers: {', '.join(written[:20])}{', …' * (len(written) > 20)}"
    stands = "verbatim" if operation in {"largest", "smallest"} else "inferred"
    return Verdict((Statement(text, stands, _regions(rests)),), warnings=(told,))


def _numbers(task: Task) -> list[tuple[Finding, Decimal]] | None:
    """Every number that a map call found; a sentence that is repeated word for word counts once.

    None where one of them may be two numbers ("1.234"): code reckons with none that it cannot read.
    """
    numbers: list[tuple[Finding, Decimal]] = []
    places: dict[str, tuple[int, int]] = {}
    findings = task.ledger.findings()
    beside = " ".join(finding.quote for finding in findings)
    for finding in findings:
        value = bare_number(finding.text, beside)
        if value is None:
            return None
        place = (finding.document, finding.start)
        if places.setdefault(" ".join(finding.quote.split()), place) == place:
            numbers.append((finding, value))
    return numbers


def _regions(findings: Sequence[Finding]) -> tuple[Region, ...]:
    return tuple(dict.fromkeys(region for finding in findings for region in finding.regions))


def _value(task: Task) -> Verdict | None:
    """The value that stands nearest to the key; the model never writes it again.

    None: none stands by the key, or several equally near, so that the model has to say which is meant.
    """
    nearest = _nearest(task)
    if len(nearest) != 1:
        return None
    ((value, finding),) = nearest.items()
    return Verdict((Statement(value, "verbatim", _regions([finding])),))


def _nearest(task: Task) -> dict[str, Finding]:
    """The values that stand nearest to the key, all of them equally near."""
    near: dict[str, tuple[tuple[float, float], Finding]] = {}
    for finding in task.ledger.findings():
        text = task.corpus.documents[finding.document].text
        for span in finding.spans:
            # Of two before which all words of the key stand, the one whose own sentence holds more is nearer.
            starts = (max(0, span.start - BEFORE), span.start)
            found = [Placing(text, start, span.end).value(finding.text, task.question) for start in starts]
            around, own = (one[1] if one else 0.0 for one in found)
            if (around, own) > near.get(finding.text, ((0.0, 0.0), finding))[0]:
                near[finding.text] = ((around, own), finding)
    best = max((score for score, _ in near.values()), default=(0.0, 0.0))
    return {value: f for value, (score, f) in near.items() if score == best and best[0] >= NEAR}


async def answer_from_findings(task: Task) -> Verdict:
    """The answer from all findings that are left, by the model."""
    findings, mode = task.ledger.findings(), task.options.mode
    if not findings and not task.trust.brief:
        return Verdict()
    merger = collapsing(task, mode)
    if mode == "summary":
        return await _summary(task, findings, merger)
    form = None if task.trust.brief else reducer.form(mode, task.style, task.model.window.size)
    try:
        verdict = await answer_from(task, findings, merger, form=form)
    except (MalformedReply, CutReply):
        if (own := _surest(findings)) is None:
            raise
        told = "the last call gave no usable reply: this is the surest single finding"
        return own_answer(own.answer, own.quote, own.regions, told)
    return _verbatim(task, verdict) if mode == "retrieval" else verdict


def _surest(findings: Sequence[Finding]) -> Finding | None:
    ranks = {"confidence: high": 2, "confidence: middle": 1}
    answered = [finding for finding in findings if finding.answer]
    return max(answered, key=lambda f: ranks.get(f.detail.rpartition("\n")[2], 0), default=None)


def _verbatim(task: Task, verdict: Verdict) -> Verdict:
    """A value that stands, letter for letter, in what is cited for it; another is told as what it is, and so
    are those that the answer leaves out although they stand as near."""
    loose = [
        statement.text
        for statement in verdict.statements
        if not any(find_quote(task.corpus.text(region), statement.text) for region in statement.regions)
    ]
    others = [value for value in _nearest(task) if verdict.found and value not in verdict.text]
    told = [f"this value stands letter for letter nowhere: {text}" for text in loose]
    told += [f"stands as near to what is asked for: {', '.join(others)}"] * bool(others)
    return verdict.warned(*told)


async def _summary(task: Task, findings: Sequence[Finding], merger: Merger) -> Verdict:
    """The summary, each sentence with those that it rests on.

    Its figures are not its own, so those that no source holds are told.
    """
    words = min(task.options.words, summariser.most_words(task.model.window.size))
    warnings: list[str] = []
    if words < task.options.words:
        warnings.append(f"the window allows a summary of about {words} words")
    room = await asyncio.to_thread(summariser.room, task.model.window, task.question, words)
    notes = await asyncio.to_thread(notes_of, task, findings)
    notes, left_out = await condensed(task, notes, room, merger)
    if not notes:
        return Verdict()
    shown = "\n\n".join(block.shown(None) for block in merged_blocks(task, notes))
    try:
        text = await summariser.summarise(task.model, task.question, shown, words, on_text=streamer(task))
    except (MalformedReply, CutReply):
        text = _notes(notes, words)
        warnings.append("the last call gave no usable reply: these are the notes it was to be made from")
    unknown = figures(text) - figures(" ".join([task.question, shown, *(f.quote for f in findings)]))
    if unknown:
        warnings.append(f"figures that stand in no source: {', '.join(sorted(unknown))}")
    statements = await asyncio.to_thread(_resting, text, findings)
    return Verdict(tuple(statements), warnings=(*left_out, *warnings))


def _notes(notes: Sequence[Note], words: int) -> str:
    """The notes themselves, whole sentences, up to the length asked for."""
    chosen: list[str] = []
    for fact in (fact for note in notes for fact in note.facts):
        words -= len(fact.split())
        if chosen and words < 0:
            break
        chosen.append(fact)
    return " ".join(chosen)


def _resting(text: str, findings: Sequence[Finding]) -> list[Statement]:
    """Each sentence of a summary with the findings that hold its words."""
    placed = [finding for finding in findings if finding.placed]
    statements: list[Statement] = []
    for sentence, glue, held in accounted(text, [(finding.quote, finding.text) for finding in placed]):
        chosen = [placed[at] for at in held]
        stands = support(sentence, [finding.quote for finding in chosen])
        statements.append(Statement(sentence, stands, _regions(chosen), glue))
    return statements
