"""Auto: look it up, check, read more only where the evidence does not suffice, and say how far it went.

    START -> plan -> find -> follow_plan -> reword -> read -> read ... -> END
             plan -> read               a list of unknown length; whether something is absent; effort `all`
             plan -> delegate -> END    a summary, a count: the strategy that is made for it

Each look ends the run where `checking.suffices`. Sources: MacRAG (fine, then coarse), FB-RAG (other words),
"Sufficient Context: A New Lens on Retrieval Augmented Generation Systems" (whether it suffices comes first).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from lcagent.agents import answerer, collapser, planner, reader, searcher
from lcagent.agents.reader import Seen
from lcagent.documents.corpus import Place, Region
from lcagent.errors import CutReply, MalformedReply
from lcagent.graphs.auto.checking import suffices
from lcagent.graphs.auto.delegating import DELEGATED, answered_as, handed_over, prompts
from lcagent.graphs.auto.options import Options
from lcagent.graphs.auto.waves import WAVE, best_first, kept_facts, wider
from lcagent.graphs.shared.answering import answer_from, told
from lcagent.graphs.shared.asking import form_for
from lcagent.graphs.shared.collapsing import collapsing
from lcagent.graphs.shared.noting import findings_of, noted, view
from lcagent.graphs.shared.reading import (
    NOTHING_YET,
    Run,
    Unread,
    attempt,
    read_each,
    record,
    segment_budget,
)
from lcagent.graphs.shared.retrieval import (
    PASSAGES,
    Hop,
    answered,
    cited,
    follow,
    hop_of,
    look_up,
    planned,
    recorded,
)
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict
from lcagent.memory.ledger import STRIDE
from lcagent.models.prompt import Prompt

SEGMENT_TOKENS = 5000
"""Most tokens of a segment; less where the window is smaller."""
IN_OTHER_WORDS = "other words, and around what was found"
MEMORY = 8
"""A reading call sees at most this part of its window of what was noted before."""


class AutoState(Run):
    """The whole run.

    `kind`, `core` and `steps` are the plan's, `hops` what was looked up of it. `queries` are the question in
    other words, `seen` the passages that were shown, `answers` what looks came to. `wave` counts the reading,
    `left` are the segments that are still to be read, the next ones first. `way` tells in words what was
    done, `why` that it suffices.
    """

    kind: planner.Asks
    core: str
    steps: list[str]
    hops: list[Hop]
    queries: list[str]
    seen: list[list[int]]
    answers: list[str]
    wave: int
    left: list[list[int]]
    way: list[str]
    why: str
    built: list[int]
    table: dict[str, Any] | None


class Auto:
    """The strategy `auto`."""

    name = "auto"
    version = 2

    def prompts(self, options: Options) -> list[Prompt]:
        """Planner, searcher, reader, answerer; and those of the strategies that it hands questions to."""
        own = [planner.PROMPT, searcher.PROMPT, reader.PROMPT, collapser.PROMPT]
        return [*own, answerer.FROM_EVIDENCE, answerer.BRIEF, *prompts()]

    def segment_tokens(self, task: Task) -> int:
        """What the window leaves for a segment beside question, plan, notes and reply."""
        window = task.model.window
        room = reader.room(window, task.question, brief=task.trust.brief) - window.size // MEMORY
        return segment_budget(task, room, SEGMENT_TOKENS)

    def graph(self, task: Task) -> StateGraph[Any, Any, Any, Any]:
        """Plan, look up, read."""
        graph = StateGraph(AutoState, context_schema=Task)
        for node in (plan, find, follow_plan, reword, read, delegate):
            graph.add_node(node.__name__, node)
        graph.add_edge(START, "plan")
        graph.add_conditional_edges("plan", _begun, ["find", "read", "delegate"])
        graph.add_conditional_edges("find", _looked, ["follow_plan", "reword", END])
        graph.add_conditional_edges("follow_plan", _followed, ["reword", END])
        graph.add_conditional_edges("reword", _reworded, ["read", END])
        graph.add_conditional_edges("read", _more, ["read", END])
        graph.add_conditional_edges("delegate", _more, ["read", END])
        return graph

    def start(self, task: Task) -> dict[str, Any]:
        """Nothing is known yet."""
        lists: dict[str, Any] = {
            name: [] for name in ("steps", "hops", "queries", "seen", "answers", "left", "way")
        }
        begun = {"kind": "fact", "core": task.question, "wave": 0, "why": "", "built": [], "table": None}
        return {**NOTHING_YET, **lists, **begun}


async def plan(state: AutoState, runtime: Runtime[Task]) -> dict[str, Any]:
    """What kind of question it is, and what to find one after the other."""
    made = await planned(runtime.context)
    return {"kind": made.asks, "core": made.core, "steps": list(made.steps)}


async def _begun(state: AutoState, runtime: Runtime[Task]) -> str:
    """Where it begins, by the kind of question."""
    if await asyncio.to_thread(handed_over, runtime.context, state["kind"]):
        return "delegate"
    # Of how many things a list is made nobody knows who has not read everything.
    open_list = state["kind"] == "list" and not state["steps"]
    whole = open_list or state["kind"] in {"absence", *DELEGATED}
    everything = whole or runtime.context.options.effort == "all"
    return "read" if everything else "find"


async def find(state: AutoState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Look the question itself up; one of several things is answered when each of them was."""
    task = runtime.context
    if state["steps"] and state["kind"] in {"list", "comparison"}:
        return {}
    facts = await asyncio.to_thread(kept_facts, task)
    if not facts:
        return await _look(state, task, "the question's words", [])
    best = [one.region for one in await asyncio.to_thread(task.retrieval.ranked)]
    both = list(dict.fromkeys([*facts, *best]))[:PASSAGES]
    return await _look(state, task, "the question's words and facts that are kept", both)


