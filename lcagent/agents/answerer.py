"""The answerer: a question and evidence that code has chosen, to an answer that names what it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from lcagent.agents.prompt import load_prompt
from lcagent.errors import CutReply
from lcagent.models.chat import ChatModel
from lcagent.models.prompt import Bound, Prompt, as_data
from lcagent.models.streaming import StringField, readable
from lcagent.models.structured import RETRY_TOKENS, Decided, ask_typed
from lcagent.models.window import Part, Window

FROM_EVIDENCE = load_prompt("answer")
BRIEF = load_prompt("answer_brief")
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
class RawAnswer:
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
    def render(self) -> Bound:
        """The prompt with what is fixed."""
        return self.prompt.bind(**dict(self.fixed))

    def room(self, window: Window, question: str) -> int:
        """Tokens of evidence that a call and its retry can hold beside the question."""
        return self.render.room(window, self.name, question, reply=self.tokens + RETRY_TOKENS)


async def answer(
    model: ChatModel,
    form: Form,
    question: str,
    material: str,
    *,
    on_text: Callable[[str], None] | None = None,
    final: bool = True,
) -> RawAnswer:
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
        if not (text := readable(error.partial, "answer", "answers")):
            raise
        return RawAnswer(text, cut=True)
    said = reply.model_dump()
    if said["found"] != "yes":
        return RawAnswer("", certainty=reply.certainty)
    if "answers" in said:
        items = tuple(dict.fromkeys(filter(None, map(str.strip, said["answers"]))))
        raw = RawAnswer(", ".join(items), items, certainty=reply.certainty)
        if on_text:
            on_text(raw.text)
        return raw
    conflict = said.get("conflict") == "yes"
    return RawAnswer(said["answer"].strip(), conflict=conflict, certainty=reply.certainty)
