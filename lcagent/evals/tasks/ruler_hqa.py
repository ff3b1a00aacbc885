"""`ruler-hqa`: multi-hop questions whose paragraphs are hidden among those of a pool; `abstain`: taken out.

RULER (Hsieh et al. 2024), section 3, "Question answering"; the variant and its lengths (7k to 3.5M)
as in MemAgent (Yu et al. 2025), main results. Unlike theirs: places are drawn for each item, no second copy
of a gold title stands in the haystack, and no other paragraph holds an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from lcagent.evals.haystack import Haystack, Laid, compose
from lcagent.evals.items import Item
from lcagent.evals.tasks.hiding import shuffled, weave
from lcagent.evals.tasks.multihop import HOTPOTQA, MUSIQUE, Question, questions, that_fit
from lcagent.evals.tasks.pool import FILE, Pool, load_pool
from lcagent.evals.tasks.request import Request, drawn, item_id

NEEDS = (HOTPOTQA, MUSIQUE, FILE)


def ruler_hqa(request: Request) -> Iterator[Item]:
    """Multi-hop questions, the gold paragraphs at drawn places of a haystack of the length wanted.

    The haystack is made of the question's own distractors, then of the pool; one longer than the pool
    repeats paragraphs (never a gold one). Length 0 takes the question's own distractors only.
    """
    for index, question, rng, pool in _drawn(request):
        made = _haystack(request, question, rng, pool, question.lines)
        yield Item(
            id=item_id("ruler-hqa", request, index),
            task="ruler-hqa",
            length=request.length,
            question=question.text,
            answers=question.answers,
            metric="sub_em",
            text=made.text,
            tokens=made.tokens,
            gold=tuple(sorted(made.spans)),
            category=question.category,
        )


def abstain(request: Request) -> Iterator[Item]:
    """The questions of `ruler-hqa`, index by index, in haystacks without their gold paragraphs."""
    for index, question, rng, pool in _drawn(request):
        made = _haystack(request, question, rng, pool, [])
        yield Item(
            id=item_id("abstain", request, index),
            task="abstain",
            length=request.length,
            question=question.text,
            answers=(),
            metric="abstained",
            text=made.text,
            tokens=made.tokens,
            category=question.category,
        )


def _drawn(request: Request) -> Iterator[tuple[int, Question, Random, Pool]]:
    """What both tasks share: the question of each index, and what its haystack is drawn by."""
    pool = load_pool(request.data)
    asked = that_fit(request, questions(request, pool, HOTPOTQA, MUSIQUE))
    for index, question in enumerate(islice(asked, request.n)):
        yield index, question, drawn("ruler-hqa", request.seed, index), pool


def _haystack(request: Request, question: Question, rng: Random, pool: Pool, gold: list[str]) -> Haystack:
    own = rng.sample(question.others, len(question.others))
    screen = question.screen if gold else question.strict_screen
    stream = pool.stream(rng, screen, own) if request.length else pool.only(screen, own)

    def lay(fillers: list[str]) -> Laid:
        slots = [rng.randint(0, len(fillers)) for _ in gold]
        return weave(shuffled(fillers, rng), gold, slots)

    return compose(stream, gold, request.length, request.count, lay)
