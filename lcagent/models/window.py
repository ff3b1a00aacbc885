"""The window: a fixed number of tokens, prompt and reply together, planned for each call."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil
from typing import TypeVar

from lcagent.errors import WindowExceeded
from lcagent.models.estimate import Messages, Tools
from lcagent.models.tokens import TokenCounter

K = TypeVar("K")
Render = Callable[[Mapping[str, str]], Messages]
"""Makes a prompt from the texts of its variable parts; equal ones have the same fixed text."""

JOINT = 8
"""Tokens allowed for each place where separately counted texts meet. Tokenizers are not additive:
joined texts may take a few tokens more than their sum; all our joints are line breaks."""

_KEPT_COUNTS, _KEPT_PROMPTS = 2048, 128
"""Counts that are remembered, of texts and of prompts, which are long."""
_MORE = 1.2
"""What a prompt is taken to cost more, each time that the server finds a call over its window."""
_LEAST_REPLY = 128
"""A reply's limit is not cut below this where a call is planned again."""
_CALL = (
    "\n\nDo not write the JSON object: call the one function that you would name in it. What else the object"
    " would hold are the function's arguments."
)


@dataclass(frozen=True, slots=True)
class Calling:
    """A prompt for a JSON object that names a function (`Render`), to be answered by calling that function.

    Args:
        render: the prompt.
        functions: JSON list of the functions, as the chat API has them.
    """

    render: Render
    functions: str

    @property
    def tools(self) -> Tools:
        """The functions."""
        return json.loads(self.functions)

    def __call__(self, parts: Mapping[str, str]) -> Messages:
        """The messages."""
        *before, last = self.render(parts)
        return [*before, {**last, "content": last["content"] + _CALL}]


def _tools(render: Render) -> Tools:
    return render.tools if isinstance(render, Calling) else ()


@dataclass(frozen=True, slots=True)
class Part:
    """One variable text of a prompt.

    Args:
        name: the prompt's variable.
        text: its text.
        tokens: its length if already counted.
        shrink: given a number of tokens, returns a text of at most that many; None: must stay whole.
        times: how often the prompt says it.
    """

    name: str
    text: str
    tokens: int | None = None
    shrink: Callable[[int], str] | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What a prompt was fitted from (the arguments of `Window.fit`)."""

    render: Render
    parts: Sequence[Part]
    reply: int
    spare: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits: messages, an upper bound of their tokens, and the reply's limit.

    `tools` are the functions of which one has to be called; they count as tokens of the prompt. `plan` and
    `safety` say how it was made, so that it can be made smaller; None where it cannot.
    """

    messages: Messages
    prompt_tokens: int
    reply_tokens: int
    shrunk: tuple[str, ...] = ()
    plan: Plan | None = None
    safety: float = 1.0
    tools: Tools = ()

    @property
    def total(self) -> int:
        """Tokens of the window that this call can take at most."""
        return self.prompt_tokens + self.reply_tokens


@dataclass(frozen=True, slots=True)
class Counts:
    """What has been counted with one tokenizer: the windows of a model share it, call after call.

    Args:
        texts: tokens of texts, each by a digest, so that it need not be kept.
        overheads: tokens of prompts with their variable parts empty.
    """

    texts: dict[bytes, int] = field(default_factory=dict[bytes, int])
    overheads: dict[tuple[Render, frozenset[str]], int] = field(
        default_factory=dict[tuple[Render, frozenset[str]], int]
    )


