"""Evicting: before the window is full, the oldest half of the queue goes under the summary.

Source: "MemGPT: Towards LLMs as Operating Systems", section 2.2. As a transaction: the summary is made and
checked first, then it is swapped in with one write. Where the model does not manage, everything stays as it
was, and the view alone is shorter.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from lcagent.agents import condenser
from lcagent.documents.quotes import sentences
from lcagent.documents.words import STOPWORDS, folded
from lcagent.errors import CutReply, MalformedReply, WindowExceeded
from lcagent.graphs.memgpt.provenance import worst
from lcagent.graphs.memgpt.turn import Turn
from lcagent.graphs.memgpt.view import clipped
from lcagent.memory.aside import aside
from lcagent.memory.tiers.entries import Entry
from lcagent.memory.tiers.queue import QUEUED
from lcagent.models.prompt import as_data
from lcagent.models.window import Window, most_first
from lcagent.text import told_time

KEPT = 0.5
"""Share of the room for conversation that the queue takes after evicting."""
MOST_CALLS = 8
"""Calls that make a summary; of what is more than that, as after an import, only the newest goes into it."""
TELLING_SHARE = 1 / 3
"""Most of a summary that code adds to keep names and figures."""
SHORT = 2
"""A figure of so few characters says nothing by itself."""
_SPARE = 2
"""Tokens that a line may take more where it is summarised than where it is shown."""
_BATCH = 256
_ALSO = "Also: "
# Each run of characters is looked at once, from its beginning.
_WORD = r"[^\W\d_](?:[^\W\d_]|['’-])++(?![\w./:#+-]*(?:[\d@]|://))"
"""A word that is no part of an address, a date or an identifier."""
_TELLING = re.compile(
    r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|(?<![\w./:#+-])[\w./:#+-]*\d[\w./:#%+-]*"
    rf"|\b{_WORD}(?:\s+{_WORD})*"
)
_OWN = re.compile(r"\[(?:m\d+ [^]]*)?you\]|\[result\]|\[system")
_NAME = re.compile(r"[^\W\d_][\w'’-]*")


@dataclass(frozen=True, slots=True)
class _Leaving:
    """What leaves the queue.

    Args:
        entries: in order; of more than so many calls can tell of, the newest.
        oldest: the first entry that leaves.
        untold: the last one that no call tells of; None: all are told of.
    """

    entries: list[Entry]
    oldest: Entry
    untold: Entry | None


async def evict(turn: Turn, room: int) -> bool:
    """Put the oldest entries of the queue under the summary; the turn's own stay.

    Args:
        turn: which.
        room: tokens for the conversation.

    Returns:
        Whether it worked: where it did not, it is not tried again for each step.
    """
    leaving = await asyncio.to_thread(_leaving, turn, room)
    if leaving is None:
        return False
    queue = turn.memory.queue
    before = await aside(turn.memory.entries.store.place, queue.summary)
    try:
        text = await _condensed(turn, before.text if before else "", leaving)
    except (MalformedReply, CutReply, WindowExceeded) as error:
        turn.told.notice(f"the summary could not be made ({error.message}): older messages are searched for")
        return False
    if not text:
        turn.told.notice("the summary was of no use: older messages are searched for")
        return False
    source = worst([*leaving.entries, *([before] if before else [])])
    evicted = [leaving.oldest, *leaving.entries]
    key = f"summary.{evicted[-1].id}"
    await asyncio.to_thread(queue.swap, text, evicted, source=source, key=key)
    return True


def _leaving(turn: Turn, room: int) -> _Leaving | None:
    """The entries of the queue but for the newest that take half the room; none where they are shorter than a
    summary may be."""
    entries, view = turn.memory.entries, turn.view
    begins, left = turn.memory.queue.begins, int(KEPT * room)
    window = turn.model.window
    told = MOST_CALLS * _piece_room(window)
    leaving: list[Entry] = []
    taken, before = 0, turn.number
    while taken < told and (some := entries.newest(QUEUED, limit=_BATCH, after=begins, before=before)):
        for entry in some:
            needed = view.tokens(view.line(entry)) + _SPARE
            if not leaving and needed <= left:
                left -= needed  # it stays
                continue
            if taken >= told:
                break
            taken += needed
            leaving.append(entry)
        before = some[-1].id
    if not leaving or (taken <= condenser.most_tokens(window.size)):
        return None
    leaving.reverse()
    first = leaving[0]
    skipped = entries.newest(QUEUED, limit=1, after=begins, before=first.id)
    oldest = entries.oldest(QUEUED, limit=1, after=begins)[0]
    return _Leaving(leaving, oldest, skipped[0] if skipped else None)


def _piece_room(window: Window) -> int:
    """Tokens of messages in a call, beside the longest summary."""
    return condenser.room(window, "x" * 4 * condenser.most_tokens(window.size))


async def _condensed(turn: Turn, summary: str, leaving: _Leaving) -> str:
    """A summary of what was and what leaves, call by call; empty where it cannot be believed."""
    telling = _telling(summary)
    for piece in await asyncio.to_thread(_pieces, turn, leaving.entries):
        made = await condenser.condense(turn.model, summary, piece)
        checked = _believed(made, f"{summary}\n{piece}")
        if not checked:
            return ""
        telling = list(dict.fromkeys([*_telling(piece), *telling]))
        summary = await asyncio.to_thread(_with_telling, turn, checked, telling)
    if leaving.untold is not None:
        first, last = (told_time(one.valid)[:10] for one in (leaving.oldest, leaving.untold))
        summary = f"{summary} (Much of {first} to {last} is not told here; it is found by searching.)"
    return summary


def _pieces(turn: Turn, leaving: Sequence[Entry]) -> list[str]:
    """What leaves as text, in pieces that fit beside the longest summary."""
    window = turn.model.window
    room = _piece_room(window)
    pieces, lines, left = list[str](), list[str](), room
    for line in filter(None, (turn.view.line(entry) for entry in leaving)):
        for part, needed in _parts(turn.view.tokens, line, room):
            if needed > left and lines:
                pieces.append("\n".join(lines))
                lines, left = [], room
            lines.append(part)
            left -= needed
    return [*pieces, "\n".join(lines)] if lines else pieces


def _parts(tokens: Callable[[str], int], line: str, room: int) -> Iterator[tuple[str, int]]:
    """A line, halved until its parts fit, each with its tokens."""
    needed = tokens(line) + _SPARE
    if needed <= room or len(line) < 2:
        yield line, needed
        return
    half = len(line) // 2
    yield from _parts(tokens, line[:half], room)
    yield from _parts(tokens, line[half:], room)


def _believed(made: str, told: str) -> str:
    """A summary without the sentences that name a figure which nobody told."""
    held = folded(told)
    kept: list[str] = []
    for span in sentences(made):
        sentence = made[span.start : span.end].strip()
        exact = [one for one in _of_line(sentence) if any(c.isdigit() for c in one)]
        if all(folded(one) in held for one in exact):
            kept.append(sentence)
    return " ".join(kept)


def _with_telling(turn: Turn, summary: str, telling: Sequence[str]) -> str:
    """A summary that fits, with the names, figures and dates that it lacks, as many as there is room for."""
    window = turn.model.window
    most = condenser.most_tokens(window.size)
    text = summary
    while text and window.count(as_data(text)) > most * (1 - TELLING_SHARE):
        text = clipped_sentences(text)
    held = folded(text)
    missing = [one for one in telling if folded(one) not in held]

    def longer(number: int) -> str:
        return f"{text} {_ALSO}{', '.join(missing[:number])}.".strip()

    number = most_first(len(missing), most, lambda number: window.count(as_data(longer(number))))
    return longer(number) if number else text


def clipped_sentences(text: str) -> str:
    """A text without its last sentence; of a single one the first half."""
    spans = sentences(text)
    return (
        text[: spans[-1].start].strip()
        if len(spans) > 1
        else clipped(text, len(text) // 2).partition(" …")[0]
    )


def _telling(text: str) -> list[str]:
    """Names, figures, dates, addresses of a text, as they are written, the user's first; not what the agent
    itself said or did."""
    lines = [line for line in text.splitlines() if not _OWN.match(line)]
    ordered = sorted(lines, key=lambda line: " user] " not in line[:48])
    return list(dict.fromkeys(chain.from_iterable(map(_of_line, ordered))))


def _of_line(line: str) -> Iterator[str]:
    body = line.partition("] ")[2] if line.startswith("[") else line
    for match in _TELLING.finditer(body):
        word = match.group().strip(".,:/-")
        if any(c.isdigit() for c in word) or "@" in word or "://" in word:
            if len(word) > SHORT:
                yield word
            continue
        begins = not match.start() or body[: match.start()].rstrip()[-1:] in {"", ".", "!", "?", ":", "\n"}
        yield from _names(word, begins=begins)


def _names(words: str, *, begins: bool) -> Iterator[str]:
    """Runs of words that begin with a capital letter; not the first word of a sentence by itself."""
    numbered = list(enumerate(match.group() for match in _NAME.finditer(words)))
    for named, run in groupby(numbered, key=lambda one: _is_name(one[1])):
        numbers, held = zip(*run, strict=True)
        if named and not (begins and numbers == (0,)):
            yield " ".join(held)


def _is_name(word: str) -> bool:
    return word[:1].isupper() and word.casefold() not in STOPWORDS
