"""How often all gold paragraphs are among the best passages, as retrieval and names rank them; no chat model.

    python -m benchmarks.retrieval --data FOLDER [--task ruler-hqa] [--lengths 7k,14k] [--n 120] [--seed 1]
                                   [--embed-model NAME] [--embed-base URL] [--hops] [--out FILE]

FOLDER holds what the task needs; length 0 is a task's own. A token counts as 4.2 characters. What a reader
adds is left out. With an embedding model (settings `embed_model`, `embed_base`) the questions are ranked a
second time, with it. `--hops` ranks MuSiQue's questions (task ruler-hqa) as a whole, and each step of theirs
by itself with the right answers filled in: whether all gold is among the best k of all steps together,
taken from each in turn, and among the best k of each.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path
from typing import Any

BEST = (3, 4, 5, 6, 8, 10)
ROOMS = (1000, 2000, 3000, 4000)
"""Tokens that the best passages fill."""
SEGMENT_TOKENS = 4600


def tokens(text: str) -> int:
    """A stand-in for the served model's tokenizer."""
    return max(1, round(len(text) / 4.2))


def ranked(item: Any, embedder: Any = None, question: str = "") -> list[Any]:
    """The passages of an item's document, best first; with an embedding model where one is given, and for
    another question than its own."""
    from lcagent.documents import Document, split
    from lcagent.documents.corpus import Corpus
    from lcagent.documents.retrieval import Retrieval
    from lcagent.models.embeddings import Likeness

    document = Document(item.id, item.text, (), "", item.id, "text")
    segments = tuple(split(document.text, SEGMENT_TOKENS, tokens))
    similarity = Likeness(embedder, print) if embedder else None
    return Retrieval(Corpus((document,), (segments,)), question or item.question, similarity).ranked()


def last_gold(item: Any, embedder: Any = None) -> tuple[int, int]:
    """The rank of the gold place that is ranked last, from 0, and the tokens of all passages up to it.

    Large numbers where one is not ranked.
    """
    passages = ranked(item, embedder)
    regions = [one.region for one in passages]
    ranks = [
        next((rank for rank, (_, s, e) in enumerate(regions) if s < end and start < e), 10**6)
        for start, end in item.gold
    ]
    shown = regions[: max(ranks) + 1]
    whole = sum(tokens(item.text[start:end]) for _, start, end in shown)
    return max(ranks), whole if max(ranks) < 10**6 else 10**9


def shares(ranks: Iterable[int]) -> dict[str, float]:
    """Share of the questions whose gold paragraphs are all among the best k."""
    ranks = list(ranks)
    return {str(k): round(sum(rank < k for rank in ranks) / len(ranks), 3) for k in BEST}


def row(items: list[Any], embedder: Any = None) -> dict[str, Any]:
    """What one way of ranking gives for these questions."""
    found = [last_gold(item, embedder) for item in items]
    within = {str(k): round(sum(size <= k for _, size in found) / len(found), 3) for k in ROOMS}
    return {
        "n": len(found),
        "embedder": embedder.name if embedder else "",
        "all gold among": shares(rank for rank, _ in found),
        "within tokens": within,
    }


def hops(items: list[Any], data: Path, embedder: Any = None) -> dict[str, Any]:
    """What the right sub-questions give, for questions that come with them."""
    from tests.reader.multihop import case_of, rows_by_question

    rows = rows_by_question(data)
    asked = [item for item in items if rows[item.question]["meta"].get("decomposition")]
    whole: list[list[Any]] = []
    steps: list[list[list[Any]]] = []
    for item in asked:
        case = case_of(item, rows[item.question], data)
        whole.append([one.region for one in ranked(item, embedder)])
        steps.append([[one.region for one in ranked(item, embedder, hop.ask)] for hop in case.hops])
    joint = [in_turn(each) for each in steps]

    def share(found: list[list[Any]]) -> float:
        return round(
            sum(all_gold(item, some) for item, some in zip(asked, found, strict=True)) / len(asked), 3
        )

    return {
        "n": len(asked),
        "embedder": embedder.name if embedder else "",
        "whole question, best k": {str(k): share([some[:k] for some in whole]) for k in BEST},
        "steps in turn, best k": {str(k): share([some[:k] for some in joint]) for k in BEST},
        "each step, best k": {
            str(k): share([[region for one in each for region in one[:k]] for each in steps]) for k in BEST
        },
    }


def in_turn(ranks: list[list[Any]]) -> list[Any]:
    """The passages of several rankings, the first of each, then the second; each once."""
    rows = zip_longest(*ranks)
    return list(dict.fromkeys(region for row in rows for region in row if region is not None))


def all_gold(item: Any, regions: list[Any]) -> bool:
    """Whether every gold place is met by one of some passages."""
    return all(any(s < end and start < e for _, s, e in regions) for start, end in item.gold)


def main() -> None:
    """Print one JSON line a length and way of ranking, and write them to a file where one is named."""
    from lcagent.cli.bench import parse_length
    from lcagent.evals.tasks import TASKS, generate
    from lcagent.evals.tasks.request import Request
    from lcagent.models.embeddings import open_embedder
    from lcagent.settings import load_settings

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="ruler-hqa", choices=sorted(TASKS))
    parser.add_argument("--lengths", default="7k,14k")
    parser.add_argument("--n", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--embed-model")
    parser.add_argument("--embed-base")
    parser.add_argument("--hops", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    settings = load_settings({"embed_model": options.embed_model, "embed_base": options.embed_base})
    embedder = open_embedder(settings)
    results = []
    for length in map(parse_length, options.lengths.split(",")):
        request = Request(options.data, length, options.n, options.seed, tokens)
        items = [item for item in generate(options.task, request) if item.gold and item.text]
        about = {"task": options.task, "length": length, "seed": options.seed}
        for way in (None, embedder) if embedder else (None,):
            found = hops(items, options.data, way) if options.hops else row(items, way)
            results.append({**about, **found})
            print(json.dumps(results[-1]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