class Window:
    """Plans calls so that none exceeds `size` tokens.

    Guaranteed, as far as `counter` never counts too little. Where a server finds a call over its window
    all the same (the counter knows neither its tokenizer nor its template), `replan` makes the call
    smaller, and every later one: `safety` is what each counted token is taken for.

    Args:
        size: tokens, prompt and reply together.
        counter: the served model's tokenizer and chat template.
        reasoning: tokens kept free in every reply for what a reasoning model thinks.
        counts: what has been counted with this counter; None: nothing yet.
    """

    def __init__(
        self, size: int, counter: TokenCounter, *, reasoning: int = 0, counts: Counts | None = None
    ) -> None:
        self.size = size
        self.counter = counter
        self.reasoning = reasoning
        self.safety = 1.0
        self._counts = counts or Counts()

    def count(self, text: str) -> int:
        """Tokens of a text; may be a request to the server, so not for the event loop."""
        if not text:
            return 0
        return _kept(self._counts.texts, _digest(text), lambda: self.counter.count(text))

    def overhead(self, render: Render, names: Sequence[str]) -> int:
        """Tokens of a prompt with its variable parts empty: what is fixed."""
        key = render, frozenset(names)
        # Not empty: what a prompt says around a part only where there is one counts too.
        return _kept(
            self._counts.overheads,
            key,
            lambda: self.counter.count_messages(render(dict.fromkeys(names, "x")), _tools(render)),
            most=_KEPT_PROMPTS,
        )

    def taken(self, part: Part) -> int:
        """Tokens that a part takes in a prompt."""
        return part.times * (self.count(part.text) if part.tokens is None else part.tokens)

    def room(
        self,
        render: Render,
        names: Sequence[str],
        *,
        reply: int,
    ) -> int:
        """Tokens left for the variable parts together, beside what is fixed and the reply."""
        fixed = self.overhead(render, names) + JOINT * (len(names) + 1)
        return self._limit(reply) - fixed

    def resized(self, size: int) -> Window:
        """A window of another size over the same tokenizer, which shares what has been counted."""
        reasoning = self.reasoning * size // self.size
        other = Window(size, self.counter, reasoning=reasoning, counts=self._counts)
        other.safety = self.safety
        return other

    def _limit(self, reply: int) -> int:
        """Most tokens, as counted here, of a prompt beside a reply."""
        return int((self.size - reply - self.reasoning) / self.safety)

    async def fit(
        self,
        render: Render,
        parts: Sequence[Part],
        *,
        reply: int,
        spare: int = 0,
    ) -> Fitted:
        """Plan one call; parts that may shrink do so in the order given, the last one first.

        Args:
            render: makes the messages from the parts' texts.
            parts: variable texts, the most precious first.
            reply: most tokens of the answer proper; the reserve for reasoning is added.
            spare: tokens of the window to leave free, for the error that a retry quotes.

        Raises:
            WindowExceeded: what must stay whole does not fit. Nothing was sent.
        """
        known = self._counts.texts
        counted = all(p.tokens is not None or not p.text or _digest(p.text) in known for p in parts)
        if counted and (render, frozenset(p.name for p in parts)) in self._counts.overheads:
            return self._fit(render, parts, reply, spare)  # the usual case: nothing to ask the server
        return await asyncio.to_thread(self._fit, render, parts, reply, spare)

    async def replan(self, fitted: Fitted) -> Fitted:
        """A call that the server found over its window, made smaller; later calls are too.

        What may shrink does so first; where that is not enough, the reply gets half its room.

        Args:
            fitted: the call.

        Raises:
            WindowExceeded: nothing of it can be made smaller.
        """
        plan = fitted.plan
        if plan is None:
            raise WindowExceeded("the call cannot be made smaller")
        self.safety = max(self.safety, _MORE * fitted.safety)
        try:
            return await self.fit(plan.render, plan.parts, reply=plan.reply, spare=plan.spare)
        except WindowExceeded:
            if plan.reply // 2 < _LEAST_REPLY:
                raise
            return await self.fit(plan.render, plan.parts, reply=plan.reply // 2, spare=plan.spare)

    def _fit(self, render: Render, parts: Sequence[Part], reply: int, spare: int) -> Fitted:
        names = [part.name for part in parts]
        room = self.room(render, names, reply=reply + spare)
        texts = {part.name: part.text for part in parts}
        sizes = {part.name: self.taken(part) for part in parts}
        shrunk: list[str] = []
        for part in reversed(parts):
            over = sum(sizes.values()) - room
            if over <= 0:
                break
            if part.shrink is None or not sizes[part.name]:
                continue
            texts[part.name] = part.shrink(max(0, sizes[part.name] - over) // part.times)
            sizes[part.name] = part.times * self.count(texts[part.name])
            shrunk.append(part.name)
        messages = render(texts)
        limit = self._limit(reply + spare)
        bound = limit - room + sum(sizes.values())
        if bound > limit - self.size // 100:
            # Near the edge the sum is not proof enough: count the whole prompt.
            bound = self.counter.count_messages(messages, _tools(render))
        if bound > limit:
            raise WindowExceeded(
                f"a call needs {ceil(bound * self.safety)} prompt and {reply + self.reasoning + spare} reply"
                f" tokens, the window holds {self.size}",
                hint="use a larger --window, or a shorter question",
            )
        return Fitted(
            messages,
            ceil(bound * self.safety),
            reply + self.reasoning,
            tuple(shrunk),
            Plan(render, parts, reply, spare),
            self.safety,
            _tools(render),
        )


def most_first(number: int, room: int, size: Callable[[int], int]) -> int:
    """How many of some things fit, the first ones first; told by few counts, for each may be a request.

    Args:
        number: of all of them; each takes a token at least.
        room: tokens.
        size: tokens that so many of the first ones take together.
    """
    return bisect_right(range(1, min(number, room) + 1), room, key=size)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _kept(counts: dict[K, int], key: K, count: Callable[[], int], most: int = _KEPT_COUNTS) -> int:
    """A count that is remembered; threads may ask for several at once."""
    known = counts.get(key)
    if known is None:
        known = count()
        if len(counts) >= most:
            counts.clear()
        counts[key] = known
    return known
