"""Everything that lcagent raises on purpose.

LcagentError
├── UsageError                 the call itself is wrong                        exit 2
│   ├── SettingsError          a setting has no such name or value
│   │   ├── ConfigUnreadable   the file of settings cannot be read              exit 1
│   │   └── NewerVersion       a newer lcagent made what is kept, or asks what this one does not know
│   └── QuestionTooLong        the question alone does not fit the window
├── DocumentError              a document cannot be read                       exit 1
│   ├── DocumentNotFound
│   ├── UnsupportedFormat      binary, or a format we do not read
│   ├── DocumentEncrypted      needs --password, or the password is wrong
│   ├── DocumentDamaged        cannot be parsed, even after repair
│   ├── DocumentEmpty          no bytes, no pages, or no text at all
│   └── DocumentTooLarge       over the size limit
├── ModelError                 the model cannot be asked, or answers badly     exit 1
│   ├── EndpointUnavailable    no server answers, or it died
│   │   ├── AccessRefused      the server takes no request of ours: the key, the account (401, 402, 403)
│   │   ├── NotServed          it has no such model or no such path (404)
│   │   └── TruncatedPrompt    it reads the beginning or the end of a prompt only, without a word
│   ├── RequestRefused         the server says this one request is wrong (other 4xx): a content filter
│   ├── WindowExceeded         a prompt does not fit, by our count or by the server's
│   ├── CutReply               finish_reason is "length" where a whole reply is needed
│   ├── MalformedReply         not the JSON asked for, after repair and one retry
│   └── WeightsError           the model file cannot be fetched or is not the right one
├── BudgetReached              calls, tokens or seconds are used up            exit 4
│   └── RetryOverBudget        the answering call needs a retry that would go over; a MalformedReply too
├── RunError                   a run cannot be resumed, shown or deleted       exit 1
│   ├── RunNotFound
│   └── RunBusy                another process is writing this run
├── WorkError                  a work of a document cannot be built or shown   exit 1
│   ├── WorkNotFound
│   ├── WorkBusy               another process is building this work
│   └── GraphNotBuilt          no graph of this document is kept
├── ServerError                a request to `lcagent serve` is refused         exit 1
│   ├── NotFound               no file, collection or key has this id
│   ├── KeyRefused             no key, or one that opens nothing
│   ├── Forbidden              the host or the origin of the request is none of ours
│   ├── LimitReached           requests, runs or tokens of a key are used up for now
│   └── ServerEnding           it was told to end before it could answer
├── StoreError                 what is kept cannot be read or written           exit 1
│   ├── StoreAway              the database cannot be reached, or says nothing
│   ├── StoreBusy              another program keeps the file locked
│   └── StoreDamaged           the file does not hold what was written
├── OutputError                the answer cannot be written to standard output  exit 1
└── SessionError               a conversation cannot be opened, written, shown exit 1
    ├── SessionNotFound
    ├── SessionBusy            another process is writing this session
    ├── SessionLost            another process has taken it over meanwhile
    └── EntryNotFound          the session has no such message, passage or block
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

UPGRADE = "upgrade lcagent"
"""The hint where a newer version was at work."""


class LcagentError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what went wrong, one sentence, no traceback needed to understand it.
        hint: what the user can do about it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        """Stable name for `--json`: the class name."""
        return type(self).__name__


class UsageError(LcagentError):
    """The call itself is wrong."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting has no such name or value."""


class ConfigUnreadable(SettingsError):
    """A file of settings cannot be read, or is no TOML."""

    exit_code = 1


class NewerVersion(SettingsError):
    """A newer lcagent made what is kept, or asks what this one does not know."""


class QuestionTooLong(UsageError):
    """The question alone does not fit the window."""


class DocumentError(LcagentError):
    """A document cannot be read."""


class DocumentNotFound(DocumentError):
    """No such file or folder."""


class UnsupportedFormat(DocumentError):
    """Binary, or a format that is not read."""


