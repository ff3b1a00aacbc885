"""Generators: length, gold, leaks and repeatability as properties; then each task's own recipe."""

import json
import re
import time
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.documents import load
from lcagent.documents.answers import normalise
from lcagent.errors import UsageError
from lcagent.evals.items import Item
from lcagent.evals.scorers import sub_exact_match
from lcagent.evals.tasks import TASKS, Request, folder, generate
from lcagent.evals.tasks.entities import replaced
from lcagent.evals.tasks.request import drawn
from lcagent.evals.tasks.words import ADJECTIVES, COINED, NOUNS, PLACES, SURNAMES
from tests.helpers import ROOT, examples, some_slow
from tests.loopback import count

SHARED = ROOT.parent / "shared" / "data"
real_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the evaluation data is not here")
MADE = [name for name, task in TASKS.items() if not task.fixed_length]
WHOLE = [name for name, task in TASKS.items() if task.fixed_length]
POOLED = ["ruler-hqa", "abstain", "niah-plus"]
LENGTHS = st.integers(600, 12_000)
SEEDS = st.integers(0, 10_000)
properties = settings(max_examples=examples(25), deadline=None, derandomize=True)


def items(name: str, length: int = 0, n: int = 4, seed: int = 0, data: Path | None = None) -> list[Item]:
    return generate(name, Request(data, length, n, seed, count))


def rest(item: Item) -> str:
    """The document without its gold."""
    text, end = "", 0
    for start, stop in sorted(item.gold):
        text, end = text + item.text[end:start], stop
    return text + item.text[end:]


def check(item: Item, length: int) -> None:
    assert item.tokens == count(item.text)
    assert abs(item.tokens - length) <= 0.02 * length
    for gold in item.gold_texts():
        assert gold.strip() == gold != ""
        assert item.text.count(gold) == 1


def check_no_leak(item: Item, pool: dict[str, str]) -> None:
    left = rest(item)
    for answer in item.answers:
        if normalise(answer) not in {"yes", "no"}:
            assert not sub_exact_match(left, answer)
    if item.task == "abstain":
        return
    gold_titles = {normalise(pool[text]) for text in item.gold_texts() if text in pool}
    titles = {normalise(line.split(": ")[0]) for line in left.split("\n\n")}
    assert not gold_titles & titles


def pool_titles(data: Path | None) -> dict[str, str]:
    rows = map(json.loads, (folder(data) / "multihop/pool.jsonl").read_text("utf-8").strip().split("\n"))
    titles = [(" ".join(r["title"].replace("_", " ").split()), " ".join(r["text"].split())) for r in rows]
    return {f"{title}: {text}": title for title, text in titles}


@pytest.mark.parametrize("name", MADE)
@properties
@given(length=LENGTHS, seed=SEEDS)
def test_length_is_met_and_gold_stands_there_once(name: str, length: int, seed: int) -> None:
    made = items(name, length, seed=seed)
    assert made
    for item in made:
        check(item, length)
        assert item.task == name and item.length == length
        assert bool(item.gold) == (name not in {"abstain", "common-words"})


@pytest.mark.parametrize("name", list(TASKS))
@properties
@given(length=LENGTHS, seed=SEEDS)
def test_an_item_depends_on_nothing_but_its_place(name: str, length: int, seed: int) -> None:
    length = length if name in MADE else 0
    few, many = items(name, length, n=2, seed=seed), items(name, length, n=5, seed=seed)
    assert few == many[:2]
    assert [item.id for item in many] == [f"{name}-{length}-{seed}-{at:04d}" for at in range(len(many))]
    assert many == items(name, length, n=5, seed=seed)


@pytest.mark.parametrize("name", POOLED)
@properties
@given(length=LENGTHS, seed=SEEDS)
def test_nothing_else_gives_the_answer_away(name: str, length: int, seed: int) -> None:
    pool = pool_titles(None)
    for item in items(name, length, n=8, seed=seed):
        check_no_leak(item, pool)


@pytest.mark.parametrize("name", MADE)
def test_another_seed_makes_other_items(name: str) -> None:
    assert {item.text for item in items(name, 2000)}.isdisjoint(
        item.text for item in items(name, 2000, seed=1)
    )


