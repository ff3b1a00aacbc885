"""The commands of `lcagent chat`, each a line that begins with a slash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lcagent.errors import UsageError
from lcagent.text import clipped, folded_line, told_time

if TYPE_CHECKING:
    from lcagent.answer import Message
    from lcagent.chat import Attached, ChatSession
    from lcagent.cli.chat_screen import Screen

BLOCK = "human"
"""The block of core memory that is meant where none is named."""
_WIDTH = 100
"""Characters of a message in a list."""
_HELP = {
    "/help": "these commands",
    "/remember TEXT": "put a line into core memory, which is always in view",
    "/forget WORDS": "delete all that holds these words, with what was made of it; asks first",
    "/forget #NUMBER": "delete one message, likewise",
    "/memory": "core memory, and what of it is outdated",
    "/attach FILE": "a document whose passages can be searched from then on",
    "/present FILE": "attach it, and have the agent say something to it at once",
    "/search WORDS": "earlier messages",
    "/why": "what was in the window for the last reply, each part with its tokens",
    "/undo [BLOCK]": f"undo the last change of a block of core memory ({BLOCK})",
    "/quit": "leave, as Ctrl-D does",
}


class Commands:
    """Carries out commands; what they show is no reply, and goes to stderr.

    Args:
        chat: the session.
        screen: shows it.
        password: for encrypted PDFs.
        sure: asks whether something is to be done; None: nobody is there to be asked.
    """

    def __init__(
        self,
        chat: ChatSession,
        screen: Screen,
        password: str | None = None,
        sure: Callable[[str], bool] | None = None,
    ) -> None:
        self._chat, self._screen, self._password, self._sure = chat, screen, password, sure
        self.forgot = False
        """Whether the last command has deleted something."""
        self._commands: dict[str, Callable[[str], None]] = {
            "/help": self._help,
            "/remember": self._remember,
            "/forget": self._forget,
            "/memory": self._memory,
            "/attach": self.attach,
            "/present": self._present,
            "/search": self._search,
            "/why": self._why,
            "/undo": self._undo,
        }

    @staticmethod
    def named(line: str) -> bool:
        """Whether a line is a command; with two slashes it is a message that begins with one."""
        return line.startswith("/") and not line.startswith("//")

    @staticmethod
    def message(line: str) -> str:
        """What a line says that is no command."""
        return line[1:] if line.startswith("//") else line

    def run(self, line: str) -> bool:
        """Carry one out.

        Returns:
            False where the conversation is to be left.

        Raises:
            UsageError: there is no such command, or something is missing.
            LcagentError: any other of the tree.
        """
        name, _, rest = line.partition(" ")
        self.forgot = False
        if name == "/quit":
            return False
        if name not in self._commands:
            raise UsageError(
                f"there is no command {name}",
                hint=f"{', '.join(self._commands)}, /quit; a message that begins with / is written with //",
            )
        self._commands[name](rest.strip())
        return True

    def _help(self, _rest: str) -> None:
        width = max(map(len, _HELP))
        for usage, what in _HELP.items():
            self._screen.answer(f"  {usage:<{width}}  {what}")

    def attach(self, name: str) -> None:
        """Attach a document.

        Args:
            name: of the file; in quotes, and with ~ for the home folder, if that is how it is written.

        Raises:
            DocumentError: it cannot be read.
        """
        path = Path(_needed(_unquoted(name), "/attach FILE")).expanduser()
        self._attached(self._chat.attach(path, password=self._password))

    def _present(self, name: str) -> None:
        path = Path(_needed(_unquoted(name), "/present FILE")).expanduser()
        with self._screen.turn():
            done = self._chat.attach(path, password=self._password, turn=True, on_event=self._screen.show)
        self._attached(done)
        if done.reply is not None:
            self._screen.tell(done.reply)

    def _attached(self, done: Attached) -> None:
        pages = f": {done.pages:,} pages" if done.pages else ""
        self._screen.say(f"attached {folded_line(', '.join(done.names))}{pages}")

    def _remember(self, text: str) -> None:
        self._chat.remember(_needed(text, "/remember TEXT"), block=BLOCK)
        self._screen.say(f"added to {BLOCK}")

    def _forget(self, what: str) -> None:
        asked = _needed(what, "/forget WORDS, or /forget #NUMBER")
        number = asked.removeprefix("#")
        numbered = asked.startswith("#") and number.isdecimal()
        found = self._chat.forget(int(number) if numbered else asked, dry_run=True).messages
        if not found:
            self._screen.answer("nothing holds all of these words")
            return
        told = [one for one in found if one.text]
        for one in told:
            self._screen.answer(_line(one))
        many = f"{len(told)} entr{'y' if len(told) == 1 else 'ies'}"
        if self._sure is None:
            named = " ".join(str(one.id) for one in found)
            raise UsageError(
                f"nothing is deleted yet: {many} would be, and here nobody can be asked",
                hint=f"lcagent memory forget {named} --yes",
            )
        if not self._sure(f"delete {many} for good?"):
            self._screen.answer("nothing is deleted")
            return
        gone = self._chat.forget([one.id for one in found])
        self.forgot = True
        self._screen.say(f"{many} deleted")
        if not gone.erased:
            self._screen.answer("traces stay until who reads them has ended, or a server writes over them")

    def _memory(self, _rest: str) -> None:
        for label, lines in self._chat.memory().items():
            self._screen.answer(f"{label}:")
            for one in lines:
                noted = "".join(f" ({folded_line(note)})" for note in one.notes)
                self._screen.answer(f"  - {folded_line(one.text)}{noted}")
            if not lines:
                self._screen.answer("  (empty)")

    def _search(self, words: str) -> None:
        found = self._chat.search(_needed(words, "/search WORDS"))
        self._screen.answer(f"{found.total:,} found" + (", the best of them:" if found.pages > 1 else ""))
        for one in found.messages:
            self._screen.answer(_line(one))

    def _why(self, _rest: str) -> None:
        why = self._chat.why()
        rows = {
            "instructions": why["instructions"],
            "core memory": why["core"],
            "summary of earlier messages": why["summary"],
            "conversation": why["conversation"],
            "kept for the reply": why["reply"],
        }
        rows["free"] = max(0, why["size"] - sum(rows.values()))
        self._screen.answer(f"window of the last reply: {why['size']:,} tokens")
        width = max(map(len, rows))
        for part, tokens in rows.items():
            self._screen.answer(f"  {part:<{width}}  {tokens:>7,}")
        in_view = sorted((one for one in why["messages"] if one.text), key=lambda one: one.id)
        self._screen.answer(f"in view of the conversation: {len(in_view)}")
        for one in in_view:
            self._screen.answer(_line(one))

    def _undo(self, block: str) -> None:
        self._chat.undo(block or BLOCK)
        self._screen.say(f"undone in {block or BLOCK}")


def _line(one: Message) -> str:
    noted = "".join(f" ({folded_line(note)})" for note in one.notes)
    return f"  #{one.id} {told_time(one.at)} {folded_line(one.author)}: {clipped(one.text, _WIDTH)}{noted}"


def _needed(text: str, usage: str) -> str:
    if not text:
        raise UsageError("something is missing", hint=usage)
    return text


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name
