"""Mail: messages (EML), saved pages (MHTML) and boxes of messages (mbox), by the standard library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from typing import TYPE_CHECKING

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.encodings import narrow, said_text
from lcagent.documents.formats.html import read_html
from lcagent.documents.health import Health, few
from lcagent.errors import UnsupportedFormat

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MOST_DEEP = 8
"""Messages within messages that are opened."""
_MESSAGE_BEGINS = re.compile(rb"(?:\A|\n\r?\n)From [^\n]+\n(?=[!-9;-~]+:)")
_MUCH_RICHER = 3
"""Words of a message's HTML for each of its plain body, with which that one only says that there is HTML."""
_ENCLOSED = re.compile(r"^begin [0-7]{3,4} (.+)\n(?:[!-`]{1,62}\n)+end$", re.M)
"""A file within the text, as mail programs sent them before MIME (uuencode)."""
_ENCODINGS = {"quotedprintable": "quoted-printable", "base64": "base64", "xuuencode": "x-uuencode"}
_OF_A_PAGE = ("image/", "font/", "text/css", "text/javascript", "application/javascript", "audio/", "video/")
_ENRICHED = re.compile(r"<param>.*?</param>|<[^<>]*>", re.S | re.I)


def parse_mail(data: bytes) -> Body:
    """Read a message, with those that it forwards; attachments are named as left out.

    Args:
        data: its bytes.

    Raises:
        UnsupportedFormat: it is encrypted.
    """
    message = _parsed(data)
    if _is_encrypted(message):
        raise UnsupportedFormat(
            "the message is encrypted", hint="save its text with the program that opens it"
        )
    reading = _Reading()
    return Body(reading.message(message), health=reading.health())


def parse_mhtml(data: bytes) -> Body:
    """Read a page as browsers save it.

    Args:
        data: its bytes.
    """
    reading = _Reading(page=True)
    text = "\n\n".join(filter(None, reading.parts(_parsed(data), 0)))
    return Body(text + "\n" if text else "", health=reading.health())


def parse_mbox(data: bytes) -> Body:
    """Read a box of messages, each a page.

    Args:
        data: its bytes.
    """
    data = narrow(data).lstrip()
    starts = [match.start() for match in _MESSAGE_BEGINS.finditer(data)] or [0]
    reading = _Reading()
    texts: list[str] = []
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        one = data[start:end].lstrip(b"\r\n").replace(b"\n>From ", b"\nFrom ")
        texts.append(reading.message(_parsed(one)))
    text, pages = paged(texts, between="\n")
    return Body(text, pages, "message", reading.health())


if TYPE_CHECKING:
    _Part = Message[str, str]


def _parsed(data: bytes) -> _Part:
    # The newer policy refuses what programs write, such as `boundary=--=_Next` without quotation marks.
    return message_from_bytes(narrow(data).lstrip(), policy=policy.compat32)


def _is_encrypted(message: _Part) -> bool:
    return (
        message.get_content_type() == "application/pkcs7-mime" or message.get_content_subtype() == "encrypted"
    )


class _Reading:
    """Reads messages, and remembers what of them is left out.

    Args:
        page: they are a saved page, of which pictures and styles are no attachments.
    """

    def __init__(self, *, page: bool = False) -> None:
        self._page = page
        self._left_out: list[str] = []

    def health(self) -> Health:
        """What is left out, as it is told."""
        return Health(left_out=few(self._left_out))

    def message(self, message: _Part, depth: int = 0) -> str:
        """A message's headers and what it shows."""
        if _is_encrypted(message):
            self._left_out.append("an encrypted message")
            parts: list[str] = []
        else:
            parts = list(self.parts(message, depth))
        lines = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
        return "\n\n".join(filter(None, ["\n".join(lines), *parts])) + "\n"

    def parts(self, part: _Part, depth: int) -> Iterator[str]:
        """The texts that a part shows, in their order; what it does not show is left out."""
        kind, payload = part.get_content_type(), part.get_payload()
        inner = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
        if kind == "message/rfc822" and inner and depth < _MOST_DEEP:
            yield "Forwarded message\n" + self.message(inner[0], depth + 1).rstrip()
        elif kind == "message/delivery-status":
            yield from map(_status, inner)
        elif kind == "multipart/alternative" and inner:
            yield from self._best(inner, depth)
        elif part.get_content_maintype() == "multipart" and inner:
            for one in inner:
                yield from self.parts(one, depth)
        elif part.get_content_disposition() == "attachment" or part.get_content_maintype() not in {
            "text",
            "multipart",
        }:
            self._leave_out(part)
        elif not (self._page and kind.startswith(_OF_A_PAGE)):
            yield self._text(part)

    def _best(self, ways: list[_Part], depth: int) -> Iterator[str]:
        """Of several ways to say the same the plain one, unless that only speaks of another."""
        texts: dict[str, tuple[str, list[str]]] = {}
        for way in ways:
            before, self._left_out = self._left_out, []
            text = "\n\n".join(filter(None, self.parts(way, depth)))
            plain = way.get_content_type() == "text/plain"
            kind = "plain" if plain else "old" if way.get_content_type() in _OLD else "rich"
            if text.strip() or kind not in texts:
                texts[kind] = (text, self._left_out)
            self._left_out = before
            if way.get_content_type() == "text/calendar":
                self._left_out.append("a calendar entry")
        if self._page:
            texts.pop("plain", None) if "rich" in texts else None
        plain, rich = texts.get("plain", ("", []))[0], texts.get("rich", ("", []))[0]
        chosen = "rich" if len(rich.split()) > _MUCH_RICHER * len(plain.split()) else "plain"
        chosen = chosen if chosen in texts else next(iter(texts))
        yield texts[chosen][0]
        # What is attached is so to whichever way it stands in.
        self._left_out += dict.fromkeys(one for _, left_out in texts.values() for one in left_out)

    def _leave_out(self, part: _Part) -> None:
        kind = part.get_content_type()
        if not (self._page and kind.startswith(_OF_A_PAGE)):
            self._left_out.append(f"attachment {_file_name(part) or 'without a name'} ({kind})")

    def _text(self, part: _Part) -> str:
        """The characters of a part, whatever it says of itself."""
        kind = part.get_content_type()
        text = said_text(_bytes(part), _parameter(part, "charset"), declares=kind == "text/html")
        if kind == "text/html":
            text, hidden = read_html(text)
            self._left_out += hidden
            return text.strip()
        text = text.replace("\r\n", "\n")
        if kind in _OLD:
            text = _ENRICHED.sub("", text)
        elif _parameter(part, "format").lower() == "flowed":
            text = _unflowed(text, joined=_parameter(part, "delsp").lower() == "yes")
        self._left_out += [f"attachment {name.strip()} (uuencoded)" for name in _ENCLOSED.findall(text)]
        return _ENCLOSED.sub("", text).strip()


