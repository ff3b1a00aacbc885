"""What one answer cost, and what its reading kept: counted from the run's own journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lcagent.evals.items import Cost
from lcagent.evals.scorers import sub_exact_match


def cost(calls: Sequence[dict[str, Any]], seconds: float, window: int) -> Cost:
    """The cost of one run.

    Args:
        calls: its finished calls as the journal keeps them: tokens, when each ended, how long it took.
        seconds: wall seconds, over all commands that worked on it.
        window: tokens of one call.
    """
    spans = [(call["created"] - call["seconds"], call["created"]) for call in calls]
    return Cost(
        calls=len(calls),
        prompt_tokens=sum(call["prompt_tokens"] for call in calls),
        cached_tokens=sum(call["cached_tokens"] for call in calls),
        completion_tokens=sum(call["completion_tokens"] for call in calls),
        seconds=round(seconds, 3),
        critical_seconds=round(critical_path(spans), 3),
        peak_in_flight=peak(spans),
        overruns=sum(call["prompt_tokens"] + call["completion_tokens"] > window for call in calls),
    )


def critical_path(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds of the longest chain of calls of which each began after the one before had ended.

    With no limit on requests in flight the run could not have been faster. Calls that waited for a
    free slot look as if they depended on what they waited for, so it is an upper bound.
    """
    ended: list[tuple[float, float]] = []  # (end, longest chain up to there), by end
    best = 0.0
    for start, end in sorted(spans, key=lambda span: span[1]):
        before = max((chain for stop, chain in ended if stop <= start), default=0.0)
        best = max(best, before + end - start)
        ended.append((end, before + end - start))
    return best


def peak(spans: Sequence[tuple[float, float]]) -> int:
    """Most calls in flight at once."""
    edges = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def retention(
    answers: Sequence[str], entries: Sequence[dict[str, Any]], calls: Sequence[dict[str, Any]]
) -> tuple[int, int]:
    """(recorded, kept): whether a step's state held an accepted answer, and whether the last one did.

    A state is the live ledger after a step, or an overwritten memory. It holds an answer if the
    answer's words stand in it as a run. Strategies without such a state give (0, 0).

    Args:
        answers: accepted answers; a bare yes or no stands everywhere and is left out.
        entries: the findings in the run's ledger.
        calls: its finished calls, in the order in which they ended.
    """
    facts = [a for a in answers if a.strip().casefold() not in {"yes", "no"}]
    memories = [call["text"] for call in calls if call["role"] == "overwrite"]
    if memories:
        held = [_holds(memory, facts) for memory in memories]
        return int(any(held)), int(any(held) and held[-1])
    gone = {entry["target"] for entry in entries if entry["op"] == "supersede"}
    recorded = [e for e in entries if _holds(f"{e['quote']} {e['text']}", facts)]
    live = [e for e in recorded if f"{e['document']}.{e['segment']}.{e['seq']}" not in gone]
    return int(bool(recorded)), int(bool(live))


def _holds(state: str, facts: Sequence[str]) -> bool:
    return any(sub_exact_match(state, fact) for fact in facts)