async def _look(state: AutoState, task: Task, by: str, regions: Sequence[Region]) -> dict[str, Any]:
    """One look at some passages; default: those that match the question best."""
    got = await look_up(task, task.question, regions=regions)
    if isinstance(got, Unread):
        return {"stop": got.reason} if got.budget else {}
    verdict, evidence = got
    seen = [*state["seen"], *(list(region) for region in evidence.regions)]
    did = f"looked up {len(evidence.blocks)} passages by {by}"
    return {**_judged(state, task, verdict, did), "seen": seen}


def _judged(state: AutoState, task: Task, verdict: Verdict, did: str) -> dict[str, Any]:
    """What a look came to: the answer if it suffices, else one more to compare later looks with."""
    why = suffices(task, state["kind"], verdict, state["answers"])
    gave = "found nothing" if not verdict.found else why or f"{verdict.text[:80]!r} does not suffice"
    way = [*state["way"], f"{did}: {gave}"]
    task.progress.notice(way[-1])
    if why:
        told(task, verdict)
    answers = [*state["answers"], verdict.text] if verdict.found else state["answers"]
    best = {"verdict": verdict.as_state()} if verdict.found else {}
    return {"way": way, "answers": answers, "why": why, **best}


async def _looked(state: AutoState) -> str:
    if state["why"]:
        return END
    return "follow_plan" if state["steps"] and not state["stop"] else "reword"


