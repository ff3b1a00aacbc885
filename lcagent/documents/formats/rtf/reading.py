"""An RTF file's control words one after the other, and what each does to the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Literal

from lcagent.documents.formats.numerals import numeral
from lcagent.documents.formats.rtf.fonts import Fonts, codec
from lcagent.documents.formats.rtf.story import Look, Story
from lcagent.documents.formats.rtf.tokens import Token, tokens

_CHARACTERS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "softline": "\n", "emdash": "—", "endash": "–",
    "emspace": "\u2003", "enspace": "\u2002", "qmspace": "\u2005", "bullet": "•", "lquote": "‘",
    "rquote": "’", "ldblquote": "“", "rdblquote": "”", "zwj": "\u200d", "zwnj": "\u200c",
    "ltrmark": "\u200e", "rtlmark": "\u200f",
}  # fmt: skip
_SYMBOLS = {"~": "\xa0", "_": "\u2011", "\t": "\t", **dict(zip("{}\\:", "{}\\:", strict=True))}
"""Others are marks of places where a word may be parted, and the like."""
_PARAGRAPHS = frozenset("par sect page column".split())
_UNREAD = frozenset(
    "aftncn aftnsep aftnsepc atrfend atrfstart bkmkend bkmkstart colortbl filetbl fldinst ftncn ftnsep"
    " ftnsepc generator info listoverridetable listtable mmathPict nonesttables nonshppict objalias objclass"
    " objdata objname objsect operator pict pnseclvl pntxta pntxtb private revtbl rsidtbl rxe shppict"
    " shprslt sn sp stylesheet sv tc template txe xe".split()
)
"""Destinations that hold no text of the document, or that again which stands elsewhere."""
_READ_IF_STARRED = frozenset("annotation atnauthor formfield footnote nesttableprops shpinst ud".split())
"""Those of later versions that hold text; all others are for programs."""
_STORIES = frozenset("footnote annotation atnauthor shptxt dptxbxtext".split())
_MARGIN = re.compile(r"(header|footer)[lrf]?")
_ENDNOTE = re.compile(r"[\s{]*\{\\footnote\s*\\ftnalt")
_NEAR = 64
"""Characters behind a note's mark in which the note begins."""


@dataclass(slots=True)
class _State:
    """What holds within a group; at its end what held before comes back."""

    story: Story
    target: Literal["text", "fonts", "nothing"] = "text"
    font: int | None = None
    skips: int = 1
    """Characters that stand for a Unicode character in older programs."""
    script: str = ""
    struck: bool = False
    hidden: str = ""
    """Why the text is not shown."""
    in_table: bool = False
    depth: int = 0
    twice: bool = False
    """This group says the same twice, the second time in Unicode."""
    box: bool = False
    """This group is a form's field."""
    closes: str = ""
    """The kind of the story that began with this group."""


