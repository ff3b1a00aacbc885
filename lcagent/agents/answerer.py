"""The answerer: a question and evidence that code has chosen, to an answer that names what it rests on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from lcagent.agents.prompt import Prompt, as_data, load_prompt
from lcagent.errors import CutReply
from lcagent.models.chat import ChatModel, whole
from lcagent.models.structured import RETRY_TOKENS, Decided, ask_typed
from lcagent.models.window import Part, Render, Window
from lcagent.text import whole_characters

FROM_EVIDENCE = load_prompt("answer")
BRIEF = load_prompt("answer_brief")
CLOSED_BOOK = load_prompt("closed_book")
FROM_MEMORY = load_prompt("overwrite_answer")
TRAINED = load_prompt("overwrite_answer_trained")
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
REPLY_TOKENS = 256
"""Tokens of a short answer, and the least of a longer one."""

Found = Literal["yes", "no"]


class AnswerReply(Decided):
    """What the answerer is asked for."""

    found: Found
    answer: str


class CheckedReply(AnswerReply):
    """What one is asked for that is believed."""

    conflict: Literal["no", "yes"] = "no"


Values = Annotated[
    list[str],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    Field(validation_alias=AliasChoices("answers", "answer")),  # some models keep to "answer" all the same
]
"""Several things, as a list: a small model's sentence of them may go on for ever, a list ends."""


class ListReply(Decided):
    """What a weak model is asked for where the question is for several things."""

    found: Found
    answers: Values


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as the model gave it.

    Args:
        text: with the marks of the passages that it names; empty: not found.
        items: its parts where it came as a list.
        conflict: the model says that the passages contradict each other.
        certainty: see `Decided`.
        cut: the reply ended at its limit, and this is what there is of it.
    """

    text: str
    items: tuple[str, ...] = ()
    conflict: bool = False
    certainty: float | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is asked for.

    Args:
        prompt: which prompt.
        reply: what comes back.
        fixed: further variables of the prompt.
        tokens: of the reply.
        name: the prompt's variable for the evidence.
        role: in the journal.
    """

    prompt: Prompt
    reply: type[Decided]
    fixed: tuple[tuple[str, Any], ...] = ()
    tokens: int = REPLY_TOKENS
    name: str = "evidence"
    role: str = "answer"

    @property
    def render(self) -> Render:
        """The prompt with what is fixed."""
        return self.prompt.bind(**dict(self.fixed))

    def room(self, window: Window, question: str) -> int:
        """Tokens of evidence that a call and its retry can hold beside the question."""
        room = window.room(self.render, ("question", self.name), reply=self.tokens + RETRY_TOKENS)
        return room - window.count(as_data(question)) - window.size // 100


async def answer(
    model: ChatModel,
    form: Form,
    question: str,
    material: str,
    *,
    on_text: Callable[[str], None] | None = None,
    final: bool = True,
) -> Given:
    """Answer from evidence or from a memory.

    Args:
        model: who answers.
        form: how it is asked.
        question: the whole question, with its wishes for the form.
        material: evidence or memory, which fits `Form.room`.
        on_text: gets the answer's text as it is written, a list when it is whole.
        final: the budget has kept room for this call.

    Raises:
        MalformedReply, CutReply: after a retry; of a cut reply what can be read is the answer.
    """
    parts = [Part("question", as_data(question)), Part(form.name, as_data(material))]
    fitted = await model.window.fit(form.render, parts, reply=form.tokens, spare=RETRY_TOKENS)
    on_delta = StringField("answer", on_text) if on_text and form.reply is not ListReply else None
    try:
        reply = await ask_typed(model, form.role, fitted, form.reply, final=final, on_delta=on_delta)
    except CutReply as error:
        if not (text := _readable(error.partial)):
            raise
        return Given(text, cut=True)
    said = reply.model_dump()
    if said["found"] != "yes":
        return Given("", certainty=reply.certainty)
    if "answers" in said:
        items = tuple(dict.fromkeys(filter(None, map(str.strip, said["answers"]))))
        given = Given(", ".join(items), items, certainty=reply.certainty)
        if on_text:
            on_text(given.text)
        return given
    conflict = said.get("conflict") == "yes"
    return Given(said["answer"].strip(), conflict=conflict, certainty=reply.certainty)


def _readable(partial: str) -> str:
    """What can be read of an answer whose reply was cut: up to its last whole line or sentence."""
    import json_repair

    data = json_repair.loads(partial)
    text = data.get("answer", data.get("answers", "")) if isinstance(data, dict) else ""
    if isinstance(text, list):
        return "\n".join(str(item) for item in text[:-1])
    whole_text = max(text.rfind(mark) for mark in ("\n", ". ", "; ", ", "))
    return text[: whole_text + 1].strip(" ,;\n")


async def answer_boxed(model: ChatModel, question: str, memory: str) -> Given:
    """Answer from a memory as the RL-MemoryAgent checkpoints were trained: in `\\boxed{}`.

    Raises:
        CutReply: the reply was cut before its answer.
    """
    parts = [Part("question", as_data(question)), Part("memory", as_data(memory))]
    fitted = await model.window.fit(TRAINED.bind(), parts, reply=REPLY_TOKENS * 2)
    reply = await model.ask("answer", fitted, final=True)
    boxed = _BOXED.findall(reply.text)
    try:
        return Given(boxed[-1].strip() if boxed else whole(reply))
    except CutReply:
        model.forget(reply)  # given from the journal for ever, it would fail for ever
        raise


class StringField:
    """Picks one string field out of JSON while it is written, and passes its text on.

    Args:
        name: the field.
        on_text: gets each new piece of its value.
    """

    def __init__(self, name: str, on_text: Callable[[str], None]) -> None:
        self._opening = re.compile(rf'"{name}"\s*:\s*"')
        self._on_text = on_text
        self._raw = ""
        self._sent = 0

    def __call__(self, delta: str) -> None:
        """Take the next piece of JSON."""
        self._raw += delta
        if match := self._opening.search(self._raw):
            value = self._value(self._raw[match.end() :])
            self._on_text(value[self._sent :])
            self._sent = len(value)

    @staticmethod
    def _value(raw: str) -> str:
        """The part of an unfinished JSON string that is certain."""
        # Escapes that are whole, and of two halves of a character not the first one alone.
        certain = re.match(r'(?:[^"\\]|\\u[0-9a-fA-F]{4}|\\["\\/bfnrt])*', raw)
        value: str = json.loads(f'"{certain.group() if certain else ""}"', strict=False)
        return whole_characters(value[:-1] if "\ud800" <= value[-1:] <= "\udbff" else value)
