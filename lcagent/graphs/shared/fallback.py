"""Where the answering call gives no usable reply: what a role had answered before, and says so."""

from __future__ import annotations

from lcagent.documents.corpus import Region
from lcagent.documents.support import support
from lcagent.graphs.shared.verdict import Statement, Verdict


def own_answer(answer: str, quote: str, regions: tuple[Region, ...], told: str) -> Verdict:
    """A role's own answer in place of the last call's, which gave no usable reply.

    Args:
        answer: the role's.
        quote: text of the sentences that carry it.
        regions: where these stand.
        told: the warning that says so.
    """
    return Verdict((Statement(answer, support(answer, [quote]), regions),), warnings=(told,))
