"""`lcagent chat`: a conversation in the terminal, or one message a line through a pipe.

stdout carries the replies alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli.answers import footnotes
from lcagent.cli.chat_commands import Commands
from lcagent.cli.chat_typing import TimerUp, Typing
from lcagent.cli.options import PasswordOption, QuietOption, reading, settings_from
from lcagent.errors import LcagentError, UsageError
from lcagent.text import clipped, folded_line, told_time

if TYPE_CHECKING:
    from lcagent.answer import Reply
    from lcagent.chat import ChatSession
    from lcagent.cli.chat_screen import Screen
    from lcagent.events import Event

DEFAULT_TENANT, DEFAULT_SESSION = "default", "main"
_LAST = 4
"""Messages that are shown of a conversation that is gone on with."""
_REMEMBERED = 500
"""Messages that the arrow keys bring back."""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")


@reading
def chat(
    flags: dict[str, Any],
    session: Annotated[str, typer.Option("--session", help="Which conversation.")] = DEFAULT_SESSION,
    tenant: Annotated[str, typer.Option("--tenant", help="Whose memory.")] = DEFAULT_TENANT,
    attach: Annotated[
        list[Path] | None,
        typer.Option("--attach", metavar="FILE", help="A document whose passages can be searched."),
    ] = None,
    password: PasswordOption = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="DURATION", help="After so long without input, e.g. 10m, the agent may speak."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line, a reply each.")
    ] = False,
    quiet: QuietOption = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say what each reply cost.")] = False,
) -> None:
    """Talk, with a memory that outlives the window; the same --session is gone on with.

    /help has the commands. Ctrl-C stops a reply. In a pipe one line is one message, and the first failure
    ends it. Exit status: 0, or 1 failure, 2 usage, 4 a budget was reached, 130 interrupted in a pipe.
    """
    terminal = sys.stdin.isatty()
    seconds = None if every is None else _seconds(every)
    if seconds is not None and not terminal:
        raise UsageError(
            "--every needs a terminal", hint="in a pipe nobody waits; ChatSession.tick() does it"
        )
    settings = settings_from(**flags)
    from lcagent.chat import ChatSession
    from lcagent.cli.chat_screen import Screen
    from lcagent.models.serving.session import ModelSession

    screen = Screen(typed=terminal, as_json=as_json, quiet=quiet, verbose=verbose)
    models = ModelSession(settings, screen.fetching)
    with models, ChatSession(session, tenant=tenant, settings=settings, models=models) as talk:
        conversation = Conversation(talk, screen, password)
        if terminal:
            conversation.in_terminal(attach or (), seconds)
        else:
            conversation.in_pipe(attach or ())


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text.strip().casefold())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not seconds:
        raise UsageError(f"--every {text} is no duration", hint="such as 90s, 10m or 2h")
    return seconds


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is typed, said.

    Args:
        chat: the session.
        screen: shows it.
        password: for encrypted PDFs.
    """

    chat: ChatSession
    screen: Screen
    password: str | None

    def in_pipe(self, attached: Iterable[Path]) -> None:
        """One line is one message, or a command.

        Raises:
            LcagentError: the first of any; what was said until then is kept.
        """
        commands = Commands(self.chat, self.screen, self.password)
        for path in attached:
            commands.attach(str(path))
        for raw in sys.stdin.buffer:
            line = raw.decode("utf-8", "replace").strip()
            if commands.named(line):
                if not commands.run(line):
                    return
            elif line:
                self._said(commands.message(line))

    def in_terminal(self, attached: Iterable[Path], every: float | None) -> None:
        """Until Ctrl-D, /quit or Ctrl-C twice; an error is told, and the conversation goes on.

        Args:
            attached: documents to begin with.
            every: seconds without input after which the timer goes off; None: there is none.
        """
        typing = Typing(every)
        commands = Commands(self.chat, self.screen, self.password, typing.sure)
        self._greet(typing)
        for path in attached:
            self._guarded(lambda path=path: commands.attach(str(path)))
        self._guarded(self._go_on)
        with suppress(KeyboardInterrupt):  # twice, so fast that nothing waits for the second
            self._talk(typing, commands)
        self.screen.say("")

    def _talk(self, typing: Typing, commands: Commands) -> None:
        interrupted = False
        while True:
            try:
                line = typing.line("> ").strip()
            except EOFError:
                return
            except KeyboardInterrupt:
                if interrupted:
                    return
                interrupted = True
                self.screen.say("\nCtrl-C once more, or Ctrl-D, leaves")
                continue
            except TimerUp:
                self._guarded(self._tick)
                continue
            interrupted = False
            if self._guarded(lambda line=line: self._typed(line, typing, commands)) is False:
                return

    def _typed(self, line: str, typing: Typing, commands: Commands) -> bool:
        """Carry out what was typed; False where that is to leave."""
        if not line:
            self._again()
        elif not commands.named(line):
            self._said(commands.message(line))
        elif not commands.run(line):
            return False
        elif commands.forgot:
            typing.recall(self._recalled())
        return True

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Do something in a terminal: errors are told, and Ctrl-C stops it."""
        try:
            return work()
        except LcagentError as error:
            self.screen.error(error)
            if self._guarded(self.chat.unanswered) is not None:
                self.screen.say("hint: the message is kept; an empty line tries again")
        except KeyboardInterrupt:
            self.screen.say("stopped")
            self._guarded(self.chat.give_up)
        return None

    # Turns

    def _said(self, text: str) -> None:
        def work(show: Callable[[Event], None]) -> Reply:
            from lcagent.events import Replied

            with closing(self.chat.stream(text)) as events:
                for event in events:
                    show(event)
                    if isinstance(event, Replied):
                        return event.reply
            raise AssertionError("a turn ends with its reply, or raises")

        self._turn(work)

    def _tick(self) -> None:
        self._turn(lambda show: self.chat.tick(on_event=show), silently=True)

    def _again(self) -> None:
        self._turn(lambda show: self.chat.resume(on_event=show))

    def _turn(
        self, work: Callable[[Callable[[Event], None]], Reply | None], *, silently: bool = False
    ) -> None:
        with self.screen.turn(silently=silently):
            reply = work(self.screen.show)
        if reply is not None:
            self.screen.tell(reply)

    # The beginning

    def _greet(self, typing: Typing) -> None:
        name, last = self.chat.session, self.chat.history(_LAST)
        if not last:
            self.screen.say(f"session {name}: /help has the commands, Ctrl-D leaves")
            return
        count, day = self.chat.count(), told_time(last[-1].at)[:10]
        self.screen.say(f"going on with session {name}: {count:,} message{'s' * (count != 1)}, last on {day}")
        for one in last:
            who = {"assistant": "", "user": "> "}.get(one.author, f"{one.author}: ")
            self.screen.say(f"  {who}{clipped(one.text, 200)}", dim=True)
            for line in footnotes(one):
                self.screen.say(f"    {folded_line(line)}", dim=True)
        typing.recall(self._recalled())

    def _recalled(self) -> list[str]:
        """What the arrow keys bring back: it lies in the memory alone, so that what is forgotten is gone."""
        return [one.text for one in self.chat.history(_REMEMBERED) if one.author == "user"]

    def _go_on(self) -> None:
        """Answer what was said last, if that was broken off; a timer that had gone off is let be."""
        left = self.chat.unanswered()
        if left is None:
            return
        if left.author == "system":
            self.chat.give_up()
            return
        self.screen.say("your last message was not answered: answering it now")
        self._again()
