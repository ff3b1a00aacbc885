"""What comes of jobs."""

from __future__ import annotations

from typing import Any

from lcagent.answer import Answer, Reply
from lcagent.many.asked import RowDone
from lcagent.runs.building import Built
from lcagent.runs.embedding import Embedded

Outcome = Answer | Reply
"""Of a question, or a message."""
Came = Outcome | RowDone | Built | Embedded
"""Of a job of any kind."""


def outcome_from(data: dict[str, Any]) -> Outcome:
    """An answer or a reply, from plain data."""
    return (Answer if "coverage" in data else Reply).model_validate(data)


def tokens_of(came: Came) -> int:
    """Tokens of prompts and replies."""
    match came:
        case Reply():
            return came.tokens
        case Answer():
            return came.usage.prompt_tokens + came.usage.completion_tokens
        case RowDone():
            return came.row.tokens
        case Built() | Embedded():  # asked by who has the machine, whose tokens nobody counts
            return 0
