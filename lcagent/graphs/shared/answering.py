"""From evidence to an answer: one call, or a second look at what the first answer leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace

from lcagent.agents import answerer, overwriter
from lcagent.agents.prompt import Prompt, as_data
from lcagent.documents import query_words, search
from lcagent.errors import BudgetReached, CutReply, MalformedReply
from lcagent.events import AnswerDelta
from lcagent.graphs.shared.checks import check, cite
from lcagent.graphs.shared.evidence import View, fill, widen
from lcagent.graphs.shared.final import Final
from lcagent.graphs.shared.retrieval import follow, led_by, memory_tokens
from lcagent.graphs.shared.task import Task
from lcagent.memory.entries import Entry
from lcagent.models.structured import RETRY_TOKENS
from lcagent.models.window import JOINT

MOST_PASSAGES = 10
FEW_PASSAGES = 5
"""Passages shown to a model whose reader finds something everywhere: more lead it astray, fewer leave out the
second hop. Of 80 questions of two to four hops 26 were answered from five and 20 from three."""
LIKE_THE_BEST = 0.95
"""But passages that score this share of the best one are shown too: nothing tells which of them to leave."""
LEAST_SHARE = 0.4
"""Passages that score under this share of the best one are not shown."""
LEAST_TRUST = 0.2
"""Weight of a note by a reader that finds something everywhere."""
BELIEVED = 0.6
"""Trust from which a reader's and answerer's own "found" is believed."""


async def answer_from_ledger(
    task: Task, entries: Sequence[Entry] | None = None, *, doubted: bool | None = None
) -> Final:
    """Answer from passages around the ledger's live entries, and those that they lead to.

    Args:
        task: the run.
        entries: what to answer from; None: all live entries of the ledger.
        doubted: whether the model's own "found" is not believed; None: as `is_doubted` says.
    """
    ranked = await asyncio.to_thread(ranked_views, task, entries)
    if not ranked:
        return Final("", found=False)
    room = answerer.evidence_room(task.model.window, task.question)
    doubted = is_doubted(task) if doubted is None else doubted
    most = passages_shown(task, ranked, doubted=doubted)

    async def ask(views: Sequence[View], first: bool) -> Final:
        return await answer_from_views(task, views, room, doubted=doubted, last=first)

    final = await looked_at_twice(task, ranked, ranked[:most], ask, most=most)
    return await given(task, final, doubted=doubted)


def passages_shown(task: Task, ranked: Sequence[View], *, doubted: bool) -> int:
    """How many of the best passages the answering call is shown at most."""
    if not doubted or task.several:
        return MOST_PASSAGES
    alike = sum(view.score >= LIKE_THE_BEST * ranked[0].score for view in ranked[:MOST_PASSAGES])
    return max(FEW_PASSAGES, alike)


async def looked_at_twice(
    task: Task,
    ranked: Sequence[View],
    shown: Sequence[View],
    ask: Callable[[Sequence[View], bool], Awaitable[Final]],
    *,
    most: int,
) -> Final:
    """Answer, and once more where the first answer leads to passages that were not shown.

    Args:
        task: the run.
        ranked: all passages, best first.
        shown: those that the first look is given.
        ask: answers from passages; is told whether it is the first look, for which the budget kept room.
        most: passages of the second look.
    """
    first = await ask(shown, True)
    again = (await asyncio.to_thread(led_by, task, ranked, first.text))[:most] if first.found else []
    if {(v.document, v.start) for v in again} - {(v.document, v.start) for v in shown}:
        # The first answer leads to passages that were not shown: it may be one hop short.
        try:
            second = await ask(again, False)
        except (BudgetReached, MalformedReply, CutReply):
            second = first
        return second if second.found and (second.sure or not first.sure) else first
    return first


def told_how_sure(task: Task, final: Final, *, doubted: bool) -> Final:
    """The answer as it is given: withheld where a doubted model was not sure that the text says one."""
    if not final.found or final.sure:
        return final
    sure = f"the model was {final.certainty:.0%} sure that the text says it"
    if doubted and not task.several:
        withheld = f"an answer was withheld, {sure}: {final.text[:200]}"
        return Final("", False, warnings=[*final.warnings, withheld])
    if not task.worded():
        sure += ", and no word of the question stands in it"
    return replace(final, warnings=[*final.warnings, sure])


async def given(task: Task, final: Final, *, doubted: bool) -> Final:
    """`told_how_sure`, and then shown whole: what may be withheld is not shown while it is written."""
    final = await asyncio.to_thread(told_how_sure, task, final, doubted=doubted)
    if task.stream and final.found:
        task.emit(AnswerDelta(final.text))
    return final


def ranked_views(task: Task, entries: Sequence[Entry] | None = None) -> list[View]:
    """Passages to answer from, best first.

    Args:
        task: the run.
        entries: live entries of the ledger to answer from; None: all.
    """

    live = task.ledger.live()
    # A reader is judged by everything it noted, whatever was left out since.
    trust = reader_trust(task)
    chosen = live if entries is None else list(entries)
    places = {(entry.document, entry.start) for entry in chosen}
    chosen += [row for row in task.ledger.repeated() if (row.document, row.start) in places]
    ranked = follow(task, widen(weighed(task, chosen, trust), task.documents, task.span))
    return [view for view in ranked if view.score >= LEAST_SHARE * ranked[0].score]


def reader_trust(task: Task) -> float:
    """From `LEAST_TRUST`, for a reader that finds something in every segment, to 1.

    What it found again, and what it claimed that stands nowhere, counts too.
    """
    noted = {(row.document, row.segment) for row in task.ledger.rows() if row.note}
    return LEAST_TRUST + (1 - LEAST_TRUST) * (1 - len(noted) / max(task.total, 1))


def is_doubted(task: Task) -> bool:
    """Whether the reader found too much for its model's "found" to be believed."""
    return reader_trust(task) < BELIEVED


