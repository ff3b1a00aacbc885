"""What a person sees on stderr while a document is read."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from lcagent.events import AnswerDelta, Event, Notice, RunStarted, SegmentRead
from lcagent.text import whole_characters

if TYPE_CHECKING:
    from lcagent.answer import Answer

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
        from rich.console import Console as RichConsole
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._quiet, self._verbose, self._echo = quiet, verbose, echo
        self._out = RichConsole(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
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
            self._out.print(text)

    def fetching(self, what: str, done: int, total: int) -> None:
        """Progress of a model file being fetched."""
        self._advance(what, done >> 20, max(total >> 20, 1), "MiB")

    def counting(self, what: str, done: int, total: int, unit: str) -> None:
        """Progress of anything else that is counted."""
        if self._first is None:
            self._first = done
        self._advance(what, done, total, unit)

    def show(self, event: Event) -> None:
        """One event of a reading."""
        if isinstance(event, Notice):
            self.say(event.text)
        elif isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, SegmentRead):
            self._read(event)
        elif isinstance(event, AnswerDelta) and self._echo:
            self._bar.stop()
            text = whole_characters(event.text)
            self.echoed += text
            sys.stdout.write(text)
            sys.stdout.flush()

    def _start(self, event: RunStarted) -> None:
        self._started = time.monotonic()
        many = f"{event.segments} segment{'s' * (event.segments != 1)}"
        self.say(
            f"{event.strategy}: {many} with {event.model}, window {event.window:,} tokens, run {event.run_id}"
        )
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
        self._bar.update(self._task, description=what, completed=done, total=total, unit=unit, visible=True)
        now = time.monotonic()
        if self._quiet or self._out.is_terminal or (now - self._told < _PLAIN_EVERY and done < total):
            return
        self._told = now
        since = done - (self._first or 0)
        left = (now - self._started) / since * (total - done) if since > 0 else 0
        self.say(
            f"{what}: {done} of {total} {unit}, about {_span(left)} left"
            if done < total
            else f"{what}: {done} of {total} {unit}"
        )

    def tell_answer(self, answer: Answer) -> None:
        """Where the answer stands, how much was read, what it cost."""
        self.say("")
        for citation in answer.citations:
            where = f", page {citation.page}" if citation.page else f", character {citation.char_start}"
            quote = " ".join(citation.quote.split())
            self.say(f"  [{citation.document}{where}] “{quote}”")
        for warning in [*answer.warnings, *(f"not read: {s}" for s in answer.coverage.skipped)]:
            self.say(f"  note: {warning}")
        if answer.dropped_quotes:
            self.say(f"  {answer.dropped_quotes} quotes that do not stand in the document were dropped")
        usage = answer.usage
        again = f" ({usage.replayed} from an earlier command)" if usage.replayed else ""
        tokens = usage.prompt_tokens + usage.completion_tokens
        status = answer.status.replace("_", " ")
        calls = f"{usage.calls} call{'s' * (usage.calls != 1)}"
        self.say(
            f"  {status}; {answer.coverage.sentence}; {calls}{again}, {tokens:,} tokens,"
            f" {_span(usage.seconds)}; run {answer.run_id}"
        )


def _span(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
