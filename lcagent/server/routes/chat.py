"""`/v1/chat/completions` and `/v1/models`: OpenAI's chat protocol.

Source: the Chat Completions reference of OpenAI's interface, and the deltas that vLLM sends
(`reasoning`, before `reasoning_content`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sse_starlette import EventSourceResponse

from lcagent.answer import Answer, Reply
from lcagent.errors import LcagentError, RunNotFound, UsageError
from lcagent.server.asks import MODEL, MODELS
from lcagent.server.came import Outcome
from lcagent.server.context import BaseDep, ServiceDep, TenantDep
from lcagent.server.described import ChatCompletion, streamed
from lcagent.server.dialects import annotations
from lcagent.server.dialects.markdown import with_footnotes
from lcagent.server.evidence import Told, told
from lcagent.server.faults import fault_of
from lcagent.server.following import events_of, outcome_of
from lcagent.server.job import Question
from lcagent.server.routes.messages import Given, Ours, ask_of, files_by_name
from lcagent.server.told import in_words

router = APIRouter(tags=["chat"])
_PIECE = 256
"""Characters of a delta."""


class StreamOptions(BaseModel):
    """What a stream is to hold beside the text."""

    include_usage: bool = False


class ChatBody(BaseModel):
    """A request; what means nothing here of OpenAI's fields (sampling, tools) is passed over."""

    model_config = ConfigDict(extra="allow")

    messages: list[dict[str, Any]] = Field(min_length=1, max_length=10_000)
    model: str = MODEL
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    user: str | None = None
    background: bool = Field(default=False, description="Go on when the client leaves: see /v1/runs.")
    lcagent: Ours = Field(default_factory=Ours)


class ChatModel(BaseModel):
    """A strategy, by the name under which it is asked."""

    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "lcagent"


class ChatModels(BaseModel):
    """All of them."""

    object: str = "list"
    data: list[ChatModel]


@router.get("/v1/models")
async def list_models() -> ChatModels:
    """List the models: one name a strategy."""
    return ChatModels(data=[ChatModel(id=name) for name in MODELS])


@router.get("/v1/models/{model:path}")
async def get_model(model: str) -> ChatModel:
    """Show one model."""
    if model not in MODELS:
        raise RunNotFound(f"no model {model!r}", hint=", ".join(MODELS))
    return ChatModel(id=model)


@router.post(
    "/v1/chat/completions",
    response_model=None,
    response_class=JSONResponse,
    responses=streamed(ChatCompletion),
)
async def chat(
    body: ChatBody, request: Request, service: ServiceDep, tenant: TenantDep, base: BaseDep
) -> Response:
    """Answer a question about the documents that came with it, or the next message of a conversation."""
    if body.n not in {None, 1}:
        raise UsageError("one answer is given", hint="leave n out")
    given = Given(
        messages=list[Mapping[str, Any]](body.messages), model=body.model, user=body.user, ours=body.lcagent
    )
    ask = await ask_of(given, request, service, tenant)
    job = await service.jobs.start(tenant, ask, kept=body.background)
    reply = ChatReply(job, body, base, open_webui=_wants_events(body.lcagent, request))
    headers = {"x-lcagent-run": job.id}
    if body.stream:
        return EventSourceResponse(reply.stream(), headers=headers, sep="\n")
    outcome = await outcome_of(job, request)
    if outcome is None:
        return Response(status_code=499)  # nobody reads it
    return Response(orjson.dumps(await reply.whole(outcome)), media_type="application/json", headers=headers)


def _wants_events(ours: Ours, request: Request) -> bool:
    if ours.open_webui is not None:
        return ours.open_webui
    return any(name.startswith("x-openwebui-") for name in request.headers)


class ChatReply:
    """A job as replies of this protocol.

    Args:
        job: what is worked on.
        body: the request.
        base: address of the server.
        open_webui: its events go along.
    """

    def __init__(self, job: Question, body: ChatBody, base: str, *, open_webui: bool) -> None:
        self._job, self._body, self._base, self._open_webui = job, body, base, open_webui
        self._head = {"id": f"chatcmpl-{job.id}", "created": int(job.created), "model": body.model}

    async def whole(self, outcome: Outcome) -> dict[str, Any]:
        """The reply at once."""
        said = await self._told(outcome)
        message = {
            "role": "assistant",
            "content": self._text(said, outcome),
            "refusal": None,
            "annotations": annotations.of_chat(said.evidence),
        }
        choice = {"index": 0, "message": message, "finish_reason": finish_of(outcome), "logprobs": None}
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": usage_of(outcome),
            "lcagent": self._ours(said, outcome),
        }

    async def stream(self) -> AsyncGenerator[str]:
        """The reply as it comes: what is done as reasoning, then the text."""
        yield self._chunk({"role": "assistant", "content": ""})
        async with aclosing(events_of(self._job)) as events:
            async for event in events:
                if words := in_words(event):
                    line = f"{words}\n"
                    yield self._chunk({"reasoning": line, "reasoning_content": line})
                    if self._open_webui:
                        yield self._event(annotations.status_event(words))
        if self._job.outcome is None:
            error = self._job.error or LcagentError(
                "the run was cancelled", hint="ask again to go on with it"
            )
            yield orjson.dumps(fault_of(error, str(self._job.tenant.folder))).decode()
        else:
            for chunk in await self._ending(self._job.outcome):
                yield chunk
        yield "[DONE]"

    async def _ending(self, outcome: Outcome) -> list[str]:
        said = await self._told(outcome)
        text = self._text(said, outcome)
        chunks = [self._chunk({"content": text[at : at + _PIECE]}) for at in range(0, len(text), _PIECE)]
        if self._open_webui:
            chunks += [self._event(annotations.source_event(one)) for one in said.evidence]
            chunks.append(self._event(annotations.status_event("done", done=True)))
        # Open WebUI makes sources of annotations too: each would be there twice.
        last = {"annotations": [] if self._open_webui else annotations.of_chat(said.evidence)}
        chunks.append(self._chunk(last, finish_of(outcome), lcagent=self._ours(said, outcome)))
        if self._body.stream_options is not None and self._body.stream_options.include_usage:
            empty: list[Any] = []
            chunks.append(self._dumped({"choices": empty, "usage": usage_of(outcome)}))
        return chunks

    async def _told(self, outcome: Outcome) -> Told:
        return told(outcome, await files_by_name(self._job.tenant, self._job.ask), self._base)

    def _text(self, said: Told, outcome: Outcome) -> str:
        return with_footnotes(said, outcome) if self._body.lcagent.footnotes else said.text

    def _ours(self, said: Told, outcome: Outcome) -> dict[str, Any]:
        return {"run": self._job.id, "status": outcome.status, "citations": annotations.plain(said.evidence)}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return self._dumped({"choices": [choice], **more})

    def _event(self, event: dict[str, Any]) -> str:
        empty: list[Any] = []
        return self._dumped({"choices": empty, "event": event})

    def _dumped(self, fields: dict[str, Any]) -> str:
        return orjson.dumps({**self._head, "object": "chat.completion.chunk", **fields}).decode()


def finish_of(outcome: Outcome) -> str:
    """Why the reply ended, in this protocol's words."""
    return "length" if outcome.status == "budget" else "stop"


def usage_of(outcome: Answer | Reply) -> dict[str, Any]:
    """What was spent, of all calls that it took."""
    used = outcome if isinstance(outcome, Reply) else outcome.usage
    cached = 0 if isinstance(outcome, Reply) else outcome.usage.cached_tokens
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
