"""Sentences that contradict each other: about the same thing, and not both true.

A contradiction reported where there is none costs more trust than one overlooked. So all words must be the
same but for one value: a figure, a date, a name after "is" or "was", or a denial. What differs otherwise (a
ward, a month, "minimum" and "maximum", "planned" and "built", an edition) makes it another thing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable
from functools import cache
from typing import TypeVar

from rapidfuzz import fuzz

from lcagent.documents.corrections import corrects
from lcagent.documents.statements import (
    ARTICLES,
    COPULAS,
    DEFINITE,
    DENIALS,
    Statement,
    Token,
    is_content,
    pairs,
    same_value,
    statement,
)
from lcagent.documents.values import rounds_to, values, within
from lcagent.documents.values.language import language_of
from lcagent.documents.words import folded, unspaced

Key = TypeVar("Key", bound=Hashable)

_LEAST_WORDS = 2
"""Two sentences with fewer words in common may be about anything."""
_LEAST_UNNAMED = 4
"""Of them where no name tells what the sentences are about."""
_LEAST_DENIED = 3
"""Of them where one denies the other."""
_LEAST_BESIDE_QUANTITY = 3
"""Words, or a figure beside them, that must tell what is measured: "the temperature" is that of any day."""
_LEAST_CHARACTERS = 4
"""Of them in scripts that do not set words apart."""
_LONGEST_NAME = 4
"""Words of a name in which two sentences may differ."""
_WORD = re.compile(r"[^\W\d_]+")
_LIKE = 75.0
"""Similarity (0-100) from which two names may be spellings of one."""
_DEMONYMS = ("ish", "ese", "ian", "ean", "ic", "ch", "sk", "isch")

_LOOSE = frozenset("there it that which who is are was were has have had by".split())
"""English words that come and go with the order of the others."""
_PRESENT, _PAST = frozenset("is are has have".split()), frozenset("was were had".split())
_UNRESOLVED = frozenset(
    """
    he she it they this that these those here such er sie es dieser diese dieses elle ils elles ce cette
    él ella ellos ellas este esta ese lui lei egli essa questo questa ele ela isto esse hij zij dit dat
    han hun hon den det он она оно они это этот эта ona oni 他 她 它 这 那 该
    """.split()
)
"""What a sentence begins with whose subject another one names."""
_PRONOUNS = frozenset(
    "he she they it er sie elle ils elles él ella ellos ellas он она они ona oni hij zij".split()
)
_SPEAKERS = frozenset(
    "i_ my me we our us you your ich mein meine wir unser nous notre yo nosotros мой мы".split()
)
_PASSIVES = frozenset(
    "wurde wurden fut furent fue fueron foi foram został została zostało werd werden blev ble".split()
)
_PARTICIPLE = re.compile(
    r"ed$|en$|[ае]н[аоы]?$|^(?:built|born|sold|made|lost|won|laid|sunk|dug|bought|begun|torn)$"
)
"""What is done once, in English and Russian; the other languages have passives of their own."""
_REPEATED = frozenset(
    """
    held met meets visited visits closed reopened played performed fought seen flooded damaged repaired
    restored renewed elected sailed tagte abgehalten geschlossen tenu tenue
    """.split()
)
"""What may be done again at another time."""
_YEAR = frozenset("году года год г roku rok r".split())
_OPEN = frozenset(
    """
    i a_ an one another some if when whenever suppose ein eine einer wenn falls si cuando un une uno una
    se quando jeśli gdy если когда
    """.split()
)
"""What a sentence begins with that says nothing of one certain thing."""
_INDEFINITE = frozenset(
    """
    about around nearly almost approximately roughly circa ca some least most over under above below
    more less fewer than up exceed exceeds exceeded beyond between may might could perhaps possibly
    probably estimate estimated estimates reportedly another further additional rose rise rises risen
    increased increase grew grown raised fell fall fallen dropped reduced decreased cut added later then
    again sometimes often each every etwa rund ungefähr mindestens höchstens über unter mehr weniger bis
    fast vielleicht geschätzt weitere stieg sank environ près presque plus moins peut être estimé autres
    augmenté unos cerca casi más menos quizás estimado otros circa quasi più meno almeno forse altri
    około prawie ponad więcej mniej może kolejne около почти более менее больше меньше свыше возможно
    ещё
    """.split()
)
"""Words beside which two figures can both hold."""
_INDEFINITE_CHINESE = re.compile("大约|大約|左右|至少|至多|超过|超過|以上|以下|可能|也许")


def contradict(a: str, b: str, question: str = "") -> bool:
    """Whether two sentences are about the same thing and cannot both hold.

    Args:
        a: a sentence.
        b: another.
        question: what was asked; its figures must stand in both or in neither.
    """
    one, other = statement(a), statement(b)
    if not (_asserts(one) and _asserts(other) and _asked_alike(one, other, question)):
        return False
    # Whichever way round they are put together: a contradiction that hangs on the order is none.
    return all(_differ_in_name(x, y) or _differ_in_value(x, y) for x, y in ((one, other), (other, one)))


def _differ_in_value(one: Statement, other: Statement) -> bool:
    matched = pairs(one, other) if _same_words(one, other) else None
    if matched is None:
        return False
    differing = [(i, j) for i, j in matched if not same_value(one.tokens[i].text, other.tokens[j].text)]
    if one.denied != other.denied:
        return not differing
    if len(differing) != 1 or _has_bare_subject(one) or _has_bare_subject(other):
        return False
    return _is_what_is_said(one, other, *differing[0]) and not _may_agree(one, other)


def _may_agree(one: Statement, other: Statement) -> bool:
    """Whether all figures may be the same by value: "03/04/2021" is in April, or in March."""
    language = language_of(f"{one.text} {other.text}")
    a, b = values(one.text, language), values(other.text, language)
    return len(a) == len(b) == len(one.values) and all(
        rounds_to(x, y) or rounds_to(y, x) or within(x, y) or within(y, x) for x, y in zip(a, b, strict=True)
    )


def _has_bare_subject(said: Statement) -> bool:
    """Whether it says "the film was ...": of which film another sentence tells."""
    tokens = said.tokens
    return len(tokens) > 2 and tokens[0].text in DEFINITE and tokens[2].text in COPULAS


def rival(quote: str, question: str, candidates: Iterable[tuple[Key, str]]) -> Key | None:
    """The first of some sentences that contradicts a quote; None if none does.

    Args:
        quote: a sentence.
        question: what was asked.
        candidates: keys of the caller's own, each with its sentence.
    """
    said = statement(quote)
    if not _asserts(said):
        return None
    words = {folded(t.text.rstrip("_"))[:4] for t in said.tokens if not t.is_value and is_content(t)}
    known = (*words, *_small_beginnings())
    needed = max((len(words) + 1) // 2, len(words) - _LONGEST_NAME)
    for key, sentence in candidates:
        if not len(quote) <= 2 * len(sentence) <= 4 * len(quote):
            continue
        plain = folded(sentence)
        # Most sentences share too few words or have too many others: that is told without taking them apart.
        if sum(word in plain for word in words) < needed:
            continue
        others = sum(not word.startswith(known) for word in _WORD.findall(plain))
        if others <= _LONGEST_NAME + 1 and contradict(quote, sentence, question):
            return key
    return None


@cache
def _small_beginnings() -> frozenset[str]:
    return frozenset(folded(word)[:4] for word in ARTICLES | DENIALS | _LOOSE)


def _asserts(said: Statement) -> bool:
    """Whether a sentence states something certain about a thing that it names."""
    text = said.text.rstrip(" \"'”’»)")
    if text.endswith(("?", "？", "؟", ";", "\u037e")) or corrects(text) or _INDEFINITE_CHINESE.search(text):
        return False
    row = "|" in text or "\t" in text  # of a table, whose head is not known
    return not row and len(said.tokens) > 1 and _names_its_subject(said)


def _names_its_subject(said: Statement) -> bool:
    words = [token.text for token in said.tokens]
    pronoun = words[0] == "il" and words[1] in COPULAS  # in Italian it is an article
    if pronoun or words[0] in _UNRESOLVED | _OPEN or words[0] == "a" or _PRONOUNS & {*words[1:4]}:
        return False
    return not {*words} & (_INDEFINITE | _SPEAKERS)


def _asked_alike(one: Statement, other: Statement, question: str) -> bool:
    asked = statement(question)
    return all(_holds(one, asked.tokens[i]) == _holds(other, asked.tokens[i]) for i in asked.values)


def _holds(said: Statement, value: Token) -> bool:
    return any(same_value(said.tokens[i].text, value.text) for i in said.values)


def _same_words(one: Statement, other: Statement) -> bool:
    a, b = one.words, other.words
    if one.denied != other.denied:
        # "did not sign" denies "signed": only the denial, and what it brings along, may differ.
        return _enough(one, other, unnamed=_LEAST_DENIED) and one.affirmed == other.affirmed
    if a == b:
        return _enough(one, other)
    if unspaced(one.text) or unspaced(other.text) or not _enough(one, other):
        return False
    apart = (Counter(a) - Counter(b)) + (Counter(b) - Counter(a))
    if not apart:
        return _names(one, other) == _names(other, one) or _is_rotated(one.pattern, other.pattern)
    small = {*one.words, *other.words} & _LOOSE
    if not apart.keys() <= _loose_keys():
        return False
    tenses = [{t.text for t in said.tokens} for said in (one, other)]
    mixed = any(
        x & _PRESENT and not x & _PAST and y & _PAST and not y & _PRESENT for x, y in (tenses, tenses[::-1])
    )
    return not mixed and bool(small)


@cache
def _loose_keys() -> frozenset[str]:
    return frozenset(Statement(word).tokens[0].key for word in _LOOSE)


def _enough(said: Statement, other: Statement, *, unnamed: int = _LEAST_UNNAMED) -> bool:
    """Whether a sentence has words enough to tell what it is about: "the film", "the album" are many."""
    if unspaced(said.text):
        return len(said.words) >= _LEAST_CHARACTERS
    # The capital with which a sentence begins tells nothing, unless the other begins with another word.
    named = any(t.capital and is_content(t) for t in (*said.tokens[1:], *other.tokens[1:]))
    return len(said.content) >= (_LEAST_WORDS if named else unnamed)


def _names(said: Statement, other: Statement) -> list[str]:
    shared = {t.key for t in other.tokens if t.capital}
    return [t.key for t in said.tokens if t.capital and t.key in shared and is_content(t)]


def _is_rotated(one: list[str], other: list[str]) -> bool:
    """Whether words that one begins with stand at the end of the other: "At Tarn ..." and "... at Tarn"."""
    return len(one) == len(other) and any(one[k:] + one[:k] == other for k in range(1, len(one)))


def _is_what_is_said(one: Statement, other: Statement, i: int, j: int) -> bool:
    """Whether the figure in which two sentences differ is what they say, and not what they are about."""
    if not (_tells_when(one, i) or _tells_when(other, j)):
        known = len(one.content) >= _LEAST_BESIDE_QUANTITY or len(one.values) > 1 or unspaced(one.text)
        return known and not (one.is_identifier(i) or other.is_identifier(j))
    # With a quantity beside it a date tells when that was counted.
    if any(not _tells_when(said, k) for said in (one, other) for k in said.values if k not in (i, j)):
        return False
    return _is_predicate(one, i) or _is_predicate(other, j)


def _tells_when(said: Statement, at: int) -> bool:
    """Whether a figure is a date, a time, or the day of a date in words: "5 mars 1911"."""
    token, after = said.tokens[at], said.tokens[at + 2 : at + 3]
    day = token.text.isdigit() and len(token.text) <= 2 and any(t.kind == "date" for t in after)
    return day or token.kind == "date" or ":" in token.text


def _is_predicate(said: Statement, at: int) -> bool:
    """Whether a date is told of what happens once: after its verb, and not in front of it."""
    before = [t for t in said.tokens[:at] if is_content(t)]
    verbs = [k for k, t in enumerate(said.tokens) if t.text in COPULAS]
    if unspaced(said.text):
        return bool(before)
    again = any(t.text in _REPEATED for t in said.tokens)
    if again or not before or any(k > at for k in verbs):
        return False
    if verbs:
        told = [t.text for t in said.tokens[verbs[-1] : verbs[-1] + 3]]
        return told[0] in _PASSIVES or any(map(_PARTICIPLE.search, told[1:]))
    last = all(t.text in _YEAR or _tells_when(said, k) for k, t in enumerate(said.tokens) if k > at)
    long = len(said.content) >= _LEAST_BESIDE_QUANTITY
    return last and (long or _PARTICIPLE.search(before[-1].text) is not None)


def _differ_in_name(one: Statement, other: Statement) -> bool:
    """Whether two sentences tell different names for the same thing: "The keeper in 1931 was Nils Berg"."""
    i, j = one.name_at_end(), other.name_at_end()
    if not (i and j) or one.denied or other.denied:
        return False
    heads = [[t.key for t in said.tokens[:k] if t.text not in ARTICLES] for said, k in ((one, i), (other, j))]
    known = any(t.is_value or (t.capital and is_content(t)) for t in one.tokens[1:i])
    if heads[0] != heads[1] or not known:
        return False
    names = [[t.key for t in said.tokens[k:]] for said, k in ((one, i), (other, j))]
    if any(len(name) == 1 and name[0].endswith(_DEMONYMS) for name in names) or set(names[0]) & set(names[1]):
        return False
    return fuzz.ratio(" ".join(names[0]), " ".join(names[1])) < _LIKE
