"""Checking: whether the evidence for an answer suffices, so that nothing more need be read.

Three things speak for it: every statement stands in the sentences that it cites; the model, as far as it is
believed, is sure; two looks that knew nothing of each other agree.
"""

from __future__ import annotations

from collections.abc import Sequence

from lcagent.documents.answers import same_answer
from lcagent.documents.forms import holds
from lcagent.graphs.shared.task import Task
from lcagent.graphs.shared.verdict import Verdict

FOUND, STANDS, AGREE = "an answer was found", "every statement stands there", "two looks came to the same"


def suffices(task: Task, kind: str, verdict: Verdict, before: Sequence[str]) -> str:
    """Why an answer needs no more reading, in words for people; empty where it does.

    Args:
        task: the run.
        kind: of question, as the planner says.
        verdict: what was answered.
        before: what other looks answered.
    """
    if not task.trust.sure(verdict):
        return ""
    effort = task.options.effort
    if effort == "low":
        return FOUND
    stands, agree = _stands(kind, verdict), any(_same(verdict.text, other) for other in before)
    if effort == "high":
        return f"{STANDS}, and {AGREE}" if stands and agree else ""
    return STANDS if stands else AGREE if agree else ""


def _stands(kind: str, verdict: Verdict) -> bool:
    """Whether sentences carry every statement: a fact's words stand there; what explains or compares was put
    together from them."""
    carried = all(one.regions for one in verdict.statements)
    return carried and (kind != "fact" or all(one.support != "inferred" for one in verdict.statements))


def _same(one: str, other: str) -> bool:
    return same_answer(one, other) or holds(one, other, share=1.0) or holds(other, one, share=1.0)
