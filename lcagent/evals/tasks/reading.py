"""`quality`, `squality`, `qmsum`: questions on whole stories and meetings, as long as they are.

QuALITY (Pang et al. 2022): multiple choice. SQuALITY (Wang et al. 2022) and QMSum (Zhong et al. 2021):
summaries that answer a question, scored by ROUGE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial

from lcagent.errors import UsageError
from lcagent.evals.items import Item
from lcagent.evals.tasks.data import Record, context, records
from lcagent.evals.tasks.request import Request, drawn, item_id

_OPTION = re.compile(r"\n+\s*\(?A[).]")
_LINE_NUMBER = re.compile(r"^\[(\d+)\] ", re.M)


def quality(request: Request) -> Iterator[Item]:
    """Multiple choice; the question holds its options and asks for a letter."""
    for index, row, text, tokens in whole_documents(request, "quality"):
        options: dict[str, str] = row["meta"]["options"]
        letter = str(row["meta"]["gold_letter"])
        stem = _OPTION.split(row["question"], maxsplit=1)[0].strip()
        choices = "\n".join(f"({key}) {choice}" for key, choice in options.items())
        yield Item(
            id=item_id("quality", request, index),
            task="quality",
            length=request.length,
            question=f"{stem}\n\n{choices}\n\nAnswer with the letter of the right choice.",
            answers=(letter, options[letter]),
            metric="accuracy",
            text=text,
            tokens=tokens,
            category=row["type"],
            options=options,
        )


def _summaries(task: str, request: Request) -> Iterator[Item]:
    for index, row, text, tokens in whole_documents(request, task):
        yield Item(
            id=item_id(task, request, index),
            task=task,
            length=request.length,
            question=row["question"],
            answers=tuple(row["answers"]),
            metric="rouge_l",
            text=text,
            tokens=tokens,
            gold=_turns(text, row["meta"].get("relevant_text_span", [])),
            category=row["type"],
        )


squality = partial(_summaries, "squality")
qmsum = partial(_summaries, "qmsum")


def _turns(text: str, spans: list[list[str]]) -> tuple[tuple[int, int], ...]:
    """The turns of a meeting that a question is about: first and last number of each stretch."""
    if not spans:
        return ()
    starts = {int(line[1]): line.start() for line in _LINE_NUMBER.finditer(text)}
    ends = {number: starts.get(number + 1, len(text)) for number in starts}
    return tuple((starts[int(first)], ends[int(last)]) for first, last in spans)


def whole_documents(request: Request, task: str) -> Iterator[tuple[int, Record, str, int]]:
    """Index, line of the data, text and tokens, in an order drawn by the seed.

    Where a length is asked for, documents that are longer are left out, by the length that the data
    states, or measured where it states none.

    Raises:
        UsageError: all of them are longer.
    """
    count = cache(request.count)  # several questions share a document
    rows = records(request.data, f"{task}.jsonl")
    if request.length:
        rows = [row for row in rows if _length(row, request) <= request.length]
        if not rows:
            raise UsageError(
                f"no document of {task} is as short as {request.length:,} tokens",
                hint="leave --length out: these documents are as long as they are",
            )
    drawn(task, request.seed, "order").shuffle(rows)
    for index, row in enumerate(rows[: request.n]):
        text = context(request.data, row["context_file"])
        yield index, row, text, count(text)


def _length(row: Record, request: Request) -> int:
    stated = row.get("length_tokens")
    return stated if isinstance(stated, int) else request.count(context(request.data, row["context_file"]))
