"""Provenance: what a text that a model writes rests on, where it comes from, and whether it may go where it
is to go.

What a document, a search result or somebody else says is data. A model may be taken in by it; so code asks of
everything that is to go into core memory whether it stands in the user's own messages, as soon as the model
has seen anything else. And what is made of a foreign text stays one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lcagent.documents import query_words
from lcagent.documents.quotes import figures
from lcagent.documents.words import names
from lcagent.memory.tiers.entries import ASSISTANT, FOREIGN, USER, Entry, Source
from lcagent.memory.tiers.origins import Origin
from lcagent.memory.tiers.origins import origins as origins_of

CARRIES = 0.5
"""Share of a text's words that must stand in a foreign text for it to come from there."""
OWN = 0.6
"""Share of a line's words that must stand in the user's own messages."""
_TELLING = 2
"""Words that a text has to share with an entry to rest on it."""
STRANGE = 0.2
"""Share of them that may stand in foreign texts alone."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document that a model has before it.

    Args:
        origin: where it stands.
        text: of it, with the document's name.
    """

    origin: Origin
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a model has before it when it writes something.

    Args:
        entries: messages, lines of core memory, passages, the summary, what was called before.
        documents: what was shown of documents.
        asked: the number of the entry that is answered.
    """

    entries: tuple[Entry, ...]
    documents: tuple[Passage, ...] = ()
    asked: int = 0

    @property
    def own(self) -> list[Entry]:
        """The user's own messages."""
        return [one for one in self.entries if is_own(one)]

    @property
    def foreign(self) -> list[str]:
        """Texts of documents and of others, with their names, which are texts of theirs too."""
        told = (f"{one.author} {one.text}" for one in self.entries if is_foreign(one))
        return [*(one.text for one in self.documents), *told]


def is_own(entry: Entry) -> bool:
    """Whether the user said it in this session."""
    return entry.kind == "message" and entry.author == USER and entry.source == "said"


def is_foreign(entry: Entry) -> bool:
    """Whether it is of a document or of somebody else, or was made of that."""
    if entry.kind == "message":
        return not is_own(entry) and not (entry.author == ASSISTANT and entry.source == "model")
    return entry.source in FOREIGN


def rests_on(text: str, seen: Seen, first: int) -> tuple[int, ...]:
    """The entries that a text was made of: the fewest that say its words, and those that speak of the same.

    Of the same speaks what shares all of its names and figures, or two of them: that Ida lives in Oslo bears
    on her taking the Oslo ferry, and not on the city of Olav.

    Args:
        text: what is written.
        seen: what was before the model.
        first: the entry that is meant where nothing carries it.
    """
    words, exact = set(query_words(text)), _exact(text)
    may = {one.id: one for one in seen.entries if one.kind not in {"call", "result", "event"}}
    said = {number: words & set(query_words(one.text)) for number, one in may.items()}
    found = [
        number for number, one in may.items() if exact and len(exact & _exact(one.text)) >= min(2, len(exact))
    ]
    left = set(words)
    while left:
        # Of those that say as much the newest, and a message before what was made of it.
        best = max(said, key=lambda n: (len(said[n] & left), may[n].kind == "message", n), default=0)
        gained = said.get(best, set()) & left
        if len(gained) < min(len(words), _TELLING):
            break
        found.append(best)
        left -= gained
    return tuple(sorted(dict.fromkeys(found or [first])))


def origins(text: str, seen: Seen) -> list[Origin]:
    """The documents that a text was, or may have been, made of: the passages that say most of it, and the
    fewest that together say what they can; of any other document that was in sight, that it was.

    Args:
        text: what is written.
        seen: what was before the model.
    """
    words = set(query_words(text))
    said = {one.origin: words & set(query_words(one.text)) for one in seen.documents}
    sight = [one.origin for one in seen.documents]
    for entry in (one for one in seen.entries if is_foreign(one)):  # a note of a document, or what was read
        came = origins_of(entry.data)
        sight += came
        said |= {one: words & set(query_words(entry.text)) for one in came if one.carries}
    carrying = {one: None for one, held in said.items() if held and len(held) >= CARRIES * len(words)}
    left = set(words)
    while said:
        best = max(said, key=lambda one: len(said[one] & left))
        gained = said[best] & left
        if len(gained) < min(len(words), _TELLING) or not gained:
            break
        carrying[best] = None
        left -= gained
    known = {one.document for one in carrying}
    return [
        *carrying,
        *(Origin(number) for number in dict.fromkeys(o.document for o in sight) if number not in known),
    ]


def allowed(text: str, replaced: str, seen: Seen) -> bool:
    """Whether a line may go into core memory: nothing foreign was seen, or the user says so themselves.

    Args:
        text: of the line as it would be; empty: it is taken away.
        replaced: of the line before; its words need nobody to say them again.
        seen: what was before the model.
    """
    if not seen.foreign:
        return True
    said, gone = set(query_words(text)), set(query_words(replaced))
    said, gone = said - gone, gone - said
    if not said:  # who only takes words away is asked to, in what is answered, where these are named
        asked = {word for one in seen.own if one.id == seen.asked for word in query_words(one.text)}
        return not gone or len(gone & asked) >= OWN * len(gone)
    own = " \n".join(one.text for one in seen.own)
    held = set(query_words(own))
    strange = {word for text in seen.foreign for word in query_words(text)} - held
    exact = _exact(text) - _exact(replaced)
    return (
        exact <= _exact(own) | held
        and len(said & held) >= OWN * len(said)
        and len(said & strange) <= STRANGE * len(said)
    )


def source_of(text: str, seen: Seen) -> Source:
    """Where a text comes from that a model writes: of a document, if that carries more of it than the user's
    own words do."""
    words = set(query_words(text))
    foreign = _share(words, seen.foreign)
    if foreign > 0 and foreign >= max(CARRIES, _share(words, [one.text for one in seen.own])):
        return "document"
    return "model"


def worst(some: Iterable[Entry]) -> Source:
    """Where a text comes from that was made of entries: their worst."""
    return "document" if any(is_foreign(one) for one in some) else "model"


def _share(words: set[str], texts: Sequence[str]) -> float:
    return max((len(words & set(query_words(text))) / max(1, len(words)) for text in texts), default=0.0)


def _exact(text: str) -> set[str]:
    return set(names(text)) | figures(text)
