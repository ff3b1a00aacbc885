"""What is typed at the prompt: line editing, what was typed before, and a timer that waits beside."""

from __future__ import annotations

import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import ModuleType

from lcagent.cli import terminal
from lcagent.errors import UsageError


class TimerUp(Exception):
    """Nothing was typed for long enough."""


def _line_editor() -> ModuleType | None:
    try:
        import readline
    except ImportError:  # not on every system
        return None
    return readline


class Typing:
    """Reads lines.

    Args:
        every: seconds without input after which `line` raises `TimerUp`; None: never.

    Raises:
        UsageError: this system has no timer.
    """

    def __init__(self, every: float | None = None) -> None:
        if every is not None and not hasattr(signal, "setitimer"):
            raise UsageError("--every does not work on this system", hint="ChatSession.tick() does it")
        self._every, self._editor = every, _line_editor()

    def line(self, prompt: str) -> str:
        """One line without its end.

        Raises:
            EOFError: Ctrl-D.
            KeyboardInterrupt: Ctrl-C.
            TimerUp: see there; the prompt is wiped away.
        """
        with self._timer():
            return self._read(prompt)

    def sure(self, question: str) -> bool:
        """Whether a question is answered with yes."""
        try:
            return self._read(f"{question} [y/N] ").strip().casefold() in {"y", "yes"}
        except EOFError:
            return False

    def recall(self, lines: Sequence[str]) -> None:
        """Make these, and no others, what the arrow keys bring back."""
        if self._editor is not None:
            self._editor.clear_history()
            for line in lines:
                self._editor.add_history(line.replace("\n", " "))

    def _read(self, prompt: str) -> str:
        if not terminal.on_terminal():  # stdout carries the replies alone
            terminal.error(prompt)
            prompt = ""
        return input(prompt)

    @contextmanager
    def _timer(self) -> Generator[None]:
        if self._every is None:
            yield
            return

        def ring(*_: object) -> None:
            if self._editor is not None and self._editor.get_line_buffer():  # something is being typed
                signal.setitimer(signal.ITIMER_REAL, self._every or 0)
            else:
                raise TimerUp

        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, self._every)
        try:
            yield
        except TimerUp:
            terminal.error("\r\x1b[K", raw=True)
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
