"""Evidence: what the answering call is shown. Everything that was found, in reading order, then what room
is left for.

A finding is shown with the sentences that carry it and their neighbours; where that is too long, with the
sentences alone; where that is too long too, findings are merged (`condensing`). Nothing is cut without a
word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lcagent.documents.corpus import Region, overlap
from lcagent.documents.retrieval import Found, Ranked
from lcagent.documents.shown import Block, Evidence, block, in_order
from lcagent.graphs.shared.task import Task
from lcagent.memory.findings import Finding
from lcagent.models.prompt import as_data
from lcagent.models.window import JOINT

NEAREST = 2
"""Passages of its segment that a finding without a place brings along."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was found, as it is shown: one finding, or several that were merged.

    Args:
        first: (document, offset) where it begins …
        last: … and of the last finding that went into it.
        facts: in the models' words.
        regions: sentences that carry them; none: no place was found.
        detail: what else was said of them, such as how sure that is.
        beside: passages that it brings along where it has no place of its own.
        answers: a model took something of it for an answer.
    """

    first: tuple[int, int]
    last: tuple[int, int]
    facts: tuple[str, ...]
    regions: tuple[Region, ...] = ()
    detail: str = ""
    beside: tuple[Region, ...] = ()
    answers: bool = False


def notes_of(task: Task, findings: Iterable[Finding]) -> list[Note]:
    """Findings as they are shown, in reading order; repetitions add their place to what they repeat."""
    kept: dict[str, Note] = {}
    corrected = {f.target for f in findings if f.op == "supersede"}
    for finding in findings:
        regions = finding.regions
        if finding.op == "merge" and finding.target in kept:
            known = kept[finding.target]
            kept[finding.target] = replace(known, regions=tuple(dict.fromkeys([*known.regions, *regions])))
            continue
        segment = task.corpus.segment(finding.place)
        first = (finding.document, finding.start if finding.placed else segment.start)
        detail = "; ".join(filter(None, [finding.detail, "corrected elsewhere" * (finding.id in corrected)]))
        beside = () if finding.placed else _nearest(task, finding)
        answers = bool(finding.answer)
        kept[finding.id] = Note(first, first, (finding.text,), regions, detail, beside, answers)
    return sorted(kept.values(), key=lambda note: note.first)


def _nearest(task: Task, finding: Finding) -> tuple[Region, ...]:
    """The passages of its segment that are nearest to a finding without a place."""
    segment = task.corpus.segment(finding.place)
    within = (finding.document, segment.start, segment.end)
    query = f"{finding.text} {task.question}"
    return tuple(hit.region for hit in task.retrieval.search(query, limit=NEAREST, within=within))


def blocks_of(task: Task, notes: Sequence[Note], *, wide: bool) -> list[Block]:
    """Notes over the text that carries them, in reading order.

    Args:
        task: the run.
        notes: what was found.
        wide: with the neighbours of each sentence, not the sentences alone.
    """
    texts: dict[Region, list[str]] = {}
    loose: list[Block] = []
    for note in notes:
        regions = list(note.regions)
        if wide:
            regions = [passage for region in regions for passage in task.retrieval.passages_at(*region)]
            regions += note.beside
        told = _told(task, note, regions)
        for region in dict.fromkeys(regions):
            texts.setdefault(region, [])
        if note.regions:
            texts[regions[-1]] += told
        else:
            where = task.corpus.where(*note.first)
            loose.append(Block(note.first, (), where, "", tuple(told)))
    placed = [block(task.retrieval, region, notes=tuple(told)) for region, told in texts.items()]
    return in_order([*placed, *loose])


def _told(task: Task, note: Note, regions: Sequence[Region]) -> list[str]:
    """What a note says beyond the text that it stands by."""
    shown = {" ".join(task.corpus.text(region).split()) for region in regions}
    facts = [fact for fact in note.facts if not any(" ".join(fact.split()) in text for text in shown)]
    head = "Noted" if note.regions else "Noted here, its sentence was not found"
    lines = [f"{head}: {' '.join(fact.split())}" for fact in facts]
    return [*lines, note.detail] if note.detail else lines


def merged_blocks(task: Task, notes: Sequence[Note]) -> list[Block]:
    """Merged notes by themselves: what they rest on is known, and not shown."""
    blocks: list[Block] = []
    for note in notes:
        first, last = (task.corpus.where(*end) for end in (note.first, note.last))
        where = first if first == last else f"{first} to {last}"
        lines = [*(f"- {' '.join(fact.split())}" for fact in note.facts), *filter(None, [note.detail])]
        blocks.append(Block(note.first, note.regions, where, "", tuple(lines)))
    return blocks


def tokens(task: Task, blocks: Sequence[Block]) -> int:
    """Tokens that blocks take in a prompt, counted with the model's own tokenizer."""
    shown = Evidence(tuple(blocks)).text(marks=True)
    return task.model.window.count(as_data(shown)) + JOINT


def filled(task: Task, blocks: Sequence[Block], findings: Sequence[Finding], room: int) -> list[Block]:
    """Blocks, and with them retrieved passages as long as there is room, in reading order.

    Args:
        task: the run.
        blocks: of the findings; they fit.
        findings: they lead on to other passages.
        room: tokens for all of it.
    """
    most = task.trust.evidence_tokens(room, task.model.window.size)
    regions = [ranked.region for ranked in _ranked(task, findings)]
    if unplaced := [finding for finding in findings if not finding.placed]:
        # What carries them shares no word with them, as in another language: any of their segments may.
        regions += _passages(task, unplaced)
        most = room
    left = most - tokens(task, blocks) if blocks else most
    shown = [region for one in blocks if one.text for region in one.regions]
    further: list[Block] = []
    for region in regions:
        if left <= 0:
            break
        if any(overlap(region, other) for other in shown):
            continue
        one = block(task.retrieval, region)
        # About how many tokens it takes, with some to spare: saves a request for each.
        if (needed := task.corpus.token_estimate(one.shown(99)) + JOINT) <= left:
            further.append(one)
            shown.append(region)
            left -= needed
    while further and tokens(task, [*blocks, *further]) > room:
        further.pop()
    return in_order([*blocks, *further])


def _ranked(task: Task, findings: Iterable[Finding], answer: str = "") -> list[Ranked]:
    found = [Found(one.regions, f"{one.quote} {one.text}") for one in findings]
    return task.retrieval.ranked(found, answer=answer)


def _passages(task: Task, findings: Iterable[Finding]) -> list[Region]:
    """All passages of the segments that findings were said of, in reading order."""
    places = sorted({finding.place for finding in findings})
    spans = [(place[0], task.corpus.segment(place)) for place in places]
    return [region for d, s in spans for region in task.retrieval.passages_at(d, s.start, s.end)]


def best_passages(task: Task, findings: Sequence[Finding], room: int, *, answer: str = "") -> Evidence:
    """The best passages alone, as a weak model is shown them: few of them, and nothing that was said of them.

    Args:
        task: the run.
        findings: they weigh in.
        room: tokens for all of it.
        answer: a first answer that leads on.
    """
    ranked = _ranked(task, findings, answer)
    scores = [one.score for one in ranked]
    best = ranked[: task.trust.passages(scores)]
    return Evidence(tuple(in_order(fitting(task, (one.region for one in best), room))))


def fitting(task: Task, regions: Iterable[Region], room: int) -> list[Block]:
    """Blocks of as many regions as fit a number of tokens, the first ones first."""
    chosen: list[Block] = []
    for region in regions:
        further = block(task.retrieval, region)
        if (needed := tokens(task, [further])) <= room:
            chosen.append(further)
            room -= needed
    return chosen
