"""What a competent reader is scripted by: questions, and the sentences that answer them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["fact", "list", "text"]
CORE = 100
"""Most characters of a sentence by which it is known again: less than any field of a reply allows."""


@dataclass(frozen=True)
class Hop:
    """One sentence that an answer rests on.

    Args:
        sentence: as it stands in the document, white space apart.
        answer: what it says to `ask`; empty: the part of it that it is known by.
        ask: the sub-question that it answers, with what the hops before it say; empty: the whole question.
        fact: what a reader notes of it, in words of its own; empty: the sentence.
        context: a heading or a table's header: it has to be shown, but is neither noted nor cited.
    """

    sentence: str
    answer: str = ""
    ask: str = ""
    fact: str = ""
    context: bool = False

    @property
    def note(self) -> str:
        """What a reader notes of it."""
        return fold(self.fact or self.sentence)

    @property
    def core(self) -> str:
        """The part of the sentence by which it is known again: around its answer."""
        return clip(fold(self.sentence), CORE, fold(self.answer))

    def stands_in(self, folded: str) -> bool:
        """Whether a text says it: the sentence's core stands there, or that of a reader's note."""
        return self.core in folded or clip(self.note, CORE, fold(self.answer)) in folded

    def shortened(self, chars: int) -> str:
        """The note in so many characters, its core among them."""
        return clip(self.note, chars, clip(self.note, CORE, fold(self.answer)))

    @property
    def says(self) -> str:
        """What a member answers to its sub-question."""
        return self.answer or self.core


@dataclass(frozen=True)
class Case:
    """A question about a document, the sentences that answer it, and a right answer.

    Args:
        question: as asked.
        hops: the sentences, in the order in which they lead to the answer.
        answer: what a competent reader says once all of them stand before it.
        accepted: forms of which one has to stand in an answer; empty: `answer` alone.
        kind: how long an answer has to be: a word, a list, sentences.
        items: the things of a list, in order; `answer` may then be left empty.
        language: of the question, as in ISO 639.
        name: tells it from others; what a reader overlooks is drawn by it.
    """

    question: str
    hops: tuple[Hop, ...]
    answer: str = ""
    accepted: tuple[str, ...] = ()
    kind: Kind = "fact"
    items: tuple[str, ...] = ()
    language: str = "en"
    name: str = ""

    @property
    def noted(self) -> list[Hop]:
        """The hops that are noted and cited: all but headings."""
        return [hop for hop in self.hops if not hop.context]

    @property
    def said(self) -> str:
        """The right answer as one text."""
        return self.answer or ", ".join(self.items)


_ESCAPED = str.maketrans({"‹": "<", "›": ">"})


def fold(text: str) -> str:
    """A text as it is compared: white space as one space, and what prompts escape as it was."""
    return " ".join(text.translate(_ESCAPED).split())


def clip(text: str, most: int, around: str = "") -> str:
    """At most so many characters of a text, in whole words, with `around` among them where it stands there."""
    if len(text) <= most:
        return text
    at = text.find(around) if around else 0
    middle = max(at, 0) + min(len(around), most) // 2
    start = min(max(0, middle - most // 2), len(text) - most)
    end = start + most
    if start and (space := text.find(" ", start, max(at, start + 1))) >= 0:
        start = space + 1
    if end < len(text) and (space := text.rfind(" ", max(at, 0) + len(around), end)) >= 0:
        end = space
    return text[start:end].strip()