class Reading:
    """Reads one file.

    Args:
        data: its bytes.
    """

    def __init__(self, data: bytes) -> None:
        self.headers: list[str] = []
        self.footers: list[str] = []
        self.left_out: Counter[str] = Counter()
        self._rtf = data.decode("latin-1")
        self._body = Story()
        self._fonts = Fonts()
        self._font: int | None = None
        """The file's own font."""
        self._state = _State(self._body)
        self._stack: list[_State] = []
        self._bytes = bytearray()
        self._skip = 0
        self._starred = False
        self._look = Look()
        self._notes = self._endnotes = 0
        self._mark = ""
        """Of the note that comes next."""
        self._author = ""
        self._field: dict[str, int] = {}
        self._was_hidden = ""
        self._plain_utf8 = _is_utf8(data)
        self._acts = self._actions()

    def whole(self) -> str:
        """The text of the body."""
        for token in tokens(self._rtf):
            if token.kind in {"text", "hex"}:
                self._text(token)
            elif token.kind == "word":
                self._word(token)
            elif token.kind == "symbol":
                self._symbol(token.text)
            elif token.kind == "{":
                self._flush()
                self._skip = 0
                self._begin_group()
            elif self._stack:
                self._end_group()
                if not self._stack:
                    break  # what stands behind the document is none of it
        while self._stack:
            self._end_group()
        return self._body.whole().text()

    # Characters.

    def _text(self, token: Token) -> None:
        text = token.text
        if self._skip:
            self._skip, text = max(self._skip - len(text), 0), text[self._skip :]
        if self._state.target == "fonts":
            self._fonts.name(text)
        elif self._state.target == "text":
            if token.kind == "text" and self._plain_utf8 and not text.isascii():
                self._put(text.encode("latin-1").decode("utf-8", "replace"))
            else:
                self._bytes += text.encode("latin-1")

    def _flush(self) -> None:
        """Bytes that belong together, such as the two of a Chinese character, become characters."""
        if self._bytes:
            data, self._bytes = bytes(self._bytes), bytearray()
            self._put(self._fonts.decoded(data, self._state.font))

    def _put(self, text: str) -> None:
        if self._bytes:
            self._flush()
        state = self._state
        if state.target != "text" or not text:
            return
        if state.hidden:
            self.left_out[state.hidden] += self._was_hidden != state.hidden
            self._was_hidden = state.hidden
            return
        self._was_hidden = ""
        state.story.put(text, "struck" if state.struck else state.script)

    def _symbol(self, symbol: str) -> None:
        if symbol == "*":
            self._starred = True
        elif symbol in "\r\n":
            self._end_paragraph()
        elif self._skip:
            self._skip -= 1
        elif self._state.target == "text":
            self._put(_SYMBOLS.get(symbol, ""))

    def _unicode(self, number: int | None) -> None:
        if number is None:
            return
        code = number + 0x10000 if number < 0 else number
        if 0xF000 <= code <= 0xF0FF:
            self._put(self._fonts.symbol(code, self._state.font))
        elif 0 < code <= 0x10FFFF:
            self._put(chr(code))
        self._skip = self._state.skips

    # Control words.

    def _word(self, token: Token) -> None:
        word, number = token.text, token.number
        self._flush()
        self._skip = 0
        starred, self._starred = self._starred, False
        state = self._state
        if starred or word in _UNREAD or word in _STORIES or word == "fonttbl" or _MARGIN.fullmatch(word):
            self._begin(word, starred=starred)
        elif state.target == "fonts":
            self._fonts.tell(word, number)
        elif word in {"ffres", "ffdefres", "fftype"}:
            self._field[word] = number or 0
        elif (act := self._acts.get(word)) is not None:
            act(number)
        elif word in _CHARACTERS:
            self._put(_CHARACTERS[word])
        elif word in _PARAGRAPHS:
            self._end_paragraph()
        elif word == "chftn":
            self._note_mark(token.end)
        elif word == "ansicpg":
            self._fonts.page = codec(number or 0)
        elif word in {"mac", "pc", "pca"}:
            self._fonts.page = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]

    def _actions(self) -> dict[str, Callable[[int | None], None]]:
        return {
            "u": self._unicode,
            "uc": lambda n: self._set(skips=n if n is not None else 1),
            "f": lambda n: self._set(font=n),
            "deff": self._own_font,
            "plain": lambda _: self._set(font=self._font, script="", struck=False, hidden=""),
            "v": lambda n: self._set(hidden="" if n == 0 else "passage of hidden text"),
            "deleted": lambda n: self._set(hidden="" if n == 0 else "tracked deletion"),
            "super": lambda n: self._set(script="" if n == 0 else "up"),
            "sub": lambda n: self._set(script="" if n == 0 else "down"),
            "up": lambda n: self._set(script="" if n == 0 else "up"),
            "dn": lambda n: self._set(script="" if n == 0 else "down"),
            "nosupersub": lambda _: self._set(script=""),
            "strike": lambda n: self._set(struck=n != 0),
            "striked": lambda n: self._set(struck=n != 0),
            "pard": lambda _: self._set(in_table=False, depth=0),
            "intbl": lambda _: self._set(in_table=True),
            "itap": lambda n: self._set(depth=n or 0),
            "trowd": lambda _: self._begin_row(),
            "clmrg": lambda _: setattr(self._look, "beside", True),
            "clvmrg": lambda _: setattr(self._look, "above", True),
            "cellx": lambda _: self._define_cell(),
            "trhdr": lambda _: setattr(self._state.story, "heads", True),
            "cell": lambda _: self._table(self._state.story.end_cell, 1),
            "nestcell": lambda _: self._table(self._state.story.end_cell, max(self._state.depth, 2)),
            "row": lambda _: self._table(self._state.story.end_row, 1),
            "nestrow": lambda _: self._table(self._state.story.end_row, max(self._state.depth, 2)),
            "listtext": lambda _: setattr(self._state.story, "listed", True),
            "pntext": lambda _: setattr(self._state.story, "listed", True),
            "object": lambda _: self._leave_out("embedded object"),
            "upr": lambda _: self._set(twice=True),
        }

    def _set(self, **given: object) -> None:
        for name, value in given.items():
            setattr(self._state, name, value)

    def _own_font(self, number: int | None) -> None:
        self._font = number
        self._set(font=number)

    def _leave_out(self, kind: str) -> None:
        self.left_out[kind] += self._state.target == "text"

    # Groups.

    def _begin_group(self) -> None:
        outer, self._state = self._state, copy(self._state)
        self._stack.append(outer)
        self._state.closes, self._state.box, self._state.twice = "", False, False
        if outer.twice:
            self._state.target = "nothing"

    def _begin(self, word: str, *, starred: bool) -> None:
        """A group whose text is none of the paragraph's."""
        state = self._state
        outer = self._stack[-1] if self._stack else state
        if word == "formfield":
            self._field, state.box = {}, True
        if word == "ud" and outer.target == "text":
            state.target = "text"
        elif state.target == "nothing":
            return
        elif word == "fonttbl":
            state.target = "fonts"
        elif word in _STORIES or _MARGIN.fullmatch(word):
            state.closes, state.story = word, Story()
            state.in_table, state.depth, state.script, state.struck = False, 0, "", False
        elif word in _UNREAD or (starred and word not in _READ_IF_STARRED):
            self._leave_out("formula") if word in {"moMath", "moMathPara"} else None
            state.target = "nothing"

    def _end_group(self) -> None:
        self._flush()
        self._skip, self._starred = 0, False
        ended, self._state = self._state, self._stack.pop()
        story = self._state.story
        if ended.box and self._field.get("fftype") == 1 and not self._state.hidden:
            chosen = self._field.get("ffres", 25)
            story.put("[x] " if (self._field.get("ffdefres", 0) if chosen == 25 else chosen) else "[ ] ")
        if not ended.closes:
            return
        text = ended.story.whole().text()
        if ended.closes == "atnauthor":
            self._author = text
        elif margin := _MARGIN.fullmatch(ended.closes):
            (self.headers if margin[1] == "header" else self.footers).append(text)
        elif text and ended.closes == "footnote":
            story.behind.append(f"[{self._mark}] {text}" if self._mark else text)
            self._mark = ""
        elif text and ended.closes == "annotation":
            story.behind.append(f"[Comment{' by ' + self._author if self._author else ''}] {text}")
        elif text:
            story.behind.append(text)

    def _note_mark(self, end: int) -> None:
        """The number of a note, which its own text begins with too."""
        if any(state.closes == "footnote" for state in (*self._stack, self._state)):
            return
        if _ENDNOTE.match(self._rtf, end, end + _NEAR):
            self._endnotes += 1
            self._mark = numeral(self._endnotes, "lowerRoman")
        else:
            self._notes += 1
            self._mark = str(self._notes)
        if self._state.target == "text" and not self._state.hidden:
            self._state.story.put(self._mark, "note")

    # Paragraphs and tables.

    def _end_paragraph(self) -> None:
        self._flush()
        state = self._state
        if state.target == "text":
            state.story.end_paragraph(state.depth or int(state.in_table or state.story.in_row))

    def _table(self, act: Callable[[int], None], depth: int) -> None:
        if self._state.target == "text":
            act(depth)

    def _begin_row(self) -> None:
        story = self._state.story
        story.in_row, story.heads, story.looks = True, False, []
        self._look = Look()

    def _define_cell(self) -> None:
        self._state.story.looks.append(self._look)
        self._look = Look()


def _is_utf8(data: bytes) -> bool:
    """Whether characters that stand in a file as they are, against the format's rules, are UTF-8."""
    try:
        return bool(data.decode("utf-8")) and not data.isascii()
    except UnicodeDecodeError:
        return False
