"""What was said is found again: by words, meaning and date, page by page, and never once it is forgotten."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent.memory.rows import Rows
from lcagent.memory.tiers import bitmaps, nearest
from lcagent.memory.tiers.bitmaps import CHUNK
from lcagent.memory.tiers.entries import Entries, Entry, Kind, New
from lcagent.memory.tiers.index import index, rebuild, unindex
from lcagent.memory.tiers.search import Search
from lcagent.memory.tiers.tables import FILE, open_memory
from lcagent.models.vectors import Vectors, unit
from tests.cluster import files_daily, only_files
from tests.helpers import ROOT, examples


class ByLetters:
    """Vectors by the letters of a text and, where it stands in `meanings`, by what that says."""

    dimension = 64

    def __init__(self, name: str = "letters", meanings: dict[str, str] | None = None) -> None:
        self.name, self.asked = name, list[str]()
        self._meanings = meanings or {}

    def embed(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
        self.asked += texts
        rows = []
        for text in texts:
            row = np.full(64, 0.01)
            for letter in self._meanings.get(text, text):
                row[ord(letter) % 64] += 1
            rows.append(row - row.mean())
        return unit(rows)

    def close(self) -> None: ...


def say(
    store: Rows,
    text: str,
    *,
    tenant: str = "t",
    session: str = "s",
    kind: Kind = "message",
    author: str = "user",
    at: str | float = 0.0,
) -> int:
    valid = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() if isinstance(at, str) else at
    return Entries(store, tenant, session).append(New(kind, text, author=author, valid=valid)).id


def say_all(store: Rows, texts: Iterable[str], session: Callable[[int], str] = lambda _: "s") -> None:
    """One an hour."""
    with store.transaction():
        for at, text in enumerate(texts):
            Entries(store, "t", session(at)).append(New("message", text, valid=at * 3600.0))


def ids(store: Rows, query: str, tenant: str = "t", embedder: Any = None, **how: Any) -> list[int]:
    return [hit.id for hit in Search(store, tenant, embedder).find(query, **{"limit": 100, **how}).entries]


def forget(store: Rows, numbers: Iterable[int]) -> None:
    with store.transaction():
        numbers = list(numbers)
        unindex(store, numbers)
        for one in numbers:
            store.execute("DELETE FROM entries WHERE id = ?", (one,))


def test_words_are_found_in_all_their_forms_and_the_rarest_weigh_most(store: Rows) -> None:
    lamp = say(store, "We painted the lamp", session="1")
    kite = say(store, "A kite, and we painted it", session="2")
    for number in range(5):
        say(store, f"He paints number {number}", session=f"x{number}")
    assert ids(store, "painting of a KITE?")[0] == kite
    assert len(ids(store, "painting")) == 7
    assert ids(store, "lamps") == [lamp]
    assert ids(store, "zebra") == []


def test_only_what_may_be_found_is_found(store: Rows) -> None:
    said = say(store, "the harbour was closed")
    noted = say(store, "harbour: closed", kind="passage")
    say(store, "harbour", kind="call")
    assert ids(store, "harbour") == [said]
    assert ids(store, "harbour", kinds=["passage"]) == [noted]
    assert sorted(ids(store, "harbour", kinds=["message", "passage"])) == [said, noted]


def test_an_answer_is_found_beside_its_question_in_the_same_session_alone(store: Rows) -> None:
    say(store, "What did you research, Ann?", session="a")
    say(store, "Nothing.", session="b")
    answer = say(store, "Agencies.", session="a")
    say(store, "Something.", session="b")
    assert ids(store, "what was researched")[1:] == [answer]


def test_who_wants_only_what_holds_the_words_gets_no_neighbours(store: Rows) -> None:
    asked, told = say(store, "Where is the buoy?"), say(store, "Over there.")
    assert ids(store, "buoy") == [asked, told]
    found = Search(store, "t", beside=False).find("buoy", limit=10)
    assert (found.numbers, found.total) == ([asked], 1)


def test_who_speaks_counts_for_more_than_who_is_spoken_to(store: Rows) -> None:
    """What somebody did she tells herself; those who say her name speak to her."""
    to_her = say(store, "Caroline, did you go camping?", author="Melanie", session="1")
    by_her = say(store, "I did go camping", author="Caroline", session="2")
    assert ids(store, "When did Caroline go camping?") == [by_her, to_her]
    # A name alone asks for what its bearer says, and for what names her.
    assert set(ids(store, "Caroline")) == {to_her, by_her}


def test_times_narrow_a_search_to_the_second(store: Rows) -> None:
    days = ["2023-05-07T23:59:59", "2023-05-08T00:00:00", "2023-05-08T12:00:00", "2023-05-10T01:00:00"]
    said = [say(store, "rain again", at=day) for day in days]
    when = [datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() for day in days]
    for first in range(4):
        for last in range(first, 4):
            wanted = said[first:last]
            found = ids(store, "rain", since=when[first], until=when[last])
            assert sorted(found) == wanted
            assert ids(store, "", since=when[first], until=when[last]) == wanted
    assert sorted(ids(store, "rain", since=when[1])) == said[1:]
    assert sorted(ids(store, "rain", until=when[1])) == said[:1]


def test_an_empty_query_gives_everything_in_the_order_of_time(store: Rows) -> None:
    later = say(store, "two", at="2024-01-01T10:00")
    first = say(store, "one", at="1899-12-31T10:00")
    same_day = say(store, "three", at="2024-01-01T09:00", session="other")
    assert ids(store, " ") == [first, same_day, later]
    assert ids(store, "", sessions=["s"]) == [first, later]
    assert ids(store, "", sessions=[]) == []


def test_a_time_that_the_query_names_is_found(store: Rows) -> None:
    say(store, "We swam", at="2023-05-07", session="1")
    of_day = say(store, "We slept", at="2023-10-13", session="2")
    say(store, "We swam", at="2023-10-14", session="3")
    assert ids(store, "What happened on October 13, 2023?") == [of_day]
    assert ids(store, "Who swam in May 2023?")[0] == 1


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我昨天买了一只黑猫", "黑猫叫什么"),
        ("我昨天买了一只黑猫", "猫"),
        ("東京で寿司を食べた", "寿司はどこ"),
        ("어제 학교에서 축구를 했어", "축구"),
        ("Я купила собаку", "СОБАКУ"),
        ("Ich mag Äpfel", "apfel"),
        ("ผมชอบกินข้าวผัด", "ข้าวผัด"),
        ("Zoë's café", "cafe"),
    ],
)
def test_other_scripts(store: Rows, text: str, query: str) -> None:
    wanted = say(store, text, session="1")
    say(store, "nothing of the kind", session="2")
    say(store, "今日は雨", session="3")
    assert ids(store, query) == [wanted]


def test_a_tenant_neither_finds_nor_feels_another(store: Rows) -> None:
    mine = say(store, "the red boat", author="Ann", session="1")
    say(store, "the red car", session="2")
    before = Search(store, "t").find("red boat Bob", limit=10)
    for number in range(20):
        say(store, "red boat Bob red", tenant="u", author="Bob", session="s", at=number)
    assert Search(store, "t").find("red boat Bob", limit=10) == before
    assert ids(store, "boat") == [mine]
    assert mine not in ids(store, "boat", tenant="u") and ids(store, "boat", tenant="") == []
    forget(store, [mine])
    assert len(ids(store, "boat", tenant="u")) == 20


@files_daily
def test_totals_are_counted(store: Rows) -> None:
    said = [f"apple {number}" if number % 3 else "pear" for number in range(1200)]
    say_all(store, said, lambda number: str(number // 50))
    every = Search(store, "t").find("apple", limit=5)
    assert len(every.entries) == 5 and every.cursor
    # 800 hold it; those beside them may be found too, and are counted then.
    held = set(ids(store, "apple", limit=5000))
    assert len(held) == every.total >= 800
    some = Search(store, "t").find("apple", limit=5, sessions=["3", "4"], until=240 * 3600.0)
    assert some.total == len(ids(store, "apple", limit=5000, sessions=["3", "4"], until=240 * 3600.0))
    assert 60 <= some.total <= 90


WORDS = "red boat lamp kite Ann 2023 rain 雨".split()
texts = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
messages = st.tuples(texts, st.sampled_from("ab"), st.sampled_from(["Ann", "Bob"]), st.integers(0, 10**6))


@contextmanager
def memory() -> Iterator[Rows]:
    with TemporaryDirectory() as folder, closing(open_memory(Path(folder))) as opened:
        yield opened


def pages(search: Search, query: str, size: int, between: Callable[[], None]) -> Iterator[tuple[int, float]]:
    cursor, total, given = None, None, 0
    while True:
        page = search.find(query, limit=size, cursor=cursor)
        total = page.total if total is None else total
        assert page.total == total
        yield from ((hit.id, hit.score) for hit in page.entries)
        given += len(page.entries)
        cursor = page.cursor
        if cursor is None:
            assert given == total
            return
        assert len(page.entries) == size
        between()


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(messages, max_size=30),
    st.lists(messages, min_size=1, max_size=8),
    texts,
    st.integers(1, 7),
    st.booleans(),
)
def test_pages_give_each_hit_once_and_in_order_whatever_comes_between(
    before: list[Any], later: list[Any], query: str, size: int, by_meaning: bool
) -> None:
    embedder = ByLetters() if by_meaning else None
    with memory() as store:

        def write(some: Iterable[Any]) -> None:
            for text, session, author, at in some:
                say(store, text, session=session, author=author, at=float(at))

        def between() -> None:
            write(later)
            nearest.embed_missing(store, "t", ByLetters(), 3)

        write(before)
        nearest.embed_missing(store, "t", ByLetters(), len(before) // 2)
        search = Search(store, "t", embedder)
        at_once = [(hit.id, hit.score) for hit in search.find(query, limit=1000).entries]
        assert list(pages(search, query, size, between)) == at_once
        assert len({one for one, _ in at_once}) == len(at_once)
        scores = [score for _, score in at_once]
        assert scores == sorted(scores, reverse=True)


@files_daily
def test_pages_go_on_beyond_what_was_weighed(store: Rows) -> None:
    say_all(store, (f"apple {number}" for number in range(700)), str)
    found = [one for one, _ in pages(Search(store, "t"), "apple 7", 90, lambda: None)]
    assert sorted(found) == list(range(1, 701)) and found[0] == 8
    assert found[-500:] == sorted(found[-500:], reverse=True)


@pytest.mark.parametrize("cursor", ["", "1", "1.2", "a.b.c", "1.2.3.4", "-1.0.0", "9" * 30 + ".1.1"])
def test_what_is_no_cursor_is_refused(store: Rows, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        Search(store, "t").find("x", limit=1, cursor=cursor)


@only_files
def test_what_is_forgotten_leaves_no_trace_in_the_file(store: Rows) -> None:
    said = [f"message {number} unique{number}x" for number in range(600)]
    say_all(store, [*said[:150], "quokkas", *said[150:]])
    secret = say(store, "Tintagel xylophone quokkas", session="s", author="Wolframina")
    embedder = ByLetters()
    nearest.embed_missing(store, "t", embedder, 1000)
    vector = embedder.embed(["Tintagel xylophone quokkas"])[0]
    traces = [b"tintagel", b"xylophon", b"wolframina", vector.astype("<f4").tobytes()]
    code = np.packbits(vector > 0).tobytes()

    def content() -> bytes:
        store.release()
        return b"".join(file.read_bytes() for file in store.folder.glob(f"{FILE}*")).lower()

    assert all(trace.lower() in content() for trace in [*traces, code])
    assert ids(store, "xylophone")[0] == secret
    forget(store, [secret])
    left = content()
    assert not [trace for trace in [*traces, code] if trace.lower() in left]
    assert ids(store, "xylophone", embedder=embedder, limit=1000).count(secret) == 0
    assert ids(store, "quokkas")[0] == 151
    forget(store, range(1, 601, 2))
    left = content()
    assert not [number for number in range(2, 150, 2) if b"unique%dx" % number in left]
    assert b"unique1x" in left
    forget(store, range(1, 610))
    assert [store.rows(f"SELECT * FROM {table}") for table in ("postings", "embedded", "codes")] == [[]] * 3


def test_an_entry_and_its_index_are_written_together_or_not_at_all(store: Rows) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        say(store, "lighthouse")
        raise RuntimeError
    assert ids(store, "lighthouse") == []
    assert store.rows("SELECT * FROM postings") == []


def test_the_index_can_be_made_anew(store: Rows) -> None:
    entries: list[Entry] = []
    for number in range(50):
        entries.append(
            Entries(store, "t", "s").append(New("message", f"buoy {number}", valid=number * 90_000.0))
        )
    other = say(store, "buoy", tenant="u")
    unindex(store, [entry.id for entry in entries])
    assert ids(store, "buoy") == []
    rebuild(store, "t")
    made = store.rows("SELECT * FROM postings")
    assert len(ids(store, "buoy")) == 50 and ids(store, "buoy", tenant="u") == [other]
    index(store, entries)  # what is indexed stays as it is
    rebuild(store, "t")
    assert store.rows("SELECT * FROM postings") == made


def test_meaning_finds_what_no_word_does(store: Rows) -> None:
    meant = say(store, "I purchased an automobile", session="1")
    said = say(store, "What is car polish?", session="2")
    for number in range(10):
        say(store, f"zzz {number}", session=f"x{number}")
    like = {"I purchased an automobile": "QQQQ", "bought a car": "QQQQ"}
    embedder = ByLetters(meanings=like)
    assert ids(store, "bought a car", embedder=embedder) == [said]  # no vector yet: words alone
    assert nearest.embed_missing(store, "t", embedder, 5) == 5
    assert nearest.embed_missing(store, "t", embedder, 50) == 7
    assert nearest.embed_missing(store, "t", embedder, 50) == 0
    found = Search(store, "t", embedder).find("bought a car", limit=3)
    assert {hit.id for hit in found.entries[:2]} == {meant, said} and found.total == 12
    assert ids(store, "bought a car", embedder=embedder, sessions=["2"]) == [said]


def test_names_of_those_who_speak_are_left_out_of_what_is_embedded(store: Rows) -> None:
    say(store, "I like tea", author="Caroline")
    embedder = ByLetters()
    nearest.embed_missing(store, "t", embedder, 5)
    ids(store, "What is Caroline’s favourite drink, Caroline?", embedder=embedder)
    ids(store, "Caroline?", embedder=embedder)
    assert embedder.asked == ["I like tea", "What is favourite drink, ?", "Caroline?"]


def test_vectors_of_another_model_are_others(store: Rows) -> None:
    say(store, "one")
    say(store, "two")
    old, new = ByLetters("old"), ByLetters("new")
    nearest.embed_missing(store, "t", old, 9)
    assert ids(store, "xyz", embedder=old) and not ids(store, "xyz", embedder=new)
    assert nearest.embed_missing(store, "t", new, 1) == 1
    assert ids(store, "xyz", embedder=old) == [2] and ids(store, "xyz", embedder=new) == [1]
    assert nearest.embed_missing(store, "t", old, 9) == 1
    assert len(ids(store, "xyz", embedder=old)) == 2


def test_what_is_forgotten_while_it_is_embedded_gets_no_vector(store: Rows) -> None:
    for text in ("one", "two", "three"):
        say(store, text)

    class Slow(ByLetters):
        def embed(self, texts: Sequence[str], progress: Any = None) -> Vectors:
            forget(store, [2])
            return super().embed(texts)

    nearest.embed_missing(store, "t", Slow(), 9)
    assert [row["entry"] for row in store.rows("SELECT entry FROM embedded")] == [1, 3]


@settings(max_examples=examples(20), deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.sampled_from([8, 20, 64]))
def test_the_nearest_are_those_that_a_comparison_of_all_gives(seed: int, many: int, size: int) -> None:
    random = np.random.default_rng(seed)
    # Vectors that lie on one circle differ in the more signs the greater the angle is.
    angles = np.sort(random.uniform(0, np.pi, many))
    vectors = unit([[np.cos(angle + at * np.pi / size) for at in range(size)] for angle in angles])

    class Given(ByLetters):
        def embed(self, texts: Sequence[str], progress: Any = None) -> Vectors:
            return vectors[[int(text) for text in texts]]

    with memory() as store:
        say_all(store, map(str, range(many)))
        nearest.embed_missing(store, "t", Given(), many)
        allowed = [one + 1 for one in range(many) if one % 3 != 1]
        found = nearest.nearest(store, "t", "letters", vectors[0], bitmaps.of_ids(allowed))
        assert len(found) == min(len(allowed), nearest.COMPARED) and set(found) <= set(allowed)
        for one, cosine in found.items():
            assert cosine == pytest.approx(float(vectors[one - 1] @ vectors[0]), abs=1e-5)
        assert 1 in found  # the vector itself


@given(
    st.lists(
        st.tuples(st.sets(st.integers(0, 3 * CHUNK), max_size=40), st.integers(1, 90)), min_size=1, max_size=6
    ),
    st.integers(1, 60),
)
def test_sums_over_bitmaps_are_sums(sets: list[tuple[set[int], int]], limit: int) -> None:
    sums = bitmaps.Sums()
    for members, weight in sets:
        sums.add(bitmaps.of_ids(members), weight)
    every = set[int]().union(*(members for members, _ in sets))
    worth = {one: sum(weight for members, weight in sets if one in members) for one in every}
    ranked = sorted(every, key=lambda one: (-worth[one], -one))
    assert set(sums.best(bitmaps.of_ids(every), limit)) == set(ranked[:limit])


@given(st.sets(st.integers(0, CHUNK - 1), max_size=600), st.sets(st.integers(0, CHUNK - 1), max_size=600))
def test_a_chunk_is_kept_as_it_is_few_or_many(one: set[int], other: set[int]) -> None:
    kept = bitmaps.added(bitmaps.added(b"", one), other)
    assert set(bitmaps.offsets_of(bitmaps.from_blob(kept))) == one | other
    assert bitmaps.removed(kept, other) == bitmaps.added(b"", one - other)


def test_strange_texts_are_no_harm(store: Rows) -> None:
    long = say(store, "a" * 100_000 + " end", session="1")
    say(store, "", session="2", at=-1e11)
    say(store, "?!", session="3", at=1e12)
    assert ids(store, "a" * 100_000) == [long]
    assert ids(store, '"end" AND NOT (x* OR') == [long]
    assert ids(store, "\ud800 end") == [long]
    assert ids(store, "?!") == [] and len(ids(store, "")) == 3
    assert ids(store, "in 2023") == []


def test_words_alone_need_no_numpy() -> None:
    code = (
        "import sys, tempfile, pathlib\n"
        "from lcagent.memory.tiers.tables import open_memory\n"
        "from lcagent.memory.tiers.entries import Entries, New\n"
        "from lcagent.memory.tiers.index import index, unindex\n"
        "from lcagent.memory.tiers.search import Search\n"
        "store = open_memory(pathlib.Path(tempfile.mkdtemp()))\n"
        "entry = Entries(store, 't', 's').append(New('message', 'a lamp'))\n"
        "index(store, [entry])\n"
        "assert Search(store, 't').find('lamp', limit=1).total == 1\n"
        "unindex(store, [entry.id])\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
