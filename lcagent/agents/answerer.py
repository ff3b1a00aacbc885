"""The answerer: a question and passages that code has chosen, to a short answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, WithJsonSchema

from lcagent.agents.prompt import Prompt, as_data, load_prompt
from lcagent.errors import CutReply
from lcagent.models.chat import ChatModel, whole
from lcagent.models.structured import RETRY_TOKENS, Decided, ask_typed
from lcagent.models.window import Part, Window
from lcagent.text import whole_characters

FROM_EVIDENCE = load_prompt("answer")
FROM_NOTES = load_prompt("notes_answer")
CLOSED_BOOK = load_prompt("closed_book")
FROM_MEMORY = load_prompt("overwrite_answer")
TRAINED = load_prompt("overwrite_answer_trained")
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
REPLY_TOKENS = 256
MOST_VALUES = 12
_VALUES = {"type": "array", "items": {"type": "string", "maxLength": 80}, "maxItems": MOST_VALUES}


def evidence_room(window: Window, question: str) -> int:
    """Tokens of evidence that an answering call and its retry can hold beside the question."""
    room = window.room(
        FROM_EVIDENCE.bind(several=True), ("question", "evidence"), reply=REPLY_TOKENS + RETRY_TOKENS
    )
    return room - window.count(as_data(question)) - window.size // 100


Found = Literal["yes", "no"]


class FinalReply(Decided):
    """What the answerer is asked for."""

    found: Found
    answer: str


Values = Annotated[
    list[str],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema(_VALUES),
    Field(validation_alias=AliasChoices("answers", "answer")),  # some models keep to "answer" all the same
]
"""Several things, as a list: a small model's sentence of them may go on for ever, a list cannot."""


class ListReply(Decided):
    """What it is asked for where the question is for several things."""

    found: Found
    answers: Values


def in_a_row(values: Sequence[str], on_text: Callable[[str], None] | None = None) -> str:
    """Several things as one answer, each once; `on_text` gets it whole."""
    text = ", ".join(dict.fromkeys(filter(None, map(str.strip, values))))
    if on_text:
        on_text(text)
    return text


async def answer(
    model: ChatModel,
    prompt: Prompt,
    question: str,
    material: str,
    *,
    name: str,
    shrink: Callable[[int], str] | None = None,
    on_text: Callable[[str], None] | None = None,
    several: bool = False,
    final: bool = True,
) -> FinalReply:
    """Answer from passages or from a memory.

    Args:
        model: who answers.
        prompt: which prompt.
        question: the whole question, with its wishes for the form.
        material: passages or memory.
        name: the prompt's variable for it.
        shrink: makes the material shorter where it does not fit.
        on_text: gets the answer's text as it is written, a list when it is whole.
        several: the question asks for several things.
        final: the budget has kept room for this call.
    """
    shorter = None if shrink is None else _as_data(shrink)
    parts = [Part("question", as_data(question)), Part(name, as_data(material), shrink=shorter)]
    fitted = await model.window.fit(
        prompt.bind(several=several), parts, reply=REPLY_TOKENS, spare=RETRY_TOKENS
    )
    if several:
        listed = await ask_typed(model, "answer", fitted, ListReply, final=final)
        text = in_a_row(listed.answers, on_text)
        return FinalReply(found=listed.found, answer=text).decided(listed.certainty)
    on_delta = StringField("answer", on_text) if on_text else None
    return await ask_typed(model, "answer", fitted, FinalReply, final=final, on_delta=on_delta)


def _as_data(shrink: Callable[[int], str]) -> Callable[[int], str]:
    return lambda tokens: as_data(shrink(tokens))


async def answer_boxed(model: ChatModel, question: str, memory: str) -> FinalReply:
    """Answer from a memory as the RL-MemoryAgent checkpoints were trained: in `\\boxed{}`.

    Raises:
        CutReply: the reply was cut before its answer.
    """
    parts = [Part("question", as_data(question)), Part("memory", as_data(memory))]
    fitted = await model.window.fit(TRAINED.bind(), parts, reply=REPLY_TOKENS * 2)
    reply = await model.ask("answer", fitted, final=True)
    boxed = _BOXED.findall(reply.text)
    try:
        text = boxed[-1].strip() if boxed else whole(reply)
    except CutReply:
        model.forget(reply)  # given from the journal for ever, it would fail for ever
        raise
    return FinalReply(found="yes" if text else "no", answer=text)


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


def numbered(passages: Sequence[tuple[str, str]]) -> str:
    """Passages under their place: [(place, text)] as the prompt shows them."""
    return "\n\n".join(f"[{place}]\n{text}" if place else text for place, text in passages)
