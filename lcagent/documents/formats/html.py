"""HTML: the text of a page as a reader sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lcagent.documents.formats.body import Body
from lcagent.documents.health import Health

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_BLOCKS = {
    "address", "article", "aside", "blockquote", "dd", "details", "div", "dl", "dt", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre",
    "section", "table", "ul", "body", "title",
}  # fmt: skip
_LINES = {"br", "li", "tr", "caption", "summary", "option"}
_ROWS = _LINES - {"br"}
"""Lines that follow each other without a blank one between."""
_CELLS = {"td", "th"}
_UNSEEN = {"script", "style", "template", "noscript", "svg", "head"}


# Written as XML an element may close itself, which HTML knows of no other elements than these.
_SELF_CLOSED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)"
    r"([a-z][\w:.-]*)((?:\s+[^\s=<>\"'/]+(?:\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))?)*)\s*/>",
    re.I,
)


def _is_xhtml(html: str, name: str) -> bool:
    head = html[:1024]
    return name.lower().endswith(".xhtml") or "<?xml" in head or "http://www.w3.org/1999/xhtml" in head


def parse_html(html: str, name: str, health: Health) -> Body:
    """Read an HTML page.

    Args:
        html: the page.
        name: of its file.
        health: what is known of its encoding.
    """
    return Body(html_text(html, xml=_is_xhtml(html, name)), health=health)


def html_text(html: str, *, xml: bool = False) -> str:
    """The text of an HTML page as a reader sees it: blocks apart, table cells by a bar.

    Args:
        html: the page.
        xml: it is written as XML, where `<script src="x"/>` is an element without content.
    """
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_SELF_CLOSED.sub(r"<\1\2></\1>", html) if xml else html)
    root = tree.body or tree.root
    if root is None:
        return ""
    pieces: list[str] = []
    title = tree.css_first("head > title")
    if title is not None and title.text(strip=True):
        pieces.append(title.text(strip=True) + "\n\n")
    _walk(root, pieces)
    text = "".join(pieces)
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" if text.strip() else ""


def _walk(root: LexborNode, pieces: list[str]) -> None:
    """Depth first without recursion: hostile pages nest thousands deep."""
    stack: list[tuple[LexborNode | None, str]] = [(root, "")]
    plain: set[int] = set()
    while stack:
        node, closing = stack.pop()
        if node is None:
            pieces.append(closing)
            continue
        tag = node.tag or ""
        if tag == "-text":
            pieces.append(_text_of(node))
            continue
        if tag in _UNSEEN or tag.startswith(("-", "!", "_")):
            continue
        edge = "\n\n" if tag in _BLOCKS else "\n" if tag in _LINES else " | " if tag in _CELLS else ""
        if node.mem_id in plain:
            edge = ""
        children = list(node.iter(include_text=True))
        if tag in _CELLS or tag == "li":
            blocks = [child.mem_id for child in children if child.tag in _BLOCKS]
            # The one paragraph of a cell or an item breaks no line.
            plain.update(blocks if len(blocks) == 1 else ())
        if edge.startswith("\n") and not (tag in _ROWS and _begins_line(pieces)):
            pieces.append(edge)
        stack.append((None, "" if tag == "br" else edge))
        stack.extend((child, "") for child in reversed(children))


def _begins_line(pieces: list[str]) -> bool:
    """Whether nothing but blanks has been written on this line."""
    for piece in reversed(pieces):
        if piece.strip(" "):
            return piece.endswith("\n")
    return True


def _text_of(node: LexborNode) -> str:
    text = node.text(deep=True) or ""
    parent = node.parent
    if parent is not None and parent.tag == "pre":
        return text
    return re.sub(r"\s+", " ", text)
