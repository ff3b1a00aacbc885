"""What a sentence states, word by word: figures, names, denials, and the words that tell what it is about.

Two sentences are compared by these. As little as can be depends on a language: short lists of articles, of
"is" and "has", and of denials, for a dozen of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache

from lcagent.documents.canonical import canonical
from lcagent.documents.forms import in_digits, in_iso, same_figure
from lcagent.documents.marks import unmarked
from lcagent.documents.quotes import figures
from lcagent.documents.words import folded, query_words, stem, unspaced

ARTICLES = frozenset(
    """
    the a an of in on at der die das den dem des ein eine einen einem einer le la les l un une du el los
    las una il lo gli um uma de het een ett et
    """.split()
)
"""Words in which two sentences may differ and still say the same."""
DEFINITE = frozenset("the der die das den dem le la les el los las il lo gli het".split())
"""Articles of a certain thing."""
COPULAS = frozenset(
    """
    is are was were be been has have had ist sind war waren wird wurde wurden hat hatte haben hatten est
    sont était étaient fut furent ont avait es son era eran fue fueron tiene tenía è sono erano ha aveva
    foi são tem werd werden heeft had var är er ble blev har hade był była było byli są ma miał miała
    został została zostało был была было были имеет имел имела является 是 为 有
    """.split()
)
DENIALS = frozenset(
    """
    no not never none nobody nothing neither nor without cannot n nicht kein keine keinen keiner keinem
    nie niemals ohne ne pas jamais aucun aucune sans nunca jamás sin non mai não nunca sem nie nigdy bez
    brak niet geen nooit inte ikke aldrig ej не нет ни никогда без hayır değil yok لا ليس لم لن नहीं 不 没
    沒 未 非 無 ない
    """.split()
)
_SUPPORT = frozenset("do does did any ever 有 了".split())
"""Words that come with a denial."""
_UNCOUNTED = ARTICLES | DENIALS
_SCALE = (
    r"hundred|thousand|million|billion|trillion|tausend|millionen|milliarden?|mio|mrd|mille|millions|"
    r"milliards?|mil|millón|millones|mila|milioni?|miliard[iy]?|tys|mln|mld|тыс|тысяч[аи]?|млн|млрд|миллион(?:а|ов)?"
)
_UNIT = r"(?:km|cm|mm|kg|mg|ml|kw|mw|m|g|l|h|s|ft|lb)\b"
_TOKEN = re.compile(
    r"(?P<date>@(?:\d{4}|-)(?:-\d\d){1,2})"
    r"|(?P<number>(?<![\d.,a-zß-\u0dff])[-−]?\d+(?:[.,:/ \u00a0\u202f](?=\d{3}\b)\d+|[.,:/]\d+)*"
    rf"(?: (?:{_SCALE})\b)?"
    rf"(?=[^\w-]|$|{_UNIT}|[^\x00-\u0dff]|-(?!\w)))"
    r"|(?P<range>\d[\d.,]*\s?[-–—]\s?\d[\d.,]*)"
    r"|(?P<sign>[$€£¥%°|])"
    r"|(?P<word>[^\W_]+_?)"
)
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"1\d\d\d|20\d\d")
_ORDINAL = re.compile(r"\d{1,2}\.(?=\s+[^\W\d_]{2})")
_LETTER = re.compile(r"(?<=[^\W_] )([A-Z])(?=[ ,;:.)]|$)(?!\. [A-Z])")
_VARIANTS = [
    (re.compile(r"our(?=\w|$)"), "or"),
    (re.compile(r"is(?=(?:e|ed|es|ing|ation|ations)$)"), "iz"),
    (re.compile(r"tre(?=s?$)"), "ter"),
    (re.compile(r"ß"), "ss"),
    (re.compile(r"([^\W\d_])\1"), r"\1"),
]
"""Spellings of one word: harbour and harbor, organise and organize, centre and center, Schloß and Schloss."""
_ROMAN = re.compile("[ivxlcdm]+")
_LONGEST_NAME = 4
"""Words of a name with which a sentence ends."""
_ROUNDED = Decimal("0.05")
"""A figure that is off by more of itself is not the other one rounded."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a figure of a sentence.

    Args:
        text: as written, in small letters.
        key: equal for spellings of one word; of a figure its value as far as it can be told.
        kind: date, number, or word.
        capital: whether it begins with a capital.
    """

    text: str
    key: str
    kind: str
    capital: bool = False

    @property
    def is_value(self) -> bool:
        """Whether it is a figure or a date."""
        return self.kind != "word"


class Statement:
    """A sentence in tokens.

    Args:
        text: one sentence.
    """

    def __init__(self, text: str) -> None:
        self.text = canonical(text)
        self.tokens: tuple[Token, ...] = tuple(_tokens(unmarked(self.text)))

    @cached_property
    def values(self) -> list[int]:
        """Where its figures and dates stand among the tokens."""
        return [i for i, token in enumerate(self.tokens) if token.is_value]

    @cached_property
    def denied(self) -> bool:
        """Whether it says no, not, never."""
        numbered = {i - 1 for i in self.values}  # "No. 12" denies nothing
        return any(
            token.text in DENIALS and not (token.text == "no" and i in numbered)
            for i, token in enumerate(self.tokens)
        )

    @cached_property
    def words(self) -> list[str]:
        """Keys of the words that tell what it is about, in order: no articles, no denials."""
        return [t.key for t in self.tokens if not t.is_value and t.text not in _UNCOUNTED]

    @property
    def affirmed(self) -> list[str]:
        """`words` as they would be without a denial."""
        skipped = _UNCOUNTED | _SUPPORT
        return [t.key for t in self.tokens if not t.is_value and t.text not in skipped]

    @cached_property
    def pattern(self) -> list[str]:
        """Keys of all its words in order, and a mark for each of its figures."""
        return ["#" if t.is_value else t.key for t in self.tokens]

    @cached_property
    def content(self) -> frozenset[str]:
        """Keys of its words without the smallest ones."""
        return frozenset(t.key for t in self.tokens if not t.is_value and is_content(t))

    def unit(self, at: int) -> str:
        """What the figure at a place counts: the next word, as far as there is one."""
        following = (t for t in self.tokens[at + 1 : at + 3] if t.text not in ARTICLES)
        token = next(following, None)
        return token.key if token and not token.is_value else ""

    def is_identifier(self, at: int) -> bool:
        """Whether the figure at a place names something ("Ward 4", "the room 12") and counts nothing."""
        if not at or self.tokens[at].kind == "date":
            return False
        before = self.tokens[at - 1]
        if before.is_value or not before.text[-1].isalpha():
            return False
        if before.text in DEFINITE | _NUMBERED or (before.capital and at > 1):
            return True
        if before.text in COPULAS | ARTICLES:
            return False
        return at == 1 or (at == 2 and self.tokens[0].text in ARTICLES)

    def name_at_end(self) -> int:
        """Where the name begins that a sentence ends with, straight after "is" or "was"; 0 if none does.

        What it is the name of has to be one certain thing: "the keeper in 1931", and not "one keeper", "the
        keepers".
        """
        start = len(self.tokens)
        while start and self.tokens[start - 1].capital and not self.tokens[start - 1].is_value:
            start -= 1
        length = len(self.tokens) - start
        if not (start > 1 and 0 < length <= _LONGEST_NAME and self.tokens[start - 1].text in _SINGULAR):
            return 0
        head = [t for t in self.tokens[: start - 1] if not t.is_value and t.text not in _FRONTING]
        definite = bool(head) and head[0].text in DEFINITE
        return start if definite or (head and self.tokens[start - 1].text in _WITHOUT_ARTICLES) else 0


_SINGULAR = frozenset(
    "is was ist war est était fut es era fue è foi é был была jest był była är var er".split()
)
_WITHOUT_ARTICLES = frozenset("был была jest był była är var er".split())
"""Of `_SINGULAR` those of languages that put no article before a certain thing."""
_FRONTING = frozenset("in on at im am en em au w v в".split())
_NUMBERED = frozenset(
    """
    room page lot chapter section article table figure version no nr number platform edition ward line
    volume gate route bus phase step item model class grade level block clause paragraph part day week
    hall bed
    """.split()
)
"""Nouns told apart by the number after them; with a capital, or after an article, any noun is one."""


@lru_cache(maxsize=256)  # of one document: its sentences are compared one after the other
def statement(text: str) -> Statement:
    """A sentence in tokens; the same one is taken apart once."""
    return Statement(text)


def is_content(token: Token) -> bool:
    """Whether a word tells what a sentence is about."""
    small = token.text in ARTICLES or token.text in COPULAS or token.text in DENIALS or token.text in _SMALL
    return not small


_SMALL = frozenset(
    """
    and or to by for with from that this these those it its there as than which who be do does did und
    oder zu von mit für am im dass es et ou par pour avec que qui y o por para con e che per i w z na и
    в на с по к
    """.split()
)


def same_value(one: str, other: str) -> bool:
    """Whether two figures, as `Token.text` has them, can both hold.

    One may be the other rounded, a range that it lies in, or the year of a day.
    """
    if one.startswith("@") or other.startswith("@"):
        return same_figure(one.lstrip("@"), other.lstrip("@"))
    a, b = _readings(one), _readings(other)
    if same_exactly(one, other) or not (a and b):
        return one == other or bool(a & b)
    if any(_RANGE.search(figure) for figure in (one, other)):
        return min(a) <= max(b) and min(b) <= max(a)
    if _YEAR.fullmatch(one) and _YEAR.fullmatch(other):  # 2010 is no 2012, rounded
        return False
    return any(_rounded(x, y) or _rounded(y, x) for x in a for y in b)


def same_exactly(one: str, other: str) -> bool:
    """Whether two figures, as `Token.text` has them, are the same, in another notation at most."""
    if one == other or one.startswith("@") or other.startswith("@"):
        return one == other
    a, b = _readings(one), _readings(other)
    return a == b if any(_RANGE.search(figure) for figure in (one, other)) else bool(a & b)


_RANGE = re.compile(r"\d\s?[-–—]\s?\d")
_SCALES = (
    (r"hundred", 2),
    (r"thousand|tausend|mille\b|mil\b|mila\b|tys|тыс", 3),
    (r"milliard|miliard|milliarde|mrd|mld|млрд|billion", 9),
    (r"mill|mili|mio|mln|млн|мил", 6),
    (r"trillion", 12),
)


@lru_cache(maxsize=256)
def _readings(figure: str) -> frozenset[Decimal]:
    """The numbers that a figure may be: "1.500" is 1.5 or 1500; a range is its two ends."""
    if ":" in figure or "/" in figure:
        return frozenset()
    if _RANGE.search(figure):
        return frozenset().union(*map(_readings, re.split(r"\s?[-–—]\s?", figure)))
    written = re.sub(r"[ \u00a0\u202f](?=\d)", "", figure).replace("−", "-")
    number = re.match(r"-?[\d.,]*\d", written)
    if not number:
        return frozenset()
    scale = next((power for names, power in _SCALES if re.search(names, written)), 0)
    digits = number.group()
    forms: set[str] = set()
    for point, group in ((".", ","), (",", ".")):
        if re.fullmatch(rf"-?(?:\d{{1,3}}(?:\{group}\d{{3}})+|\d+)(?:\{point}\d+)?", digits):
            forms.add(digits.replace(group, "").replace(point, "."))
    return frozenset(Decimal(form).scaleb(scale) for form in forms)


def _rounded(coarse: Decimal, fine: Decimal) -> bool:
    """Whether one number is the other with fewer figures: 1,500,000 for 1,512,300, 12 for 12.3."""
    written = f"{coarse:f}"
    zeros = len(written) - len(written.rstrip("0")) if coarse == int(coarse) else 0
    step = (
        Decimal(1).scaleb(zeros) if zeros > 1 else Decimal(1).scaleb(min(0, int(coarse.as_tuple().exponent)))
    )
    near = abs(coarse - fine) <= abs(fine) * _ROUNDED
    return near and fine % step != 0 and (fine / step).to_integral_value() * step == coarse


def _tokens(text: str) -> Iterator[Token]:
    capitals = {folded(m) for m in re.findall(r"[^\W_]+", text) if m[0].isupper()}
    # A letter that stands alone is a name ("Ward A"), and an ordinal ("die 2. Auflage") is a word.
    marked = _LETTER.sub(r"\1_", text)
    marked = _ORDINAL.sub(lambda match: f" {match.group()[:-1]}_ ", marked)
    marked = re.sub(r"n['’]t\b", " not", marked)
    if unspaced(marked):  # each character a word
        marked = "".join(f" {c} " if unspaced(c) else c for c in marked)
    plain = in_digits(marked)
    for match in _TOKEN.finditer(in_iso(plain) if _DIGIT.search(plain) else plain):
        written = match.group()
        if match["date"] or match["range"]:
            yield Token(written, written, "date" if match["date"] else "number")
        elif match["number"]:
            yield Token(written, written, "date" if _YEAR.fullmatch(written) else "number")
        else:
            word = folded(written)
            yield Token(written, _key(word), "word", word.rstrip("_") in capitals)


@lru_cache(maxsize=1 << 13)  # of words
def _key(word: str) -> str:
    if _ROMAN.fullmatch(word):  # Henry VI is not Henry VII
        return word
    for pattern, put in _VARIANTS:
        word = pattern.sub(put, word)
    return stem(word)


def pairs(one: Statement, other: Statement) -> Sequence[tuple[int, int]] | None:
    """Which figure of one sentence stands in the place of which of another; None if they do not match.

    In sentences with their words in the same order that is told by the place, else by what they count.
    """
    a, b = one.values, other.values
    if len(a) != len(b):
        return None
    if _masked(one) == _masked(other):
        return list(zip(a, b, strict=True))
    left, found = list(b), list[tuple[int, int]]()
    for i in a:
        kind, unit = one.tokens[i].kind, one.unit(i)
        same = [j for j in left if other.tokens[j].kind == kind and (kind == "date" or other.unit(j) == unit)]
        equal = [j for j in same if same_value(one.tokens[i].text, other.tokens[j].text)]
        if not same or (len(same) > 1 and not equal):
            return None
        found.append((i, (equal or same)[0]))
        left.remove(found[-1][1])
    return found


def _masked(said: Statement) -> list[str]:
    return ["#" if t.is_value else t.key for t in said.tokens if t.text not in _UNCOUNTED]


def saying(text: str) -> tuple[frozenset[str], ...]:
    """Equal for statements that say the same: the same words, figures and denials, in whatever order."""
    denied = frozenset(canonical(text).casefold().split()) & DENIALS
    return frozenset(query_words(text)), figures(text), denied
