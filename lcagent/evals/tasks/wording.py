"""Questions over all records put into words: several wordings in English, others in German and Chinese."""

from __future__ import annotations

from random import Random
from typing import Literal

from lcagent.evals.tasks.biographies import INDUSTRIES, PROFESSIONS
from lcagent.evals.tasks.records import Kind, Operation, Query, Value, Where

Language = Literal["en", "de", "zh"]

_CLAUSES: dict[tuple[str, str, bool], tuple[str, str, str]] = {
    ("place", "=", False): ("who were born in {v}", "die in {v} geboren wurden", "出生在{v}"),
    ("profession", "=", False): ("who worked as {v}s", "die von Beruf {v} waren", "职业是{v}"),
    ("employer", "=", False): ("who worked for {v}", "die für {v} arbeiteten", "在{v}工作"),
    ("prize", "=", False): ("who won the {v}", "die den {v} bekamen", "获得{v}"),
    ("born", "<", False): ("who were born before {v}", "die vor {v} geboren wurden", "{v}年以前出生"),
    ("born", ">=", False): (
        "who were born in {v} or later",
        "die {v} oder später geboren wurden",
        "{v}年或以后出生",
    ),
    ("seat", "=", True): (
        "who worked for a company with its seat in {v}",
        "die für ein Unternehmen mit Sitz in {v} arbeiteten",
        "受雇于总部在{v}的公司",
    ),
    ("industry", "=", True): (
        "who worked for a company in the {v} business",
        "die für ein Unternehmen der Branche {v} arbeiteten",
        "受雇于{v}行业的公司",
    ),
    ("founded", "<", True): (
        "who worked for a company founded before {v}",
        "die für ein vor {v} gegründetes Unternehmen arbeiteten",
        "受雇于{v}年以前成立的公司",
    ),
    ("service", "=", False): ("of the service {v}", "des Dienstes {v}", "服务为{v}"),
    ("level", "=", False): ("with the level {v}", "der Stufe {v}", "级别为{v}"),
    ("user", "=", False): ("of the user {v}", "des Benutzers {v}", "用户为{v}"),
    ("message", "=", False): ('with the message "{v}"', "mit der Meldung „{v}“", "消息为“{v}”"),
    ("date", "=", False): ("of the day {v}", "vom Tag {v}", "日期为{v}"),
}
"""By field, comparison and whether it is the employer's: in English, German, Chinese."""

_FIELDS: dict[str, tuple[str, str, str, str, str]] = {
    "place": ("town of birth", "towns of birth", "Geburtsort", "Geburtsorte", "出生地"),
    "profession": ("profession", "professions", "Beruf", "Berufe", "职业"),
    "employer": ("employer", "employers", "Arbeitgeber", "Arbeitgeber", "雇主"),
    "service": ("service", "services", "Dienst", "Dienste", "服务"),
    "user": ("user", "users", "Benutzer", "Benutzer", "用户"),
}
"""One and several, in English and German; Chinese."""

_NOUNS: dict[Kind, dict[Language, dict[str, str]]] = {
    "person": {
        "en": {
            "all": "people",
            "names": "names",
            "name": "name",
            "number": "number of letters left",
            "date": "date of birth",
        },
        "de": {
            "all": "Personen",
            "names": "ihre Namen",
            "name": "den Namen",
            "number": "Zahl der hinterlassenen Briefe",
            "date": "Geburtsdatum",
        },
        "zh": {"all": "人", "names": "姓名", "number": "留下的信件数量", "date": "出生日期", "m": "个"},
    },
    "line": {
        "en": {
            "all": "log lines",
            "names": "times (date and time of day)",
            "name": "time (date and time of day)",
            "number": "duration in milliseconds",
            "date": "time",
        },
        "de": {
            "all": "Logzeilen",
            "names": "ihre Zeiten (Datum und Uhrzeit)",
            "name": "die Zeit (Datum und Uhrzeit)",
            "number": "Dauer in Millisekunden",
            "date": "Zeit",
        },
        "zh": {"all": "日志", "names": "时间（日期和时刻）", "number": "毫秒时长", "date": "时间", "m": "条"},
    },
}

