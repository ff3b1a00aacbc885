"""HTML: the text of a page as a reader sees it."""

from __future__ import annotations

from dataclasses import replace

from lcagent.documents.formats.body import Body
from lcagent.documents.formats.html.nesting import as_html, bounded
from lcagent.documents.formats.html.unseen import Unseen
from lcagent.documents.formats.html.walking import Walk
from lcagent.documents.formats.raised import settle, unmarked
from lcagent.documents.health import Health


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
    text, left_out = read_html(html, xml=_is_xhtml(html, name))
    return Body(text, health=replace(health, left_out=(*health.left_out, *left_out)))


def html_text(html: str, *, xml: bool = False) -> str:
    """The text of an HTML page as a reader sees it: blocks apart, a table's row on one line.

    Args:
        html: the page.
        xml: it is written as XML, where `<script src="x"/>` is an element without content.
    """
    return read_html(html, xml=xml)[0]


def read_html(html: str, *, xml: bool = False) -> tuple[str, tuple[str, ...]]:
    """The text of an HTML page, and what is left out of it.

    Args:
        html: the page.
        xml: as for `html_text`.
    """
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(bounded(as_html(unmarked(html)) if xml else unmarked(html)))
    root = tree.body or tree.root
    if root is None:
        return "", ()
    walk = Walk(Unseen(tree))
    title = tree.css_first("head > title")
    if title is not None:
        walk.lines.gap(2)
        walk.lines.words(title.text())
        walk.lines.gap(2)
    walk.through(root)
    text = settle(walk.lines.text())
    return (text + "\n" if text else ""), walk.left_out
