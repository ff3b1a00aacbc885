"""The Answer: made from what a strategy concludes, its quotes checked, with coverage and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from lcagent.answer import (
    Answer,
    BuildingReport,
    Citation,
    Claim,
    CoverageReport,
    HealthReport,
    HopReport,
    IntervalReport,
    PathReport,
    PieceReport,
    RowReport,
    SearchReport,
    Status,
    StepReport,
    TableReport,
    UsageReport,
)
from lcagent.documents import Loaded, coverage
from lcagent.documents.corpus import Place, Region
from lcagent.errors import MalformedReply
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Statement, Verdict
from lcagent.runs.citations import citation
from lcagent.runs.searched import search_report

NOT_FOUND = "The document does not say."


@dataclass(frozen=True, slots=True)
class Told:
    """The run's id and the strategy's name."""

    run: str
    strategy: str


def make_answer(
    task: Task, state: Mapping[str, Any], loaded: Loaded, usage: UsageReport, told: Told
) -> Answer:
    """The Answer to what a strategy concluded.

    Args:
        task: what was asked of which documents.
        state: the last one of the strategy's graph.
        loaded: what was read and what was left out.
        usage: what it cost.
        told: run and strategy.

    Raises:
        MalformedReply: no segment could be read, so that nothing is known of the documents.
    """
    verdict, stop = Verdict.from_state(state["verdict"]), str(state["stop"])
    read = {(place[0], place[1]) for place in state["read"]}
    unread = {(row[0], row[1]): str(row[2]) for row in state["unread"] if (row[0], row[1]) not in read}
    budget = any(told.startswith("budget: ") for told in [stop, *verdict.warnings])
    skipped = [f"{_place(task, place)}: {reason}" for place, reason in sorted(unread.items())]
    warnings = [*verdict.warnings, *filter(None, [stop])]
    if skipped and not verdict.found:
        if not read:
            reasons = ", ".join(sorted(set(unread.values())))
            raise MalformedReply(
                f"none of the {len(skipped)} segments could be read: {reasons[:300]}",
                hint="where the server's window is smaller than ours, --window says so; "
                "else a larger model, or a server that keeps to a JSON schema, does better",
            )
        warnings.append(
            f"{len(skipped)} of {task.corpus.total} segments could not be read; what they say is not known"
        )
    citations, hops = _citations(task, verdict), state.get("hops", [])
    seen = {*verdict.seen, *((d, start, end) for hop in hops for d, start, end in hop["shown"])}
    statements = verdict.statements or (Statement(NOT_FOUND) if not budget else Statement(""),)
    status: Status = "conflicting" if verdict.conflict else "answered" if verdict.found else "not_found"
    return Answer(
        answer="".join(one.text + one.glue for one in statements).strip(),
        text="".join(_marked(one, citations) + one.glue for one in statements).strip(),
        status="budget" if budget else status,
        claims=[
            Claim(text=one.text, support=one.support, citations=_numbers(one, citations))
            for one in verdict.statements
        ],
        citations=list(citations.values()),
        searched=_searched(task, read) if status == "not_found" else None,
        hops=[_hop(task, hop, citations) for hop in hops],
        way=list(state.get("way", [])),
        paths=[_path(task, path) for path in state.get("paths", [])],
        table=_table(task, state.get("table"), citations),
        coverage=_coverage(task, read, seen, [*skipped, *loaded.left_out()]),
        usage=usage,
        run_id=told.run,
        strategy=told.strategy,
        model=task.model.name,
        warnings=list(dict.fromkeys(warnings)),
    )


def _hop(task: Task, hop: Mapping[str, Any], citations: Mapping[Region, Citation]) -> HopReport:
    """A hop of the strategy's state, its sentences under the numbers that they have in the answer."""
    cited = _cited(task, hop["regions"], citations)
    return HopReport(question=hop["question"], answer=hop["answer"], citations=cited)


def _cited(task: Task, regions: Sequence[Any], citations: Mapping[Region, Citation]) -> list[Citation]:
    """Regions of the strategy's state under the numbers that they have in the answer, or 0."""
    listed: list[Region] = [(d, start, end) for d, start, end in regions]
    return [
        citations.get(region) or citation(task.corpus.documents[region[0]], *region[1:], number=0)
        for region in listed
    ]


def _table(
    task: Task, table: Mapping[str, Any] | None, citations: Mapping[Region, Citation]
) -> TableReport | None:
    """The rows of the strategy's state, with the sentences that they stand in."""
    if table is None:
        return None

    def row(one: Mapping[str, Any]) -> RowReport:
        cited = _cited(task, one["regions"], citations)
        return RowReport(values=one["values"], citations=cited, reason=one["reason"])

    interval = table["interval"]
    return TableReport(
        rule=table["rule"],
        columns=table["columns"],
        rows=[row(one) for one in table["rows"]],
        unsure=[row(one) for one in table["unsure"]],
        rows_total=table["rows_total"],
        unsure_total=table["unsure_total"],
        interval=IntervalReport(**interval) if interval else None,
    )


