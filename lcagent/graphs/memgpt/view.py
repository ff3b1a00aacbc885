"""The view: a session's entries as a prompt shows them, as many as fit.

A line begins at its margin, or two blanks from it, with a mark that nobody else can write there: what stands
in an entry is indented further.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lcagent.documents.corpus import Corpus, Region
from lcagent.memory.tiers.changes import Closing, Standing, standings
from lcagent.memory.tiers.entries import ASSISTANT, USER, Entries, Entry
from lcagent.memory.tiers.queue import QUEUED, Queue
from lcagent.models.prompt import as_data
from lcagent.text import told_time

LEAST_CHARS = 80
"""Characters that are left of a text, however little room there is."""
_BATCH = 32
_LABEL = 80
"""Characters of a name that are shown."""
_ENDS = str.maketrans({"]": ")", '"': "'"})
_LINE_END = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""What anybody may take for the end of a line."""
_MORE = "more characters"
_CLIPPED = "… ({left} " + _MORE + "{how})"
_NOT_SHOWN = "({hidden} earlier entries are not shown here; conversation_search finds them)"

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that the result of a function shows.

    Args:
        mark: what `read_more` takes for it: `m12` a message, `p7` a passage, `d2.1534` a place in a document.
        start: its first character that is shown.
        chars: how many are shown.
    """

    mark: str
    start: int = 0
    chars: int = 1 << 30

    def as_data(self) -> list[object]:
        """As it stands in an entry's data."""
        return [self.mark, self.start, self.chars]

    @property
    def number(self) -> int:
        """Of the entry, or of the document."""
        return int(self.mark[1:].partition(".")[0])


@dataclass(frozen=True, slots=True)
class Viewed:
    """A conversation as it is shown.

    Args:
        text: for the prompt.
        entries: whose lines it holds.
        items: marks of what was shown in the turn.
        hidden: entries of the queue that are not shown.
        tokens: of the text, at most: the sum of its lines.
        wanted: what all of the queue would take, as far as it was counted: more than the room where some are
            hidden.
    """

    text: str
    entries: tuple[Entry, ...]
    items: tuple[str, ...]
    hidden: int
    tokens: int
    wanted: int


