"""Multiple choice: which letter a prediction chooses."""

from __future__ import annotations

import re

_DEFAULT_LETTERS = "ABCDEFGH"
"""Where the options stand in the question only."""
_LEAD = (
    r"\W*(?:(?:so |thus )?(?:my |the )?(?:correct |final |best |right )*answer(?: is)?\W*)?"
    r"(?:option |choice )?"
)
_NEXT_CLAUSE = r"(?:\s+(?:or|and|because|since|as)\b|\s*[^\w\s'’]|\s*$)"
_SPACE = re.compile(r"\s+")


def chosen_letter(prediction: str, options: dict[str, str]) -> str:
    """The letter that a prediction chooses; empty if none, or if several different ones stand there.

    Read in this order: an option's text word for word; a letter in answer position ("B", "(b)",
    "Answer: B", "B) the option's text"); letters standing alone, where "A" and "I" count only
    if they are not followed by a word, as an article and a pronoun are; options' texts within the prediction.

    Args:
        prediction: what the model said.
        options: letter and text; where empty, the letters A to H.
    """
    texts = {letter.upper(): _folded(text) for letter, text in options.items()}
    letters = list(texts) or list(_DEFAULT_LETTERS)
    same = [letter for letter, text in texts.items() if text and text == _folded(prediction)]
    if same:
        return same[0] if len(same) == 1 else ""
    found = _answer_position(prediction, letters, texts)
    if not found:
        found = _standing_alone(prediction, letters, options) or _texts_within(prediction, texts)
    return found.pop() if len(found) == 1 else ""


def _folded(text: str) -> str:
    """Case, white space and marks at the ends left out; articles stay, "A" may be an option."""
    return _SPACE.sub(" ", text).strip(" .,;:!?\"'“”‘’*()[]").lower()


def _one_of(letters: list[str]) -> str:
    return "(" + "|".join(map(re.escape, letters)) + ")"


def _answer_position(prediction: str, letters: list[str], texts: dict[str, str]) -> set[str]:
    """The whole prediction is a letter, or a letter and that option's own text."""
    match = re.fullmatch(_LEAD + _one_of(letters) + r"(?!\w)(.*)", prediction, re.I | re.S)
    if match is None:
        return set()
    letter, rest = match[1].upper(), _folded(re.sub(r"^\W+", "", match[2]))
    return {letter} if not rest or rest == texts.get(letter) else set()


def _standing_alone(prediction: str, letters: list[str], options: dict[str, str]) -> set[str]:
    """Capital letters that are no part of a word or of an option's own text."""
    for text in options.values():
        if len(text) > 1:  # an option's text may hold a letter itself: "Vitamin C"
            prediction = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", " ; ", prediction, flags=re.I)
    alone = re.compile(rf"(?<![\w'’-]){_one_of(letters)}(?![\w'’-])")
    return {
        match[1]
        for match in alone.finditer(prediction)
        if match[1] not in "AI"
        or re.match(_NEXT_CLAUSE, prediction[match.end() :])
        or re.search(r"(?:answer|answer is|option|choice)\W*$", prediction[: match.start()], re.I)
    }


def _texts_within(prediction: str, texts: dict[str, str]) -> set[str]:
    """Options whose text stands in the prediction, save those that are part of a longer one there."""
    said = _folded(prediction)
    found = {k: t for k, t in texts.items() if t and re.search(rf"(?<!\w){re.escape(t)}(?!\w)", said)}
    return {k for k, t in found.items() if not any(t != other and t in other for other in found.values())}
