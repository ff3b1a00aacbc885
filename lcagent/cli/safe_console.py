"""rich's console for text that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from lcagent.text import shown


class SafeConsole(Console):
    """Markup and emoji codes in text are no more than text, and what would steer the terminal is escaped.

    Args:
        stderr: it writes there.
        width: characters; None: as the terminal has.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(
            stderr=stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=stderr
        )

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Every piece of text that is printed comes from here, but for rich's own control codes."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=shown(segment.text))

    def on_broken_pipe(self) -> None:
        """Nobody reads stderr: what goes on goes on without it."""
        self.quiet = True
