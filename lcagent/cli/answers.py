"""An answer as lines for people: footnotes, what was searched, notes, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lcagent.text import clipped

if TYPE_CHECKING:
    from lcagent.answer import Answer, Citation, HopReport, PastMessage, Reply

MOST_QUOTE = 240
"""Characters of a quote; the whole of it stands in the JSON object."""
_MOST_CLAIM = 120


def footnotes(answer: Answer | Reply | PastMessage) -> list[str]:
    """One line a citation, in the order of their numbers, then the claims that no sentence says as such."""
    lines = [f"[{c.number}] {_quoted(c)}" for c in sorted(answer.citations, key=lambda c: c.number)]
    for claim in answer.claims:
        if claim.support != "inferred":
            continue
        marks = " ".join(f"[{number}]" for number in claim.citations)
        line = f"put together from {marks}" if marks else "said by the model, from no sentence that was found"
        lines.append(f"{line}: {clipped(claim.text, _MOST_CLAIM)}" if len(answer.claims) > 1 else line)
    return lines


def hop_lines(answer: Answer) -> list[str]:
    """What was looked up one after the other, a line each; none where that was the question alone."""
    if len(answer.hops) < 2:
        return []
    return [_hop(number, hop) for number, hop in enumerate(answer.hops, 1)]


def _hop(number: int, hop: HopReport) -> str:
    numbers = dict.fromkeys(c.number for c in hop.citations if c.number)
    where = [f"[{n}]" for n in numbers] or [f"({c.document}, {c.place})" for c in hop.citations[:1]]
    return " ".join([f"{number}. {hop.question}", hop.answer or "not found", *where])


def search_lines(answer: Answer) -> list[tuple[str, str]]:
    """What was looked for where nothing was found, as labels and texts; empty if it is not told."""
    report = answer.searched
    if report is None:
        return []
    rows = [("read", where) for where in report.pages_read]
    rows += [("not read", where) for where in [*report.pages_unread, *answer.coverage.skipped]]
    if report.terms_without_hit:
        rows.append(("no hit for", ", ".join(f"“{term}”" for term in report.terms_without_hit)))
    nearest = _quoted(report.nearest) if report.nearest else "no passage has a word of the question"
    rows.append(("nearest", nearest))
    return rows


def notes(answer: Answer) -> list[str]:
    """Warnings, and what was left out."""
    lines = list(answer.warnings)
    if answer.searched is None:
        lines += [f"not read: {where}" for where in answer.coverage.skipped]
    return lines


def status_line(answer: Answer) -> str:
    """How it ended, how much was read, and what it cost."""
    usage = answer.usage
    again = f" ({usage.replayed} from an earlier command)" if usage.replayed else ""
    tokens = usage.prompt_tokens + usage.completion_tokens
    calls = f"{usage.calls} call{'s' * (usage.calls != 1)}"
    built = usage.building
    building = ""
    if built is not None:
        spent = built.prompt_tokens + built.completion_tokens
        building = f" (besides {built.calls}, {spent:,} tokens, for what is kept of the documents)"
    return (
        f"{answer.status.replace('_', ' ')}; {answer.coverage.sentence}; {calls}{again}, {tokens:,} tokens"
        f"{building}, {duration(usage.seconds)}; run {answer.run_id}"
    )


def duration(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def _quoted(citation: Citation) -> str:
    return f"{citation.document}, {citation.place}: “{clipped(citation.quote, MOST_QUOTE)}”"
