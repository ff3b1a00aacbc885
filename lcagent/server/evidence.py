"""What an answer rests on, in one shape: every protocol's annotations are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from lcagent.answer import Answer, Citation, PastMessage, Quoted, Reply
from lcagent.server.marks import marked, placed


@dataclass(frozen=True, slots=True)
class Evidence:
    """One citation, and where a person opens it.

    Args:
        citation: document, place, offsets and quote.
        file: id of the uploaded file; empty where it is none, as for a message of the conversation.
        url: of the page that shows the document at the quote; empty where there is none.
        spans: `(start, end)` of its marks in the text.
    """

    citation: Citation
    file: str
    url: str
    spans: tuple[tuple[int, int], ...]

    @property
    def title(self) -> str:
        """What a link to it is called."""
        return (
            f"{self.citation.document}, {self.citation.place}"
            if self.citation.place
            else self.citation.document
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What is said, and what it rests on; `notes` are warnings and what was left out."""

    text: str
    evidence: tuple[Evidence, ...]


def told(outcome: Answer | Reply | PastMessage, files: Mapping[str, str], base: str) -> Told:
    """An answer, or a reply, also one of before, with its evidence.

    What a reply says of a document is marked as in an answer; what it takes from the conversation is not.

    Args:
        outcome: of a job, or what a conversation keeps of one.
        files: ids of files by the names under which they are cited.
        base: address of the server, as the client knows it; empty: it has no page.
    """
    if isinstance(outcome, Answer):
        found = marked(outcome.text, {c.number for c in outcome.citations})
    else:
        of_files = {c.number for c in outcome.citations if _file(c, files)}
        found = placed(outcome.text, outcome.claims, of_files)
    evidence = []
    for citation in sorted(outcome.citations, key=lambda one: one.number):
        file = _file(citation, files)
        evidence.append(
            Evidence(
                citation,
                file,
                _url(base, file, citation) if file and base else "",
                found.spans.get(citation.number, ()),
            )
        )
    return Told(found.text, tuple(evidence))


def _file(citation: Citation, files: Mapping[str, str]) -> str:
    """The id of the file that is quoted; empty where it is a message, whatever a file may be called."""
    quoted = isinstance(citation, Quoted) and citation.message is not None
    return "" if quoted else files.get(citation.document, "")


def _url(base: str, file: str, citation: Citation) -> str:
    at = {"file": file, "start": citation.char_start, "end": citation.char_end}
    return f"{base}/?{urlencode(at)}"
