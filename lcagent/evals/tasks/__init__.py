"""Tasks: each a generator with a seed, from any length in tokens to items with known gold.

One file per family; `TASKS` lists them, `generate` runs one.
"""

from __future__ import annotations

from lcagent.errors import UsageError
from lcagent.evals.items import Item
from lcagent.evals.tasks import conflict as _conflict
from lcagent.evals.tasks import niah as _niah
from lcagent.evals.tasks import niah_plus as _niah_plus
from lcagent.evals.tasks import ruler_hqa as _ruler_hqa
from lcagent.evals.tasks.aggregate import aggregate
from lcagent.evals.tasks.data import folder, found
from lcagent.evals.tasks.filings import filings
from lcagent.evals.tasks.locomo import locomo
from lcagent.evals.tasks.nested_kv import nested_kv
from lcagent.evals.tasks.no_overlap import no_overlap
from lcagent.evals.tasks.reading import qmsum, quality, squality
from lcagent.evals.tasks.request import Generator, Request, Task
from lcagent.evals.tasks.threads import threads
from lcagent.evals.tasks.tracing import common_words, variable_tracking

__all__ = ["TASKS", "Generator", "Request", "Task", "folder", "generate"]

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "ruler-hqa",
            "multi-hop questions hidden among paragraphs of a pool",
            _ruler_hqa.ruler_hqa,
            _ruler_hqa.NEEDS,
        ),
        Task("niah", "needles in a haystack: one, several keys, values, queries", _niah.niah, _niah.NEEDS),
        Task(
            "niah-plus",
            "replaced SQuAD answers at ten depths, two HotpotQA paragraphs at pairs of depths",
            _niah_plus.niah_plus,
            _niah_plus.NEEDS,
        ),
        Task(
            "conflict",
            "made-up facts that the document states twice and differently, with corrected ones as controls",
            _conflict.conflict,
            _conflict.NEEDS,
        ),
        Task("nested-kv", "UUID pairs whose values may be keys, 0 to 4 levels", nested_kv),
        Task("variable-tracking", "all variables that get a value through four hops", variable_tracking),
        Task("common-words", "the ten most common words of a list", common_words),
        Task(
            "aggregate",
            "counts, totals, rankings, lists, joins and pairs over made-up biographies and logs",
            aggregate,
        ),
        Task("no-overlap", "facts whose question shares no content word with them", no_overlap),
        Task("threads", "ancestors over two to five hops, and all people at a place on a day", threads),
        Task(
            "quality",
            "multiple choice on stories of 3-7k tokens",
            quality,
            ("quality.jsonl",),
            fixed_length=True,
        ),
        Task(
            "squality",
            "summaries of stories for a question",
            squality,
            ("squality.jsonl",),
            fixed_length=True,
        ),
        Task("qmsum", "summaries of meetings for a question", qmsum, ("qmsum.jsonl",), fixed_length=True),
        Task(
            "filings",
            "filings in PDF: the answer and its page",
            filings,
            ("filings.jsonl",),
            fixed_length=True,
        ),
        Task(
            "locomo",
            "very long conversations, by category, with adversarial questions",
            locomo,
            ("locomo.jsonl",),
            fixed_length=True,
        ),
        Task(
            "abstain",
            "the questions of ruler-hqa without their gold paragraphs",
            _ruler_hqa.abstain,
            _ruler_hqa.NEEDS,
        ),
    )
}
"""All tasks by name."""

_AS_LONG_AS_IT_IS = {"ruler-hqa", "abstain", "nested-kv"}
"""Of the tasks that make documents, those that know a length of their own."""


def named(name: str) -> Task:
    """A task by its name.

    Raises:
        UsageError: there is none.
    """
    if name not in TASKS:
        raise UsageError(f"there is no task {name!r}", hint=f"tasks are {', '.join(TASKS)}")
    return TASKS[name]


def generate(name: str, request: Request) -> list[Item]:
    """The items of one task.

    Args:
        name: one of `TASKS`.
        request: what is asked for.

    Raises:
        UsageError: no such task, data that is missing or malformed, or a length that cannot be made.
    """
    task = named(name)
    if request.length < 0 or request.n < 0:
        raise UsageError("a length and a number of items are 0 or more", hint="see --lengths and --n")
    if not request.length and not task.fixed_length and name not in _AS_LONG_AS_IT_IS:
        raise UsageError(f"{name} needs a length", hint="give tokens with --lengths, such as 8k")
    for file in task.needs:
        found(request.data, file)
    try:
        return list(task.generate(request))
    except KeyError as error:
        raise UsageError(
            f"the data of {name} is not as expected: it lacks {error}",
            hint=f"its layout has to be that of the samples in {folder(None)}",
        ) from error
