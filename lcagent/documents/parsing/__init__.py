"""Parsing in a process of its own, with limits of time, memory and output.

A file of 752 bytes can make a parser take gigabytes and never end, and a parser in native code can crash:
here it takes down a child, and the user reads one sentence. The child is kept warm for the next file.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from lcagent import errors
from lcagent.documents.described import from_description
from lcagent.documents.document import Document
from lcagent.documents.formats import Content
from lcagent.documents.parsing.frames import read, write
from lcagent.documents.parsing.limits import MEMORY_SPENT, Limits, limits
from lcagent.errors import DocumentDamaged, DocumentError, DocumentTooLarge
from lcagent.text import clipped

_SAVE_AGAIN = "open and save it again with the program that made it"
_TO_HARM = (
    "the file may be damaged, or made to harm: save it again with the program that made it, or split it"
)


class ParserProcess:
    """Turns what files hold into documents, one after the other, in a child that is started when needed."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        """Id of the process that started the child: after a fork it is not ours."""
        self._asker: threading.Event | None = None

    def parse(
        self, content: Content, *, name: str, password: str | None, halt: threading.Event | None = None
    ) -> Document:
        """Turn what a file holds into a document.

        Args:
            content: of the file.
            name: as shown to people.
            password: for an encrypted PDF.
            halt: whose parsing `halt` ends.

        Raises:
            DocumentError: as the format's parser finds it, or because it went over a limit or crashed.
        """
        data = (
            content.data.encode("utf-8", "surrogatepass") if isinstance(content.data, str) else content.data
        )
        head = {
            "kind": content.kind,
            "text": isinstance(content.data, str),
            "sha256": content.sha256,
            "encoding": content.encoding,
            "notes": content.notes,
            "name": name,
            "password": password,
        }
        known, text = self._asked(head, data, limits(len(data), picture=content.kind == "picture"), halt)
        return from_description(known["document"], text.decode("utf-8", "surrogatepass"))

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
            DocumentError: it went over a limit, or crashed.
        """
        head = {"kind": "OCR", "page": page_index, "name": name, "password": password}
        return self._asked(head, data, limits(len(data), picture=True), halt)[1].decode("utf-8", "replace")

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
        return self._asked(head, data, limits(len(data)), halt)

    def _asked(
        self, head: dict[str, Any], data: bytes, bounds: Limits, halt: threading.Event | None
    ) -> tuple[dict[str, Any], bytes]:
        """What the child makes of a file."""
        with self._turn:
            self._asker = halt
            try:
                reply = self._reply(head, data, bounds) or self._reply(head, data, bounds)
            finally:
                self._asker = None
        if reply is None:
            raise _ended(0, head["kind"], head["name"], bounds, late=False)
        if "error" in reply[0]:
            raise _refused(reply[0], head["kind"], head["name"])
        return reply

    def _reply(
        self, head: dict[str, Any], data: bytes, bounds: Limits
    ) -> tuple[dict[str, Any], bytes] | None:
        """What the child says; None if it was just ending, since it had had nothing to do for long."""
        child = self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        with _deadline(child, 4 * bounds.seconds) as late:
            try:
                write(child.stdin, head, data)
                return read(child.stdout, bounds.output)
            except (OSError, EOFError) as error:
                code = child.wait()
                self._forget(child)
                if code == 0:
                    return None
                raise _ended(code, head["kind"], head["name"], bounds, late=bool(late)) from error
            except BaseException:  # interrupted, or it says what it should not
                child.kill()
                self._forget(child)
                raise

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._owner == os.getpid() and self._child.poll() is not None:
            self._forget(self._child)
        if self._child is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "lcagent.documents.parsing.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # parsers report each repair
                start_new_session=True,  # Ctrl-C reaches us alone; we then end the child
            )
        return self._child

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        """Close what leads to a child that has ended, or is about to."""
        self._child = None
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not yet sent to it
                    pipe.close()

    def halt(self, asker: threading.Event) -> None:
        """End the child if it works for somebody who has given up.

        Args:
            asker: as given to `parse`; it is set.
        """
        asker.set()
        child = self._child
        if self._asker is asker and child is not None:
            child.kill()

    def stop(self) -> None:
        """End the child at the end of this process."""
        child = self._child
        if child is not None and self._owner == os.getpid():
            child.kill()
            self._forget(child)


PARSER = ParserProcess()
"""The one of this process; it ends with it."""
atexit.register(PARSER.stop)


@contextmanager
def _deadline(child: subprocess.Popen[bytes], seconds: float) -> Generator[list[bool]]:
    """End a child that has not answered in time; what is yielded is then no longer empty."""
    late: list[bool] = []

    def end() -> None:
        late.append(True)
        child.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _ended(code: int, kind: str, name: str, bounds: Limits, *, late: bool) -> DocumentError:
    """Why a child ended without an answer."""
    if late or code == -int(getattr(signal, "SIGXCPU", 0)):
        return DocumentTooLarge(f"{name} takes more than {bounds.seconds:.0f} s to parse", hint=_TO_HARM)
    if code == MEMORY_SPENT:
        return DocumentTooLarge(f"{name} needs more than {bounds.memory >> 20:,} MiB to parse", hint=_TO_HARM)
    # Native code that is refused memory aborts, or stumbles over what it did not get.
    refused = f", or need more than {bounds.memory >> 20:,} MiB" if code < 0 else ""
    status = f"exit status {code}" if code >= 0 else f"signal {-code}"
    return DocumentDamaged(f"{name} makes the {kind} parser crash ({status}){refused}", hint=_SAVE_AGAIN)


def _refused(reply: dict[str, Any], kind: str, name: str) -> DocumentError:
    code = str(reply["error"])
    known = getattr(errors, code, None)
    if isinstance(known, type) and issubclass(known, DocumentError):
        return known(str(reply.get("message", "")), hint=str(reply.get("hint", "")))
    return DocumentDamaged(f"{name} cannot be parsed as {kind}: {clipped(code, 80)}", hint=_SAVE_AGAIN)
