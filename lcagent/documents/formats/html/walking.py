"""A page's elements in the order in which they are read, each written as a reader sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lcagent.documents.formats.html import controls
from lcagent.documents.formats.html.formulas import linear
from lcagent.documents.formats.html.lines import Lines
from lcagent.documents.formats.html.tables import Table
from lcagent.documents.formats.html.unseen import Unseen
from lcagent.documents.formats.raised import lowered, raised

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_BLOCKS = frozenset(
    "address article aside blockquote dd details dialog div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend main menu nav ol p pre search section title ul "
    "noframes frameset".split()
)
_LINES = frozenset("li caption summary option optgroup tr".split())
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_UNSEEN = frozenset("script style head datalist".split())
_INLINE = frozenset(
    "a span b i em strong u font small big code kbd samp var tt abbr acronym cite dfn mark time label "
    "bdi bdo ins tbody tfoot body html center picture button noscript data output nobr wbr".split()
)
"""Elements that change nothing in the text, or whose children alone count."""
_DEEPEST_TABLE = 8
_MOST_FRAMES_DEEP = 3


Step = Callable[[], None]


class Walk:
    """Goes through a page without recursion: hostile ones nest thousands deep.

    Args:
        unseen: what of the page is not shown.
        frames: pages that this one is framed in.
    """

    def __init__(self, unseen: Unseen, frames: int = 0) -> None:
        self.lines = Lines()
        self._unseen = unseen
        self._frames = frames
        self._outer: list[Lines] = []
        self._tables: list[Table] = []
        self._lists: list[controls.Numbers | None] = []
        self._raised = 0
        self._noted: list[bool] = []
        self._pre = 0
        self._striking = False
        self._last_alt = ""
        self._not_framed: list[str] = []
        self._stack: list[LexborNode | Step] = []
        self._enter: dict[str, Callable[[LexborNode], None]] = {
            "br": self._line_break, "img": self._image, "input": self._input, "iframe": self._frame,
            "frame": self._frame, "noframes": self._no_frames, "svg": self._drawing,
            "math": self._formula, "template": self._template, "table": self._table, "thead": self._head,
            "tr": self._row, "td": self._cell, "th": self._cell, "li": self._item, "ol": self._list,
            "ul": self._list, "pre": self._preformatted, "textarea": self._preformatted,
            "sup": self._script, "sub": self._script, "rt": self._reading, "rp": self._nothing,
            "q": self._quoted, "s": self._struck, "del": self._struck, "strike": self._struck,
            "option": self._option, "a": self._link,
        }  # fmt: skip

    def through(self, root: LexborNode) -> None:
        """Write an element and all in it."""
        stack, words, unseen, enters = self._stack, self._words, self._unseen, self._enter
        stack.append(root)
        while stack:
            node = stack.pop()
            if callable(node):
                node()
                continue
            tag = node.tag or ""
            if tag == "-text":
                words(node)
            elif tag in _UNSEEN or tag[:1] in "-!_" or (unseen.marked and self._as_marked(node)):
                continue
            elif (enter := enters.get(tag)) is not None:
                enter(node)
            elif tag in _INLINE:
                self._children(node)
            elif tag in _BLOCKS:
                self._block(node, 2)
            elif tag in _LINES:
                self._block(node, 1)
            elif tag.endswith(":switch"):
                self._switch(node)
            else:
                self._children(node)

    def _switch(self, node: LexborNode) -> None:
        """Of several ways in which an EPUB gives content, the formula, or else the one for all programs."""
        ways = list(node.iter())
        formulas = (way for way in ways if "MathML" in (way.attributes.get("required-namespace") or ""))
        others = (way for way in ways if (way.tag or "").endswith(":default"))
        self._children(next(formulas, None) or next(others, node))

    def _as_marked(self, node: LexborNode) -> bool:
        """Whether an element's style says what becomes of it, and this is done."""
        mark, unseen = node.mem_id, self._unseen
        if unseen.hides(node):
            return True
        if mark in unseen.raised or mark in unseen.lowered:
            self._script(node)
        elif mark in unseen.struck:
            self._struck(node)
        else:
            return False
        return True

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is not in the text, for people."""
        found: list[str] = []
        if (count := self._unseen.passages) > 0:
            passages = f"{count:,} passage{'s' * (count > 1)}"
            found.append(f"hidden text ({passages} of {self._unseen.chars:,} characters in all)")
        if (count := len(self._not_framed)) > 0:
            named = ", ".join(self._not_framed[:3]) + (", …" if count > 3 else "")
            found.append(f"{count:,} framed page{'s' * (count > 1)} ({named})")
        return tuple(found)

    def _children(self, node: LexborNode, then: Step | None = None) -> None:
        if then is not None:
            self._stack.append(then)
        children = list(node.iter(include_text=True))
        children.reverse()
        self._stack.extend(children)

    def _words(self, node: LexborNode) -> None:
        text = node.text_content or ""
        if self._pre:
            self.lines.preformatted(text)
        else:
            self.lines.words(text)

    def _block(self, node: LexborNode, gap: int) -> None:
        if (node.tag or "") in _HEADINGS and self._tables:
            self._tables[-1].lays_out = True
        self.lines.gap(gap)
        self._children(node, lambda: self.lines.gap(gap))

    # Text within the text: kept apart until it ends.

    def _open(self) -> None:
        self._outer.append(self.lines)
        self.lines = Lines()

    def _close(self) -> Lines:
        inner, self.lines = self.lines, self._outer.pop()
        return inner

    def _script(self, node: LexborNode) -> None:
        if self._raised:
            return self._children(node)
        up = node.tag == "sup" or node.mem_id in self._unseen.raised
        self._raised += 1
        self._noted.append(controls.is_reference(node.parent) or controls.is_reference(node))
        self._open()

        def close() -> None:
            self._raised -= 1
            inner, noted = self._close(), self._noted.pop()
            if body := inner.text(flat=True):
                self.lines.exactly(raised(body, note=noted) if up else lowered(body))

        return self._children(node, close)

    def _link(self, node: LexborNode) -> None:
        if not self._raised and controls.is_note(node):
            self._raised += 1
            self._open()

            def close() -> None:
                self._raised -= 1
                if body := self._close().text(flat=True):
                    self.lines.exactly(raised(body, note=True))

            self._children(node, close)
            return
        if self._raised and self._noted and not self._noted[-1]:
            self._noted[-1] = controls.is_reference(node)
        self._children(node)

    def _quoted(self, node: LexborNode) -> None:
        self.lines.words("“")
        self._children(node, lambda: self.lines.words("”"))

    def _struck(self, node: LexborNode) -> None:
        if self._striking:
            return self._children(node)
        self._striking = True
        self._open()

        def close() -> None:
            self._striking = False
            inner = self._close()
            body = inner.text()
            one_line = body and "\n" not in body and all(isinstance(piece, str) for piece in inner.pieces)
            for piece in [f"~~{body}~~"] if one_line else inner.pieces:
                self.lines.exactly(piece)

        return self._children(node, close)

    def _reading(self, node: LexborNode) -> None:
        self._open()

        def close() -> None:
            if body := self._close().text(flat=True):
                self.lines.exactly(f"({body})")

        self._children(node, close)

    def _preformatted(self, node: LexborNode) -> None:
        self._pre += 1
        gap = 2 if node.tag == "pre" else 0
        self.lines.gap(gap)

        def close() -> None:
            self._pre -= 1
            self.lines.gap(gap)

        self._children(node, close)

    # Lists.

    def _list(self, node: LexborNode) -> None:
        self._lists.append(controls.numbers(node) if node.tag == "ol" else None)
        gap = 1 if len(self._lists) > 1 else 2
        self.lines.gap(gap)

        def close() -> None:
            self._lists.pop()
            self.lines.gap(gap)

        self._children(node, close)

    def _item(self, node: LexborNode) -> None:
        self.lines.gap(1)
        numbers = self._lists[-1] if self._lists else None
        if numbers is not None:
            self.lines.exactly(numbers.next(node) + " ")
        self._stack.append(self._end_line)
        children = list(node.iter(include_text=True))
        shown = (child for child in children if child.tag != "-text" or (child.text_content or "").strip())
        first = next(shown, None)
        for child in reversed(children):
            if child.tag not in {"p", "div"} or self._unseen.marks(child):
                self._stack.append(child)
                continue
            # A paragraph of an item is a line of it, the first one the item's own line.
            self._stack.append(self._end_line)
            self._stack.extend(reversed(list(child.iter(include_text=True))))
            if first is None or child.mem_id != first.mem_id:
                self._stack.append(self._end_line)

    def _end_line(self) -> None:
        self.lines.gap(1)

    # Tables.

    def _table(self, node: LexborNode) -> None:
        if len(self._tables) >= _DEEPEST_TABLE:
            return self._block(node, 2)
        layout = (node.attributes.get("role") or "") in {"presentation", "none"}
        self._tables.append(Table(lays_out=layout))
        self.lines.gap(2)
        return self._children(node, self._end_of_table)

    def _row(self, node: LexborNode) -> None:
        if not self._in_table():
            return self._block(node, 1)
        table, unseen = self._tables[-1], self._unseen
        table.rows.append([])
        children = list(node.iter(include_text=True))
        plain = 0
        while plain < len(children) and table.add_plain(children[plain], unseen):
            plain += 1  # most cells of most tables
        return self._stack.extend(reversed(children[plain:]))

    def _in_table(self) -> bool:
        return bool(self._tables) and len(self._tables) <= _DEEPEST_TABLE

    def _head(self, node: LexborNode) -> None:
        table = self._tables[-1] if self._in_table() else Table()
        table.in_head = True

        def close() -> None:
            table.in_head = False

        self._children(node, close)

    def _cell(self, node: LexborNode) -> None:
        if not self._in_table() or not self._tables[-1].rows:
            return self._block(node, 1)
        table = self._tables[-1]
        if table.add_plain(node, self._unseen):
            return None
        cell = table.add(node, node.tag or "", self._unseen)
        self._open()
        return self._children(node, lambda: table.fill(cell, self._close()))

    def _end_of_table(self) -> None:
        table = self._tables.pop()
        table.write(self.lines)
        if table.lays_out and self._tables:
            self._tables[-1].lays_out = True
        self.lines.gap(2)

    def _line_break(self, _: LexborNode) -> None:
        self.lines.line_break()

    def _nothing(self, _: LexborNode) -> None:
        """Brackets for browsers that do not know readings above a word."""

    # What is shown in the place of an element.

    def _image(self, node: LexborNode) -> None:
        alt = controls.alternative(node)
        if alt and alt != self._last_alt:
            self.lines.words(alt)
        self._last_alt = alt

    def _input(self, node: LexborNode) -> None:
        if written := controls.entered(node):
            self.lines.words(f" {written} ")

    def _option(self, node: LexborNode) -> None:
        self.lines.gap(1)
        if mark := controls.chosen(node):
            self.lines.words(mark)
        self._children(node, lambda: self.lines.gap(1))

    def _frame(self, node: LexborNode) -> None:
        attributes = node.attributes
        if page := attributes.get("srcdoc"):
            self._page(page)
        elif source := attributes.get("src"):
            self._not_framed.append(" ".join(source.split())[:80])

    def _no_frames(self, node: LexborNode) -> None:
        self._page(node.text())

    def _page(self, html: str) -> None:
        """A page within the page."""
        if self._frames >= _MOST_FRAMES_DEEP:
            self._unseen.leave_out(html)
            return
        from selectolax.lexbor import LexborHTMLParser

        from lcagent.documents.formats.html.nesting import bounded

        tree = LexborHTMLParser(bounded(html))
        walk = Walk(Unseen(tree), self._frames + 1)
        if (root := tree.body or tree.root) is not None:
            walk.through(root)
        self._unseen.passages += walk._unseen.passages
        self._unseen.chars += walk._unseen.chars
        self._not_framed += walk._not_framed
        if written := walk.lines.text():
            self.lines.gap(2)
            self.lines.exactly(written)
            self.lines.gap(2)

    def _template(self, node: LexborNode) -> None:
        self._unseen.leave_out(controls.template_text(node))

    def _drawing(self, node: LexborNode) -> None:
        """What is written in a drawing, or else what it is called, as of a picture."""
        written = " ".join(filter(None, (controls.label(label) for label in node.css("text"))))
        if not written:
            written = " ".join(child.text() for child in node.iter() if child.tag in {"title", "desc"})
        self.lines.words(f" {written} ")
        framed = [child for page in node.css("foreignObject") for child in page.iter(include_text=True)]
        self._stack.extend(reversed(framed))

    def _formula(self, node: LexborNode) -> None:
        self.lines.words(linear(node))
