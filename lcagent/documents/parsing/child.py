"""The child that parses: reads files from standard input, writes documents to standard output."""

from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lcagent.documents.described import described
from lcagent.documents.formats import Content, OnDisk, parse
from lcagent.documents.parsing.frames import read, write
from lcagent.documents.parsing.limits import MEMORY_SPENT, Limits
from lcagent.errors import DocumentError, DocumentTooLarge

if TYPE_CHECKING:
    from collections.abc import Generator

_MOST_BYTES = 1 << 40
"""The parent has seen to the file's size."""
_IDLE_SECONDS = 30
"""Without a file for so long it ends; the parent starts another when there is one."""


def main() -> None:
    """Parse what the parent sends until it closes the pipe."""
    # What a parser prints must not come between the frames.
    out, given = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)
    while _waited(given):
        try:
            head, data = read(given, _MOST_BYTES)
        except EOFError:
            return
        try:
            _answer_all(out, head["files"], data)
        except MemoryError:
            os._exit(MEMORY_SPENT)  # nothing can be trusted to be whole any more
        del head, data


def _answer_all(out: IO[bytes], files: list[dict[str, Any]], data: bytes) -> None:
    """Answer for each file, in order; what they hold stands one after the other."""
    start, room = 0, _address_space()  # once: to ask costs a tenth of what it takes to parse a small file
    for head in files:
        end = start + head["size"]
        _answer(out, head, data[start:end], room)
        start = end


def _waited(given: IO[bytes]) -> bool:
    """Whether there is something to read, or nothing to wait with."""
    if sys.platform == "win32":  # pipes cannot be waited for there: it stays until the parent ends
        return True
    return bool(select.select([given], [], [], _IDLE_SECONDS)[0])


def _answer(out: IO[bytes], head: dict[str, Any], data: bytes, room: int) -> None:
    bounds = Limits(*head["limits"])
    try:
        with _limited(bounds, room):
            if "wanted" in head:
                told, text = _wanted(head, data)
            else:
                told, text = _page(head, data) if "page" in head else _parsed(head, data, bounds)
    except DocumentError as error:
        write(out, {"error": error.code, "message": error.message, "hint": error.hint})
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a parser stumbles over is one sentence for the user
        write(out, {"error": type(error).__name__})
    else:
        write(out, told, text)


def _page(head: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    from lcagent.documents.formats.ocr import page_text

    return {}, page_text(data, head["page"], head["password"]).encode("utf-8", "replace")


def _wanted(head: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    from lcagent.documents.formats.pdf.wanted import of_pages

    return of_pages(data, head["password"], head["wanted"])


def _parsed(head: dict[str, Any], data: bytes, bounds: Limits) -> tuple[dict[str, Any], bytes]:
    name = head["name"]
    content = Content(
        head["kind"],
        _data(head, data),
        head["sha256"],
        head["encoding"],
        tuple(head["notes"]),
    )
    document = parse(content, name=name, password=head["password"])
    text = document.text.encode("utf-8", "surrogatepass")
    if len(text) > bounds.output:
        raise DocumentTooLarge(
            f"{name} becomes {len(text) / 2**20:,.0f} MiB of text, which its size does not explain",
            hint="the file may be made to harm; save it again with the program that made it, or split it",
        )
    return {"document": described(document)}, text


def _data(head: dict[str, Any], sent: bytes) -> str | bytes | OnDisk:
    if "on_disk" in head:
        path, size, changed = head["on_disk"]
        return OnDisk(Path(path), size, changed)
    return sent.decode("utf-8", "surrogatepass") if head["text"] else sent


@contextmanager
def _limited(bounds: Limits, room: int) -> Generator[None]:
    """Bound memory beyond the `room` that is taken, and the processor's time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's deadline alone
        yield
        return
    spent = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(spent.ru_utime + spent.ru_stime + bounds.seconds) + 1
    before = resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(ValueError, OSError):  # a limit of the user's own is lower
        resource.setrlimit(resource.RLIMIT_AS, (room + bounds.memory, before[0][1]))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, before[1][1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before[0])
        resource.setrlimit(resource.RLIMIT_CPU, before[1])


def _address_space() -> int:
    """Bytes that this process has mapped."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 512 << 20
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
