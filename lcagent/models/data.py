"""Documents' text as prompts may hold it: data, which closes no mark of ours and opens no turn of a template.

No list of model families is kept. What their templates are made of has a few shapes: a name or a bar in angle
brackets (`<|im_start|>`, `<start_of_turn>`, `<s>`, `<<SYS>>`, our own `</segment>`), a name of capitals in
square ones (`[INST]`), and, in the oldest, a role before a colon (`USER:`). Every text of such a shape loses
the character that makes it one, also where it is spaced out or written with look-alikes.
"""

from __future__ import annotations

import re

_GAP = r"[\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]{0,4}"
"""White space, and characters that nobody sees."""
_BAR = "|\uff5c\u00a6\u2502\u2223\u2758\u01c0"
_LESS, _MORE = "<\uff1c\ufe64", ">\uff1e\ufe65"
_CAPITALS = "A-Z_\uff21-\uff3a\uff3f"

_OPENS = {
    # A name, a bar or another bracket behind an angle bracket; spaced out, it needs a closing one too.
    _LESS: rf".(?:/?[^\W\d]|[{_LESS}]|{_GAP}/?{_GAP}[{_BAR}]"
    rf"|{_GAP}[/!?]?{_GAP}[\w:.=-]{{1,40}}{_GAP}[{_MORE}])",
    # Capitals in square brackets; brackets around a tilde.
    "[\uff3b": rf".(?:{_GAP}/?{_GAP}[a-z]?[{_CAPITALS}][{_CAPITALS}0-9 ]{{1,40}}{_GAP}[\]\uff3d]"
    rf"|{_GAP}[a-z]~\[)",
    "]": rf".{_GAP}~",
    "\u25c1": r".",
}
_FOLLOWED = {mark: re.compile(pattern, re.S) for marks, pattern in _OPENS.items() for mark in marks}
"""What makes a mark of a character by what stands behind it."""
_BEHIND_BAR = re.compile(rf"[{_BAR}]{_GAP}\Z")
_BEHIND_ROLE = re.compile(
    r"(?:USER|ASSISTANT|SYSTEM|HUMAN|(?:\A|[\n\r])[ \t]*(?:User|Assistant|System|Human)"
    r"|##[ \t]*(?i:user|assistant|system|human|instruction|response|input))[ \t]?\Z"
)
_PRECEDED = {**dict.fromkeys(_MORE, _BEHIND_BAR), **dict.fromkeys(":\uff1a", _BEHIND_ROLE)}
"""What makes a mark of a character by what stands before it."""
_BEFORE = 32
"""Characters before it that are looked at."""
_HARMLESS = {
    **dict.fromkeys(f"{_LESS}\u25c1", "\u2039"),
    **dict.fromkeys(_MORE, "\u203a"),
    **dict.fromkeys("[\uff3b", "\u27e6"),
    "]": "\u27e7",
    **dict.fromkeys(":\uff1a", "\u2236"),
}
_SUSPECT = re.compile(f"[{re.escape(''.join(_HARMLESS))}]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def as_data(text: str) -> str:
    """A text for a prompt: it can neither close its own mark nor open a turn.

    `<|im_start|>`, `</segment>`, `[INST]` and `USER:` become `‹|im_start|›`, `‹/segment>`, `⟦INST]` and
    `USER∶`, one character for one, so offsets stay true, and a quotation is found again
    (`lcagent.documents.unlaid`). Lone surrogates, which no request can carry, become U+FFFD.

    Args:
        text: of a document, a question, or what was said of one.
    """

    def harmless(match: re.Match[str]) -> str:
        mark, at = match[0], match.start()
        if mark in _FOLLOWED:
            found = _FOLLOWED[mark].match(text, at)
        else:
            before = text[max(0, at - _BEFORE) : at]
            found = _PRECEDED[mark].search(before if at <= _BEFORE else f"\0{before}")
        return _HARMLESS[mark] if found else mark

    safe = _SUSPECT.sub(harmless, text)
    try:
        safe.encode()
    except UnicodeEncodeError:
        safe = _SURROGATES.sub("\ufffd", safe)
    return safe