class DocumentEncrypted(DocumentError):
    """Needs a password, or the password is wrong."""


class DocumentDamaged(DocumentError):
    """Cannot be parsed, even after repair."""


class DocumentEmpty(DocumentError):
    """No bytes, no pages, or no text at all."""


class DocumentTooLarge(DocumentError):
    """Over the size limit."""


class ModelError(LcagentError):
    """The model cannot be asked, or answers badly."""


class EndpointUnavailable(ModelError):
    """No server answers, or it died."""


class AccessRefused(EndpointUnavailable):
    """The server takes no request of ours: the key, the account or its credit (401, 402, 403)."""


class NotServed(EndpointUnavailable):
    """The server has no such model, or nothing of the kind at that path (404)."""


class TruncatedPrompt(EndpointUnavailable):
    """The server reads a part of a prompt only, without a word: its context is smaller than the window."""


class RequestRefused(ModelError):
    """The server says that this one request is wrong (other 4xx), as a content filter does."""


class WindowExceeded(ModelError):
    """A prompt does not fit the window: by our count, before it is sent, or by the server's."""


class CutReply(ModelError):
    """The reply ended at its token limit where a whole reply is needed; `partial` is what there is of it."""

    partial: str = ""


class MalformedReply(ModelError):
    """Not the JSON asked for, after repair and one retry."""


class WeightsError(ModelError):
    """The model file cannot be fetched, or is not the right one."""


class BudgetReached(LcagentError):
    """Calls, tokens or seconds are used up."""

    exit_code = 4


class RetryOverBudget(BudgetReached, MalformedReply):
    """The answering call's reply is of no use, and the budget holds no retry."""


class RunError(LcagentError):
    """A run cannot be resumed, shown or deleted."""


class RunNotFound(RunError):
    """No run has this id."""


class RunBusy(RunError):
    """Another process is writing this run."""


class WorkError(LcagentError):
    """A work of a document cannot be built, shown or deleted."""


class WorkNotFound(WorkError):
    """No work has this id, or it was deleted."""


class WorkBusy(WorkError):
    """Another process is building this work."""


class GraphNotBuilt(WorkError):
    """No graph of this document is kept, or not all of it was read for one."""


class StoreError(LcagentError):
    """What is kept cannot be read or written: no room, no permission, no such folder."""


class StoreAway(StoreError):
    """The database cannot be reached, ends, or says nothing: it may be there again soon."""


class StoreBusy(StoreError):
    """Another program keeps the file locked."""


class StoreDamaged(StoreError):
    """The file does not hold what was written; `file` is its path."""

    file: Path | None = None


class OutputError(LcagentError):
    """The answer cannot be written to standard output."""


class SessionError(LcagentError):
    """A conversation cannot be opened, written or shown."""


class SessionNotFound(SessionError):
    """No conversation of that name is kept."""


class SessionBusy(SessionError):
    """Another process is writing this session."""


class SessionLost(SessionError):
    """Another process has taken the session over since it was opened here."""


class EntryNotFound(SessionError):
    """The session has no such message, passage or block."""


class ServerError(LcagentError):
    """A request to the server is refused."""


class NotFound(ServerError):
    """No file, collection or key has this id."""


class KeyRefused(ServerError):
    """No key, or one that opens nothing."""


class Forbidden(ServerError):
    """The host or the origin of the request is none of ours."""


class LimitReached(ServerError):
    """Requests, runs or tokens of a key are used up for now; `retry_after` is in seconds."""

    retry_after: float = 1.0


class ServerEnding(ServerError):
    """The server was told to end before it could answer."""


def error_of(told: Mapping[str, str]) -> LcagentError:
    """An error of another process.

    Args:
        told: its `code`, `message` and `hint`.
    """
    kind = globals().get(told["code"], LcagentError)
    if not (isinstance(kind, type) and issubclass(kind, LcagentError)):
        kind = LcagentError
    return kind(told["message"], hint=told["hint"])
