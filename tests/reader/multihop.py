"""Cases from the multi-hop data: which sentence of a gold paragraph its question turns on.

The data names gold paragraphs. MuSiQue's decomposition says what each of them answers, HotpotQA's supporting
facts say by number which sentences matter (by another splitter's count). Of a paragraph that is taken which

1. holds what the paragraph is there for: the answer of its sub-question (MuSiQue); the answer of the
   question, or the title of another gold paragraph (HotpotQA, and data without a decomposition). Where
   supporting facts are named and one of them holds it, only those are looked at;
2. else the first supporting fact;
3. of several, or where neither is there, the sentence that shares most words with its sub-question, then with
   the question (without a decomposition: with the question and the gold titles); of equal ones the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencex

from lcagent.evals.items import Item
from lcagent.evals.scorers import normalise
from lcagent.evals.tasks.data import records
from lcagent.evals.tasks.multihop import HOTPOTQA, MUSIQUE
from lcagent.evals.tasks.pool import YES_NO, Paragraph, Pool, forms, holds, load_pool
from tests.reader.cases import Case, Hop, clip, fold

Row = dict[str, Any]
_BRACKETS = re.compile(r"\s*\(.*\)$")
_REFERENCE = re.compile(r"#(\d)")
_ASK = 150
"""Characters of a sub-question: what a leader's schema allows, with some to spare."""
_SMALL = frozenset(
    "the of in is was are were what which who whom when where how did does do by to for and that".split()
)


def rows_by_question(data: Path | None) -> dict[str, Row]:
    """The rows of the data files by their question: items do not name them."""
    return {row["question"]: row for name in (HOTPOTQA, MUSIQUE) for row in records(data, name)}


def case_of(item: Item, row: Row, data: Path | None) -> Case:
    """The case of an item of `ruler-hqa`."""
    pool = load_pool(data)
    hops = _decomposed(row, pool) if row["meta"].get("decomposition") else _bridged(row, pool, item.answers)
    return Case(item.question, tuple(hops), item.answers[0], item.answers, name=item.id)


def _decomposed(row: Row, pool: Pool) -> list[Hop]:
    """One hop for each step of MuSiQue's decomposition."""
    hops: list[Hop] = []
    for step in row["meta"]["decomposition"]:
        ask = _REFERENCE.sub(lambda m: hops[int(m[1]) - 1].answer, step["question"])
        subject, arrow, relation = ask.partition(" >> ")
        ask = f"What is the {relation} of {subject}?" if arrow else ask
        paragraph = pool.by_pid[row["meta"]["paragraph_pids"][step["paragraph_support_idx"]]]
        sentence = _telling(paragraph, [step["answer"]], [ask, row["question"]], [])
        hops.append(Hop(sentence, step["answer"], _short(ask)))
    return hops


def _bridged(row: Row, pool: Pool, answers: Sequence[str]) -> list[Hop]:
    """One hop a gold paragraph, the one that holds the answer last."""
    paragraphs = [pool.by_pid[pid] for pid in row["meta"]["gold_pids"]]
    telling = [a for a in answers if normalise(a) not in YES_NO]
    paragraphs.sort(key=lambda p: any(holds(p.forms, a) for a in telling))
    asked = row["question"]
    hops: list[Hop] = []
    for at, paragraph in enumerate(paragraphs):
        titles = [_BRACKETS.sub("", other.title) for other in paragraphs if other is not paragraph]
        last = at == len(paragraphs) - 1
        wanted = [*telling, *titles] if last else titles
        numbers = [
            n for title, n in row["meta"].get("supporting_facts", []) if normalise(title) == paragraph.key
        ]
        sentence = _telling(paragraph, wanted, [f"{asked} {' '.join(titles)}"], numbers)
        known = hops[-1].answer if hops and hops[-1].answer else ""
        hops.append(Hop(sentence, _said(sentence, wanted), _about(asked, paragraph, sentence, known)))
    return hops


def _telling(
    paragraph: Paragraph, wanted: Sequence[str], about: Sequence[str], numbers: Sequence[int]
) -> str:
    """The sentence of a paragraph that is read for; see the module's head."""
    # The title stands before the first sentence, on its line.
    sentences = [s for s in map(fold, sentencex.segment("en", paragraph.line)) if s]
    supporting = [sentences[n] for n in numbers if n < len(sentences)]

    def holding(some: Sequence[str]) -> list[str]:
        return [s for s in some if any(holds(forms(s), text) for text in wanted if normalise(text))]

    chosen = holding(supporting) or holding(sentences) or supporting[:1] or sentences
    near = [set(normalise(text).split()) - _SMALL for text in about]

    def shared(sentence: str) -> list[int]:
        said = set(normalise(sentence).split())
        return [len(words & said) for words in near]

    return max(chosen, key=shared)


def _said(sentence: str, wanted: Sequence[str]) -> str:
    """Which of the things wanted stands in the sentence, character for character; else empty."""
    return next((text for text in map(fold, wanted) if text and text in sentence), "")


def _about(question: str, paragraph: Paragraph, sentence: str, known: str) -> str:
    """A sub-question in the question's own words: those that the sentence answers, and what is known."""
    said = set(normalise(f"{paragraph.title} {sentence}").split()) - _SMALL
    words = [word for word in question.rstrip("?").split() if set(normalise(word).split()) & said]
    known = (
        "" if known and set(normalise(known).split()) <= set(normalise(" ".join(words)).split()) else known
    )
    return _short(f"What about {' '.join([known, *words]).strip() or paragraph.title}?")


def _short(ask: str) -> str:
    """On one line, with no question mark but its last."""
    return clip(fold(ask.replace("?", " ")), _ASK) + "?"
