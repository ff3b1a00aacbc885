"""`niah-plus`: Needle-in-a-Haystack PLUS, questions over one or two paragraphs at set depths.

LongAgent (Zhao et al. 2024), its section on Needle-in-a-Haystack PLUS. *Single*: SQuAD questions whose
answer is replaced by another entity, so that no model knows it; ten depths. *Multi*: HotpotQA questions,
two paragraphs at pairs of the depths 0, 33, 66 and 100 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from random import Random

from lcagent.evals.haystack import Haystack, Laid, compose
from lcagent.evals.items import Item
from lcagent.evals.tasks.entities import replaced
from lcagent.evals.tasks.hiding import shuffled, slot_at, weave
from lcagent.evals.tasks.multihop import HOTPOTQA, SQUAD, Question, questions, that_fit
from lcagent.evals.tasks.pool import FILE, Paragraph, Pool, load_pool
from lcagent.evals.tasks.request import Request, drawn, item_id

NEEDS = (HOTPOTQA, SQUAD, FILE)
SINGLE_DEPTHS = tuple(range(0, 100, 10))
MULTI_DEPTHS = tuple(combinations((0, 33, 66, 100), 2))


def niah_plus(request: Request) -> Iterator[Item]:
    """Single and multi by turns; ends when one of them has no more questions."""
    pool = load_pool(request.data)
    single = that_fit(request, _with_new_answers(request, pool))
    two = [q for q in questions(request, pool, HOTPOTQA) if len(q.gold) == 2]
    multi = that_fit(request, two)
    for index in range(request.n):
        turn = index // 2
        rng = drawn("niah-plus", request.seed, index)
        question = next(multi if index % 2 else single, None)
        if question is None:
            return
        if index % 2:
            depths = MULTI_DEPTHS[turn % len(MULTI_DEPTHS)]
            category = f"multi {depths[0]}/{depths[1]}"
        else:
            depths, category = (SINGLE_DEPTHS[turn % len(SINGLE_DEPTHS)],), "single"
        made = _haystack(request, question, rng, pool, depths)
        yield Item(
            id=item_id("niah-plus", request, index),
            task="niah-plus",
            length=request.length,
            question=question.text,
            answers=question.answers,
            metric="sub_em",
            text=made.text,
            tokens=made.tokens,
            gold=tuple(sorted(made.spans)),
            category=category,
        )


def _with_new_answers(request: Request, pool: Pool) -> list[Question]:
    """The SQuAD questions whose answer can be replaced, replaced."""
    made: list[Question] = []
    for question in questions(request, pool, SQUAD):
        (gold, *_), (answer, *_) = question.gold, question.answers
        rng = drawn("niah-plus", request.seed, question.id)
        new = replaced(gold.title, gold.body, question.text, answer, rng)
        if new is None:
            continue
        changed = Paragraph(gold.pid, gold.title, new.body)
        # The paragraph as it was must not come back either, nor another that knows the old answer.
        made.append(replace(question, answers=(new.answer,), banned=(answer,), gold=(changed,)))
    return made


def _haystack(
    request: Request, question: Question, rng: Random, pool: Pool, depths: tuple[int, ...]
) -> Haystack:
    gold = rng.sample(question.lines, len(question.lines))
    stream = pool.stream(rng, question.screen, question.others)

    def lay(fillers: list[str]) -> Laid:
        mixed = shuffled(fillers, rng)
        return weave(mixed, gold, [slot_at(mixed, depth / 100) for depth in depths])

    return compose(stream, gold, request.length, request.count, lay)
