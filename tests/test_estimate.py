"""Where nothing counts tokens, what is taken for them is a bound: no real tokenizer needs more."""

import string
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from lcagent.models.estimate import EstimateCounter
from tests.helpers import ROOT, examples

Count = Callable[[str], int]
TIKTOKEN = ("cl100k_base", "o200k_base", "p50k_base")
PUBLISHED = ("anthropic", "deepseek")


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Count]:
    """Five published vocabularies, which litellm brings along."""
    found = find_spec("litellm")
    assert found is not None and found.origin is not None
    folder = Path(found.origin).parent / "litellm_core_utils" / "tokenizers"
    counts: dict[str, Count] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        import tiktoken

        for name in TIKTOKEN:
            encoding = tiktoken.get_encoding(name)
            counts[name] = lambda text, e=encoding: len(e.encode(text, disallowed_special=()))
    for name in PUBLISHED:
        tokenizer = Tokenizer.from_file(str(folder / f"{name}_tokenizer.json"))
        counts[name] = lambda text, t=tokenizer: len(t.encode(text, add_special_tokens=False).ids)
    return counts


SYLLABLES = (
    "brand vold skjeg gest ad ulv hild thor vald xiu ying woj ciech ow ska ngu yen qz rzy szcz tch ae".split()
)
NAME = st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=5).map(lambda parts: "".join(parts).title())
PIECE = st.one_of(
    NAME,
    st.text(max_size=12),
    st.text(string.ascii_letters, max_size=20),
    st.text(string.ascii_lowercase, max_size=20),
    st.text(string.printable, max_size=20),
    st.sampled_from(
        ["the", " of it", "\n", "  ", "\t", ", ", ". ", " 1", "12 ", "Улица Åse 灯塔 등대 ﷺ 👩‍👩‍👧"]
    ),
)


@settings(max_examples=examples(1000), deadline=None)
@given(text=st.lists(PIECE, max_size=14).map(" ".join) | st.lists(PIECE, max_size=14).map("".join))
@example(text="Skjeggestad Ulvhild\nBrzęczyszczykiewicz Grzegorz\nWojciechowska Małgorzata")
@example(text="zqxjkvb " * 20)
@example(text=" iau")
@example(text="1 2 3 4,50 " * 20)
def test_no_tokenizer_needs_more_than_the_bound(tokenizers: dict[str, Count], text: str) -> None:
    bound = EstimateCounter().count(text)
    for name, count in tokenizers.items():
        assert count(text) <= bound, name


def test_the_bound_leaves_two_fifths_of_the_window_for_prose(tokenizers: dict[str, Count]) -> None:
    text = (ROOT / "examples" / "report.txt").read_text("utf-8")
    assert EstimateCounter().count(text) <= 2.5 * tokenizers["cl100k_base"](text)


def test_the_parts_bound_the_whole() -> None:
    counter = EstimateCounter()
    messages = [{"role": "system", "content": "Read."}, {"role": "user", "content": "灯塔\ud800"}]
    assert counter.count_messages(messages) > sum(counter.count(m["content"]) for m in messages) + 64
