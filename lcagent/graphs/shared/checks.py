"""Checks: the sentences that each statement of an answer rests on, how they carry it, and what speaks
against it.

They prove and warn; what a model said is carried. Only `Trust.ruled` withholds, of a model known to be weak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lcagent.documents.corpus import Region
from lcagent.documents.marks import BULLET, listed, parted, unmarked
from lcagent.documents.reckoning import reckon
from lcagent.documents.resting import MOST_TELLING, Source, Sources
from lcagent.documents.support import support
from lcagent.graphs.shared.verdict import Statement, Verdict


def checked(question: str, answer: str, sources: Sources, *, items: Sequence[str] = ()) -> Verdict:
    """An answer as statements, each with the sentences that it rests on and how they carry it.

    Args:
        question: as asked.
        answer: the model's, with marks where it named passages.
        sources: the sentences of what it was shown.
        items: the answer as a list, where it came as one.
    """
    evidence = sources.evidence
    statements: list[Statement] = []
    every: list[list[Source]] = []
    warnings: list[str] = []
    named: dict[int, Region] = {}
    shown = "\n".join(block.text for block in evidence.citable)
    for text, glue, blocks in listed(items) if items else parted(answer, len(evidence.citable), shown):
        said = unmarked(BULLET.sub("", text))
        cited = sources.cited(said, blocks)
        every.append(cited)
        quotes = [source.text for source in cited]
        wrong = reckon(said, quotes, question)
        if wrong is not None and not wrong.right:
            warnings.append(wrong.told)
        regions = tuple(source.region for source in cited)
        for number in blocks:
            if within := [source.region for source in cited if source.block == number]:
                named.setdefault(number, within[0])
        statements.append(Statement(text, support(said, quotes), regions, glue))
    warnings = [*evidence.warnings, *warnings]
    verdict = Verdict(tuple(statements), warnings=tuple(warnings), named=tuple(named.values()))
    return _confronted(verdict, every, sources)


def _confronted(verdict: Verdict, cited: Sequence[Sequence[Source]], sources: Sources) -> Verdict:
    """The verdict with the other side where another sentence says something else of the same thing."""
    statements = list(verdict.statements)
    for at, (statement, own) in enumerate(zip(statements, cited, strict=True)):
        for source in own[:MOST_TELLING]:
            against = sources.against(verdict.text, source)
            if against is None:
                continue
            # Right behind the sentence it contradicts, so that the two stand beside one another.
            regions = dict.fromkeys([source.region, against.region, *statement.regions])
            statements[at] = replace(statement, regions=tuple(regions))
            return replace(verdict, statements=tuple(statements), conflict=True)
    return verdict
