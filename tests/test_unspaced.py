"""Texts in scripts that do not set words apart: found, held and answered like others."""

import json
from pathlib import Path

import pytest

from lcagent import Reader
from lcagent.documents import Sentences, find_quote, linked, query_words, search
from lcagent.documents.forms import holds
from lcagent.documents.support import support
from tests.helpers import prose
from tests.loopback import Request

TEXTS = {
    "zh": ("王小明出生于东京，后来搬到大阪。", "王小明出生在哪里？", "东京", "巴黎"),
    "ja": (
        "山田さんは京都で生まれ、大阪に引っ越した。",
        "山田さんはどこで生まれましたか。",
        "京都",
        "名古屋",
    ),
    "th": ("สมชายเกิดที่เชียงใหม่และย้ายไปกรุงเทพ", "สมชายเกิดที่ไหน", "เชียงใหม่", "ภูเก็ต"),
    "ko": ("김철수는 도쿄에서 태어나 오사카로 이사했다.", "김철수는 어디에서 태어났습니까?", "도쿄", "파리"),
}
LANGUAGES = pytest.mark.parametrize(("text", "question", "right", "wrong"), TEXTS.values(), ids=TEXTS)


def test_words_are_pairs_where_nothing_sets_them_apart() -> None:
    assert query_words("他用iPhone 15拍照, in Paris") == ["他用", "iphon", "15", "拍照", "pari"]
    assert query_words("猫 Größe Здание") == ["猫", "gröss", "здание"]


@LANGUAGES
def test_an_answer_within_a_clause_stands_there(text: str, question: str, right: str, wrong: str) -> None:
    assert support(right, [text]) == "verbatim" and support(wrong, [text]) == "inferred"
    assert holds(text, right) and not holds(text, wrong)


@LANGUAGES
def test_a_search_finds_the_passage_that_is_about_it(
    text: str, question: str, right: str, wrong: str
) -> None:
    whole = f"{prose(60)}\n\n{text}\n\n{prose(60, 1)}"
    for query in (question, f"mill {right}"):
        best = search(whole, query, limit=1)[0]
        assert text in whole[best.start : best.end]
    hit = linked(whole, query_words(right))[0]
    assert text in whole[hit.start : hit.end]
    assert not linked(whole, query_words(wrong)[:1])


def test_words_of_other_scripts_count_beside_them() -> None:
    text = "我的iPhone手机坏了。\n\n" + prose(40)
    assert search(text, "iPhone", limit=1)[0].start == 0
    assert search(text, "Phone", limit=1) == []
    assert Sentences(text).nearest("iPhone", limit=1)[0][0].start == 0


@pytest.mark.parametrize(("answer", "stands"), [("猫", True), ("狗", False)])
def test_a_single_character_stands_where_it_is_part_of_a_clause(answer: str, stands: bool) -> None:
    text = "他养了一只猫。"
    assert (support(answer, [text]) == "verbatim") == holds(text, answer) == stands
    assert bool(search(text, answer, limit=1)) == bool(Sentences(text).nearest(answer)) == stands


def test_a_fact_in_another_order_leads_to_its_sentence() -> None:
    text = "会议在周一举行。项目负责人是王小明。他来自北京。"
    ((span, _),) = Sentences(text).nearest("王小明是项目负责人", limit=1)
    assert text[span.start : span.end] == "项目负责人是王小明。"
    assert find_quote(text, "王小明") and find_quote(text, "北京") and not find_quote(text, "是")


def says(fact: str, answer: str):
    """A model that notes this fact and gives this answer."""
    fixed = {"facts": [fact], "answer": answer, "steps": [], "core": "", "form": "", "next": ""}
    fixed |= {"asks": "fact", "conflict": "no"}

    def reply(request: Request) -> str:
        names = request.schema["properties"] if request.schema else {}
        return json.dumps({n: fixed.get(n, "yes") for n in names}, ensure_ascii=False) if names else answer

    return reply


@LANGUAGES
@pytest.mark.parametrize("strategy", ["direct", "memagent"])
def test_a_right_answer_is_given_with_its_sentence_and_a_wrong_one_is_labelled_or_withheld(
    loopback, tmp_path: Path, strategy: str, text: str, question: str, right: str, wrong: str
) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(f"{prose(12)}\n\n{text}\n\n{prose(12, 1)}")
    for answer, profile, label in (
        (right, "auto", "verbatim"),
        (right, "cautious", "verbatim"),
        (wrong, "auto", "inferred"),
        (wrong, "cautious", None),
    ):
        server = loopback(window=4096, reply=says(text, answer))
        with Reader(api_base=server.url, strategy=strategy, window=4096, profile=profile) as reader:
            given = reader.ask(path, question)
        assert given.status == ("answered" if label else "not_found")
        assert [claim.support for claim in given.claims] == ([label] if label else [])
        if label:
            assert given.answer == answer
        if label == "verbatim":
            assert right in given.citations[0].quote
