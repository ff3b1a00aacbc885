"""A labeller: of each segment it says exactly the items that are told there, and errs as often as it is told to.

What `tally` scores below 100 % with a perfect one is lost by our own code. It is scripted by the names of the
fields that a reply is asked for, like `tests.reader.reader`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.loopback import Reply, Request

_WORDS = 6
"""Words of a quote."""
_SECTION = re.compile(r"<(\w+)>\n(.*?)\n?</\1>", re.S)
_RETRY = "\n\nYour last reply could not be used:"


@dataclass(frozen=True)
class Sentence:
    """One sentence of a document, and what it tells of an item."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Item:
    """An item as a document tells it.

    `known` is what its first sentence says of who it is: a reader who sees that just before a segment knows
    whom "she" means.
    """

    kind: str
    sentences: Sequence[Sentence]
    known: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, str]:
        return {name: value for one in self.sentences for name, value in one.values.items()}


@dataclass(frozen=True)
class Told:
    """A document and the items that it tells of, in its order."""

    text: str
    items: Sequence[Item]

    @cached_property
    def places(self) -> list[tuple[Item, list[int]]]:
        """Each item with where its sentences begin."""
        at, found = 0, []
        for item in self.items:
            starts = []
            for one in item.sentences:
                starts.append(self.text.index(one.text, at))
                at = starts[-1] + len(one.text)
            found.append((item, starts))
        return found


@dataclass(frozen=True)
class Case:
    """A question, the query that answers it, and its answer."""

    question: str
    query: Mapping[str, Any]
    answer: str = ""


QUERY = {
    "filters": [],
    "field": "none",
    "group": "none",
    "order": "none",
    "direction": "largest",
    "top": 0,
    "decimals": 2,
    "join": "none",
    "join_field": "none",
    "join_to": "none",
}
"""What a query says where it is not told otherwise."""


@dataclass
class Labeller:
    """A reply function for `Loopback`.

    Args:
        schema: `items` and `fields` as the designer is asked for them, or `counts`; the first fields are the
            ones that are named where not all may be.
        documents: with what they tell of.
        cases: what may be asked.
        err: chance that a label is another one; drawn once for an item and a field.
        seed: what that is drawn by.
        log: the fields of each request, in order.
        faults: faults of its own, which would else only close the connection.
    """

    schema: Mapping[str, Any]
    documents: Sequence[Told] = ()
    cases: Sequence[Case] = ()
    err: float = 0.0
    seed: int = 0
    log: list[tuple[str, ...]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    def __call__(self, request: Request) -> str | Reply:
        try:
            return self._reply(request)
        except Exception as error:
            self.faults.append(error)
            return Reply("", status=422)

    def _reply(self, request: Request) -> str:
        properties = request.schema["properties"] if request.schema else {}
        self.log.append(tuple(properties))
        text = request.messages[-1]["content"].partition(_RETRY)[0]
        seen: dict[str, str] = {}
        for name, body in _SECTION.findall(text):
            seen.setdefault(name, body)
        if "counts" in properties:
            said = self._designed(properties)
        elif "measure" in properties or "asks" in properties:
            case = next(one for one in self.cases if one.question == seen["question"])
            said = {name: value for name, value in {**QUERY, **case.query}.items() if name in properties}
        elif "items" not in properties:
            raise LookupError(f"no labeller answers a call for {', '.join(properties) or 'free text'}")
        else:
            rows = self._rows(seen["segment"], seen.get("section", ""), seen["note"])
            asked = properties["items"]["items"]
            names = {name for row in asked.get("anyOf", [asked]) for name in row["properties"]}
            said = {"items": [{name: v for name, v in row.items() if name in names} for row in rows]}
        return json.dumps(said, ensure_ascii=False)

    def _designed(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        kept = properties["kept"]["enum"]
        if len(kept) > 1:
            return {"kept": kept[1], "counts": "items", "items": [], "fields": []}
        said = {"kept": "none", "counts": "items", "items": [], "fields": [], **self.schema}
        for name in ("items", "fields"):
            asked = properties[name]
            chars = asked["items"]["properties"]["means"]["maxLength"]
            said[name] = [{**one, "means": one["means"][:chars]} for one in said[name][: asked["maxItems"]]]
        return said

    def _rows(self, segment: str, before: str, note: str) -> list[dict[str, str]]:
        """The items of which a sentence ends in the segment and has begun no earlier than what is shown of the
        text before it, in order."""
        told = next((one for one in self.documents if segment.strip() in one.text), None)
        if told is None:  # of a document with marks, which prompts show otherwise
            return []
        begin = _place(told.text, segment.strip(), before)
        end = begin + len(segment.strip())
        rows: list[dict[str, str]] = []
        for item, starts in told.places:
            whole = [
                (one, max(0, begin - at))
                for one, at in zip(item.sentences, starts, strict=True)
                if begin - len(before) <= at and begin < at + len(one.text) <= end
            ]
            here = [one for one, _ in whole]
            if not here or f"item {item.kind}" not in note:
                continue
            values = {name: self._said(item, name, v) for one in here for name, v in one.values.items()}
            if starts[0] < begin and item.sentences[0].text in before:
                values |= {name: item.sentences[0].values[name] for name in item.known}
            first, cut = whole[0]
            quote = " ".join(first.text[cut:].split()[:_WORDS])
            rows.append({"item": item.kind, "quote": quote, **values})
        return rows

    def given(self, item: Item) -> dict[str, str]:
        """All that it says of an item, errors included."""
        return {name: self._said(item, name, value) for name, value in item.values.items()}

    def _said(self, item: Item, name: str, value: str) -> str:
        labels = next((one["labels"] for one in self.schema["fields"] if one["field"] == name), [])
        if not labels or self._drawn(item, name, "err") >= self.err:
            return value
        others = [label for label in labels if label != value]
        return others[int(self._drawn(item, name, "which") * len(others))]

    def _drawn(self, item: Item, name: str, what: str) -> float:
        exact = f"{self.seed}/{what}/{name}/{item.sentences[0].text}"
        return int.from_bytes(hashlib.sha256(exact.encode()).digest()[:8]) / 2**64


def _place(text: str, segment: str, before: str) -> int:
    """Where a segment stands; of several places the one with the same text ahead of it."""
    places = [match.start() for match in re.finditer(re.escape(segment), text)]
    ahead = "".join(before.split())[-60:]
    return next((at for at in places if "".join(text[:at].split()).endswith(ahead)), places[0])


def field_of(item: str, name: str, type: str = "text", **more: Any) -> dict[str, Any]:
    """One field as a designer says it."""
    given = {"identifies": "no", "labels": [], "unit": "", "means": f"the {name}"}
    return {"item": item, "field": name, "type": type, **given, **more}
