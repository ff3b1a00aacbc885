"""What an answer is worth: every score is computed from a Row alone, so old rows can be scored again.

All of them run from 0 to 1. A failed, timed-out or budget-cut item scores 0 everywhere and stays in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from lcagent.documents.answers import normalise
from lcagent.documents.words import STOPWORDS
from lcagent.errors import UsageError
from lcagent.evals.choices import chosen_letter
from lcagent.evals.items import Cited, Row

LEAST_KEY_WORDS = 0.2
"""Share of a reference's key words under which F1* is 0 (LV-Eval)."""


def _raw(text: str) -> str:
    """What is compared where a reference normalises to nothing ("the", "A", "-")."""
    whole = text.strip().lower()
    return whole.strip(" .,;:!?\"'“”‘’") or whole


def _same_raw(prediction: str, reference: str) -> float:
    return float(bool(reference.strip()) and _raw(prediction) == _raw(reference))


def exact_match(prediction: str, reference: str) -> float:
    """EM: 1 if both are the same when normalised (SQuAD)."""
    gold = normalise(reference)
    return float(normalise(prediction) == gold) if gold else _same_raw(prediction, reference)


def token_f1(prediction: str, reference: str) -> float:
    """F1 of the normalised tokens, each counted as often as it stands in both (SQuAD)."""
    said, gold = normalise(prediction).split(), normalise(reference).split()
    if not gold:
        return _same_raw(prediction, reference)
    shared = (Counter(said) & Counter(gold)).total()
    return 2 * shared / (len(said) + len(gold))


def sub_exact_match(prediction: str, reference: str) -> float:
    """Sub-EM, ours: 1 if a whole-token run of the normalised prediction is the normalised reference.

    Never the other way round, so "the" and "I" earn nothing; an empty prediction scores 0.
    """
    gold = normalise(reference)
    return float(f" {gold} " in f" {normalise(prediction)} ") if gold else _same_raw(prediction, reference)


def f1_star(prediction: str, reference: str) -> float:
    """F1* (LV-Eval, Yuan 2024): 0 where under 0.2 of the reference's key words are said, else F1.

    Key words are the reference's normalised tokens that are no stop words; all of its tokens where
    nothing else is left ("no"). LV-Eval marks them by hand for its own items.
    """
    tokens = normalise(reference).split()
    words = Counter([t for t in tokens if t not in STOPWORDS] or tokens)
    said = (words & Counter(normalise(prediction).split())).total()
    if words and said / words.total() < LEAST_KEY_WORDS:
        return 0.0
    return token_f1(prediction, reference)


def rouge(prediction: str, references: Sequence[str]) -> dict[str, float]:
    """ROUGE-1, -2 and -L (Lin 2004): F-measure with stemming, best over the references.

    `rouge_l` takes each text as one sentence (rougeL), not the summary-level union (rougeLsum). The
    rouge-score package counts a-z and 0-9 only, so other scripts score 0.
    """
    found = _rouge_scorer().score_multi(list(references), prediction)
    names = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}
    return {name: float(found[theirs].fmeasure) for name, theirs in names.items()}


@cache
def _rouge_scorer() -> Any:
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise UsageError(
            "ROUGE needs the package rouge-score", hint="pip install 'lcagent[bench]'"
        ) from error
    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)


def score_row(row: Row) -> dict[str, float]:
    """Every score that makes sense for a row; the headline one stands under `row.metric`."""
    scores = (_answer_scores(row) if row.answers else _absence_scores(row)) | _citation_scores(row)
    if row.error or row.status in {"failed", "budget"}:
        return dict.fromkeys(scores, 0.0)
    return scores


def rescored(row: Row) -> Row:
    """The same row with its scores computed anew."""
    return row.model_copy(update={"scores": score_row(row)})


def _absence_scores(row: Row) -> dict[str, float]:
    """The document does not say: right is "not found", whatever the task's metric is otherwise."""
    refused = float(row.status == "not_found")
    return {"abstained": refused, row.metric: refused}


_BY_TEXT: dict[str, Callable[[str, str], float]] = {
    "em": exact_match,
    "f1": token_f1,
    "sub_em": sub_exact_match,
    "f1_star": f1_star,
}


def _answer_scores(row: Row) -> dict[str, float]:
    said = "" if row.status == "not_found" else row.prediction
    scores: dict[str, float] = {}
    if row.options or row.metric == "accuracy":
        scores["accuracy"] = accuracy(said, row.answers, row.options)
    if row.metric != "accuracy":
        # Several values that must all be given are one reference where token order does not matter.
        references = (" ".join(row.answers),) if row.match == "all" else row.answers
        scores |= {name: max(score(said, r) for r in references) for name, score in _BY_TEXT.items()}
    if row.match == "all":
        scores["recall"] = recall(said, row.answers)
        scores["sub_em"] = float(scores["recall"] == 1)
    if row.metric == "conflict":
        scores["conflict"] = conflict(row)
    if row.metric == "rouge_l":
        scores |= rouge(said, row.answers)
    # "abstained" is for items without answers; one that has answers is asked for one of them.
    scores.setdefault(row.metric, scores.get("sub_em", 0.0))
    return scores


def accuracy(prediction: str, answers: Sequence[str], options: dict[str, str]) -> float:
    """Multiple choice: 1 if the one letter chosen is right; several different letters are wrong."""
    chosen = chosen_letter(prediction, options)
    return float(bool(chosen) and chosen in {chosen_letter(answer, options) for answer in answers})


def recall(prediction: str, references: Sequence[str]) -> float:
    """The share of the references that stand in the prediction as whole-token runs (RULER, Hsieh 2024)."""
    return sum(sub_exact_match(prediction, r) for r in references) / len(references)


def conflict(row: Row) -> float:
    """1 if the document was found to contradict itself and every value stands in answer or quotes."""
    shown = [row.prediction, *(cited.quote for cited in row.citations if cited.verbatim)]
    held = all(any(sub_exact_match(text, value) for text in shown) for value in row.answers)
    return float(row.status == "conflicting" and held)


def _citation_scores(row: Row) -> dict[str, float]:
    """Precision: quotes that stand verbatim. Recall and `citation_gold`: against the gold places.

    Gold places are the gold spans, or the gold pages where no spans are known. Precision and
    `citation_gold` are left out of a row that cites nothing.
    """
    cited = row.citations
    scores: dict[str, float] = {}
    if cited:
        scores["citation_precision"] = sum(c.verbatim for c in cited) / len(cited)
    places: tuple[tuple[int, int] | int, ...] = row.gold or row.gold_pages
    if places:
        scores["citation_recall"] = sum(any(_in(c, p) for c in cited) for p in places) / len(places)
    if places and cited:
        scores["citation_gold"] = sum(any(_in(c, p) for p in places) for c in cited) / len(cited)
    return scores


def _in(cited: Cited, place: tuple[int, int] | int) -> bool:
    """Whether a citation touches a gold span or stands on a gold page."""
    if isinstance(place, int):
        return cited.page == place
    return cited.char_start < place[1] and place[0] < cited.char_end
