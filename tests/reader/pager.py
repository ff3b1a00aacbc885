"""A competent pager: plays MemGPT's agent on a question about documents, by what its prompt shows alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from tests.reader.cases import Case, Hop, clip, fold

_SECTION = re.compile(r"<(conversation|memory|notes)>\n(.*?)\n</\1>", re.S)
_SEARCHED = re.compile(r"-> archival_memory_search\(query=(.+?), page=(\d+)\)")
_READ = re.compile(r"^\[result\] read \(.*\): (.+)$", re.M)
_NOTHING = "the documents do not say"
MORE = re.compile(r"(\d+) more pages? unread")
PAGES = 6
"""Pages of one query that it looks at."""
_ENDS = re.compile(r"^\d+ steps are left\.$", re.M)
"""Told where it has to come to an end: it then has the documents read, if it can."""


def is_paging(schema: dict[str, Any] | None) -> bool:
    """Whether a request asks for one of MemGPT's functions."""
    return "send_message" in json.dumps(schema or {})


def step(
    cases: Sequence[Case], text: str, schema: dict[str, Any], overlooks: Callable[[Case, Hop], bool]
) -> tuple[Case, dict[str, Any], list[Hop]]:
    """The function to call next, for a prompt.

    Args:
        cases: what it may be asked about.
        text: of the prompt.
        schema: of the reply.
        overlooks: whether a sentence is never seen.

    Returns:
        The case, the call, and the hops that stand in the prompt.
    """
    shown = "\n".join(body for _, body in _SECTION.findall(text))
    folded = fold(shown)
    case = max((one for one in cases if fold(one.question) in folded), key=lambda one: len(one.question))
    body = folded.replace(fold(case.question), " ")
    seen = [hop for hop in case.hops if hop.stands_in(body) and not overlooks(case, hop)]
    offered = set(re.findall(r'"enum": \["(\w+)"\]', json.dumps(schema)))
    missing = [hop for hop in case.hops if hop not in seen]
    new, most = _new(shown, seen), _most(schema)
    told = " ".join(hop.note for hop in new)
    thought = new[0].shortened(most) if len(new) == 1 else told if len(told) <= most else ""
    if new and not thought and "archival_memory_insert" in offered:
        told = " ".join(hop.note for hop in new)
        return (
            case,
            {"thought": "", "do": "archival_memory_insert", "content": told, "heartbeat": "yes"},
            seen,
        )
    if not missing:
        return case, _send(thought, case.said), seen
    query = _next_query(case, missing[0], shown)
    read = _READ.findall(shown)
    if read and read[-1] != _NOTHING:
        return case, _send(thought, read[-1]), seen
    failed = query is None or _ENDS.search(text)
    if failed and "read_document" in offered and not read:
        return case, {"thought": thought, "do": "read_document", "question": case.question}, seen
    if query is None or offered == {"send_message"}:
        partial = ", ".join(hop.says for hop in seen) if case.kind == "list" else ""
        return case, _send(thought, partial), seen
    words, page = query
    return case, {"thought": thought, "do": "archival_memory_search", "query": words, "page": page}, seen


def _new(shown: str, seen: Sequence[Hop]) -> list[Hop]:
    """What is worth noting: the sentences that stand in nothing that was noted before."""
    noted = fold("\n".join(line for line in shown.splitlines() if line.startswith("[you]")))
    return [hop for hop in seen if not hop.context and not hop.stands_in(noted)]


def _next_query(case: Case, hop: Hop, shown: str) -> tuple[str, int] | None:
    """What to search for, and which page of it; None where everything was tried."""
    asked = [(words.strip("'\""), int(page)) for words, page in _SEARCHED.findall(shown)]
    results = shown.split("-> archival_memory_search(")[1:]
    for words in dict.fromkeys(
        clip(one, 110).replace("'", " ").replace('"', " ") for one in (hop.ask, case.question) if one
    ):
        pages = [page for said, page in asked if said == words]
        if not pages:
            return words, 1
        last = next(
            part
            for part, (said, page) in zip(results, asked, strict=True)
            if (said, page) == (words, max(pages))
        )
        if MORE.search(last) and max(pages) < PAGES:
            return words, max(pages) + 1
    return None


def _most(schema: dict[str, Any]) -> int:
    """Characters of a thought."""
    return int(re.search(r'"thought": \{"maxLength": (\d+)', json.dumps(schema))[1])  # type: ignore[index]


def _send(thought: str, message: str) -> dict[str, Any]:
    known = "yes" if message else "no"
    return {"thought": thought, "do": "send_message", "known": known, "message": message or "I do not know."}
