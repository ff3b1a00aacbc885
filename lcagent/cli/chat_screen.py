"""What a person sees of a conversation: replies on stdout, everything else on stderr."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lcagent.cli import terminal
from lcagent.cli.answers import duration, footnotes
from lcagent.events import AnswerDelta, Event, FunctionCalled, Notice, SegmentRead
from lcagent.text import clipped, folded_line, shown

if TYPE_CHECKING:
    from lcagent.answer import Reply
    from lcagent.errors import LcagentError

_MOST_ABOUT = 100
_HANGING = "    "
"""Stands before what goes on in another line."""
_LEAST_ROOM = 24
"""Characters of a line's text below which it is not wrapped."""
_DOING = {
    "conversation_search": "searching earlier messages",
    "conversation_search_date": "looking through the messages of some days",
    "core_memory_append": "noting",
    "core_memory_replace": "changing a note",
    "archival_memory_insert": "storing",
    "archival_memory_search": "searching what is stored",
    "read_more": "reading around",
    "read_document": "reading all of the documents",
}
"""What the agent does when it calls a function; sending its message needs no word."""


class Screen:
    """Shows turns.

    Args:
        typed: somebody types: a reply is shown while it is written, if stdout is a terminal too.
        as_json: replies are objects, one a line.
        quiet: nothing on stderr but errors, and what was asked for.
        verbose: also what a reply cost, and what the agent does when the timer has gone off.
    """

    def __init__(
        self, *, typed: bool = False, as_json: bool = False, quiet: bool = False, verbose: bool = False
    ) -> None:
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._json, self._quiet, self._verbose = as_json, quiet, verbose
        self._echo = typed and not as_json and terminal.on_terminal()
        self._out = terminal.console(stderr=True)
        self._dim = "" if os.environ.get("NO_COLOR") else "dim"
        self._waiting = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._out,
            transient=True,
            disable=quiet or not self._out.is_terminal,
        )
        self._task = self._waiting.add_task("thinking")
        self._silent, self._written = False, ""

    def say(self, text: str, *, dim: bool = False) -> None:
        """A line that can be spared."""
        if not self._quiet:
            self.answer(text, dim=dim)

    def answer(self, text: str, *, dim: bool = False) -> None:
        """A line that a command was asked for."""
        style = self._dim if dim else ""
        begin = text[: len(text) - len(text.lstrip(" "))]
        for line in self._lines(shown(text)[len(begin) :], len(begin)):
            self._out.print(begin + line, style=style, soft_wrap=not self._out.is_terminal)
            begin = begin if begin.endswith(_HANGING) else begin + _HANGING

    def _lines(self, text: str, indent: int) -> list[str]:
        """On a terminal lines end with a word, and go on under their text; elsewhere they are left whole."""
        from rich.text import Text

        room = self._out.width - indent - len(_HANGING)
        if not self._out.is_terminal or not indent or room < _LEAST_ROOM:
            return [text]
        return [line.plain.rstrip() for line in Text(text).wrap(self._out, room)]

    def error(self, error: LcagentError) -> None:
        """What went wrong, and what can be done about it."""
        self._end_line()
        self.answer(f"error: {error.message}")
        if error.hint:
            self.answer(f"hint: {error.hint}")

    def fetching(self, what: str, done: int, total: int) -> None:
        """Progress of a model file being fetched."""
        self._waiting.update(self._task, description=f"{what}: {done >> 20} of {max(total >> 20, 1)} MiB")

    @contextmanager
    def turn(self, *, silently: bool = False) -> Generator[None]:
        """While a turn is taken.

        Args:
            silently: nothing of it is shown but what is said.
        """
        self._silent, self._written = silently and not self._verbose, ""
        self._waiting.reset(self._task, description="thinking")
        self._waiting.start()
        try:
            yield
        except BaseException:
            self._waiting.stop()
            self._end_line()
            raise
        self._waiting.stop()

    def show(self, event: Event) -> None:
        """One event of a turn."""
        if isinstance(event, AnswerDelta):
            self._write(event.text)
        elif isinstance(event, SegmentRead):
            self._waiting.update(self._task, description=f"reading: {event.done} of {event.total} segments")
        elif self._silent:
            return
        elif isinstance(event, Notice):
            self._end_line()
            self.say(event.text, dim=True)
        elif isinstance(event, FunctionCalled) and event.name in _DOING:
            self._end_line()
            about = f": {clipped(event.about, _MOST_ABOUT)}" if event.about else ""
            self.say(f"  {_DOING[event.name]}{about}", dim=True)
            self._waiting.update(self._task, description="thinking")

    def _write(self, text: str) -> None:
        if self._echo:
            self._waiting.stop()
            self._written += shown(text)
            terminal.write(text)
            terminal.flush()

    def _end_line(self) -> None:
        """What is said on stderr does not go on in the line of a reply that is being written."""
        if self._written and not self._written.endswith("\n"):
            self._write("\n")

    def tell(self, reply: Reply) -> None:
        """The reply, as far as it is not there yet, and what it rests on; nothing where nothing was said."""
        if self._json:
            terminal.json_text(reply.model_dump_json())
            terminal.flush()
            return
        text, written = shown(reply.text), self._written.strip()
        if not text:
            return
        if written and not text.startswith(
            written
        ):  # another attempt of the model's than the one that counts
            self._end_line()
            self.say("the reply is:", dim=True)
            written = ""
        terminal.text(text[len(written) :])
        terminal.flush()
        self._written = ""
        self._tell_sources(reply)

    def _tell_sources(self, reply: Reply) -> None:
        for line in footnotes(reply):
            self.say(f"  {folded_line(line)}", dim=True)
        if reply.status == "conflicting":
            self.say("  note: what it rests on says two things", dim=True)
        elif reply.status == "not_found":
            self.say("  note: said nowhere in the conversation or its documents", dim=True)
        for warning in reply.warnings:
            self.say(f"  note: {folded_line(warning)}", dim=True)
        if self._verbose:
            calls = f"{reply.calls} call{'s' * (reply.calls != 1)}"
            self.say(f"  {calls}, {reply.tokens:,} tokens, {duration(reply.seconds)}", dim=True)
