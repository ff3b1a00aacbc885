"""An answer in the default browser: one local file, with the quotes highlighted."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

from lcagent.cli import terminal
from lcagent.errors import OutputError

if TYPE_CHECKING:
    from lcagent.settings import Settings


def show_answer(run: str, settings: Settings, password: str | None) -> None:
    """Write the page of an answer and open it; where no browser opens, its address is told on stderr.

    Args:
        run: its id.
        settings: where it is kept.
        password: for encrypted PDFs.

    Raises:
        OutputError: the page cannot be written.
    """
    from lcagent.runs.answer_page import write_page
    from lcagent.runs.sources import kept

    try:
        address = write_page(kept(settings, run), settings, password)
    except OSError as error:
        raise OutputError(
            f"the page of the answer cannot be written: {error.strerror}",
            hint="the answer itself is kept: `lcagent runs show last`",
        ) from error
    try:
        opened = webbrowser.open(address)
    except webbrowser.Error:
        opened = False
    if not opened:
        terminal.note(f"no browser opens; the answer with its quotes is in {address}")
