"""What a question asks to be reckoned, by words of several languages.

Only to warn of a wrong result: a right one is proved without them.
"""

from __future__ import annotations

import re
from typing import Literal

Asked = Literal["age", "duration", "count", "sum", "difference", "average", "ratio", "largest", "smallest"]

_WORDS: dict[Asked, str] = {
    "age": (
        r"how old|\bage[ds]?\b|wie alt|\balter\b|âge|edad|años tenía|\betà\b|anni aveva|ile lat mia|wiek|"
        r"возраст|сколько лет было|几岁|多大|何歳|年齢"
    ),
    "duration": (
        r"how long|how many (?:years|months|weeks|days|hours|minutes)|wie lange|"
        r"wie ?viele (?:jahre|monate|wochen|tage|stunden)|"
        r"combien (?:de temps|d['’]années|de mois|de jours|d['’]ans)|cuánto tiempo|"
        r"cuántos (?:años|meses|días)|quanto tempo|quant[ie] (?:anni|mesi|giorni)|jak długo|ile lat|"
        r"как долго|сколько (?:лет|месяцев|дней)|多久|多长时间|何年"
    ),
    "sum": (
        r"\btotal|altogether|in all\b|combined|\bsum\b|insgesamt|zusammen|\bgesamt|en tout|\bensemble|"
        r"somme|en conjunto|\bsuma\b|complessiv|\brazem|łącznie|всего|итого|вместе|合計|总共|一共"
    ),
    "difference": (
        r"how (?:much|many) (?:more|less|fewer)|differ|wie ?viele? mehr|unterschied|de plus que|"
        r"diferencia|más que|różnic|разниц|на сколько|相差|の差"
    ),
    "average": r"average|\bmean\b|durchschnitt|moyenne|promedio|in media|średni|средн|平均",
    "ratio": (
        r"times as|\bratio\b|how many times|verhältnis|mal so|rapport|proporción|rapporto|stosun|"
        r"во сколько|倍"
    ),
    "count": (
        r"how many|wie ?viele|combien d|cuánt[oa]s|quant[ie] |\bilu\b|\bile\b|сколько|"
        r"多少|几个|いくつ|何人"
    ),
    "largest": (
        r"largest|biggest|highest|longest|\bmost\b|maximum|höchst|größt|längst|"
        r"le plus (?:grand|haut|long)|la plus (?:grande|haute|longue)|mayor|más alt|maggior|più alt|"
        r"najwięk|najwyż|наибольш|самый высок|最大|最高"
    ),
    "smallest": (
        r"smallest|lowest|shortest|\bleast\b|minimum|niedrigst|kleinst|kürzest|le plus petit|"
        r"la plus petite|menor|más baj|minore|più bass|najmniej|najniż|наименьш|самый низк|最小|最低"
    ),
}
_ASKED: dict[Asked, re.Pattern[str]] = {
    name: re.compile(words, re.IGNORECASE) for name, words in _WORDS.items()
}


def asked_for(text: str) -> frozenset[Asked]:
    """What the words of a question, or of an answer, ask or claim to be reckoned."""
    return frozenset(name for name, words in _ASKED.items() if words.search(text))
