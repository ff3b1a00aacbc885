"""A job as OpenAI's Responses protocol tells it: the object, and the events that build it up.

Source: the Responses reference of OpenAI's interface. The events are made from the job's own alone: who comes
later, or again, is told the same ones under the same numbers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lcagent.answer import Reply
from lcagent.memory.served.jobs import JobStatus
from lcagent.server.asks import MODEL, Ask
from lcagent.server.came import Outcome
from lcagent.server.dialects import annotations
from lcagent.server.dialects.markdown import with_footnotes
from lcagent.server.evidence import Told
from lcagent.server.told import WAITING, in_words

STATUS: dict[JobStatus, str] = {
    "queued": "queued",
    "running": "in_progress",
    "finished": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
_PIECE = 256
"""Characters of a delta."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended.

    Args:
        status: of it.
        outcome: what came of it.
        said: the same with its evidence.
        error: why nothing did: a code and a message.
    """

    status: JobStatus
    outcome: Outcome | None = None
    said: Told | None = None
    error: dict[str, str] | None = None


def response_id(job: str) -> str:
    """The id of a job in this protocol."""
    return job.replace("run_", "resp_", 1)


def job_id(response: str) -> str:
    """The job of an id of this protocol."""
    return response.replace("resp_", "run_", 1)


def response(job: str, ask: Ask, created: float, ended: Ended, *, background: bool) -> dict[str, Any]:
    """The object of a job, as it stands.

    Args:
        job: its id.
        ask: what was asked.
        created: seconds since 1970.
        ended: how it ended, or that it did not.
        background: it goes on whoever leaves.
    """
    status = STATUS[ended.status]
    stopped = ended.outcome is not None and ended.outcome.status == "budget"
    output: list[dict[str, Any]] = [_message(job, ended, ended.outcome)] if ended.outcome is not None else []
    return {
        "id": response_id(job),
        "object": "response",
        "created_at": int(created),
        "status": "incomplete" if stopped else status,
        "background": background,
        "error": ended.error,
        "incomplete_details": {"reason": "max_output_tokens"} if stopped else None,
        "instructions": None,
        "metadata": {},
        "model": MODEL if ask.strategy == "auto" else f"{MODEL}/{ask.strategy}",
        "output": output,
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": background,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": usage_of(ended.outcome) if ended.outcome is not None else None,
        "user": None,
    }


def usage_of(outcome: Outcome) -> dict[str, Any]:
    """What was spent, of all calls that it took."""
    used = outcome if isinstance(outcome, Reply) else outcome.usage
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0 if isinstance(used, Reply) else used.cached_tokens},
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }


def _message(job: str, ended: Ended, outcome: Outcome) -> dict[str, Any]:
    assert ended.said is not None
    return {
        "id": job.replace("run_", "msg_", 1),
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            _part(with_footnotes(ended.said, outcome), annotations.of_responses(ended.said.evidence))
        ],
    }


def _part(text: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": found, "logprobs": []}


@dataclass
class Events:
    """The events of one response, numbered.

    Args:
        job: its id.
        ask: what was asked.
        created: seconds since 1970.
        background: it goes on whoever leaves.
    """

    job: str
    ask: Ask
    created: float
    background: bool
    _number: int = field(default=-1, init=False)

    async def all(
        self, happened: AsyncIterator[dict[str, Any]], ended: Callable[[], Awaitable[Ended]]
    ) -> AsyncIterator[dict[str, Any]]:
        """All of them.

        Args:
            happened: what the job tells.
            ended: gives how it ended, once it has.
        """
        running = response(self.job, self.ask, self.created, Ended("running"), background=self.background)
        yield self._event("response.created", response=running)
        yield self._event("response.in_progress", response=running)
        words: list[str] = []
        async for event in happened:
            if event["type"] == WAITING:
                continue  # whoever follows from a number finds the same events behind it
            if line := in_words(event):
                if not words:
                    for opened in self._opened_thought():
                        yield opened
                words.append(f"{line}\n")
                yield self._thought("response.reasoning_summary_text.delta", delta=words[-1])
        end = await ended()
        whole = response(self.job, self.ask, self.created, end, background=self.background)
        thought: list[dict[str, Any]] = []
        if words:
            thought = [self._reasoning("".join(words))]
            for closed in self._closed_thought("".join(words)):
                yield closed
        for item in whole["output"]:
            for event in self._written(item, at=len(thought)):
                yield event
        whole["output"] = [*thought, *whole["output"]]
        yield self._event(f"response.{whole['status']}", response=whole)

    def _event(self, kind: str, **fields: Any) -> dict[str, Any]:
        self._number += 1
        return {"type": kind, "sequence_number": self._number, **fields}

    def _reasoning(self, text: str) -> dict[str, Any]:
        summary = [{"type": "summary_text", "text": text}] if text else []
        return {"id": self.job.replace("run_", "rs_", 1), "type": "reasoning", "summary": summary}

    def _thought(self, kind: str, **fields: Any) -> dict[str, Any]:
        at = {"item_id": self.job.replace("run_", "rs_", 1), "output_index": 0, "summary_index": 0}
        return self._event(kind, **at, **fields)

    def _opened_thought(self) -> Iterator[dict[str, Any]]:
        yield self._event("response.output_item.added", output_index=0, item=self._reasoning(""))
        part = {"type": "summary_text", "text": ""}
        yield self._thought("response.reasoning_summary_part.added", part=part)

    def _closed_thought(self, text: str) -> Iterator[dict[str, Any]]:
        yield self._thought("response.reasoning_summary_text.done", text=text)
        part = {"type": "summary_text", "text": text}
        yield self._thought("response.reasoning_summary_part.done", part=part)
        yield self._event("response.output_item.done", output_index=0, item=self._reasoning(text))

    def _written(self, item: dict[str, Any], at: int) -> Iterator[dict[str, Any]]:
        (part,) = item["content"]
        text = part["text"]
        place = {"item_id": item["id"], "output_index": at, "content_index": 0}
        begun = {**item, "status": "in_progress", "content": []}
        yield self._event("response.output_item.added", output_index=at, item=begun)
        yield self._event("response.content_part.added", **place, part=_part("", []))
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE]
            yield self._event("response.output_text.delta", **place, delta=piece, logprobs=[])
        for number, annotation in enumerate(part["annotations"]):
            yield self._event(
                "response.output_text.annotation.added",
                **place,
                annotation_index=number,
                annotation=annotation,
            )
        yield self._event("response.output_text.done", **place, text=text, logprobs=[])
        yield self._event("response.content_part.done", **place, part=part)
        yield self._event("response.output_item.done", output_index=at, item=item)
