"""Mail: messages (EML), saved pages (MHTML) and boxes of messages (mbox), by the standard library."""

from __future__ import annotations

import io
import re
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from typing import Any

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.encodings import decode
from lcagent.documents.formats.html import read_html
from lcagent.documents.health import Health
from lcagent.errors import UnsupportedFormat

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MOST_DEEP = 8
"""Messages within messages that are opened."""
_MESSAGE_BEGINS = re.compile(rb"(?:\A|\n\r?\n)From [^\n]+\n")
_POLICY = policy.default.clone(raise_on_defect=False)


def parse_mail(data: bytes) -> Body:
    """Read a message, with those that it forwards; attachments are named as left out.

    Args:
        data: its bytes.
    """
    left_out: list[str] = []
    text = _message(_parsed(data), left_out, headers=True, depth=0)
    return Body(text, health=Health(left_out=tuple(left_out)))


def parse_mhtml(data: bytes) -> Body:
    """Read a page as browsers save it.

    Args:
        data: its bytes.
    """
    left_out: list[str] = []
    return Body(
        _message(_parsed(data), left_out, headers=False, depth=0), health=Health(left_out=tuple(left_out))
    )


def parse_mbox(data: bytes) -> Body:
    """Read a box of messages, each a page.

    Args:
        data: its bytes.
    """
    starts = [match.start() for match in _MESSAGE_BEGINS.finditer(data)]
    left_out: list[str] = []
    texts: list[str] = []
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        one = data[start:end].lstrip(b"\r\n").partition(b"\n")[2].replace(b"\n>From ", b"\nFrom ")
        texts.append(_message(_parsed(one), left_out, headers=True, depth=0))
    text, pages = paged(texts, between="\n")
    return Body(text, pages, "message", Health(left_out=tuple(left_out)))


def _parsed(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=_POLICY)
    assert isinstance(message, EmailMessage)
    return message


def _message(message: EmailMessage, left_out: list[str], *, headers: bool, depth: int) -> str:
    if message.get_content_type() == "application/pkcs7-mime" or message.get_content_subtype() == "encrypted":
        raise UnsupportedFormat(
            "the message is encrypted", hint="save its text with the program that opens it"
        )
    lines = [f"{name}: {value}" for name in _HEADERS if headers and (value := _header(message, name))]
    body = message.get_body(("plain", "html"))
    related = message.get_body(("related", "html", "plain"))
    if not headers and related is not None:  # a saved page: its HTML, whatever stands beside it
        body = message.get_body(("html", "plain"))
    text = _text(body) if body is not None else _text(message)
    if body is not None and body.get_content_type() == "text/plain" and not text.strip():
        other = message.get_body(("html",))
        text = _text(other) if other is not None else text
    pieces = ["\n".join(lines), text.strip()]
    for part in message.walk() if message.is_multipart() else ():
        if part is body:
            continue
        if part.get_content_type() == "message/rfc822" and depth < _MOST_DEEP:
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], EmailMessage):
                pieces.append(
                    "Forwarded message\n" + _message(inner[0], left_out, headers=True, depth=depth + 1)
                )
        elif part.is_attachment() or (part.get_filename() and part.get_content_maintype() != "text"):
            kind = part.get_content_type()
            if headers or not kind.startswith(("image/", "font/", "text/css")):
                left_out.append(f"attachment {part.get_filename() or 'without a name'} ({kind})")
    return "\n\n".join(filter(None, pieces)) + "\n"


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (
        ValueError,
        IndexError,
        AttributeError,
        TypeError,
    ):  # the library stumbles over some that are no header
        return ""


def _text(part: MIMEPart[Any, Any] | None) -> str:
    """The characters of a part, whatever it says of itself."""
    if part is None or part.get_content_maintype() not in {"text", "multipart"}:
        return ""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        text = payload.decode(part.get_content_charset("utf-8"))
    except (LookupError, UnicodeDecodeError):
        text = decode(io.BytesIO(payload), declares=part.get_content_subtype() == "html").text
    if part.get_content_subtype() == "html":
        return read_html(text)[0]
    return text.replace("\r\n", "\n")
