"""A reader as a tool of LangChain's, for any of its agents."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from lcagent.answer import Answer
from lcagent.errors import LcagentError
from lcagent.integrations.messages import footnoted
from lcagent.integrations.progress import Told
from lcagent.reader import Reader

Result = tuple[str, dict[str, Any]]


class Question(BaseModel):
    """What the tool takes."""

    question: str = Field(description="one question, understandable by itself")


def as_tool(
    reader: Reader,
    documents: str | Path | Sequence[str | Path],
    *,
    name: str = "ask_documents",
    description: str = "",
) -> BaseTool:
    """A tool that answers a question from documents: the answer with footnotes is its content, the whole
    `lcagent.Answer` as plain data its artifact, which a checkpointer keeps as it is.

    A question that was answered before, about the same documents and with the same settings and model, is
    given its stored answer, so that an agent that goes on after a kill reads nothing twice. In a graph the
    events of the reading are custom events. An error of ours comes back as a tool's error, for the model to
    see.

    Args:
        reader: how it reads; it stays open for as long as the tool is used.
        documents: files and folders that are read: the model that calls the tool cannot name others.
        name: of the tool, as the model sees it.
        description: what the model is told of it; empty: the names of the documents.

    Example:
        >>> from langchain.agents import create_agent
        >>> from lcagent import Reader
        >>> from lcagent.integrations.asking import as_tool
        >>> agent = create_agent(model, [as_tool(Reader(), "report.pdf")])  # doctest: +SKIP
    """
    sources = [documents] if isinstance(documents, str | Path) else list(documents)

    def ask(question: str) -> Result:
        told = Told()
        try:
            with closing(reader.stream(sources, question, resume=True)) as events:
                for event in events:
                    told.take(event)
        except LcagentError as error:
            raise ToolException(error.message) from error
        return _result(told.answer)

    async def aask(question: str) -> Result:
        told = Told()
        try:
            async with aclosing(reader.astream(sources, question, resume=True)) as events:
                async for event in events:
                    told.take(event)
        except LcagentError as error:
            raise ToolException(error.message) from error
        return _result(told.answer)

    return StructuredTool.from_function(
        ask,
        aask,
        name=name,
        description=description or _described(sources),
        args_schema=Question,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def _described(sources: Sequence[str | Path]) -> str:
    names = ", ".join(Path(source).name for source in sources)
    return (
        f"Answers a question from these documents, and says where each statement stands: {names}."
        " It may read for minutes: ask everything that belongs together at once."
    )


def _result(answer: Answer) -> Result:
    return footnoted(answer), answer.model_dump(mode="json")
