"""Errors as clients of OpenAI's protocol read them: without traces, and without paths of this disk."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from lcagent.errors import (
    BudgetReached,
    DocumentError,
    DocumentTooLarge,
    EndpointUnavailable,
    EntryNotFound,
    Forbidden,
    KeyRefused,
    LcagentError,
    LimitReached,
    ModelError,
    NewerVersion,
    NotFound,
    RunBusy,
    RunNotFound,
    ServerEnding,
    SessionBusy,
    SessionNotFound,
    StoreAway,
    StoreBusy,
    StoreError,
    UsageError,
)
from lcagent.text import whole_characters


class Fault(BaseModel):
    """What is said of an error."""

    message: str
    type: str
    code: str
    param: str | None = None


class FaultBody(BaseModel):
    """A reply that is an error."""

    error: Fault


_STATUS: list[tuple[type[LcagentError], int, str]] = [
    (KeyRefused, 401, "authentication_error"),
    (Forbidden, 403, "permission_error"),
    (NotFound, 404, "not_found_error"),
    (RunNotFound, 404, "not_found_error"),
    (SessionNotFound, 404, "not_found_error"),
    (EntryNotFound, 404, "not_found_error"),
    (SessionBusy, 409, "conflict_error"),
    (RunBusy, 409, "conflict_error"),
    (DocumentTooLarge, 413, "invalid_request_error"),
    (DocumentError, 400, "invalid_request_error"),
    (NewerVersion, 503, "server_error"),
    (UsageError, 400, "invalid_request_error"),
    (BudgetReached, 400, "invalid_request_error"),
    (LimitReached, 429, "rate_limit_error"),
    (ServerEnding, 503, "server_error"),
    (StoreAway, 503, "server_error"),
    (StoreBusy, 503, "server_error"),
    (EndpointUnavailable, 503, "server_error"),
    (ModelError, 502, "server_error"),
]
_MOST_SAID = 2000
"""Characters of a message: what a client sent may be told back, but not a megabyte of it."""
DOCUMENTED = {
    400: "The request is wrong, or a document of it cannot be read.",
    401: "No key, or one that opens nothing.",
    403: "The host or the origin is none of the server's.",
    404: "There is nothing of this id.",
    405: "The path is not asked this way.",
    409: "It is being written.",
    413: "It is too large.",
    429: "Requests, runs or tokens are used up for now.",
    500: "A fault of the server.",
    502: "The model's server refuses, or answers badly.",
    503: "No model's server answers, what is kept is out of reach or newer, or this server is ending.",
}
"""What replies that are no success mean, for the description of the interface."""


def status_of(error: LcagentError) -> tuple[int, str]:
    """The status and the type of an error."""
    for kind, status, named in _STATUS:
        if isinstance(error, kind):
            return status, named
    return 500, "server_error"


def fault_of(error: LcagentError, folder: str = "") -> dict[str, Any]:
    """The body of an error.

    Args:
        error: what went wrong.
        folder: of what is kept: it is not told.
    """
    message, hint = said_of(error, folder)
    text = f"{message}. {hint}" if hint else message
    return FaultBody(error=Fault(message=text, type=status_of(error)[1], code=error.code)).model_dump()


def said_of(error: LcagentError, folder: str = "") -> tuple[str, str]:
    """The message and the hint of an error, as clients may read them.

    Args:
        error: what went wrong.
        folder: of what is kept: it is not told.
    """
    if isinstance(error, StoreAway | StoreBusy):  # it names where it is
        return "what is kept cannot be reached now", "ask again in a minute: nothing that is kept is lost"
    if isinstance(error, StoreError):  # it names files
        return "what is kept cannot be read or written", "the server's log says why"
    message, hint = (whole_characters(text)[:_MOST_SAID] for text in (error.message, error.hint or ""))
    return (message.replace(folder, "…"), hint.replace(folder, "…")) if folder else (message, hint)