@pytest.mark.parametrize("name", some_slow(MADE))
def test_many_tokens_take_few_counts(name: str) -> None:
    calls = 0

    def slow(text: str) -> int:
        nonlocal calls
        calls += 1
        time.sleep(0.005)
        return count(text)

    began = time.monotonic()
    (item,) = generate(name, Request(None, 400_000, 1, 0, slow))
    check(item, 400_000)
    assert calls <= 15
    assert time.monotonic() - began < 30


def test_positions_are_drawn_per_item() -> None:
    depths = [i.gold[0][0] / len(i.text) for i in items("niah", 6000, n=24)]
    assert min(depths) < 0.25 and max(depths) > 0.75
    assert len({round(depth, 2) for depth in depths}) > 12


# --- each task's recipe


def test_ruler_hqa_takes_both_sets_and_is_short_without_a_length() -> None:
    made = items("ruler-hqa", n=99)
    assert len(made) == 8  # all there are
    assert {item.category for item in made} == {
        "hotpotqa/bridge",
        "hotpotqa/comparison",
        "musique/2hop",
        "musique/3hop1",
    }
    assert all(item.tokens < 700 and len(item.gold) >= 2 for item in made)
    assert {item.metric for item in made} == {"sub_em"}


def test_abstain_asks_the_same_without_the_gold() -> None:
    for with_gold, without in zip(items("ruler-hqa", 3000, n=8), items("abstain", 3000, n=8), strict=True):
        assert (without.question, without.category) == (with_gold.question, with_gold.category)
        assert (without.answers, without.metric, without.gold) == ((), "abstained", ())
        assert not any(gold in without.text for gold in with_gold.gold_texts())
        for answer in with_gold.answers:
            assert normalise(answer) == "no" or not sub_exact_match(without.text, answer)


def test_niah_has_four_kinds() -> None:
    made = items("niah", 2000, n=8)
    assert [item.category for item in made[:4]] == ["single", "multikey", "multivalue", "multiquery"]
    for item in made:
        needles = re.findall(r"The special magic number for ([a-z]+-[a-z]+) is (\d{7})\.", item.text)
        asked = [(key, value) for key, value in needles if key in item.question]
        keys, values = {key for key, _ in needles}, {value for _, value in asked}
        assert values == set(item.answers)
        assert all(item.text.count(value) == 1 for value in values)
        shape = (len(needles), len(keys), len(asked))
        wanted = {
            "single": (1, 1, 1),
            "multikey": (4, 4, 1),
            "multivalue": (4, 1, 4),
            "multiquery": (4, 4, 4),
        }
        assert shape == wanted[item.category]
        assert (item.match, item.metric) == (("all", "recall") if len(asked) > 1 else ("any", "sub_em"))