def _path(task: Task, path: Mapping[str, Any]) -> PathReport:
    """A path of the strategy's state, with the pieces of text that it read by their characters."""

    def piece(place: Sequence[int]) -> PieceReport:
        segment = task.corpus.segment((place[0], place[1]))
        name = task.corpus.documents[place[0]].name
        return PieceReport(document=name, char_start=segment.start, char_end=segment.end)

    steps = [
        StepReport(
            do=step["do"],
            node=step["node"],
            pieces=[piece(place) for place in step["places"]],
            noted=step["noted"],
        )
        for step in path["steps"]
    ]
    return PathReport(start=path["start"], steps=steps, conclusion=path["conclusion"], ended=path["ended"])


def _place(task: Task, place: tuple[int, int]) -> str:
    document, segment = task.corpus.documents[place[0]], task.corpus.segment(place)
    where = document.place(segment.start) if document.pages else f"segment {segment.index + 1}"
    return f"{document.name}, {where}"


def _citations(task: Task, verdict: Verdict) -> dict[Region, Citation]:
    """Numbered as the model named them, then in the order of the statements."""
    cited = dict.fromkeys(region for one in verdict.statements for region in one.regions)
    named = [region for region in verdict.named if region in cited]
    ordered = dict.fromkeys([*named, *cited])
    shown = (region for region in ordered if task.corpus.text(region).strip())
    return {
        (document, start, end): citation(task.corpus.documents[document], start, end, number=number)
        for number, (document, start, end) in enumerate(shown, 1)
    }


def _numbers(statement: Statement, citations: Mapping[Region, Citation]) -> list[int]:
    return [citations[region].number for region in statement.regions if region in citations]


def _marked(statement: Statement, citations: Mapping[Region, Citation]) -> str:
    marks = "".join(f"[{number}]" for number in sorted(_numbers(statement, citations)))
    return f"{statement.text} {marks}" if marks else statement.text


def _searched(task: Task, read: Set[Place]) -> SearchReport:
    return search_report(task.question, task.corpus.documents, _spans(task, read))


def _spans(task: Task, read: Set[Place]) -> list[list[tuple[int, int]]]:
    """For each document the characters of the segments that were read."""
    return [
        [(s.start, s.end) for s in segments if (number, s.index) in read]
        for number, segments in enumerate(task.corpus.segments)
    ]


def make_usage(
    task: Task,
    totals: dict[str, int],
    earlier: int,
    seconds: float,
    built: Sequence[Mapping[str, int]] = (),
) -> UsageReport:
    """What a run cost.

    Args:
        task: what this command did.
        totals: calls and tokens over all commands.
        earlier: calls that earlier commands had finished.
        seconds: over all commands.
        built: the same totals of each work that the run built.
    """
    ours = task.model.faults
    summed = {name: sum(one[name] for one in built) for name in BuildingReport.model_fields}
    return UsageReport(
        **totals,
        replayed=earlier,
        retries=ours.retries,
        malformed=ours.malformed,
        cut=ours.cut,
        seconds=round(seconds, 3),
        servers=dict(task.model.transport.answered),
        building=BuildingReport(**summed) if built else None,
    )


def _coverage(task: Task, read: Set[Place], seen: Set[Region], skipped: list[str]) -> CoverageReport:
    documents = task.corpus.documents
    shown: list[list[tuple[int, int]]] = [[] for _ in documents]
    for number, start, end in seen:
        shown[number].append((start, end))
    parts = list(map(coverage, documents, _spans(task, read), shown))
    names = [f"{document.name}: " if len(parts) > 1 else "" for document in documents]
    return CoverageReport(
        sentence="; ".join(name + part.sentence() for name, part in zip(names, parts, strict=True)),
        segments_read=len(read),
        segments_total=task.corpus.total,
        pages_read=sum(part.pages_read for part in parts),
        pages_looked_up=sum(part.pages_looked_up for part in parts),
        pages_total=sum(part.pages_total for part in parts),
        pages_empty=[page for part in parts for page in part.pages_empty],
        chars_read=sum(part.chars_read for part in parts),
        chars_looked_up=sum(part.chars_looked_up for part in parts),
        chars_total=sum(part.chars_total for part in parts),
        skipped=skipped,
        health=[
            HealthReport(document=document.name, format=document.format, **asdict(document.health))
            for document in documents
        ],
    )
