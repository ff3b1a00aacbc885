"""Parsing in a process of its own, with limits of time, memory and output.

A file of 752 bytes can make a parser take gigabytes and never end, and a parser in native code can crash:
here it takes down a child, and the user reads one sentence. The child is kept warm for the next file; there
are several where several threads read at once, so that a file which takes a minute holds up no other one.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from typing import Any

from lcagent import errors
from lcagent.documents.described import from_description
from lcagent.documents.document import Document
from lcagent.documents.formats import Content, OnDisk
from lcagent.documents.parsing.frames import read, write
from lcagent.documents.parsing.limits import MEMORY_SPENT, Limits, limits
from lcagent.documents.parsing.watchdog import Watchdog
from lcagent.errors import DocumentDamaged, DocumentError, DocumentTooLarge
from lcagent.text import clipped

_SAVE_AGAIN = "open and save it again with the program that made it"
_TO_HARM = (
    "the file may be damaged, or made to harm: save it again with the program that made it, or split it"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One file, and what is to be done with it."""

    head: dict[str, Any]
    data: bytes
    bounds: Limits


_LOOK = 0.2
"""Seconds between two looks whether whoever waits for a child has given up."""
_Reply = tuple[dict[str, Any], bytes]


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    watchdog: Watchdog
    owner: int
    """Id of the process that started it: after a fork it is not ours."""


@dataclass(slots=True, eq=False)
class _Place:
    """Where one child works for one asker at a time."""

    child: _Child | None = None
    asker: threading.Event | None = None


class Parser:
    """Turns what files hold into documents, in children that are started when needed.

    Args:
        most: children at once; whoever comes then waits.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._idle: list[_Place] = []
        self._places: list[_Place] = []
        self._halting = threading.Lock()

    def parse(
        self,
        contents: Sequence[tuple[str, Content]],
        *,
        password: str | None,
        halt: threading.Event | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> list[Document | DocumentError]:
        """Turn what files hold into documents.

        Small files are best given many at once: both processes then work at the same time, and wake less.

        Args:
            contents: of each file, with its name as shown to people.
            password: for an encrypted PDF.
            halt: whose parsing `halt` ends.
            meanwhile: what to do while the child works; called again when another child has to be started.

        Returns:
            Of each file its document, or what is wrong with it: as the format's parser finds it, or because
            it went over a limit or crashed.

        Raises:
            DocumentError: given up by whoever asked.
        """
        asked = [_to_parse(name, content, password) for name, content in contents]
        replies = self._answers(asked, halt, meanwhile)
        return [
            reply
            if isinstance(reply, DocumentError)
            else from_description(reply[0]["document"], reply[1].decode("utf-8", "surrogatepass"))
            for reply in replies
        ]

    def recognise(
        self,
        data: bytes,
        page_index: int,
        *,
        name: str,
        password: str | None,
        halt: threading.Event | None = None,
    ) -> str:
        """The text in the picture of a PDF's page.

        Args:
            data: the PDF.
            page_index: of the page, from 0.
            name: as shown to people.
            password: where it is encrypted.
            halt: as of `parse`.

        Raises:
            DocumentError: it went over a limit, or crashed, or was given up.
        """
        head = {"kind": "OCR", "page": page_index, "name": name, "password": password}
        (reply,) = self._answers([_Asked(head, data, limits(len(data), picture=True))], halt, lambda: None)
        if isinstance(reply, DocumentError):
            raise reply
        return reply[1].decode("utf-8", "replace")

    def of_pages(
        self,
        data: bytes,
        wanted: Mapping[str, Any],
        *,
        name: str,
        password: str | None,
        halt: threading.Event | None = None,
    ) -> tuple[dict[str, Any], bytes]:
        """What is wanted of the pages of a PDF, as `formats.pdf.wanted.of_pages` gives it.

        Args:
            data: the PDF.
            wanted: see there.
            name: as shown to people.
            password: where it is encrypted.
            halt: as of `parse`.

        Raises:
            DocumentError: it cannot be opened, went over a limit, or crashed.
        """
        head = {"kind": "pdf", "wanted": wanted, "name": name, "password": password}
        (reply,) = self._answers([_Asked(head, data, limits(len(data)))], halt, lambda: None)
        if isinstance(reply, DocumentError):
            raise reply
        return reply

    def _answers(
        self, asked: Sequence[_Asked], halt: threading.Event | None, meanwhile: Callable[[], None]
    ) -> list[_Reply | DocumentError]:
        """What the child makes of each file; one that ends it does not cost the others their turn."""
        found: list[_Reply | DocumentError] = []
        with self._place(halt) as place:
            while len(found) < len(asked):
                _check(halt)
                left = asked[len(found) :]
                replies = _replies(place, left, meanwhile) or _replies(place, left, meanwhile)
                found += replies or [_ended(0, left[0], late=False)]
        return found

    @contextmanager
    def _place(self, halt: threading.Event | None) -> Generator[_Place]:
        """A place of one's own, with a warm child if there is one."""
        while not self._free.acquire(timeout=_LOOK):
            _check(halt)
        try:
            place = self._idle.pop()  # the one that worked last
        except IndexError:
            place = _Place()
            self._places.append(place)
        place.asker = halt
        try:
            yield place
        finally:
            with self._halting:
                place.asker = None
            self._idle.append(place)
            self._free.release()

    def halt(self, asker: threading.Event) -> None:
        """End the child that works for somebody who has given up.

        Args:
            asker: as given to `parse`; it is set.
        """
        asker.set()
        with self._halting:
            for place in self._places:
                if place.asker is asker and place.child is not None:
                    place.child.process.kill()

    def stop(self) -> None:
        """End the children at the end of this process."""
        for place in self._places:
            if place.child is not None and place.child.owner == os.getpid():
                place.child.process.kill()
                _forget(place)


