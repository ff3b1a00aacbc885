"""How often all gold paragraphs are among the best passages, as retrieval and names rank them; no model.

    python -m benchmarks.retrieval --data FOLDER [--task ruler-hqa] [--lengths 7k,14k] [--n 120] [--seed 1]
                                   [--out FILE]

FOLDER holds what the task needs; length 0 is a task's own. A token counts as 4.2 characters. What a reader
adds is left out: the ledger holds the sentences that the question's words lead to and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

BEST = (3, 4, 5, 6, 8, 10)
SEGMENT_TOKENS = 4600


def tokens(text: str) -> int:
    """A stand-in for the served model's tokenizer."""
    return max(1, round(len(text) / 4.2))


def last_gold(item: Any, home: Path) -> int:
    """The rank of the gold paragraph that is ranked last, from 0; a large number where one is not ranked."""
    from lcagent.documents import Document, split
    from lcagent.graphs.shared.answering import ranked_views
    from lcagent.graphs.shared.retrieval import hint_entries
    from lcagent.graphs.shared.task import Task
    from lcagent.memory.entries import integrate
    from lcagent.memory.ledger import Ledger
    from lcagent.memory.store import Store
    from lcagent.settings import load_settings

    document = Document(item.id, item.text, (), "", item.id, "text")
    segments = split(document.text, SEGMENT_TOKENS, tokens)
    task = Task(
        question=item.question,
        documents=[document],
        segments=[segments],
        model=cast(Any, None),  # nothing is asked
        ledger=Ledger(Store(home / "ledger.db"), item.id),
        settings=load_settings({}),
        emit=lambda event: None,
        alive=lambda: True,
        gate=asyncio.Semaphore(1),
    )
    for segment in segments:
        found = hint_entries(task, 0, segment)
        task.ledger.record(0, segment.index, integrate(found, task.ledger.live()))
    views = ranked_views(task)
    ranks = [
        next((rank for rank, view in enumerate(views) if view.start < end and start < view.end), 10**6)
        for start, end in item.gold
    ]
    return max(ranks)


def shares(ranks: Iterable[int]) -> dict[str, float]:
    """Share of the questions whose gold paragraphs are all among the best k."""
    ranks = list(ranks)
    return {str(k): round(sum(rank < k for rank in ranks) / len(ranks), 3) for k in BEST}


def main() -> None:
    """Print one JSON line a length, and write them to a file where one is named."""
    from lcagent.cli.bench import parse_length
    from lcagent.evals.tasks import TASKS, generate
    from lcagent.evals.tasks.request import Request

    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="ruler-hqa", choices=sorted(TASKS))
    parser.add_argument("--lengths", default="7k,14k")
    parser.add_argument("--n", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    for length in map(parse_length, options.lengths.split(",")):
        request = Request(options.data, length, options.n, options.seed, tokens)
        items = [item for item in generate(options.task, request) if item.gold and item.text]
        with tempfile.TemporaryDirectory() as home:
            ranks = [last_gold(item, Path(home)) for item in items]
        about = {"task": options.task, "length": length, "n": len(ranks), "seed": options.seed}
        results.append({**about, "all gold among": shares(ranks)})
        print(json.dumps(results[-1]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
