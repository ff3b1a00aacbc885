"""For conversations: an agent that answers by rules, through the functions that it is offered, and a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
from contextlib import suppress
from typing import Self

from tests.killable import Command
from tests.loopback import Request

HOME = "I live in Paris, with Rex my dog."
WHERE = "Where do I live?"


def agent(request: Request) -> str:
    """Notes where the user lives; searches for it when it is asked; says nothing to the timer; else echoes."""
    fields = (request.schema or {}).get("properties", {})
    if "summary" in fields:
        return json.dumps({"summary": "They talked."})
    lines = request.text.split("<conversation>\n")[-1].split("\n</conversation>")[0].split("\n")
    begins = max(n for n, line in enumerate(lines) if re.match(r"\[(m\d+ .* user|system .*)\]", line))
    said, done = lines[begins], any(line.startswith("[result]") for line in lines[begins:])
    if said.startswith("[system"):
        return send("Time for tea!" if any("tea" in line for line in lines[:begins]) else "")
    if "live in Paris" in said and not done:
        return call("core_memory_append", name="human", content="Lives in Paris.", heartbeat="yes")
    if WHERE in said:
        return send("You live in Paris.") if done else call("conversation_search", query="live Paris", page=1)
    return send(f"Noted: {said.partition('] ')[2]}")


def send(message: str) -> str:
    """The last step of a turn."""
    return call("send_message", known="yes", message=message)


def call(do: str, **arguments: object) -> str:
    """A step of a turn."""
    return json.dumps({"thought": "so", "do": do, **arguments})


class Terminal:
    """`lcagent` in a terminal of its own, in which is typed.

    Args:
        arguments: of the command.
    """

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self.text = ""
        self._seen = 0
        self.process = Command(*arguments, tty=slave, environment={"TERM": "xterm"}, first=_in_front)
        os.close(slave)

    def shows(self, text: str, *, key: str = "") -> str:
        """Wait until it shows a text, behind what was waited for before.

        Args:
            text: is waited for.
            key: is pressed again after each second in which nothing is shown. A signal that comes between the
                prompt and the wait for a key is seen by Python's readline with the next one alone.

        Returns:
            All that it showed until then.
        """
        while text not in self.text[self._seen :]:
            assert self._reads(key), f"{text!r} is not shown: {self.text!r}"
        before, self._seen = self._seen, self.text.index(text, self._seen) + len(text)
        return self.text[before : self._seen]

    def types(self, text: str) -> None:
        """Type something; `ENTER`, `CTRL_C` and the like are keys."""
        os.write(self._master, text.encode())

    def ended(self) -> int:
        """Its exit status, once it has ended."""
        while self._reads(""):
            pass
        return self.process.ended()

    def _reads(self, key: str) -> bool:
        """Take what it shows next; False where it shows nothing more."""
        read = b""
        with suppress(OSError):  # it has ended
            for _ in range(60):
                if select.select([self._master], [], [], 1)[0]:
                    read = os.read(self._master, 1 << 16)
                    break
                self.types(key)
        self.text += read.decode("utf-8", "replace")
        return bool(read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.ended()
        os.close(self._master)


ENTER, CTRL_C, CTRL_D, UP = "\r", "\x03", "\x04", "\x1b[A"
PROMPT = "> "


def _in_front() -> None:
    """A new session whose terminal this is, so that Ctrl-C reaches it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