class View:
    """Shows a session.

    Args:
        entries: of the session.
        queue: of it.
        corpus: its documents; `numbers` are theirs within the store, in the same order.
        numbers: see `corpus`.
        count: tokens of a text.
        dated: whether lines say when something was said.
    """

    def __init__(
        self,
        entries: Entries,
        queue: Queue,
        corpus: Corpus,
        numbers: Sequence[int],
        count: Count,
        *,
        dated: bool = True,
    ) -> None:
        self._entries, self._queue, self.corpus = entries, queue, corpus
        self.numbers, self._count, self._dated = tuple(numbers), count, dated
        self._lines: dict[tuple[int, int], list[tuple[Entry, str, int]]] = {}

    def conversation(self, room: int, turn: int) -> Viewed:
        """The newest entries that fit: those of the turn first, shortened where need be.

        Args:
            room: tokens.
            turn: the number of the entry that began it.
        """
        own = self._entries.oldest(QUEUED, limit=1 << 20, after=turn - 1)
        lines = self._own(own, room)
        taken = sum(map(self.tokens, lines.values()))
        shown, wanted, earlier = list(own), taken, list[str]()
        left, queued = room - taken, self._queue.count()
        # With any number: a digit is a token at most.
        noted = self.tokens(_NOT_SHOWN.format(hidden="")) + len(str(queued))
        if queued > len(own):
            left -= noted
        before, begins, full = turn, self._queue.begins, False
        while not full and (some := self._earlier(before, begins)):
            for entry, line, needed in some:
                wanted += needed
                if needed > left:
                    full = True
                    break
                left -= needed
                taken += needed
                shown.append(entry)
                earlier += [line] if line else []
            before = some[-1][0].id
        hidden = max(0, queued - len(shown))
        if hidden and noted <= room - taken:
            earlier.append(_NOT_SHOWN.format(hidden=hidden))
            taken += noted
        text = "\n".join([*reversed(earlier), *filter(None, lines.values())])
        marks = [one.mark for entry in own if lines.get(entry.id) for one in shown_by(entry)]
        items = dict.fromkeys([*marks, *self._clipped(own, lines)])
        return Viewed(text, tuple(shown), tuple(items), hidden, taken, wanted)

    def _earlier(self, before: int, begins: int) -> list[tuple[Entry, str, int]]:
        """Entries before a turn, the newest first, with their lines and tokens: none is written any more."""
        if (before, begins) not in self._lines:
            some = self._entries.newest(QUEUED, limit=_BATCH, after=begins, before=before)
            lines = ((entry, self.line(entry)) for entry in some)
            self._lines[before, begins] = [(entry, line, self.tokens(line)) for entry, line in lines]
        return self._lines[before, begins]

    def _own(self, own: Sequence[Entry], room: int) -> dict[int, str]:
        """The lines of a turn's entries, by their numbers, in order: the first whole if it can be, then the
        newest with all that they show; empty ones where there is no room."""
        lines, left = dict[int, str](), room
        for at, entry in [*enumerate(own[:1]), *reversed(list(enumerate(own))[1:])]:
            most = left if at else max(left // 2, left - 400)
            lines[entry.id] = self._fitted(partial(self.line, entry, whole=True), self.line(entry), most)
            left -= self.tokens(lines[entry.id])
        return {entry.id: lines[entry.id] for entry in own}

    def _fitted(self, render: Callable[..., str], short: str, room: int) -> str:
        """A line with as much of each of its texts as fits; empty where nothing does."""
        line = render()
        if self.tokens(line) <= room:
            return line
        low, high = LEAST_CHARS, max(LEAST_CHARS, len(line))
        while high - low > LEAST_CHARS:
            middle = (low + high) // 2
            low, high = (middle, high) if self.tokens(render(chars=middle)) <= room else (low, middle)
        for items in (1 << 30, 3, 2, 1):
            line = render(chars=low, items=items)
            if self.tokens(line) <= room:
                return line
        low, high = 0, LEAST_CHARS
        while low < high:  # a character may take several tokens
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.tokens(clipped(short, middle)) <= room else (low, middle - 1)
        return clipped(short, low) if low else ""

    def _clipped(self, own: Sequence[Entry], lines: Mapping[int, str]) -> list[str]:
        """Marks of messages of the turn that are not shown whole."""
        cut = [line for line in lines.values() if _MORE in line]
        messages = [f"m{one.id}" for one in own if one.kind == "message"]
        return [mark for mark in messages if any(f"{mark} " in line for line in cut)]

    def tokens(self, line: str) -> int:
        """Tokens of a line within the conversation, at most.

        It is counted with the break behind it, which may be one token with the end of the line: where that
        meets the mark of the next line a token to spare is enough.
        """
        return self._count(f"{line}\n") + 1 if line else 0

    def line(self, entry: Entry, *, whole: bool = False, chars: int = 1 << 30, items: int = 1 << 30) -> str:
        """An entry as the prompt shows it; empty for what another one shows.

        Args:
            entry: which.
            whole: with what a function's result shows, which is left out once the turn is over.
            chars: most characters of each text.
            items: most things of a result.
        """
        when = f" {told_time(entry.valid)}" if self._dated else ""
        if entry.kind == "message":
            how = f": read_more m{entry.id}"
            return f"[m{entry.id}{when} {speaker(entry)}] {_indented(clipped(entry.text, chars, how))}"
        if entry.kind == "call":
            return f"[you] {_indented(clipped(entry.text, chars))}" if entry.text else ""
        if entry.kind == "event":
            return f"[system{when}] {_indented(clipped(entry.text, chars))}" if entry.text else ""
        if not entry.text:
            return ""
        shown = self._results(shown_by(entry)[:items], chars) if whole else []
        return "\n  ".join([f"[result] {_indented(clipped(entry.text, 400))}", *shown])

    def _results(self, shown: Sequence[Shown], chars: int) -> list[str]:
        """What a result shows, as it stands now: what was forgotten is not there any more."""
        entries = self._entries.get([one.number for one in shown if one.mark[0] in "mp"])
        stands = standings(self._entries, list(entries.values()))
        lines: list[str] = []
        for asked in shown:
            one = replace(asked, chars=min(asked.chars, chars))
            if one.mark[0] == "d":
                lines.append(self._passage(one))
            elif (entry := entries.get(one.number)) is not None:
                lines.append(self._recalled(one, entry, stands[entry.id]))
        return lines

    def _recalled(self, one: Shown, entry: Entry, standing: Standing) -> str:
        when = f" {told_time(entry.valid)}" if self._dated else ""
        note = "".join(f" ({told})" for told in notes(self._entries, standing))
        text = _part(entry.text, one)
        return f"{one.mark}{when} {speaker(entry)}: {_indented(text)}{note}"

    def _passage(self, one: Shown) -> str:
        document, start = self.place(one.mark)
        where = self.corpus.where(document, start)
        text = _part(self.corpus.documents[document].text[start : start + one.chars].strip(), one)
        name = self.corpus.documents[document].name
        where = ", ".join(dict.fromkeys(filter(None, [name, where.removeprefix(name).strip(", ")])))
        where = _label(where)
        return f"{one.mark} [{where}]: {_indented(text)}"

    def place(self, mark: str) -> tuple[int, int]:
        """The document and the offset that a mark `d2.1534` names."""
        number, _, start = mark[1:].partition(".")
        return self.numbers.index(int(number)), int(start)

    def region(self, one: Shown) -> Region:
        """The characters of a document that something shown is."""
        document, start = self.place(one.mark)
        return document, start, min(len(self.corpus.documents[document].text), start + one.chars)


def shown_by(entry: Entry) -> list[Shown]:
    """What the result of a function shows."""
    return [Shown(str(one[0]), int(one[1]), int(one[2])) for one in entry.data.get("shows", ())]


def speaker(entry: Entry) -> str:
    """Who says an entry, as a prompt names them: nobody else is called "user" or "you"."""
    if entry.kind == "passage":
        return {"document": "noted from a document", "said": "noted"}.get(entry.source, "noted by you")
    if entry.author == ASSISTANT:
        return "you"
    if entry.author == USER and entry.source == "said":
        return "user"
    # What is said of them goes first: a name is a text that they chose.
    return f'somebody else, "{_label(entry.author)}"' if entry.author != USER else f"user, {entry.source}"


def notes(entries: Entries, standing: Standing) -> list[str]:
    """What speaks against an entry, for people and prompts.

    Args:
        entries: of its session.
        standing: how it stands.
    """
    told = [_told(entries, one, "holds no more") for one in standing.closed[:1]]
    if not told:
        told = [_told(entries, one, "rests on what holds no more") for one in standing.outdated[:1]]
    return told


def _told(entries: Entries, one: Closing, what: str) -> str:
    by: Mapping[int, Entry] = entries.get([one.by])
    now = " ".join(by[one.by].text.split())[:120] if one.by in by else ""
    return f"{what} since {told_time(one.at)}" + (f": {as_data(now)}" if now else "")


def clipped(text: str, chars: int, how: str = "") -> str:
    """The beginning of a text, and how much is left of it."""
    if len(text) <= chars:
        return text
    return text[:chars].rstrip() + " " + _CLIPPED.format(left=len(text) - chars, how=how)


def _part(text: str, one: Shown) -> str:
    head = f"({one.start} characters before) " if one.start and one.mark[0] != "d" else ""
    start = one.start if one.mark[0] != "d" else 0
    return head + clipped(text[start:], one.chars)


def _indented(text: str) -> str:
    return _LINE_END.sub("\n" + " " * 4, as_data(text))


def _label(name: str) -> str:
    """A name that others chose, so that it ends where it is said to end."""
    return as_data(" ".join(name.split()).translate(_ENDS))[:_LABEL]
