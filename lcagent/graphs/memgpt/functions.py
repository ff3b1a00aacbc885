"""The functions: what each of them does to memory, and what its result shows.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2.3. What a function does and the row of its
result are one transaction, under the step's key: killed anywhere, it is done once. An error is a result that
the model sees. A result names what it shows, and holds no copy: what is forgotten is gone from it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lcagent.agents import companion
from lcagent.agents.companion import CompanionReply
from lcagent.documents import query_words
from lcagent.errors import LcagentError
from lcagent.graphs.memgpt.provenance import Seen, allowed, origins, rests_on, source_of
from lcagent.graphs.memgpt.turn import Occasion
from lcagent.graphs.memgpt.view import Shown
from lcagent.memory.tiers.entries import ASSISTANT, Entry, New, Source
from lcagent.memory.tiers.origins import Origin, as_data
from lcagent.memory.tiers.search import Hits

RESULT_SHARE = 4
"""A page of results takes at most this part of the room for conversation."""
MOST_HITS, LEAST_CHARS = 10, 160
"""Results of a page, and characters that each of them shows at least."""
AROUND = 2
"""Messages before and after one that are shown with it."""
ALIKE = 8
"""Passages that an insertion is compared with."""
_CHARS_A_TOKEN = 3
_DAY = 86400.0
_REFUSED = (
    "refused: this stands in a document or in somebody else's words, and core memory is written from what the"
    " user says; archival_memory_insert keeps it"
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a function gave.

    Args:
        text: for the model.
        shown: what it shows.
        ok: it did what was asked.
        data: what else is known of it.
    """

    text: str
    shown: Sequence[Shown] = ()
    ok: bool = True
    data: dict[str, Any] = field(default_factory=dict[str, Any])


class Failed(LcagentError):
    """A function could not do what it was asked for; the model is told."""