_QUESTIONS: dict[Language, dict[Operation, tuple[str, ...]]] = {
    "en": {
        "count": (
            "How many {who} does the text tell of? Answer with a figure.",
            "Count the {who} in the whole text. Give the number in figures.",
            "What is the number of {who} in the text, in figures?",
        ),
        "distinct": (
            "How many different {fields} do the {who} have? Answer with a figure.",
            "Take the {who}: what is the number of different {fields} among them, in figures?",
        ),
        "most": (
            "Which {field} is the most common among the {who}?",
            "Group the {who} by {field}: which group is the largest?",
        ),
        "top": (
            "Which {k} of the {who} have the largest {number}? Give their {names}.",
            "Rank the {who} by {number}, largest first, and give the {names} of the first {k}.",
        ),
        "sum": (
            "What is the total {number}, over all {who}? Answer with a figure.",
            "Add up the {number} of all {who}. Give the total in figures.",
        ),
        "mean": (
            "What is the mean {number} of the {who}, rounded to a whole number? Answer with a figure.",
            "Take all {who}: how large is their average {number}? Round to a whole number, in figures.",
        ),
        "list": (
            "Which {who} does the text tell of? Give all their {names}.",
            "List all {who} in the text by their {names}.",
        ),
        "order": (
            "Sort the {who} by {date}, earliest first. Which is number {k}? Give the {name}.",
            "By {date}, from the earliest on, which of the {who} comes in place {k}? Give the {name}.",
        ),
        "pairs": (
            "Which two of the {who} were born in the same town? Give both {names}.",
            "Two of the {who} share their town of birth. Give both {names}.",
        ),
    },
    "de": {
        "count": (
            "Wie viele {who} kommen im Text vor? Antworte mit einer Zahl in Ziffern.",
            "Zähle im ganzen Text die {who}. Nenne die Anzahl in Ziffern.",
        ),
        "distinct": ("Wie viele verschiedene {fields} haben die {who} insgesamt? Antworte in Ziffern.",),
        "most": ("Welcher {field} kommt bei den {who} am häufigsten vor?",),
        "top": ("Welche {k} der {who} haben die größte {number}? Nenne {names}.",),
        "sum": ("Wie groß ist zusammengezählt die {number} aller {who}? Antworte in Ziffern.",),
        "mean": ("Wie groß ist im Mittel die {number} der {who}, auf ganze Zahlen gerundet, in Ziffern?",),
        "list": ("Welche {who} kommen im Text vor? Nenne {names}.",),
        "order": (
            "Sortiere nach {date} (früheste zuerst) die {who}. Was steht an Stelle {k}? Nenne {name}.",
        ),
        "pairs": ("Welche zwei der {who} haben denselben Geburtsort? Nenne {names}.",),
    },
    "zh": {
        "count": ("文中一共有多少{m}{who}？请用数字回答。", "请数出全文中{who}的数量，用数字回答。"),
        "distinct": ("{who}一共有多少种不同的{fields}？请用数字回答。",),
        "most": ("{who}中最常见的{field}是哪一个？",),
        "top": ("{who}中，{number}最大的{k}{m}是哪些？请给出{names}。",),
        "sum": ("所有{who}的{number}总和是多少？请用数字回答。",),
        "mean": ("{who}的{number}平均是多少？请四舍五入到整数，用数字回答。",),
        "list": ("文中有哪些{who}？请列出全部{names}。",),
        "order": ("把{who}按{date}从早到晚排列，第{k}{m}是哪一{m}？请给出{names}。",),
        "pairs": ("{who}中，哪两个人的出生地相同？请给出{names}。",),
    },
}


def asked(query: Query, language: Language, rng: Random) -> str:
    """The question, in one of the language's wordings."""
    one, several, one_de, several_de, both_zh = _FIELDS.get(query.field, ("",) * 5)
    field, fields = {"en": (one, several), "de": (one_de, several_de), "zh": (both_zh, both_zh)}[language]
    return rng.choice(_QUESTIONS[language][query.operation]).format(
        who=_who(query, language), field=field, fields=fields, k=query.k, **_NOUNS[query.kind][language]
    )


def _who(query: Query, language: Language) -> str:
    every = _NOUNS[query.kind][language]["all"]
    clauses = [_clause(condition, language) for condition in query.where]
    if not clauses:
        return every if language != "zh" else f"所有{every}"
    if language == "zh":
        return f"{'、'.join(clauses)}的{every}"
    joined = (" and " if language == "en" else " und ").join(clauses)
    # German sets relative clauses between commas; what is said of a line of a log is none.
    return f"{every}, {joined}," if language == "de" and query.kind == "person" else f"{every} {joined}"


def _clause(condition: Where, language: Language) -> str:
    words = _CLAUSES[condition.field, condition.how, condition.joined]
    at = ("en", "de", "zh").index(language)
    return words[at].format(v=in_words(condition.field, condition.value)[at])


def in_words(field: str, value: Value) -> tuple[str, str, str]:
    """A value as it is said in English, German and Chinese: names stay as they are, kinds are translated."""
    text = str(value)
    if field == "born":  # conditions are on the year alone
        text = text[:4]
    return (text, *{"profession": PROFESSIONS, "industry": INDUSTRIES}.get(field, {}).get(text, (text, text)))
