"""Whether a sentence corrects another one, and what makes two sentences differ however alike they look."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from lcagent.documents.quotes import figures

_DENIAL = re.compile(r"\b(?:not?|nor|never|none|without|cannot)\b|n['’]t\b", re.I)
_CORRECTS = re.compile(
    r"\b(?:erratum|errata|corrigendum|corrected|correction|corrects|supersed(?:e[sd]?|ing)|"
    r"in error|erroneous(?:ly)?|misprint(?:ed)?|should (?:have )?read|instead of|amended|"
    r"withdrawn|retracted|no longer (?:valid|applies|holds)|previously (?:stated|reported|given))\b",
    re.I,
)


def denials(text: str) -> int:
    """How often a sentence denies something."""
    return len(_DENIAL.findall(text))


def corrects(text: str) -> bool:
    """Whether a sentence says that it corrects another one."""
    return bool(_CORRECTS.search(text))


def supersedes(new: str, old: str) -> bool:
    """Whether a sentence that corrects something corrects this one."""
    a, b = figures(new), figures(old)
    return (
        a != b and (len(b) < 2 or bool(a & b)) and fuzz.token_set_ratio(new.casefold(), old.casefold()) > 72
    )
