"""Keeping: works that are made segment by segment, each named by all that decides what it holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager

from lcagent.errors import WorkBusy
from lcagent.graphs.shared.task import Task
from lcagent.memory.works import Work, Works
from lcagent.models.prompt import Prompt

_AGAIN = 1.0
"""Seconds after which a work that another process is building is looked at again."""


def follows_from(task: Task, prompt: Prompt) -> list[dict[str, str]]:
    """What decides what one prompt gives of each document, the same for every question.

    Args:
        task: its question plays no part.
        prompt: by which segments are read.
    """
    model, window = task.model, task.model.window
    exacts: list[dict[str, str]] = []
    for document, segments in zip(task.corpus.documents, task.corpus.segments, strict=True):
        spans = json.dumps([(segment.start, segment.end) for segment in segments])
        exact = {
            "document": document.sha256,
            "segments": hashlib.sha256(spans.encode()).hexdigest(),
            "model": model.name,
            "prompt": prompt.version,
            "window": str(window.size),
            "brief": str(task.trust.brief),
            "sampling": json.dumps([model.temperature, model.top_p]),
        }
        exacts.append(exact)
    return exacts


def opened(task: Task, kept: Works, kind: str, exacts: Sequence[dict[str, str]]) -> list[Work]:
    """The work of each document.

    Args:
        task: the run.
        kept: where works are kept.
        kind: what they are.
        exacts: what each follows from.
    """
    documents = zip(task.corpus.documents, exacts, strict=True)
    return [kept.open(kind, name=one.name, document=one.sha256, exact=exact) for one, exact in documents]


@asynccontextmanager
async def alone(task: Task, kept: Works, works: Sequence[Work]) -> AsyncGenerator[None]:
    """Be the one who builds; another question about the same documents waits, and finds all of it done."""
    with ExitStack() as stack:
        for work in sorted(works, key=lambda work: work.id):
            told = False
            while work.status != "done":
                try:
                    stack.enter_context(kept.building(work))
                    break
                except WorkBusy as busy:
                    if not told:
                        task.progress.notice(f"{busy.message}: it is waited for")
                    told = True
                    await asyncio.sleep(_AGAIN)
        yield
