"""An answer as a message of LangChain's, with citations in LangChain's form; and as text with footnotes."""

from __future__ import annotations

from collections.abc import Iterator

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.content import Citation, create_citation, create_text_block

from lcagent.answer import Answer


def as_message(answer: Answer) -> AIMessage:
    """The answer without its marks as one text block, with a `citation` annotation for each quote of a claim.

    `start_index` and `end_index` say where the claim stands in the block, `title` and `cited_text` are the
    document's name and the quote. `extras` has where the quote stands, which LangChain has no fields for:
    `char_start` and `char_end` into the document's text, `page`, `place`; and `number`, that of the mark, and
    the claim's `support`. A page of None is left out.

    Args:
        answer: of a `Reader`; from plain data `Answer.model_validate` makes one.
    """
    usage = answer.usage
    block = create_text_block(answer.answer, annotations=[*_citations(answer)])
    return AIMessage(
        content_blocks=[block],
        response_metadata={"output_version": "v1", "model_name": answer.model, "run_id": answer.run_id},
        usage_metadata=UsageMetadata(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            total_tokens=usage.prompt_tokens + usage.completion_tokens,
        ),
    )


def footnoted(answer: Answer) -> str:
    """The answer with its marks, and a line for each citation.

    Args:
        answer: of a `Reader`.
    """
    notes = [f"[{one.number}] {one.document}, {one.place}: “{one.quote}”" for one in answer.citations]
    return "\n\n".join(filter(None, [answer.text, "\n".join(notes)]))


def _citations(answer: Answer) -> Iterator[Citation]:
    quotes = {one.number: one for one in answer.citations}
    behind = 0
    for claim in answer.claims:  # the answer is made of them, one after the other
        said = claim.text.strip()
        start = answer.answer.index(said, behind)
        behind = start + len(said)
        for number in claim.citations:
            quote = quotes[number]
            yield create_citation(
                title=quote.document,
                cited_text=quote.quote,
                start_index=start,
                end_index=behind,
                number=number,
                document=quote.document,
                place=quote.place,
                page=quote.page,
                char_start=quote.char_start,
                char_end=quote.char_end,
                support=claim.support,
            )