def test_niah_plus_puts_paragraphs_at_set_depths() -> None:
    made = items("niah-plus", 12_000, n=8)
    assert [item.category for item in made[::2]] == ["single"] * 4
    pairs = list(combinations((0, 33, 66, 100), 2))
    assert [item.category for item in made[1::2]] == [f"multi {a}/{b}" for a, b in pairs[:4]]
    for index, item in enumerate(made):
        depths = [start / len(item.text) for start, _ in item.gold]
        wanted = pairs[index // 2] if index % 2 else [index // 2 * 10]
        assert depths == pytest.approx([depth / 100 for depth in wanted], abs=0.04)


def test_niah_plus_replaces_the_answer() -> None:
    rows = [
        json.loads(line) for line in (folder(None) / "squad.jsonl").read_text("utf-8").split("\n") if line
    ]
    old = {row["question"]: row["answers"][0] for row in rows}
    singles = [item for item in items("niah-plus", 3000, n=99) if item.category == "single"]
    assert len(singles) == 6  # the seventh would come after the sixth of five two-paragraph questions
    for item in singles:
        assert item.answers[0] != old[item.question]
        assert sub_exact_match(item.gold_texts()[0], item.answers[0])
        assert not sub_exact_match(item.text, old[item.question])


@pytest.mark.parametrize(
    ("question", "answer", "shape"),
    [
        ("When did the kiln burn?", "1874", r"1[78]\d\d"),
        ("On what day did the kiln burn?", "4 March 1926", r"\d{1,2} [A-Z][a-z]+ \d{4}"),
        ("How many jars were lost?", "18,500", r"\d\d,\d{3}"),
        ("How large a share was lost?", "52%", r"\d\d%"),
        ("Who owned it?", "Ivar Lomund", r"[A-Z]\w+ [A-Z][\w-]+"),
        ("Where did it stand?", "Dorrick", "|".join(PLACES)),
    ],
)
def test_an_entity_is_replaced_by_one_of_its_shape(question: str, answer: str, shape: str) -> None:
    for seed in range(20):
        body = f"It is said that {answer} was written over the door, and that {answer} was right."
        new = replaced("Kiln", body, question, answer, drawn("test", seed, 0))
        assert new is not None and re.fullmatch(shape, new.answer)
        assert new.body.count(new.answer) == 2 and answer not in new.body


@pytest.mark.parametrize(
    ("question", "answer", "body"),
    [
        ("What crushed it?", "ice", "It was crushed by ice."),  # no entity
        ("Who was Ivar Lomund?", "Ivar Lomund", "Ivar Lomund was a brewer."),  # the question knows it
        ("Who owned it?", "Ivar Lomund", "Ivar Lomund owned it. Lomund sold it."),  # a part stands elsewhere
        ("How many?", "Three", "Three were left."),
        ("How many?", "7", "There were 7 left."),
        ("How many?", "18", "There were 18 left of 18,500."),  # part of another number: not touched
    ],
)
def test_what_cannot_be_replaced_safely_is_not(question: str, answer: str, body: str) -> None:
    new = replaced("Kiln", body, question, answer, drawn("test", 0, 0))
    assert new is None or (answer == "18" and "18,500" in new.body)


def test_nested_kv_leads_to_its_value() -> None:
    made = items("nested-kv", n=10)
    assert [item.category for item in made] == [f"level {level}" for level in (0, 1, 2, 3, 4)] * 2
    for item in made:
        table = dict(line.split(": ") for line in item.text.split("\n"))
        assert len(table) == 140
        key = re.search(r"the key ([0-9a-f-]{36})\?", item.question)[1]
        hops = 0
        while key in table:
            key, hops = table[key], hops + 1
        assert (key,) == item.answers
        assert item.category == f"level {hops - 1}" and len(item.gold) == hops


def test_nested_kv_scales_with_length() -> None:
    (item,) = items("nested-kv", 40_000, n=1)
    assert len(re.findall(r"^[0-9a-f-]{36}: [0-9a-f-]{36}$", item.text, re.M)) > 500


def test_variable_tracking_is_solved_by_following_assignments() -> None:
    for item in items("variable-tracking", 3000, n=6):
        values: dict[str, str] = {}
        for name, source in re.findall(r"VAR ([A-Z]{5}) = (?:VAR )?(\w+)\.", item.text):
            values[name] = values.get(source, source)  # each stands after what it refers to
        assert all(value.isdigit() for value in values.values())
        value = re.search(r"the value (\d{5})", item.question)[1]
        assert {name for name, held in values.items() if held == value} == set(item.answers)
        assert len(values) == 10 and len(item.answers) == len(item.gold) == 5
        assert (item.match, item.metric) == ("all", "recall")


@pytest.mark.parametrize(("length", "often", "seldom"), [(700, 10, 1), (4000, 20, 2), (12_000, 30, 3)])
def test_common_words_are_ten_times_as_common(length: int, often: int, seldom: int) -> None:
    for item in items("common-words", length, n=2):
        words = Counter(re.findall(r"\d+\. (\S+)", item.text))
        assert {word for word, times in words.most_common(10)} == set(item.answers)
        assert {times for _, times in words.most_common(10)} == {often}
        assert {times for _, times in words.most_common()[10:]} == {seldom}


def test_quality_holds_its_options() -> None:
    made = items("quality")
    assert {item.answers[0] for item in made} == {"A", "B", "C", "D"}
    for item in made:
        letter, text = item.answers
        assert item.options[letter] == text
        assert all(item.question.count(f"({key}) {option}") == 1 for key, option in item.options.items())
        assert "letter" in item.question and item.metric == "accuracy" and item.text


def test_summaries_have_references_and_meetings_their_turns() -> None:
    assert all(item.metric == "rouge_l" and len(item.answers) == 2 for item in items("squality"))
    first = next(item for item in items("qmsum") if "kettle" in item.question)
    (turns,) = first.gold_texts()
    assert turns.startswith("[3] Designer: We made") and turns.endswith(
        "the first model. Now the opening hours of the shop.\n"
    )


def test_filings_name_a_pdf_and_its_pages() -> None:
    for item in items("filings"):
        assert item.text is None and item.metric == "f1"
        document = load(folder(None) / item.path)
        (page,) = item.gold_pages
        span = document.pages[page - 1]
        said = document.text[span.start : span.end]
        assert set(re.findall(r"[\d.]{4,}|[A-Z]\w+", item.answers[0])) <= set(
            re.findall(r"[\d.]*\d|\w+", said)
        )


def test_locomo_knows_its_categories() -> None:
    made = items("locomo", n=99)
    assert {item.category for item in made} == {
        "1 multi-hop",
        "2 temporal",
        "3 open-domain",
        "4 single-hop",
        "5 adversarial",
    }
    for item in made:
        adversarial = item.category == "5 adversarial"
        assert (item.answers == ()) == (item.metric == "abstained") == (item.gold == ()) == adversarial
        assert all(re.match(r"\[D\d+:\d+\] ", gold) for gold in item.gold_texts())


@pytest.mark.parametrize("name", WHOLE)
def test_a_length_leaves_longer_documents_out(name: str) -> None:
    assert items(name, 100_000) == [
        item.model_copy(update={"length": 100_000, "id": item.id.replace("-0-0-", "-100000-0-")})
        for item in items(name)
    ]
    if name != "filings":
        with pytest.raises(UsageError, match="as short as 50"):
            items(name, 50)


# --- what is asked wrongly


@pytest.mark.parametrize(
    ("name", "length", "says"),
    [
        ("ruler", 1000, "no task 'ruler'"),
        ("niah", 0, "needs a length"),
        ("niah", -1, "0 or more"),
        ("ruler-hqa", 50, "no question fit"),
        ("niah-plus", 50, "no question fit"),
        ("niah", 20, "too short"),
        ("variable-tracking", 40, "too short"),
        ("common-words", 100, "too short"),
        ("nested-kv", 30, "too short"),
    ],
)
def test_a_wrong_request_says_what_to_do(name: str, length: int, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        items(name, length)
    assert caught.value.hint


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if task.needs])
def test_missing_data_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(TASKS[name].needs[0])) as caught:
        items(name, 2000, data=tmp_path)
    assert "--data" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "says"),
    [("{", "line 1"), ("[]", "not a JSON object"), ('{"id": "1"}', "it lacks 'context_file'")],
)
def test_malformed_data_is_named(line: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "quality.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=says):
        items("quality", data=tmp_path)


# --- what the package ships


def test_samples_are_small() -> None:
    files = [path for path in folder(None).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 150_000
    assert folder(None).is_relative_to(ROOT / "lcagent")


def test_words_are_different() -> None:
    for words in (NOUNS, ADJECTIVES, COINED, PLACES, SURNAMES):
        assert len(set(words)) == len(words)


# --- the data that measures


@real_data
@pytest.mark.parametrize("name", MADE)
def test_real_data_makes_sound_items(name: str) -> None:
    made = items(name, 7000, n=40, seed=3, data=SHARED)
    assert len(made) == 40
    pool = pool_titles(SHARED) if name in POOLED else {}
    for item in made:
        check(item, 7000)
        if name in POOLED:
            check_no_leak(item, pool)


@real_data
@pytest.mark.parametrize("name", WHOLE)
def test_real_data_of_whole_documents_is_read(name: str) -> None:
    made = items(name, n=1000, data=SHARED)
    assert len(made) == {"quality": 43, "squality": 60, "qmsum": 25, "filings": 15, "locomo": 497}[name]
    for item in made:
        assert item.path or item.text
        assert all(gold.strip() for gold in item.gold_texts())
        if name in {"qmsum", "locomo"}:
            assert item.gold or item.category in {"5 adversarial", "3 open-domain"}


@real_data
@pytest.mark.parametrize("name", ["ruler-hqa", "niah", "abstain"])
def test_real_data_reaches_896k_within_seconds(name: str) -> None:
    began = time.monotonic()
    (item,) = items(name, 896_000, n=1, data=SHARED)
    check(item, 896_000)
    assert time.monotonic() - began < 40
    if name == "ruler-hqa":
        check_no_leak(item, pool_titles(SHARED))


@real_data
def test_real_pool_is_repeated_where_it_is_too_short() -> None:
    (item,) = items("ruler-hqa", 2_000_000, n=1, data=SHARED)
    check(item, 2_000_000)
