"""What is asked: of the server, whichever protocol it came by, and of workers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lcagent.errors import UPGRADE, NewerVersion, UsageError
from lcagent.graphs import STRATEGIES
from lcagent.many.asked import RowAsk
from lcagent.memory.served.jobs import JobRow
from lcagent.runs.building import BuildAsk
from lcagent.runs.embedding import EmbedAsk
from lcagent.settings import BUDGETS, Settings
from lcagent.work.asked import Asked

MODEL = "lcagent"
"""The name under which the default strategy is asked; others are `lcagent/NAME`."""
MODELS = (MODEL, *(f"{MODEL}/{name}" for name in STRATEGIES))


class Said(BaseModel):
    """A message of a conversation, as the client keeps it."""

    model_config = ConfigDict(frozen=True)

    author: Literal["user", "assistant"]
    text: str


class Ask(Asked):
    """One question, or one message.

    `session` selects a memory that is kept; without one, `before` are the earlier messages as the client sent
    them, and nothing of the conversation is kept. A question about documents that comes with neither is read
    by a strategy; all else is a turn of a conversation.
    """

    kind: Literal["question"] = "question"
    text: str
    files: tuple[str, ...] = ()
    before: tuple[Said, ...] = ()
    session: str | None = None
    key: str | None = None
    strategy: str = "auto"
    style: Literal["auto", "short", "full"] = "auto"
    max_calls: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_seconds: float | None = Field(default=None, gt=0)
    resume: bool = False

    @property
    def reads(self) -> bool:
        """Whether documents are read for it, and no conversation is had."""
        return bool(self.files) and not self.before and self.session is None

    @property
    def opens(self) -> tuple[str, ...]:
        """Its files."""
        return self.files

    @property
    def turn(self) -> str | None:
        """Messages of a conversation are answered one after the other."""
        return self.session

    def again(self) -> Self:
        """The same question, which may have been answered by who was at it before."""
        return self.model_copy(update={"resume": True})

    def settings(self, given: Settings) -> Settings:
        """The server's settings with what this one asks otherwise."""
        told = {"strategy": self.strategy, "style": self.style}
        return given.within({name: getattr(self, name) for name in BUDGETS}).model_copy(update=told)


AnyAsk = Ask | RowAsk | BuildAsk | EmbedAsk
_ASKS: TypeAdapter[AnyAsk] = TypeAdapter(Annotated[AnyAsk, Field(discriminator="kind")])


def ask_of(row: JobRow) -> AnyAsk:
    """What a job was asked that is kept.

    Raises:
        NewerVersion: this version does not know its kind, or not all of what is asked.
    """
    given = {**row.ask, "kind": row.kind}
    try:
        ask = _ASKS.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise _newer(row, f"{'.'.join(map(str, first['loc']))}: {first['msg']}".strip(": ")) from error
    if not _all_of(given, ask.model_dump(mode="json", exclude_unset=True)):
        raise _newer(row, "it asks for more")
    return ask


def question_of(row: JobRow) -> Ask:
    """A question that is kept, to be shown: as far as this version knows it."""
    try:
        return Ask.model_validate(row.ask)
    except ValidationError as error:
        odd = {each["loc"][0] for each in error.errors()}
        return Ask.model_validate({name: value for name, value in row.ask.items() if name not in odd})


def _newer(row: JobRow, why: str) -> NewerVersion:
    return NewerVersion(f"job {row.id} ({row.kind}) is of a newer lcagent: {why}", hint=UPGRADE)


def _all_of(given: Any, known: Any) -> bool:
    """Whether all names of some plain data are known."""
    if isinstance(given, dict) and isinstance(known, dict):
        return all(name in known and _all_of(given[name], known[name]) for name in given)
    if isinstance(given, list) and isinstance(known, list):
        return all(_all_of(one, other) for one, other in zip(given, known, strict=True))
    return True


def strategy_of(model: str, default: str) -> str:
    """The strategy that a model's name stands for.

    Args:
        model: `lcagent`, `lcagent/NAME` or NAME.
        default: of `lcagent`.

    Raises:
        UsageError: there is no such model.
    """
    name = model.removeprefix(f"{MODEL}/")
    if name == MODEL:
        return default
    if name not in STRATEGIES:
        raise UsageError(f"there is no model {model!r}", hint=f"{', '.join(MODELS)}")
    return name
