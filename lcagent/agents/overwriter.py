"""MemAgent's reader as published: one free-text memory, rewritten whole at each segment.

Source: "MemAgent: Reshaping Long-Context LLM with Multi-Conv RL-based Memory Agent", section 2.
"""

from __future__ import annotations

import re

from lcagent.agents.answerer import REPLY_TOKENS, RawAnswer
from lcagent.agents.prompt import load_prompt
from lcagent.errors import CutReply
from lcagent.models.chat import ChatModel, whole
from lcagent.models.prompt import as_data
from lcagent.models.window import Part, Render

PROMPT = load_prompt("overwrite")
FROM_MEMORY = load_prompt("overwrite_answer")
TRAINED = load_prompt("overwrite_answer_trained")
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_SHORTER = "\nKeep it under half of the length you would have written."
SHORTER_TOKENS = 24
"""Room that the question needs for this wish."""


async def overwrite(
    model: ChatModel, question: str, memory: str, segment: str, *, limit: int, trained_order: bool
) -> str:
    """The new memory after one segment.

    Args:
        model: who reads.
        question: what is asked.
        memory: the memory so far.
        segment: exact text of the segment.
        limit: most tokens of the new memory.
        trained_order: question, memory, section, as the RL-MemoryAgent checkpoints were trained.

    Raises:
        CutReply: the memory was cut at its limit twice; a cut memory is never kept.
    """
    render = PROMPT.bind(trained_order=trained_order)
    parts = [
        Part("question", as_data(question)),
        Part("memory", as_data(memory)),
        Part("segment", as_data(segment)),
    ]
    try:
        return await _ask(model, render, parts, limit)
    except CutReply:
        shorter = Part("question", parts[0].text + _SHORTER)
        return await _ask(model, render, [shorter, *parts[1:]], limit)


async def _ask(model: ChatModel, render: Render, parts: list[Part], limit: int) -> str:
    reply = await model.ask("overwrite", await model.window.fit(render, parts, reply=limit))
    try:
        return whole(reply)
    except CutReply:
        model.faults.cut += 1
        raise


async def answer_boxed(model: ChatModel, question: str, memory: str) -> RawAnswer:
    """Answer from a memory as the RL-MemoryAgent checkpoints were trained: in `\\boxed{}`.

    Raises:
        CutReply: the reply was cut before its answer.
    """
    parts = [Part("question", as_data(question)), Part("memory", as_data(memory))]
    fitted = await model.window.fit(TRAINED.bind(), parts, reply=REPLY_TOKENS * 2)
    reply = await model.ask("answer", fitted, final=True)
    boxed = _BOXED.findall(reply.text)
    try:
        return RawAnswer(boxed[-1].strip() if boxed else whole(reply))
    except CutReply:
        await model.forget(reply)  # given from the journal for ever, it would fail for ever
        raise
