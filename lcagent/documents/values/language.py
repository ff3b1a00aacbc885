"""The language of a text, near enough to choose which words are looked up and how "1.234" is read."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+")
# Ranges of scripts that tell the language, or a language near enough for its months and units.
_SCRIPTS = (
    ("ja", re.compile(r"[\u3041-\u30fa]")),
    ("ko", re.compile(r"[\uac00-\ud7a3]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("uk", re.compile(r"[іїєґІЇЄҐ]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_FUNCTION_WORDS = {
    "en": "the of and was were is are in to for he she it with at by from that had has his her their on an",
    "de": "der die das und ist war ein eine nicht mit von zu im am den dem wurde des für auf sich bei",
    "fr": "le la les des du et est était un une dans pour avec qui que sur au aux il elle en ne pas par a",
    "es": "el la los las de del y es era fue un una en por para con que se su al lo no más años",
    "it": "il lo la gli le di del della e è era un una in per con che si dal nel al non sono anni",
    "pt": "o a os as de do da dos das e é foi era um uma em no na por para com que se não ao anos",
    "nl": "de het een en van is was in op te voor met dat zijn niet aan er door naar werd",
    "pl": "i w na z się nie jest był była było do że to o od za po roku przez dla",
    "da": "og i er var det den en et af til på for med som ikke de har blev der fra",
    "sv": "och i är var det den en ett av till på för med som inte de har blev från att",
    "cs": "a v na se je byl byla bylo do že to od za po roku pro z s který",
    "tr": "ve bir bu için ile da de olarak olan yılında",
}
_KNOWN = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
LANGUAGES = (*(language for language, _ in _SCRIPTS), *_KNOWN)
"""Those that are told apart."""


def language_of(text: str) -> str | None:
    """The language of a text by its script, or by its commonest words; None where they do not tell.

    It need not be exact: it decides which words are looked up first and how "1.234" is read.
    """
    if not text.isascii():
        for language, script in _SCRIPTS:
            if script.search(text):
                return language
    words = _WORD.findall(text.casefold())
    counts = sorted(((sum(w in known for w in words), name) for name, known in _KNOWN.items()), reverse=True)
    (first, name), (second, _) = counts[:2]
    return name if first > second else None


def function_words(language: str | None) -> frozenset[str]:
    """The commonest words of a language, which say nothing by themselves; of all where it is not known."""
    return _KNOWN.get(language or "", frozenset()) if language else frozenset().union(*_KNOWN.values())
