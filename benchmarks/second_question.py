"""How much of a second question's prompts the server had cached, by role, on its own counters.

    python -m benchmarks.second_question DOCUMENT --api-base URL [--strategies mapreduce,segment,longagent]
                                         [--questions "FIRST" "SECOND"] [--out FILE]

Needs a real server that reports cached tokens (vLLM: `--enable-prefix-caching
--enable-prompt-tokens-details`; llama.cpp reports them by itself). Each strategy reads DOCUMENT twice, with
two questions and an empty journal, so that nothing but the server's prefix cache is shared; roles whose
prompts begin with the segment should find nearly all of it there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

QUESTIONS = ("Which places are named?", "What happened first, and in which year was that?")


def second_question(document: Path, base: str, strategy: str, questions: list[str]) -> dict[str, Any]:
    """Prompt tokens of the second question and how many were cached, by role.

    Args:
        document: read twice.
        base: the server's address.
        strategy: which, with options of its own as `NAME:KEY=VALUE+KEY=VALUE`.
        questions: first and second.
    """
    from lcagent import Reader
    from lcagent.settings import load_settings, split_strategy

    name, pairs = split_strategy(strategy)
    with tempfile.TemporaryDirectory() as home:
        shared = {"api_base": base, "home": home, "strategy": name}
        with Reader(load_settings(shared, pairs)) as reader:
            answers = [reader.ask(str(document), question) for question in questions]
        rows = _calls(Path(home), answers[1].run_id)
    prompt, cached = Counter[str](), Counter[str]()
    for row in rows:
        prompt[row["role"]] += row["prompt_tokens"]
        cached[row["role"]] += row["cached_tokens"]
    return {
        "strategy": strategy,
        "segments": answers[1].coverage.segments_total,
        "seconds": [round(answer.usage.seconds, 1) for answer in answers],
        "roles": {
            role: {"prompt": tokens, "cached": cached[role], "share": round(cached[role] / tokens, 3)}
            for role, tokens in prompt.items()
        },
    }


def _calls(home: Path, run: str) -> list[dict[str, Any]]:
    from lcagent.memory.store import Store
    from lcagent.runs.records import Runs

    return Runs(Store.open(home)).journal(run).calls()


def main() -> None:
    """Print one JSON line a strategy, and write them to a file where one is named."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("document", type=Path)
    parser.add_argument("--api-base", required=True)
    parser.add_argument("--strategies", default="mapreduce,segment,longagent")
    parser.add_argument("--questions", nargs=2, default=list(QUESTIONS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    results = []
    for strategy in options.strategies.split(","):
        results.append(second_question(options.document, options.api_base, strategy, options.questions))
        print(json.dumps(results[-1]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