_OLD = frozenset({"text/enriched", "text/richtext", "text/calendar"})
"""Ways to say what a plain or an HTML part says too."""


def _raw_items(message: _Part) -> list[tuple[str, str]]:
    """The headers as they stand: parsed by the library, those against the rules lose what they say."""
    return [(name, str(value)) for name, value in message.raw_items()]


def _status(part: _Part) -> str:
    """What a mail server says of a message that it could not deliver."""
    fields = [f"{name}: {' '.join(value.split())}" for name, value in _raw_items(part)]
    return "\n".join([*fields, said_text(_bytes(part), "").strip()]).strip()


def _header(message: _Part, name: str) -> str:
    found = [value for key, value in _raw_items(message) if key.lower() == name.lower()]
    return ", ".join(filter(None, (" ".join(_words(value).split()) for value in found)))


def _words(value: str) -> str:
    """A header's characters, its encoded words decoded (RFC 2047)."""
    value = said_text(value.encode("utf-8", "surrogateescape"), "")
    try:
        pieces = decode_header(value)
    except (ValueError, HeaderParseError):  # words that say they are base64 and are not
        return value
    written = "".join(
        piece
        if isinstance(piece, str)
        else said_text(piece, charset)
        if charset
        else piece.decode("raw-unicode-escape", "replace")
        for piece, charset in pieces
    )
    return written or value


def _parameter(part: _Part, name: str) -> str:
    """A parameter of a part's type; "" where it has none that can be read."""
    try:
        given = part.get_param(name)
    except (ValueError, IndexError, AttributeError, TypeError):  # the library stumbles over some
        return ""
    return str(given[2] if isinstance(given, tuple) else given or "").strip("\"' ")


def _file_name(part: _Part) -> str:
    try:
        return " ".join(_words(part.get_filename() or "").split())
    except (ValueError, IndexError, AttributeError, TypeError):
        return ""


def _bytes(part: _Part) -> bytes:
    """A part's content, with the encoding that it means where it misspells it."""
    said = next((v for k, v in _raw_items(part) if k.lower() == "content-transfer-encoding"), "")
    meant = _ENCODINGS.get(re.sub(r"[^a-z0-9]", "", said.lower()).removesuffix("encoding"))
    del part["content-transfer-encoding"]
    if meant:
        part["content-transfer-encoding"] = meant
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _unflowed(text: str, *, joined: bool) -> str:
    """Text whose lines end with a blank where a paragraph goes on (RFC 3676).

    Args:
        text: of a part.
        joined: those blanks are none of the text's.
    """
    lines: list[str] = []
    goes_on = -1
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        body = line[depth:].removeprefix(" ") if depth else line.removeprefix(" ")
        if goes_on == depth and body != "-- ":
            lines[-1] += body
        else:
            lines.append((">" * depth + " " if depth else "") + body)
        goes_on = depth if body.endswith(" ") and body != "-- " else -1
        if goes_on >= 0 and joined:
            lines[-1] = lines[-1][:-1]
    return "\n".join(line.rstrip() for line in lines)
