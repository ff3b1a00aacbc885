"""Exploring: every path calls one function a round, side by side; then what they found is shared.

Source: "GraphReader: Building Graph-based Agent to Enhance Long-Context Abilities of LLMs", section 3.3. In
rounds, so that a run that was killed goes on as it would have gone on: which path reads a piece of the text
first does not hang on which call ends first. A piece that one path has read is read by no other: its
findings go into the notebook of whoever wants it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lcagent.agents import explorer
from lcagent.agents.explorer import Aim
from lcagent.documents import query_words
from lcagent.documents.corpus import Place
from lcagent.graphs.graphreader.paths import Path, Step, decided, ended, queued
from lcagent.graphs.shared.reading import Unread, attempt, found, gathered, over_budget, record
from lcagent.graphs.shared.task import Task
from lcagent.memory.findings import Finding
from lcagent.memory.graph import Fact, FactGraph, Node

SEQ_A_CALL = 64
"""Numbers of one call's findings of a segment: no two calls' can collide."""
NOTES_SHARE = 4
"""A call shows at most this part of its window of notes."""
LEAST_FACT = 8
"""Tokens of the shortest fact in a prompt, with its number and place."""
LEAST_NAME = 2
"""Tokens of the shortest name in a list of them."""
NAMED = 1.0
"""Added to a neighbour's strength for the share of its name that question, notes or what is missing name."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one path does in a round.

    Args:
        path: where it stands then.
        work: the call.
        facts: what it shows, by number.
        nodes: the keys of the nodes that it shows, by name.
        place: the piece of text that it reads.
    """

    path: Path
    work: Coroutine[Any, Any, Any]
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one call of a path gave, and how the path goes on."""

    path: Path
    findings: list[Finding]
    step: Step


