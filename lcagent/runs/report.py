"""The Answer: made from what a strategy gives back, its quotes checked, with coverage and cost."""

from __future__ import annotations

from lcagent.answer import Answer, Citation, Claim, CoverageReport, UsageReport
from lcagent.documents import Loaded, check_quote, coverage
from lcagent.documents.quotes import Span
from lcagent.graphs.shared.task import Outcome, Task


def make_answer(
    task: Task, outcome: Outcome, loaded: Loaded, usage: UsageReport, *, run: str, strategy: str
) -> Answer:
    """The Answer to what a strategy found out; a quote that does not stand in its document is dropped.

    Args:
        task: what was asked of which documents.
        outcome: what the strategy gives back.
        loaded: what was read and what was left out.
        usage: what it cost.
        run: the run's id.
        strategy: its name.
    """
    citations: list[Citation] = []
    dropped = 0
    for item in outcome.cited:
        document = task.documents[item.document]
        if not check_quote(document, Span(item.start, item.end), item.quote):
            dropped += 1
            continue
        citations.append(
            Citation(
                number=len(citations) + 1,
                document=document.name,
                place=document.place(item.start),
                page=document.page_at(item.start),
                char_start=item.start,
                char_end=item.end,
                quote=document.text[item.start : item.end],
            )
        )
    numbers = [citation.number for citation in citations]
    marks = "".join(f"[{number}]" for number in numbers)
    claims = [Claim(text=outcome.text, support="supported", citations=numbers)] if numbers else []
    return Answer(
        answer=outcome.text,
        text=f"{outcome.text} {marks}".strip(),
        status=outcome.status,
        claims=claims,
        citations=citations,
        dropped_quotes=dropped,
        coverage=_coverage(task, outcome, loaded),
        usage=usage,
        run_id=run,
        strategy=strategy,
        model=task.model.name,
        warnings=outcome.warnings,
    )


def make_usage(task: Task, totals: dict[str, int], earlier: int, seconds: float) -> UsageReport:
    """What a run cost.

    Args:
        task: what this command did.
        totals: calls and tokens over all commands.
        earlier: calls that earlier commands had finished.
        seconds: over all commands.
    """
    ours = task.model.faults
    return UsageReport(
        **totals,
        replayed=earlier,
        retries=ours.retries,
        malformed=ours.malformed,
        cut=ours.cut,
        seconds=round(seconds, 3),
    )


def _coverage(task: Task, outcome: Outcome, loaded: Loaded) -> CoverageReport:
    sentences: list[str] = []
    pages_read = pages_total = chars_read = chars_total = 0
    pages_empty: list[int] = []
    for index, document in enumerate(task.documents):
        spans = [
            (segment.start, segment.end)
            for segment in task.segments[index]
            if (index, segment.index) in outcome.read
        ]
        part = coverage(document, spans)
        prefix = f"{document.name}: " if len(task.documents) > 1 else ""
        sentences.append(prefix + part.sentence())
        pages_read += part.pages_read
        pages_total += part.pages_total
        pages_empty += part.pages_empty
        chars_read += part.chars_read
        chars_total += part.chars_total
    skipped = outcome.skipped + [f"{name}: {error.message}" for name, error in loaded.skipped]
    return CoverageReport(
        sentence="; ".join(sentences),
        segments_read=len(outcome.read),
        segments_total=task.total,
        pages_read=pages_read,
        pages_total=pages_total,
        pages_empty=pages_empty,
        chars_read=chars_read,
        chars_total=chars_total,
        skipped=skipped,
    )