PARSER = Parser((os.cpu_count() or 1) + 2)
"""That of this process; its children end with it."""
atexit.register(PARSER.stop)


def _check(halt: threading.Event | None) -> None:
    if halt is not None and halt.is_set():
        raise DocumentError("given up by whoever asked")


def _replies(
    place: _Place, asked: Sequence[_Asked], meanwhile: Callable[[], None]
) -> list[_Reply | DocumentError]:
    """What the child says until it ends; nothing if it was just ending, having had no work for long."""
    child = _started(place)
    process, found = child.process, list[_Reply | DocumentError]()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with child.watchdog.within(4 * asked[0].bounds.seconds):
            heads = [{**one.head, "size": len(one.data), "limits": astuple(one.bounds)} for one in asked]
            write(process.stdin, {"files": heads}, *(one.data for one in asked))
            meanwhile()
            found.append(_told(read(process.stdout, asked[0].bounds.output), asked[0]))
        for one in asked[1:]:
            with child.watchdog.within(4 * one.bounds.seconds):
                found.append(_told(read(process.stdout, one.bounds.output), one))
    except (OSError, EOFError):
        code = process.wait()
        _forget(place)
        if code != 0:
            found.append(_ended(code, asked[len(found)], late=child.watchdog.late))
    except BaseException:  # interrupted, or it says what it should not
        process.kill()
        _forget(place)
        raise
    return found


def _started(place: _Place) -> _Child:
    """The child, a new one where there is none."""
    child = place.child
    if child is not None and child.owner == os.getpid():
        if child.process.poll() is None:
            return child
        _forget(place)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "lcagent.documents.parsing.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # parsers report each repair
        start_new_session=True,  # Ctrl-C reaches us alone; we then end the child
    )
    place.child = _Child(process, Watchdog(process.kill), os.getpid())
    return place.child


def _forget(place: _Place) -> None:
    """Close what leads to a child that has ended, or is about to."""
    child, place.child = place.child, None
    if child is None:
        return
    child.watchdog.stop()
    child.process.wait()
    for pipe in (child.process.stdin, child.process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not yet sent to it
                pipe.close()


def _to_parse(name: str, content: Content, password: str | None) -> _Asked:
    data = content.data
    head: dict[str, Any] = {
        "kind": content.kind,
        "sha256": content.sha256,
        "encoding": content.encoding,
        "notes": content.notes,
        "name": name,
        "password": password,
    }
    if isinstance(data, OnDisk):
        head["on_disk"] = [str(data.path), data.size, data.changed]
        return _Asked(head, b"", limits(data.size))
    head["text"] = isinstance(data, str)
    sent = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return _Asked(head, sent, limits(len(sent), picture=content.kind == "picture"))


def _ended(code: int, asked: _Asked, *, late: bool) -> DocumentError:
    """Why a child ended without an answer."""
    kind, name, bounds = asked.head["kind"], asked.head["name"], asked.bounds
    if late or code == -int(getattr(signal, "SIGXCPU", 0)):
        return DocumentTooLarge(f"{name} takes more than {bounds.seconds:.0f} s to parse", hint=_TO_HARM)
    if code == MEMORY_SPENT:
        return DocumentTooLarge(f"{name} needs more than {bounds.memory >> 20:,} MiB to parse", hint=_TO_HARM)
    # Native code that is refused memory aborts, or stumbles over what it did not get.
    refused = f", or need more than {bounds.memory >> 20:,} MiB" if code < 0 else ""
    status = f"exit status {code}" if code >= 0 else f"signal {-code}"
    return DocumentDamaged(f"{name} makes the {kind} parser crash ({status}){refused}", hint=_SAVE_AGAIN)


def _told(reply: _Reply, asked: _Asked) -> _Reply | DocumentError:
    """A reply, or the error that it tells."""
    if "error" not in reply[0]:
        return reply
    code = str(reply[0]["error"])
    known = getattr(errors, code, None)
    if isinstance(known, type) and issubclass(known, DocumentError):
        return known(str(reply[0].get("message", "")), hint=str(reply[0].get("hint", "")))
    kind, name = asked.head["kind"], asked.head["name"]
    return DocumentDamaged(f"{name} cannot be parsed as {kind}: {clipped(code, 80)}", hint=_SAVE_AGAIN)
