"""What of a page its reader does not see: hidden elements, by attribute, style and style sheet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_MOST_RULES = 300
"""Rules of a page's own style sheets that are looked at."""
_MOST_SHEET = 1_000_000
"""Characters of one style sheet that are looked at."""
_NOT_SHOWN = re.compile(r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse))")
_SHOWN = re.compile(r"(?:^|;)(?:display:(?!none)|visibility:visible)")
_TINY = re.compile(r"(?:^|;)font-size:(?:0?\.\d+|[01](?:\.0*)?)(?:px|pt|em|rem|%|vw)?(?:;|!|$)")
_LARGER = re.compile(r"font(?:-size)?\s*:", re.I)
_OFF_PAGE = re.compile(r"(?:^|;)(?:left|top|right|margin-left|text-indent):-\d{4,}(?:\.\d+)?(?:px|em|pt)")
_PLACED = re.compile(r"(?:^|;)position:(?:absolute|fixed)|text-indent:-|margin-left:-")
_COLOUR = re.compile(r"(?:^|;)color:([^;!]+)")
_GROUND = re.compile(r"(?:^|;)background(?:-color)?:([^;!]+)")
_WHITE = re.compile(
    r"white|#fff(?:f|fff|fffff)?|rgba?\(255,255,255(?:,[\d.]+)?\)|transparent|rgba\([\d,]+,0(?:\.0*)?\)"
)
_RAISED = frozenset("sup super superscript supscript".split())
_SET_APART = ".sup,.super,.superscript,.supscript,.sub,.suber,.suberscript,.subscript"
_CLEAR = re.compile(r"(?:^|;)opacity:(?:0?\.0+|0)%?(?:;|!|$)")
_STYLED = "[hidden],[style],dialog,input[type=hidden]"


class Unseen:
    """The elements of a page that are not shown, found once.

    Args:
        tree: the page.
    """

    def __init__(self, tree: LexborHTMLParser) -> None:
        self._hidden: set[int] = set()
        self.raised: set[int] = set()
        """Elements set as superscripts by their style or class."""
        self.lowered: set[int] = set()
        self.struck: set[int] = set()
        """Elements whose style strikes them through."""
        self.spanning = {node.mem_id for node in tree.css("[colspan],[rowspan]")}
        """Cells that span columns or rows."""
        self.passages = self.chars = 0
        sheets = [sheet.text() for sheet in tree.css("style")]
        self._still = tree.css_first("script") is None
        """Nothing makes visible later what is not at first."""
        self._plain_ground = not any("background" in sheet for sheet in sheets) and not tree.css_first(
            "link[rel=stylesheet],[bgcolor],[background]"
        )
        for sheet in sheets:
            self._by_rules(tree, sheet)
        for node in tree.css(_STYLED):
            self._by_attributes(node)
        for node in tree.css(_SET_APART):
            kinds = (node.attributes.get("class") or "").lower().split()
            (self.raised if _RAISED.intersection(kinds) else self.lowered).add(node.mem_id)
        if self._hidden:
            self._hidden.difference_update(node.mem_id for node in tree.css("html,body"))
        self.marked = bool(self._hidden or self.raised or self.lowered or self.struck)
        """Any element is hidden or set apart by its style."""

    def hides(self, node: LexborNode) -> bool:
        """Whether an element is not shown; its text is then counted as left out."""
        if node.mem_id not in self._hidden:
            return False
        self.leave_out(node.text())
        return True

    def marks(self, node: LexborNode) -> bool:
        """Whether an element is hidden or set apart by its style."""
        mark = node.mem_id
        return self.marked and any(
            mark in one for one in (self._hidden, self.raised, self.lowered, self.struck)
        )

    def leave_out(self, text: str) -> None:
        """Count a passage that is not shown."""
        if chars := len("".join(text.split())):
            self.passages += 1
            self.chars += chars

    def _by_rules(self, tree: LexborHTMLParser, sheet: str) -> None:
        """Hide what the rules of a style sheet hide, later ones winning over those before them."""
        if len(sheet) > _MOST_SHEET or not ("none" in sheet or "hidden" in sheet):
            return
        rules = (match.groups() for match in _RULE.finditer(_top_level(_COMMENT.sub("", sheet))))
        told = [(selector, _plain(style)) for selector, style in rules]
        told = [(one, style) for one, style in told if _NOT_SHOWN.search(style) or _SHOWN.search(style)]
        if not any(_NOT_SHOWN.search(style) for _, style in told):
            return
        for selector, style in told[:_MOST_RULES]:
            if ":" in selector or "<" in selector:
                continue  # only while pointed at, or no content of its own
            try:
                found = {node.mem_id for node in tree.css(selector.strip())}
            except Exception:  # noqa: BLE001, S112 - a selector that the parser does not know selects nothing
                continue
            if _NOT_SHOWN.search(style):
                self._hidden |= found
            else:
                self._hidden -= found

    def _by_attributes(self, node: LexborNode) -> None:
        attributes = node.attributes
        style = _plain(attributes.get("style") or "")
        mark = node.mem_id
        if "vertical-align:su" in style:
            (self.raised if "vertical-align:super" in style else self.lowered).add(mark)
        if "line-through" in style:
            self.struck.add(mark)
        closed = "hidden" in attributes or (node.tag == "dialog" and "open" not in attributes)
        if closed or _NOT_SHOWN.search(style) or self._cannot_be_seen(node, style):
            self._hidden.add(mark)
        elif _SHOWN.search(style):
            self._hidden.discard(mark)

    def _cannot_be_seen(self, node: LexborNode, style: str) -> bool:
        if _TINY.search(style) and not any(map(_sets_size, node.css("[style]"))):
            return True
        if self._still and _CLEAR.search(style):
            return True
        if _OFF_PAGE.search(style) and _PLACED.search(style):
            return True
        colour, ground = _COLOUR.search(style), _GROUND.search(style)
        if colour is None:
            return False
        if ground is not None:
            return colour[1] == ground[1] or (_is_white(colour[1]) and _is_white(ground[1]))
        return self._plain_ground and _is_white(colour[1]) and not _has_ground(node)


def _sets_size(node: LexborNode) -> bool:
    """Whether an element has a font size of its own that can be read."""
    style = _plain(node.attributes.get("style") or "")
    return _LARGER.search(style) is not None and not _TINY.search(style)


def _has_ground(node: LexborNode) -> bool:
    """Whether something that an element stands in may be of another colour than white."""
    while (parent := node.parent) is not None and parent.is_element_node:
        if _GROUND.search(_plain(parent.attributes.get("style") or "")):
            return True
        node = parent
    return False


def _is_white(colour: str) -> bool:
    return _WHITE.fullmatch(colour) is not None


def _plain(style: str) -> str:
    return "".join(style.split()).lower()


def _top_level(sheet: str) -> str:
    """A style sheet without what holds only at times: on paper, on small screens, in an animation."""
    if "@" not in sheet:
        return sheet
    pieces: list[str] = []
    depth, within = 0, -1
    for part in re.split(r"([{}])", sheet):
        if part == "{":
            depth += 1
        elif part == "}":
            depth -= 1
            if depth == within:
                within = -1
                continue
        elif within < 0 and "@" in part:
            rule = part.rpartition("@")[2]
            if ";" not in rule and not rule.startswith(("font-face", "page", "charset", "import")):
                within = depth
            part = part.rpartition("@")[0]  # noqa: PLW2901
        if within < 0:
            pieces.append(part)
    return "".join(pieces)
