"""Answers that say the same in several ways: whether two do, and clusters of them."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Hashable, Sequence
from functools import cache, lru_cache

from rapidfuzz import fuzz

from lcagent.documents.canonical import canonical
from lcagent.documents.forms import Form, form, same_figure
from lcagent.documents.marks import unmarked
from lcagent.documents.words import STOPWORDS, stem

Matcher = Callable[[str, str], bool]
"""Whether two answers say the same; symmetric. An embedding model can stand in for `same_answer`."""

ALIKE = 85.0
"""Similarity (0-100) of the words in which two answers differ, from which one is a misspelling."""
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_SPELT = "one two three four five six seven eight nine ten".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_TEENS = {"xi": 11, "xii": 12, "xiii": 13, "xiv": 14, "xv": 15, "xvi": 16, "xvii": 17, "xviii": 18}
_NUMBERS = dict(_TEENS)
for _names in (_ROMAN, _SPELT, _ORDINALS):
    _NUMBERS.update({name: number for number, name in enumerate(_names, 1)})
_WORDS = "|".join(_SPELT + _ORDINALS)
_AFTER_NAME = re.compile(
    r"(?P<name>[^\W\d_]+)\.? (?:the )?"
    rf"(?P<number>[IVX]+|(?i:{_WORDS})|\d{{1,2}}(?:st|nd|rd|th)?)(?![\w:])"
)
_BEFORE_NAME = re.compile(
    rf"\b(?P<number>\d{{1,2}}(?:st|nd|rd|th)|(?i:{'|'.join(_ORDINALS)})) "
    r"(?P<name>[A-Z][^\W\d_]+(?: [A-Z][^\W\d_]+)*)"
)
_MONTHS = frozenset("jan feb mar apr may jun jul aug sep oct nov dec".split())
_QUALIFIERS = frozenset(
    map(
        stem,
        """
        north south east west northern southern eastern western central upper lower new old great
        greater little inner outer former democratic republic federal equatorial papua british latin
        young younger elder nord sud süd ost oeste norte sur est ouest neu nouveau nouvelle nueva
        nuevo nova novo nowy nowa
        """.split(),
    )
)
"""Words that make another name of the one beside them: North Korea, New York, Democratic Republic."""
_OPPOSITES = ("im", "in", "un", "il", "ir", "dis", "non")


def same_answer(one: str, other: str) -> bool:
    """Whether two short answers say the same: figures as such, then names, then spelling."""
    (a, first), (b, second) = _form(one), _form(other)
    if (a.key, first) == (b.key, second):
        return True
    if a.denied != b.denied or first != second:
        return False
    least = 1 if first else 2  # "Elizabeth II" is known by one word
    if _within(a, b, least) or _within(b, a, least):
        return True
    if len(a.figures) != len(b.figures) or not all(map(same_figure, a.figures, b.figures)):
        return False
    if not a.words or not b.words:
        return bool(a.figures)
    return _same_words(a, b, one, other)


def notation(answer: str) -> Hashable:
    """Equal for answers that differ in nothing but notation."""
    said, numbers = _form(answer)
    return said.key, numbers


@lru_cache(maxsize=4096)
def _form(answer: str) -> tuple[Form, frozenset[int]]:
    """The form of an answer, and the numbers that are part of a name: of Henry VIII, of World War 2."""
    numbers: set[int] = set()

    def after(match: re.Match[str]) -> str:
        name, number = match["name"], _number(match["number"])
        if (
            not number
            or not name[0].isupper()
            or name[:3].casefold() in _MONTHS
            or name.casefold() in STOPWORDS
        ):
            return match.group()
        numbers.add(number)
        return f"{name} {number}"

    def before(match: re.Match[str]) -> str:
        if match["name"][:3].casefold() in _MONTHS:
            return match.group()
        numbers.add(number := _number(match["number"]))
        return f"{match['name']} {number}"

    text = canonical(unmarked(answer)).strip(" .")
    if re.fullmatch("[IVX]{2,}", text):
        text = str(_number(text) or text)
    text = _AFTER_NAME.sub(after, _BEFORE_NAME.sub(before, text))
    return form(text), frozenset(numbers)


def _number(written: str) -> int:
    """A small number or ordinal, in digits, words or Roman numerals; 0 if it is none."""
    digits = re.match(r"\d+", written)
    return int(digits.group()) if digits else _NUMBERS.get(written.casefold(), 0)


def _within(short: Form, long: Form, least: int) -> bool:
    """Whether one says all that the other says, and more: "Oskar Brandvold" and "Oskar Brandvold in 1911".

    A single word or a bare figure is not enough: "Norway" and "Oslo, the capital of Norway" differ.
    """
    held = all(any(same_figure(f, g) for g in long.figures) for f in short.figures)
    named = len(short.words) >= least and set(short.words) <= set(long.words)
    return held and named and not _is_qualified(short, long)


def _is_qualified(short: Form, long: Form) -> bool:
    """Whether a word that only one has makes another name of one that both have."""
    pairs = zip(long.words, long.words[1:], strict=False)
    return any(
        (a in _QUALIFIERS and a not in short.words and b in short.words)
        or (len(short.words) == 1 and b in _QUALIFIERS and a in short.words)
        for a, b in pairs
    )


def _same_words(a: Form, b: Form, one: str, other: str) -> bool:
    only_a = [w for w in a.words if w not in b.words]
    only_b = [w for w in b.words if w not in a.words]
    if only_a and only_b:
        # The words that differ are compared alone: two long names may differ in "north" and "south".
        left, right = " ".join(sorted(only_a)), " ".join(sorted(only_b))
        opposite = any(x == prefix + y for x, y in ((left, right), (right, left)) for prefix in _OPPOSITES)
        return not opposite and fuzz.ratio(left, right) >= ALIKE
    short, long, whole = (a, b, other) if len(a.words) < len(b.words) else (b, a, one)
    if len(long.words) != 2 or _is_qualified(short, long):
        return False
    # A family name for the full name; but of "Oslo, Norway" it is the first part that the answer is.
    return "," not in whole or short.words == long.words[:1]


def cluster(answers: Sequence[str], same: Matcher = same_answer) -> list[list[int]]:
    """Put answers that say the same together.

    Answers that differ only in notation always come together. Others join a cluster only if they
    match all of it, so that a chain of near matches never puts two opposites together. The result
    does not depend on the answers' order.

    Args:
        answers: short answers.
        same: the matcher.

    Returns:
        Clusters of indices into `answers`, each in order, the cluster with the earliest answer first.
    """
    equal: dict[Hashable, list[int]] = {}
    for index, answer in enumerate(answers):
        equal.setdefault(notation(answer), []).append(index)
    # In an order of the answers' own, the fullest first: the shorter ones then join what holds them.
    groups = [(min(answers[i] for i in members), members) for members in equal.values()]
    groups.sort(key=lambda group: (-len(group[0]), group[0]))
    clusters: list[tuple[list[str], list[int]]] = []
    for text, members in groups:
        for texts, held in clusters:
            if all(same(text, other) for other in texts):
                texts.append(text)
                held.extend(members)
                break
        else:
            clusters.append(([text], list(members)))
    return sorted(sorted(members) for _, members in clusters)


_IDLE = {"a", "an", "the"}
_FORMS = str.maketrans(dict.fromkeys("—―…", " "))
_THOUSANDS = re.compile(r"(?<!\d)(?<!\d[.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)")
_LIST_COMMA = re.compile(r"(?<=\d),(?=\d)")
_LEADING_POINT = re.compile(r"(?<![\w.])\.(?=\d)")
_FULL_STOP = re.compile(r"(?<!\d)\.|\.(?!\d)")


def normalise(text: str) -> str:
    """Lower-cased, without punctuation and articles, white space folded: as SQuAD (Rajpurkar 2016).

    Figures keep their value, which SQuAD's own script does not see to: `1,234` is `1234`, `5.9` is not
    `59`, and `4,7` is two numbers. The form is the canonical one, without the marks of notes; long dashes
    set off words.
    """
    text = canonical(unmarked(text.translate(_FORMS))).lower()
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    text = _LEADING_POINT.sub("0.", _LIST_COMMA.sub(" ", text))
    text = "".join(c for c in _FULL_STOP.sub("", text) if c == "." or not _is_mark(c))
    return " ".join(token for token in text.split() if token not in _IDLE)


@cache
def _is_mark(character: str) -> bool:
    category = unicodedata.category(character)
    return character in string.punctuation or category[0] == "P" or category == "Sc"