class Functions:
    """Carries out calls.

    Args:
        occasion: what they act on.
        room: tokens for conversation in a call.
        seen: what the model had before it when it called.
    """

    def __init__(self, occasion: Occasion, room: int, seen: Seen) -> None:
        self._on, self._room, self._seen = occasion, room, seen
        self._memory, self._view = occasion.memory, occasion.view

    def act(self, call: Entry, read: Result | None = None) -> Entry:
        """Carry out a call; its result is written with what it does.

        Args:
            call: as it was written, under a key.
            read: what `read_documents` gave, where it asks for that.
        """
        try:
            return self._written(call, lambda: read or self._done(call))
        except LcagentError as error:
            result = _failed(error)
        return self._written(call, lambda: result)

    def _written(self, call: Entry, work: Callable[[], Result]) -> Entry:
        entries, key = self._memory.entries, f"{call.key}.result"
        with entries.store.transaction():
            if (known := entries.keyed(key)) is not None:
                return known
            result = work()
            data = {"shows": [one.as_data() for one in result.shown], "ok": result.ok, **result.data}
            numbers = [one.number for one in result.shown if one.mark[0] in "mp"]
            held = entries.get(numbers)
            # An error tells what it was called with, which may be a document's.
            source: Source = "document" if source_of(result.text, self._seen) == "document" else "system"
            new = New(
                "result",
                result.text,
                call.name,
                source=result.data.get("source", source),
                data=data,
                key=key,
                rests_on=(call.id, *held),
            )
            return entries.append(new)

    def _done(self, call: Entry) -> Result:
        works: dict[str, Callable[[CompanionReply], Result]] = {
            companion.SEND: self._send,
            companion.APPEND: self._append,
            companion.REPLACE: self._replace,
            companion.SEARCH: self._search,
            companion.SEARCH_DATE: self._search_date,
            companion.INSERT: self._insert,
            companion.SEARCH_ARCHIVE: self._search_archive,
            companion.READ_MORE: self._read_more,
        }
        if call.name not in works:
            raise Failed(f"there is no function {call.name!r}")
        return works[call.name](_reply(call))

    def _send(self, reply: CompanionReply) -> Result:
        raise Failed("message is empty")  # one that says something ends the turn

    # Core memory

    def _append(self, reply: CompanionReply) -> Result:
        text = " ".join(reply.content.split())
        if not text:
            raise Failed("content is empty")
        if not allowed(text, "", self._seen):
            return Result(_REFUSED, ok=False)
        if text in self._memory.core.text(reply.name).splitlines():
            return Result(f"{reply.name} says so already")
        self._memory.core.append(reply.name, text, **self._made_of(text))
        return Result(f"added to {reply.name}")

    def _replace(self, reply: CompanionReply) -> Result:
        new = " ".join(reply.new_content.split())
        if not allowed(new, reply.old_content, self._seen):
            return Result(_REFUSED, ok=False)
        made = self._made_of(new or reply.old_content)
        self._memory.core.replace(reply.name, reply.old_content, new, **made)
        return Result(f"changed in {reply.name}")

    def _made_of(self, text: str) -> dict[str, Any]:
        source: Source = source_of(text, self._seen)
        made = rests_on(text, self._seen, self._on.number)
        return {
            "rests_on": made,
            "author": ASSISTANT,
            "source": source,
            "origins": origins(text, self._seen),
        }

    # Recall memory

    def _search(self, reply: CompanionReply) -> Result:
        if not query_words(reply.query):
            raise Failed("query holds no word to search for")
        return self._messages(reply.query, reply.page)

    def _search_date(self, reply: CompanionReply) -> Result:
        since, until = _day(reply.start, "start"), _day(reply.end or reply.start, "end") + _DAY
        if until <= since:
            raise Failed("end lies before start")
        return self._messages("", reply.page, since, until)

    def _messages(
        self, query: str, page: int, since: float | None = None, until: float | None = None
    ) -> Result:
        chars, most = self._page()
        hits = self._find(query, ("message",), page * most + 1, since=since, until=until)
        # What began the turn holds the words of any search for it.
        numbers = [number for number in hits.numbers if number != self._on.answers]
        total = hits.total - (len(hits.numbers) > len(numbers))
        return self._paged([Shown(f"m{n}", 0, chars) for n in numbers], total, page, most, "messages")

    def _find(
        self,
        query: str,
        kinds: Sequence[str],
        limit: int,
        *,
        since: float | None = None,
        until: float | None = None,
    ) -> Hits:
        session = self._memory.entries.session
        return self._memory.search.find(
            query, sessions=[session], kinds=kinds, limit=limit, since=since, until=until
        )

    def _page(self) -> tuple[int, int]:
        """Characters of each hit, and hits of a page."""
        chars = self._room * _CHARS_A_TOKEN // RESULT_SHARE
        most = max(1, min(MOST_HITS, chars // LEAST_CHARS))
        return max(LEAST_CHARS, chars // most), most

    def _paged(self, found: Sequence[Shown], total: int, page: int, most: int, what: str) -> Result:
        pages = -(-total // most)
        shown = found[(page - 1) * most : page * most]
        if not total:
            return Result(f"no {what} found")
        if not shown:
            return Result(f"page {page} is behind the last one: {total} {what} on {pages} pages")
        left = pages - page
        more = f"; {left} more page{'s' * (left != 1)} unread" if left > 0 else ""
        first = (page - 1) * most + 1
        told = f"{first} to {first + len(shown) - 1} of {total} {what}{more}:"
        return Result(told, shown, data={"total": total, "page": page, "pages": pages})

    # Archival memory

    def _insert(self, reply: CompanionReply) -> Result:
        text = reply.content.strip()
        if not text:
            raise Failed("content is empty")
        said = next(
            (one for one in self._seen.entries if one.kind == "message" and one.text.strip() == text), None
        )
        if said is not None:
            return Result(f"that is message m{said.id}, which conversation_search finds")
        hits = self._find(text, ("passage",), ALIKE)
        alike = self._memory.entries.get(hits.numbers)
        done = self._memory.archival.insert(text, list(alike.values()), **self._made_of(text))
        if done.known:
            return Result(f"known already: p{done.entry.id}")
        replaced = "".join(f"; p{one.id} holds no more" for one in done.replaced)
        return Result(f"stored as p{done.entry.id}{replaced}")

    def _search_archive(self, reply: CompanionReply) -> Result:
        words = set(query_words(reply.query))
        if not words:
            raise Failed("query holds no word to search for")
        chars, most = self._page()
        hits = self._find(reply.query, ("passage",), reply.page * most)
        passages = self._memory.entries.get(hits.numbers)
        ranked: list[tuple[float, Shown]] = []
        for number in hits.numbers:
            share = len(words & set(query_words(passages[number].text))) / len(words)
            ranked.append((share, Shown(f"p{number}", 0, chars)))
        total = hits.total
        if self._on.documents:
            retrieval = self._on.retrieval.about(reply.query)
            corpus = retrieval.corpus
            found = retrieval.ranked()
            total += len(found)
            for one in found[: reply.page * most]:
                document, start, end = one.region
                share = len(words & set(query_words(corpus.text(one.region)))) / len(words)
                mark = f"d{self._view.numbers[document]}.{start}"
                ranked.append((share, Shown(mark, start, end - start)))
            if passages:  # of both what holds more of the query goes first; each keeps its own order
                ranked.sort(key=lambda pair: -pair[0])
        return self._paged([one for _, one in ranked], total, reply.page, most, "passages")

    def _read_more(self, reply: CompanionReply) -> Result:
        seen = {one.mark: one for one in self._on.shown()}
        mark = reply.item.strip()
        chars, _ = self._page()
        whole = max(4 * chars, self._room * _CHARS_A_TOKEN // 2)
        if mark[:1] == "d" and mark in seen:
            return self._around(seen[mark], whole)
        number = int(mark[1:]) if mark[1:].isdecimal() else 0
        entry = self._memory.entries.get([number]).get(number)
        if mark[:1] not in {"m", "p"} or entry is None:
            raise Failed(f"nothing that was shown is marked {mark[:20]!r}")
        before = seen.get(mark)
        start = before.start + before.chars if before and before.start + before.chars < len(entry.text) else 0
        shown = [Shown(mark, start, whole // 2)]
        if entry.kind == "message":
            entries = self._memory.entries
            earlier = entries.newest(["message"], limit=AROUND, before=number)[::-1]
            later = entries.oldest(["message"], limit=AROUND, after=number, before=self._on.answers or None)
            beside = max(LEAST_CHARS, whole // (4 * AROUND))
            shown = [
                *(Shown(f"m{one.id}", 0, beside) for one in earlier),
                *shown,
                *(Shown(f"m{one.id}", 0, beside) for one in later),
            ]
        else:
            made = self._memory.entries.get(self._memory.entries.rests_on(number)).values()
            shown += [Shown(f"m{one.id}", 0, chars) for one in made if one.kind == "message"]
        return Result(f"around {mark}:", shown)

    def _around(self, one: Shown, chars: int) -> Result:
        """The text of a document around a place: the passages before and behind it, as many as fit."""
        document, start = self._view.place(one.mark)
        text = self._on.retrieval.corpus.documents[document].text
        end = start + one.chars
        low, high = max(0, start - chars // 3), min(len(text), end + chars // 3)
        regions = self._on.retrieval.passages_at(document, low, high)
        number = self._view.numbers[document]
        shown = [Shown(f"d{number}.{begins}", begins, ends - begins) for _, begins, ends in regions]
        return Result(f"around {one.mark}:", shown)


async def read_documents(on: Occasion, call: Entry) -> Result:
    """Have all documents read for the question of a call, of `read_document`; nothing is written."""
    reply = _reply(call)
    try:
        if on.reader is None or not on.documents:
            raise Failed("there is no document to read")
        if not reply.question.strip():
            raise Failed("question is empty")
        read = await on.reader(reply.question)
    except LcagentError as error:
        return _failed(error)
    numbers = on.view.numbers
    shown = [Shown(f"d{numbers[d]}.{start}", start, end - start) for d, start, end in read.regions]
    text = f"read ({read.how_far}): {read.answer or 'the documents do not say'}"
    data: dict[str, Any] = {"answer": read.answer, "source": "document"}
    if read.run:
        data["run"] = read.run
    documents = zip(numbers, on.retrieval.corpus.documents, strict=True)
    data |= as_data(Origin(number, 0, len(document.text)) for number, document in documents)
    return Result(text, shown, data=data)


def _reply(call: Entry) -> CompanionReply:
    return CompanionReply.model_construct(**call.data["arguments"])


def _failed(error: LcagentError) -> Result:
    told = " ".join(filter(None, [error.message, f"({error.hint})" if error.hint else ""]))
    return Result(f"error: {told}", ok=False)


def _day(text: str, name: str) -> float:
    """When a day begins, in seconds since 1970."""
    try:
        return datetime.strptime(text.strip()[:10], "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise Failed(f"{name} is no date as YYYY-MM-DD: {text[:20]!r}") from error
