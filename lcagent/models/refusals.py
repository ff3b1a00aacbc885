"""What a server refuses, as an error of our tree: by its status, or within a reply of status 200."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lcagent.errors import (
    AccessRefused,
    EndpointUnavailable,
    LcagentError,
    ModelError,
    NotServed,
    RequestRefused,
    WindowExceeded,
)
from lcagent.models import wire

_PASSES = {429, 502, 503, 504, 529}
"""Statuses in an error that came with 200 which pass by themselves: what a gateway says of a busy server."""
_TRIES = 7


class Transient(ModelError):
    """A fault that may pass: time-out, 429, 5xx, a dropped or cut body. Retried by the caller.

    Attributes:
        retry_after: seconds that the server asked to be left alone.
        tries: how often it is worth trying: a connection changes, what a server makes of a request seldom.
        gone: the server is not there, or what stands before it says so; it is not this request's fault.
    """

    retry_after: float = 0.0
    tries: int = _TRIES
    gone: bool = False


_OVERRUN = re.compile(
    # OpenAI's code, llama.cpp's
    r"context_length_exceeded|exceed_context_size_error|exceeds? the available context size"
    # Ollama's runner, of models whose context it does not shift
    r"|longer than the context length currently available"
    # OpenAI, vLLM, xAI, Mistral; vLLM's older engine; SGLang; LM Studio
    r"|maximum (?:context|prompt|model|input) length (?:is|of) \d|\d maximum context length"
    r"|longer than the (?:maximum model|model's (?:maximum )?context) length|when context the overflows"
    # Anthropic; Gemini; text-generation-inference; Bedrock
    r"|prompt is too long: \d+ tokens|exceed context limit: \d|exceeds the maximum number of tokens allowed"
    r"|must be <= \d+\. Given: \d|input is too long for requested model",
    re.I,
)
"""How servers say that a prompt and its reply do not fit the window, and nothing else."""


def refusal(status: int, text: str, headers: Mapping[str, str]) -> LcagentError:
    """The error of the tree that a status other than 200 stands for.

    Args:
        status: of the reply.
        text: its body.
        headers: its headers, of which `retry-after` and `location` count.
    """
    message = wire.said(text)
    if status in {408, 409, 425, 429} or status >= 500:
        fault = Transient(f"the model server says {status}: {message}")
        fault.retry_after = retry_after(headers.get("retry-after", ""))
        fault.gone = status in {502, 503, 504}
        return fault
    if status in {401, 402, 403}:
        hint = "its account there has no credit" if status == 402 else "set LCAGENT_API_KEY or --api-key"
        return AccessRefused(f"the model server refuses us ({status}): {message}", hint=hint)
    if 300 <= status < 400:
        where = wire.shortened(headers.get("location", ""))
        return NotServed(f"the model server sends us elsewhere ({status}): {where}", hint="give that address")
    if status in {404, 405, 410}:
        return NotServed(
            f"the model server has no such model or path ({status}): {message}",
            hint="check --model and --api-base; `lcagent doctor` says what is asked",
        )
    if _OVERRUN.search(text):
        return WindowExceeded(f"the model server says: {message}")
    return RequestRefused(f"the model server refuses the request ({status}): {message}")


def refused_within(data: Mapping[str, Any]) -> LcagentError:
    """The error that a body of status 200 stands for where it holds one in place of a reply.

    Only what a gateway says of a busy server is tried again: what the server itself has to say it has said.

    Args:
        data: the body.
    """
    text = wire.dumped(data)
    status = wire.error_code(data)
    if status in _PASSES or 400 <= status < 500:
        return refusal(status, text, {})
    if _OVERRUN.search(text):
        return WindowExceeded(f"the model server says: {wire.said(text)}")
    return EndpointUnavailable(
        f"the model server says: {wire.said(text)}", hint="its own log says more; the run can be resumed"
    )


def retry_after(told: str) -> float:
    """Seconds that a server asks to be left alone; 0 where it tells none that can be read.

    Args:
        told: its `Retry-After`, seconds or a date.
    """
    told = told.strip()
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{0,9})?", told):
        return float(told)
    try:
        when = parsedate_to_datetime(told)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0