def weighed(task: Task, live: Sequence[Entry], trust: float) -> list[Entry]:
    """Entries with the weight of their witness: the reader counts by how selective it was.

    A reader that finds something in every segment says nothing by it; one that finds something in
    few is to be believed. Retrieval counts by its own score.
    """
    asked = set(query_words(task.question))
    entries: list[Entry] = []
    for entry in live:
        if entry.note:
            held = asked & set(query_words(f"{entry.quote} {entry.note}"))
            about = len(held) / max(len(asked), 1)
            entries.append(replace(entry, score=trust * entry.score + 0.5 * about))
        else:
            entries.append(entry)
    return entries


async def answer_from_views(
    task: Task,
    ranked: Sequence[View],
    room: int,
    *,
    doubted: bool,
    streamed: bool = False,
    last: bool = True,
    prompt: Prompt = answerer.FROM_EVIDENCE,
    name: str = "evidence",
    passage: Callable[[Task, View], str] | None = None,
) -> Final:
    """Answer from the best views that fit; cite sentences of those.

    Args:
        task: the run.
        ranked: passages, best first.
        room: tokens for them.
        doubted: the model has shown that it finds an answer in anything; code then also asks whether
            the passages are about the question.
        streamed: its text is shown while it is written.
        last: the budget has kept room for this call.
        prompt: how it is asked.
        name: the prompt's variable for the passages.
        passage: how it shows one; None: under its place.

    Raises:
        MalformedReply, CutReply: the model gave no usable reply, not even over the best view alone.
    """
    one = passage or _placed

    def fitting(tokens: int) -> list[View]:
        count = task.model.window.count
        return fill(ranked, tokens, lambda view: count(as_data(one(task, view))) + JOINT)

    def text(views: Sequence[View]) -> str:
        return "\n\n".join(one(task, view) for view in views)

    views = await asyncio.to_thread(fitting, room)
    try:
        reply = await answerer.answer(
            task.model,
            prompt,
            task.question,
            text(views),
            name=name,
            shrink=lambda tokens: text(fitting(tokens)),
            on_text=streamer(task) if streamed else None,
            several=task.several,
            final=last,
        )
    except (MalformedReply, CutReply):
        if len(views) < 2:
            raise
        # All has been read by now: less may be answered from where more was not.
        return await answer_from_views(
            task,
            ranked[: len(views) // 2],
            room,
            doubted=doubted,
            streamed=streamed,
            last=last,
            prompt=prompt,
            name=name,
            passage=passage,
        )
    regions = [(v.document, v.start, v.end) for v in views]
    return await asyncio.to_thread(check, task, reply, regions, doubted=doubted)


def _placed(task: Task, view: View) -> str:
    return layout(task, [view])


async def answer_from_memory(task: Task, memories: Sequence[str]) -> Final:
    """Answer from overwrite memories alone, as published; places are found afterwards."""
    memory, lost = await _one_memory(task, memories)
    if not memory:
        return Final("", found=False)
    if task.settings.memagent.trained_order:
        reply = await answerer.answer_boxed(task.model, task.question, memory)
    else:
        reply = await answerer.answer(
            task.model,
            answerer.FROM_MEMORY,
            task.question,
            memory,
            name="memory",
            on_text=streamer(task),
        )
    if reply.found == "no" or not reply.answer.strip():
        return Final("", found=False, warnings=lost)
    # The memory says nothing of where a fact stands: look for the answer's words in the text.
    regions = [
        (index, hit.start, hit.end)
        for index, document in enumerate(task.documents)
        for hit in await asyncio.to_thread(search, document.text, f"{task.question} {reply.answer}", limit=6)
    ]
    cited = cite(task, reply.answer, regions)
    warnings = [] if cited else ["no sentence of the document was found that says this"]
    return Final(reply.answer.strip(), True, [asdict(c) for c in cited], warnings=lost + warnings)


async def _one_memory(task: Task, memories: Sequence[str]) -> tuple[str, list[str]]:
    """The memories of all documents in one text, and what had to be left out.

    Where they do not fit a call side by side, each is read into the one before it, as a segment is.
    """
    window, trained = task.model.window, task.settings.memagent.trained_order
    prompt, reply = (
        (answerer.TRAINED, 2 * answerer.REPLY_TOKENS)
        if trained
        else (answerer.FROM_MEMORY, answerer.REPLY_TOKENS + RETRY_TOKENS)
    )
    kept = [(index, memory) for index, memory in enumerate(memories) if memory]
    joined = "\n\n".join(memory for _, memory in kept)

    def fits() -> bool:
        room = window.room(prompt.bind(), ("question", "memory"), reply=reply) - window.size // 100
        return window.count(as_data(task.question)) + window.count(as_data(joined)) <= room

    if len(kept) < 2 or await asyncio.to_thread(fits):
        return joined, []
    (_, memory), *rest = kept
    lost: list[str] = []
    for index, other in rest:
        try:
            memory = await overwriter.overwrite(
                task.model, task.question, memory, other, limit=memory_tokens(task), trained_order=trained
            )
        except (CutReply, BudgetReached):
            lost.append(f"what was read of {task.documents[index].name} is left out: it did not fit")
    return memory, lost


def layout(task: Task, views: Sequence[View]) -> str:
    """Passages as the prompt shows them, each under its place."""
    return answerer.numbered([(_place(task, v), _text(task, v)) for v in views])


def tokens_of(task: Task, view: View) -> int:
    """Tokens that a passage takes in a prompt, its place and the line breaks included."""
    return task.model.window.count(as_data(layout(task, [view]))) + JOINT


def _place(task: Task, view: View) -> str:
    document = task.documents[view.document]
    page = document.page_at(view.start)
    name = document.name if len(task.documents) > 1 else ""
    where = f"{document.unit} {page}" if page else ""
    return ", ".join(filter(None, [name, where]))


def _text(task: Task, view: View) -> str:
    return task.documents[view.document].text[view.start : view.end].strip()


def streamer(task: Task) -> Callable[[str], None] | None:
    """What passes the answer's text on as it is written, where that is wanted."""

    def tell(text: str) -> None:
        task.emit(AnswerDelta(text))

    return tell if task.stream else None