async def follow_plan(state: AutoState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Look the plan's steps up, hop by hop, and answer from what they gave."""
    task = runtime.context
    hops = await follow(task, state["steps"])
    await asyncio.to_thread(recorded, task, hops)
    return await _chained(state, task, hops)


async def _chained(state: AutoState, task: Task, hops: list[Hop]) -> dict[str, Any]:
    """What a chain came to: where every step was answered, the answer from all of them."""
    seen = [*state["seen"], *(region for hop in hops for region in hop["shown"])]
    looked: dict[str, Any] = {"hops": hops, "seen": seen}
    did = f"looked up {len(hops)} steps"
    if len(answered(hops)) < len(state["steps"]):
        missing = next((hop["question"] for hop in hops if not hop["answer"]), state["steps"][-1])
        return {**looked, "way": [*state["way"], f"{did}: {missing!r} was not found"]}
    findings = task.ledger.findings()
    got = await attempt(
        task, answer_from(task, findings, collapsing(task), form=_form(task, state), final=False)
    )
    if isinstance(got, Unread):
        return {**looked, **({"stop": got.reason} if got.budget else {})}
    # The chain's end is one look, what is answered from all of it another.
    chain = [*state["answers"], hops[-1]["answer"]]
    return {**looked, **_judged({**state, "answers": chain}, task, cited(got, hops), did)}


def _form(task: Task, state: AutoState) -> answerer.Form:
    return form_for(task, several=state["kind"] == "list")


async def _followed(state: AutoState) -> str:
    return END if state["why"] else "reword"


async def reword(state: AutoState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Search for what is missing in other words, and around what was found; look at what that adds."""
    task = runtime.context
    if state["stop"]:
        return {}
    missing = next((hop for hop in state["hops"] if not hop["answer"]), None)
    asked = missing["question"] if missing else task.question
    sample = task.corpus.documents[0].text[: searcher.SAMPLE_CHARS]
    worded = await attempt(task, searcher.reworded(task.model, asked, sample))
    queries = [] if isinstance(worded, Unread) else worded
    seen: list[Region] = [(d, start, end) for d, start, end in state["seen"]]
    further = (await asyncio.to_thread(wider, task, queries, seen))[:PASSAGES]
    looked: dict[str, Any] = {}
    if further and missing:
        looked = await _gone_on(state, task, missing, further)
    elif further:
        looked = await _look(state, task, IN_OTHER_WORDS, further)
    if task.options.effort == "low" and not looked.get("why"):
        nothing = Verdict().warned("not everything was read: a larger --effort reads on")
        looked["verdict"] = nothing.as_state()
    return {"queries": queries, **looked}


async def _gone_on(state: AutoState, task: Task, missing: Hop, regions: Sequence[Region]) -> dict[str, Any]:
    """Look at further passages for a step that was not found; where they answer it, follow the plan on."""
    got = await look_up(task, missing["question"], regions=regions)
    if isinstance(got, Unread):
        return {"stop": got.reason} if got.budget else {}
    hop = hop_of(missing["number"], missing["question"], *got)
    before = [other for other in state["hops"] if other["number"] != hop["number"]]
    way = [*state["way"], f"looked up a step by {IN_OTHER_WORDS}: {hop['answer'] or 'found nothing'}"]
    task.progress.notice(way[-1])
    if not hop["answer"]:
        return {"way": way, "seen": [*state["seen"], *hop["shown"]]}
    hops = await follow(task, state["steps"], [*before, hop])
    known = {other["number"] for other in before if other["answer"]}
    new = [other for other in hops if other["number"] not in known]
    await asyncio.to_thread(recorded, task, new, STRIDE // 2)
    return await _chained({**state, "way": way}, task, hops)


async def _reworded(state: AutoState, runtime: Runtime[Task]) -> str:
    return END if state["why"] or runtime.context.options.effort == "low" else "read"


async def read(state: AutoState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Read the next segments side by side, the most promising first, and answer where they gave something."""
    task, wave = runtime.context, state["wave"]
    if state["stop"]:
        return await _last(state, task)
    left: list[Place] = [(document, index) for document, index in state["left"]]
    if not wave:
        queries = [*(hop["question"] for hop in state["hops"]), *state["queries"]]
        left = await asyncio.to_thread(best_first, task, queries)
    most = len(left) if _everything(state, task) else WAVE << wave
    places, left = left[:most], left[most:]
    # None that this wave has recorded, if it was ended there: it asks the same again, to the byte.
    findings = task.ledger.findings(below=STRIDE * (1 + wave))
    memory = view(reversed(findings), task.model.window.size // MEMORY)
    answers = answered(state["hops"])
    steps = planner.as_text([planner.filled(step, answers) or step for step in state["steps"]])
    beside = Seen(state["core"], steps, memory)
    got = await read_each(task, places, lambda place: noted(task, beside, place))
    said = {place: findings_of(task, place, one) for place, one in got.replies.items()}
    kept = await asyncio.to_thread(record, task, said, STRIDE * (1 + wave))
    read = [*state["read"], *(list(place) for place in got.replies)]
    now: AutoState = {**state, "read": read, "stop": got.stop, "wave": wave + 1}
    update = {**got.as_update(), "wave": wave + 1, "left": [list(place) for place in left]}
    did = f"read {len(read)} of {task.corpus.total} segments"
    if got.stop or not left:
        return {**update, **await _last({**now, "way": [*state["way"], did]}, task)}
    if not kept:
        return {**update, "way": [*state["way"], f"{did}: found nothing"]}
    work = answer_from(task, task.ledger.findings(), collapsing(task), form=_form(task, now), final=False)
    answer = await attempt(task, work)
    if isinstance(answer, Unread):
        return {**update, **({"stop": answer.reason} if answer.budget else {})}
    return {**update, **_judged(now, task, cited(answer, state["hops"]), did)}


def _everything(state: AutoState, task: Task) -> bool:
    """Whether all segments are read side by side, since none of them may be left out."""
    return task.options.effort == "all" or state["kind"] in {"absence", "list", *DELEGATED}


async def _last(state: AutoState, task: Task) -> dict[str, Any]:
    """Answer from all that was found; where a budget has ended the reading, what a look came to will do."""
    best = Verdict.from_state(state["verdict"]) if state["verdict"] else Verdict()
    if state["stop"] and best.found:
        told(task, best)
        return {"way": state["way"], "why": state["stop"]}
    work = answer_from(task, task.ledger.findings(), collapsing(task), form=_form(task, state))
    verdict = cited(await work, state["hops"])
    return {"verdict": verdict.as_state(), "way": state["way"], "why": "everything was read"}


async def _more(state: AutoState) -> str:
    return END if state["why"] else "read"


async def delegate(state: AutoState, runtime: Runtime[Task]) -> dict[str, Any]:
    """Hand the question to the strategy that is made for its kind; where the model does not manage what that
    asks for, everything is read instead."""
    name, _ = DELEGATED[state["kind"]]
    try:
        done = await answered_as(runtime.context, state["kind"])
    except (MalformedReply, CutReply) as error:
        runtime.context.progress.notice(f"{error.message}: everything is read instead")
        return {"way": [*state["way"], f"{name} gave nothing: {error.message}"]}
    return {**done, "way": [*state["way"], f"read by {name}"], "why": "everything was read"}
