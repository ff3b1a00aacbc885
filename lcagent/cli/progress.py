"""What a person sees on stderr while a document is read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lcagent.cli import terminal
from lcagent.cli.answers import duration, footnotes, hop_lines, notes, search_lines, status_line
from lcagent.events import AnswerDelta, Counted, EntriesEmbedded, Event, Notice, RunStarted, SegmentRead
from lcagent.text import folded_line, shown

if TYPE_CHECKING:
    from lcagent.answer import Answer

_LEAST_ROOM = 24
"""Characters of a line's text below which it is not wrapped."""
_PLAIN_EVERY = 15.0
"""Seconds between progress lines where stderr is no terminal."""


class Console:
    """Progress with segments read and an estimate of the time left; a bar only on a terminal.

    Args:
        quiet: say nothing.
        verbose: one line for each segment.
        echo: print the answer to stdout while it is written.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False, echo: bool = False) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._quiet, self._verbose, self._echo = quiet, verbose, echo
        self._out = terminal.console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left", markup=False),
            TimeRemainingColumn(),
            console=self._out,
            transient=True,
            disable=quiet or not self._out.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, unit="", visible=False)
        self._started = self._told = time.monotonic()
        self._first: int | None = None
        self.echoed = ""

    def __enter__(self) -> Console:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """One line."""
        if not self._quiet:
            # On a terminal lines end with a word; elsewhere they are left whole.
            self._out.print(shown(text), soft_wrap=not self._out.is_terminal)

    def _say_hanging(self, label: str, text: str) -> None:
        """A labelled line; on a terminal what does not fit goes on under the text, not under the label."""
        from rich.text import Text

        begin, whole = f"  {label}", folded_line(text)
        room = self._out.width - len(begin)
        if not self._out.is_terminal or room < _LEAST_ROOM:
            self.say(begin + whole)
            return
        for line in Text(whole).wrap(self._out, room):
            self.say(begin + line.plain.rstrip())
            begin = " " * len(begin)

    def fetching(self, what: str, done: int, total: int) -> None:
        """Progress of a model file being fetched."""
        self._advance(what, done >> 20, max(total >> 20, 1), "MiB")

    def counting(self, what: str, done: int, total: int, unit: str) -> None:
        """Progress of anything else that is counted, told as each is done."""
        if self._first is None:
            self._first = max(done - 1, 0)
        self._advance(what, done, total, unit)

    def show(self, event: Event) -> None:
        """One event of a reading."""
        if isinstance(event, Notice):
            self.say(event.text)
        elif isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, Counted):
            self._advance("counting", event.done, event.total, "characters")
        elif isinstance(event, SegmentRead):
            self._read(event)
        elif isinstance(event, EntriesEmbedded):
            self.counting("embedding", event.done, event.total, "entries")
        elif isinstance(event, AnswerDelta) and self._echo:
            self._bar.stop()
            text = shown(event.text)
            self.echoed += text
            terminal.write(text)
            terminal.flush()

    def _start(self, event: RunStarted) -> None:
        self._started = time.monotonic()
        many = f"{event.segments} segment{'s' * (event.segments != 1)}"
        run = f", run {event.run_id}" if event.run_id else ""
        self.say(f"{event.strategy}: {many} with {event.model}, window {event.window:,} tokens{run}")
        if event.earlier_calls:
            self.say(f"going on: {event.earlier_calls} finished calls are taken from the run")

    def _read(self, event: SegmentRead) -> None:
        if self._first is None:
            self._first = event.done - 1
        if self._verbose:
            where = f", page {event.page}" if event.page else ""
            self.say(f"{event.document}{where}: segment {event.index + 1}, kept {event.kept}")
        self._advance("reading", event.done, event.total, "segments")

    def _advance(self, what: str, done: int, total: int, unit: str) -> None:
        self._bar.update(
            self._task, description=folded_line(what), completed=done, total=total, unit=unit, visible=True
        )
        now = time.monotonic()
        if self._quiet or self._out.is_terminal or (now - self._told < _PLAIN_EVERY and done < total):
            return
        self._told = now
        since = done - (self._first or 0)
        left = ""
        if since > 0 and done < total:
            left = f", about {duration((now - self._started) / since * (total - done))} left"
        self.say(f"{what}: {done} of {total} {unit}{left}")

    def tell_answer(self, answer: Answer, *, explain: bool = False) -> None:
        """Where the answer stands, how much was read, what it cost; and the way to it."""
        if self._quiet:
            return
        self.say("")
        for line in footnotes(answer):
            mark, _, rest = line.partition(" ") if line.startswith("[") else ("-", "", line)
            self._say_hanging(f"{mark} ", rest)
        for line in hop_lines(answer):
            self._say_hanging("step ", line)
        for number, line in enumerate(answer.way if explain else [], 1):
            self._say_hanging("way  ", f"{number}. {line}")
        rows = search_lines(answer)
        width = max((len(label) for label, _ in rows), default=0)
        for label, text in rows:
            self._say_hanging(f"{label:<{width}}  ", text)
        for note in notes(answer):
            self._say_hanging("note: ", note)
        self._say_hanging("", status_line(answer))