class Round:
    """One round of all paths.

    Args:
        task: the run.
        graph: of its documents' facts.
        plan: what to find, one after the other.
        read: pieces of the text that were read in rounds before.
    """

    def __init__(self, task: Task, graph: FactGraph, plan: str, read: Iterable[Sequence[int]]) -> None:
        self._task, self._graph, self._plan = task, graph, plan
        self._read: set[Place] = {(place[0], place[1]) for place in read}
        self._labels = {place: f"c{number}" for number, place in enumerate(task.corpus.places, 1)}
        self._findings = {finding.id: finding for finding in task.ledger.findings()}

    async def go(self, paths: Sequence[Path], first: int) -> tuple[list[Path], list[Place], str]:
        """Let every path that is not over call one function.

        Args:
            paths: all of them.
            first: number of the round's first finding of each segment.

        Returns:
            The paths as they stand then, the pieces of the text that were read, and the budget's words where
            it ended the exploring.
        """
        prepared = await asyncio.to_thread(lambda: [self._next(path) for path in paths])
        calls = [one for one in prepared if isinstance(one, Call)]
        replies = await gathered([attempt(self._task, call.work) for call in calls])
        if stop := over_budget(replies):
            return list(paths), [], stop
        given = iter(zip(calls, replies, strict=True))
        after: list[Path] = []
        for number, one in enumerate(prepared):
            if isinstance(one, Call):
                call, reply = next(given)
                after.append(await asyncio.to_thread(self._kept, call, reply, first + number * SEQ_A_CALL))
            else:
                after.append(one)
        if decided(after):
            told = "more than half of the paths agree"
            after = [path if path["ended"] else ended(path, told) for path in after]
        read = [call.place for call in calls if call.place is not None]
        return after, read, ""

    def _next(self, path: Path) -> Call | Path:
        """What a path calls next; the path itself where it is over."""
        if path["phase"] == "done":
            return path
        if path["calls"] >= self._task.options.calls:
            return ended(path, "its calls are used up")
        if path["phase"] == "facts":
            if (call := self._visit(path)) is not None:
                return call
            path = {**path, "phase": "chunks"}
        while path["phase"] == "chunks" and path["queue"]:
            first, *rest = path["queue"]
            place = (first[0], first[1])
            path = {**path, "queue": rest, "at": first}
            if place not in self._read:
                self._read.add(place)
                return self._chunk(path, place)
            path = {**path, "notes": self._shared(path, place)}
        return self._neighbour({**path, "phase": "neighbours"})

    def _shared(self, path: Path, place: Place) -> list[str]:
        """A path's notes with what another one found in a piece that it wants to read."""
        others = [name for name, finding in self._findings.items() if finding.place == place]
        return list(dict.fromkeys([*path["notes"], *others]))

    def _visit(self, path: Path) -> Call | None:
        """The facts of the node, as many as fit, those that say most of what is asked first."""
        aim, window = self._aim(path), self._task.model.window
        # No window of today holds more; a node of a large graph may stand in tens of thousands.
        query = f"{aim.question} {aim.missing}"
        facts = self._graph.facts_of(path["node"], query=query, limit=window.size // LEAST_FACT)
        if not facts:
            return None
        prompt = explorer.VISIT.bind(node=path["node"])
        asked = set(query_words(query))
        order = sorted(facts, key=lambda fact: (-len(asked & set(query_words(fact.text))), fact.id))
        lines = [self._line(f"f{number}", fact) for number, fact in enumerate(order, 1)]

        def room(number: int) -> int:
            return explorer.room(self._task.model, prompt, aim, "facts", partial(self._said, order[:number]))

        most = explorer.shown_that_fit(lines, room, window.count)
        shown = {f"f{number}": fact for number, fact in enumerate(sorted(order[:most], key=_in_text), 1)}
        told = {number: self._line(number, fact) for number, fact in shown.items()}
        if left := self._graph.size(path["node"]) - most:
            told[""] = f"({left} more facts of this node are not shown)"
        node = self._name(path["node"])
        work = explorer.visit(self._task.model, aim, node, told, self._unread(shown.values()))
        return Call(path, work, shown)

    def _said(self, facts: Sequence[Fact]) -> type[explorer.VisitReply]:
        """What can be said of so many facts."""
        return explorer.visit_reply([f"f{n}" for n in range(1, len(facts) + 1)], self._unread(facts))

    def _unread(self, facts: Iterable[Fact]) -> list[str]:
        """The pieces of text that facts stand in and that no path has read, as they are called."""
        places = dict.fromkeys(fact.place for fact in facts if fact.place not in self._read)
        return [self._labels[place] for place in places]

    def _line(self, number: str, fact: Fact) -> str:
        return f"{number} [{self._labels[fact.place]}] {fact.text}"

    def _name(self, key: str) -> str:
        node = self._graph.node(key)
        return node.name if node else key

    def _chunk(self, path: Path, place: Place) -> Call:
        corpus = self._task.corpus
        beside = (self._beside(place, -1) is not None, self._beside(place, 1) is not None)
        text, segment = corpus.documents[place[0]].text, corpus.segment(place)
        work = explorer.read_chunk(self._task.model, self._aim(path), text, segment, beside)
        return Call(path, work, place=place)

    def _beside(self, place: Place, step: int) -> Place | None:
        """The piece before or after one; None where there is none, or it was read."""
        other = (place[0], place[1] + step)
        there = 0 <= other[1] < len(self._task.corpus.segments[place[0]])
        return other if there and other not in self._read else None

    def _neighbour(self, path: Path) -> Call | Path:
        """The node's neighbours that were not visited, as many as fit."""
        aim, window = self._aim(path), self._task.model.window
        seen = set(path["visited"]) | {path["node"]}
        words = set(query_words(" ".join([aim.question, aim.plan, aim.missing, aim.notes])))

        goal = f"{aim.question} {aim.missing}"
        others, every = self._graph.neighbours(
            path["node"],
            limit=window.size // LEAST_NAME,
            words=sorted(words),
            query=goal,
            without=sorted(seen),
        )
        left = every - len(others)
        meaning = self._graph.likeness(goal, [node.key for node, _ in others])

        def worth(one: tuple[Node, float], alike: float) -> float:
            named = query_words(one[0].name)
            return one[1] + alike + NAMED * sum(word in words for word in named) / max(1, len(named))

        ranked = zip(others, meaning, strict=True)
        others = [one for one, _ in sorted(ranked, key=lambda one: (-worth(*one), one[0][0].key))]
        prompt = explorer.NEIGHBOUR.bind(node=path["node"], left_out="")
        # Of two that are written alike the stronger one is meant.
        keys = {node.name: node.key for node, _ in reversed(others)}
        names = list(dict.fromkeys(node.name for node, _ in others))

        def room(number: int) -> int:
            kind = partial(explorer.neighbour_reply, names[:number])
            return explorer.room(self._task.model, prompt, aim, "nodes", kind) - 32

        most = explorer.shown_that_fit(names, room, window.count)
        if not most:
            return ended(path, "no neighbour is left")
        node = self._name(path["node"])
        work = explorer.next_node(self._task.model, aim, node, names[:most], len(names) - most + left)
        return Call(path, work, nodes=keys)

    def _aim(self, path: Path) -> Aim:
        return Aim(self._task.question, self._plan, self._notes(path), path["missing"])

    def _notes(self, path: Path) -> str:
        """The newest notes that fit a part of the window, in the order in which they were made."""
        left = self._task.model.window.size // NOTES_SHARE
        lines: list[str] = []
        for name in reversed(path["notes"]):
            finding = self._findings[name]
            left -= finding.tokens + 4
            if left < 0:
                break
            lines.append(f"- {' '.join(finding.text.split())}")
        return "\n".join(reversed(lines))

    def _kept(self, call: Call, reply: Any, first: int) -> Path:
        """A path after its call; its findings are recorded."""
        path: Path = {**call.path, "calls": call.path["calls"] + 1}
        here = self._name(path["node"])
        got = self._after(path, call, reply)
        said: dict[Place, list[Finding]] = {}
        for finding in got.findings:
            said.setdefault(finding.place, []).append(finding)
        kept = record(self._task, said, first)
        self._findings.update({finding.id: finding for finding in kept})
        names = [finding.stands_for for finding in kept]
        notes = list(dict.fromkeys([*path["notes"], *names]))
        step: Step = {**got.step, "node": here, "noted": len(names)}
        return {**got.path, "notes": notes, "steps": [*path["steps"], step]}

    def _after(self, path: Path, call: Call, reply: Any) -> Found:
        """How a path goes on; where a call gave nothing of use it takes the next way that is open."""
        if path["phase"] == "facts":
            return self._visited(path, call, reply)
        if path["phase"] == "chunks":
            return self._chunk_read(path, call, reply)
        node = "" if isinstance(reply, Unread) else call.nodes.get(reply, "")
        step = _step(explorer.READ_NEIGHBOUR if node else explorer.TERMINATION)
        if not node:
            return Found(ended(path, "no neighbour leads on"), [], step)
        visited = [*path["visited"], path["node"]]
        return Found({**path, "phase": "facts", "node": node, "visited": visited}, [], step)

    def _visited(self, path: Path, call: Call, reply: explorer.VisitReply | Unread) -> Found:
        if isinstance(reply, Unread):
            places = [fact.place for fact in list(call.facts.values())[:1]]
            path = {**path, "phase": "chunks", "queue": queued(path, places, self._read)}
            return Found(path, [], _step(explorer.READ_CHUNK, places))
        useful = [call.facts[number] for number in reply.useful if number in call.facts]
        findings = [found(self._task, f.place, f.text, f.spans, "explorer") for f in useful]
        by_label = {label: place for place, label in self._labels.items()}
        places = [by_label[label] for label in reply.chunks] if reply.do == explorer.READ_CHUNK else []
        step = _step(reply.do, places)
        path = _told(path, reply)
        if reply.conclusion.strip() and not path["missing"]:
            return Found(ended(path, "it finds that nothing is missing"), findings, step)
        path = {**path, "phase": "chunks", "queue": queued(path, places, self._read)}
        return Found(path, findings, step)

    def _chunk_read(self, path: Path, call: Call, reply: Any) -> Found:
        place = call.place or (0, 0)
        if isinstance(reply, Unread):
            return Found(path, [], _step(explorer.SEARCH_MORE, [place]))
        said, facts = reply
        findings = [found(self._task, place, fact, spans, "explorer") for fact, spans in facts]
        step = _step(said.do, [place])
        path = _told(path, said)
        if said.do == explorer.TERMINATION:
            return Found(ended(path, "it finds that the question can be answered"), findings, step)
        other = {explorer.PREVIOUS: -1, explorer.SUBSEQUENT: 1}.get(said.do)
        if other is not None and (beside := self._beside(place, other)) is not None:
            path = {**path, "queue": queued(path, [beside], self._read)}
        return Found(path, findings, step)


def _told(path: Path, reply: Any) -> Path:
    """A path with what its call said of what it knows, and of what it does not."""
    conclusion, missing = (" ".join(text.split()) for text in (reply.conclusion, reply.missing))
    return {**path, "conclusion": conclusion or path["conclusion"], "missing": missing}


def _step(do: str, places: Sequence[Place] = ()) -> Step:
    return Step(do=do, node="", places=[list(place) for place in places], noted=0)


def _in_text(fact: Fact) -> tuple[Place, int]:
    return fact.place, fact.id
