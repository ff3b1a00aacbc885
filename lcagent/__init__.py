"""A language model with a small, fixed window reads documents of any length, and says where.

>>> import lcagent
>>> lcagent.__version__.count(".")
2
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lcagent.answer import Answer, Citation, Claim, Message, Reply
    from lcagent.chat import ChatSession
    from lcagent.errors import (
        BudgetReached,
        DocumentError,
        LcagentError,
        ModelError,
        RunError,
        UsageError,
    )
    from lcagent.events import (
        AnswerDelta,
        Counted,
        DocumentNotice,
        Event,
        Finished,
        FunctionCalled,
        MessageKept,
        Notice,
        Replied,
        RowKept,
        RunStarted,
        SegmentRead,
    )
    from lcagent.reader import Reader
    from lcagent.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "lcagent.reader": ["Reader"],
    "lcagent.answer": ["Answer", "Citation", "Claim", "Message", "Reply"],
    "lcagent.chat": ["ChatSession"],
    "lcagent.events": [
        "AnswerDelta",
        "Counted",
        "DocumentNotice",
        "Event",
        "Finished",
        "FunctionCalled",
        "MessageKept",
        "Notice",
        "Replied",
        "RowKept",
        "RunStarted",
        "SegmentRead",
    ],
    "lcagent.settings": ["Settings"],
    "lcagent.errors": [
        "BudgetReached",
        "DocumentError",
        "LcagentError",
        "ModelError",
        "RunError",
        "UsageError",
    ],
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "AnswerDelta",
    "BudgetReached",
    "ChatSession",
    "Citation",
    "Claim",
    "Counted",
    "DocumentError",
    "DocumentNotice",
    "Event",
    "Finished",
    "FunctionCalled",
    "LcagentError",
    "Message",
    "MessageKept",
    "ModelError",
    "Notice",
    "Reader",
    "Replied",
    "Reply",
    "RowKept",
    "RunError",
    "RunStarted",
    "SegmentRead",
    "Settings",
    "UsageError",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import lcagent` itself costs nothing."""
    if name not in _MODULES:
        raise AttributeError(f"module 'lcagent' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
