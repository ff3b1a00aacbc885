"""The store for LangGraph keeps what LangGraph's own keeps, outlives its process, and finds by words."""

import secrets
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from lcagent.integrations.store import MemoryStore
from lcagent.memory.described import tables
from lcagent.memory.tiers.tables import FILE, STEPS, open_memory
from lcagent.place import Place
from tests.dying import puts_and_dies
from tests.helpers import examples
from tests.killable import FORKED
from tests.test_memory_search import ByLetters


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def minutes(self, number: float) -> None:
        self.now += 60 * number


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(place: Place, clock: Clock) -> Iterator[MemoryStore]:
    with MemoryStore(clock=clock) as opened:
        yield opened


def keys(found: list[Any]) -> list[str]:
    return [item.key for item in found]


# The same as LangGraph's own

LABELS = st.sampled_from(["a", "b", "ab", "a/", "*", "é"])
NAMESPACES = st.lists(LABELS, min_size=1, max_size=3).map(tuple)
KEYS = st.sampled_from(["1", "2", "x"])
PLAIN = st.one_of(st.booleans(), st.integers(-3, 3), st.sampled_from(["", "red", "blue"]), st.just(0.5))
VALUES = st.fixed_dictionaries(
    {"n": st.integers(-3, 3)},
    optional={"c": PLAIN, "deep": st.dictionaries(st.sampled_from(["n", "c"]), PLAIN), "l": st.lists(PLAIN)},
)
FILTERS = st.one_of(
    st.none(),
    st.fixed_dictionaries({"n": st.integers(-3, 3)}),
    st.fixed_dictionaries({"c": PLAIN}),
    st.fixed_dictionaries({"l": st.lists(PLAIN, max_size=1)}),
    st.fixed_dictionaries({"deep": st.dictionaries(st.sampled_from(["n", "c"]), PLAIN)}),
    st.dictionaries(
        st.just("n"),
        st.dictionaries(
            st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), st.integers(-3, 3), min_size=1
        ),
    ),
    st.fixed_dictionaries({"c": st.dictionaries(st.sampled_from(["$eq", "$ne"]), PLAIN, min_size=1)}),
)
PUTS = st.tuples(NAMESPACES, KEYS, st.one_of(st.none(), VALUES, VALUES)).map(lambda it: PutOp(*it))
GETS = st.tuples(NAMESPACES, KEYS).map(lambda it: GetOp(*it))
SEARCHES = st.tuples(st.lists(LABELS, max_size=2).map(tuple), FILTERS).map(
    lambda it: SearchOp(*it, limit=100)
)
CONDITIONS = st.builds(
    MatchCondition, st.sampled_from(["prefix", "suffix"]), st.lists(LABELS, min_size=1, max_size=3).map(tuple)
)
LISTS = st.builds(
    ListNamespacesOp,
    st.one_of(st.none(), st.lists(CONDITIONS, max_size=2).map(tuple)),
    st.one_of(st.none(), st.integers(1, 3)),
    st.integers(0, 4),
    st.integers(0, 2),
)
BATCHES = st.lists(st.lists(st.one_of(PUTS, PUTS, GETS, SEARCHES, LISTS), max_size=6), max_size=8)


def plain(result: Any) -> Any:
    """A result without its times; hits in an order that both have."""
    if isinstance(result, Item):
        return result.namespace, result.key, repr(result.value)
    if isinstance(result, list) and result and isinstance(result[0], Item):
        return sorted(map(plain, result))
    return result


def read(theirs: InMemoryStore, op: Any) -> Any:
    # It names namespaces that hold nothing any more, and those that were merely asked for.
    for space in [space for space, held in theirs._data.items() if not held]:
        del theirs._data[space]
    return theirs.batch([op])[0]


@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES)
def test_it_gives_what_langgraphs_own_store_gives(place: Place, batches: list[list[Any]]) -> None:
    theirs = InMemoryStore()
    with MemoryStore(secrets.token_hex(8)) as ours:
        for batch in batches:
            expected = [None if isinstance(op, PutOp) else read(theirs, op) for op in batch]
            theirs.batch([op for op in batch if isinstance(op, PutOp)])
            assert list(map(plain, ours.batch(batch))) == list(map(plain, expected))


def test_an_update_keeps_when_it_was_made_and_comes_first(store: MemoryStore, clock: Clock) -> None:
    store.put(("a",), "old", {"n": 1})
    store.put(("a",), "new", {"n": 2})
    made = store.get(("a",), "old")
    clock.minutes(5)
    store.put(("a",), "old", {"n": 3})
    again = store.get(("a",), "old")
    assert made and again and again.created_at == made.created_at
    assert (again.updated_at - made.updated_at).total_seconds() == 300
    assert keys(store.search(("a",))) == ["old", "new"]
    assert keys(store.search((), limit=1, offset=1)) == ["new"]


def test_a_prefix_is_of_labels_and_not_of_letters(store: MemoryStore) -> None:
    for space in [("a",), ("a", "b"), ("ab",), ("a/",), ("a-b", "c"), ("b", "a")]:
        store.put(space, "k", {"where": ".".join(space)})
    assert sorted(item.namespace for item in store.search(("a",))) == [("a",), ("a", "b")]
    assert store.list_namespaces(max_depth=1) == [("a",), ("a-b",), ("a/",), ("ab",), ("b",)]
    assert store.list_namespaces(suffix=("*", "a")) == [("b", "a")]


def test_a_batch_reads_what_was_there_before_it_and_its_last_write_counts(store: MemoryStore) -> None:
    space = ("a",)
    got, _, _, found = store.batch(
        [
            GetOp(space, "k"),
            PutOp(space, "k", {"n": 1}),
            PutOp(space, "k", {"n": 2}),
            SearchOp(space),
        ]
    )
    assert (got, found) == (None, [])
    held = store.get(space, "k")
    assert held and held.value == {"n": 2}


def test_a_batch_that_cannot_be_written_whole_is_not_written(store: MemoryStore) -> None:
    for wrong, error in [
        (PutOp(("a",), "2", {"n": object()}), TypeError),
        (PutOp(("a.b",), "2", {"n": 1}), InvalidNamespaceError),
        (SearchOp(("a",), {"n": {"$like": 1}}), ValueError),
    ]:
        with pytest.raises(error):
            store.batch([PutOp(("a",), "1", {"n": 1}), wrong])
    assert store.search(()) == []


def test_an_order_holds_between_two_numbers_or_two_texts_alone(store: MemoryStore) -> None:
    for key, value in {"number": 3, "text": "3", "yes": True, "none": None}.items():
        store.put(("a",), key, {"v": value})
    store.put(("a",), "missing", {})
    assert keys(store.search(("a",), filter={"v": {"$gte": 1}})) == ["number"]
    assert keys(store.search(("a",), filter={"v": {"$gte": "1"}})) == ["text"]
    assert keys(store.search(("a",), filter={"v": None})) == ["none"]
    assert set(keys(store.search(("a",), filter={"v": {"$ne": 3}}))) == {"text", "yes", "none", "missing"}


# Search

SPACE = ("users", "anna")


def test_items_are_found_by_their_words_in_all_their_forms(store: MemoryStore) -> None:
    store.put(SPACE, "ida", {"text": "My sister Ida painted the lighthouse", "tags": ["family"]})
    store.put(SPACE, "boat", {"text": "The boat is painted red"})
    store.put(("users", "bob"), "ida", {"text": "Ida's lighthouse"})
    found = store.search(SPACE, query="painting of lighthouses")
    assert keys(found) == ["ida", "boat"]
    assert found[0].score and found[1].score and found[0].score > found[1].score
    assert keys(store.search(SPACE, query="family")) == ["ida"]  # whatever the field
    assert store.search(SPACE, query="text") == []  # the field's name is none of it
    assert store.search(SPACE, query="zebra") == []
    assert len(store.search(("users",), query="lighthouse")) == 2
    assert len(store.search((), query="lighthouse", limit=1, offset=1)) == 1


def test_only_what_is_to_be_indexed_is_found(store: MemoryStore) -> None:
    value = {"title": "harbour", "body": [{"text": "closed"}, {"text": "ice"}], "secret": "winch"}
    store.put(SPACE, "some", value, index=["title", "body[*].text"])
    store.put(SPACE, "none", value, index=False)
    assert keys(store.search(SPACE, query="harbour")) == ["some"]
    assert keys(store.search(SPACE, query="ice")) == ["some"]
    assert store.search(SPACE, query="winch") == []
    assert set(keys(store.search(SPACE))) == {"some", "none"}


def test_what_is_replaced_or_deleted_is_not_found_and_leaves_no_word(
    store: MemoryStore, place: Place
) -> None:
    store.put(SPACE, "k", {"text": "the zeppelin"})
    store.put(SPACE, "k", {"text": "the balloon"})
    assert store.search(SPACE, query="zeppelin") == []
    assert keys(store.search(SPACE, query="balloon")) == ["k"]
    store.delete(SPACE, "k")
    assert store.search(SPACE, query="balloon") == []
    store.close()
    with closing(open_memory(place)) as opened:
        left = "".join(str(opened.rows(f"SELECT * FROM {table.name}")) for table in tables(STEPS))
    if not place.url:
        left += (place.folder / FILE).read_bytes().decode("latin-1")
    for word in ("zeppelin", "balloon", "users.anna"):
        assert word not in left


def test_a_filter_reaches_behind_the_first_hits(store: MemoryStore) -> None:
    store.batch([PutOp(SPACE, str(n), {"text": "the same words", "n": n}) for n in range(200)])
    found = store.search(SPACE, query="same words", filter={"n": {"$lt": 3}}, limit=2, offset=1)
    assert [item.value["n"] for item in found] == [1, 0]


def test_meaning_finds_what_no_word_does(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = ByLetters(meanings={"automobile": "zzz", "The car": "zzz", "The tree": "qqq"})
    monkeypatch.setattr("lcagent.integrations.store.open_embedder", lambda settings: embedder)
    store.put(SPACE, "tree", {"text": "The tree"})
    store.put(SPACE, "car", {"text": "The car"})
    store.put(SPACE, "hidden", {"text": "The car"}, index=False)
    assert embedder.asked == []  # writing needs no model
    assert keys(store.search(SPACE, query="automobile"))[0] == "car"
    assert "hidden" not in keys(store.search(SPACE, query="automobile"))
    asked = len(embedder.asked)
    store.search(SPACE, query="automobile")
    assert len(embedder.asked) == asked + 1  # the query alone


def test_a_conversations_search_and_the_stores_do_not_see_each_other(store: MemoryStore) -> None:
    from lcagent.chat import ChatSession

    store.put(SPACE, "k", {"text": "the lighthouse"})
    with ChatSession("users.anna") as chat:
        chat.add("I saw the lighthouse")
        assert [one.text for one in chat.search("lighthouse").messages] == ["I saw the lighthouse"]
    assert keys(store.search((), query="lighthouse")) == ["k"]


def test_tenants_see_nothing_of_each_other(store: MemoryStore) -> None:
    store.put(SPACE, "k", {"text": "the lighthouse"})
    with MemoryStore("other") as other:
        assert other.get(SPACE, "k") is None
        assert other.search(()) == other.search((), query="lighthouse") == other.list_namespaces() == []
        other.delete(SPACE, "k")
    assert store.get(SPACE, "k") is not None


# Time to live


def test_what_has_expired_is_gone_from_every_read(store: MemoryStore, clock: Clock, place: Place) -> None:
    store.put(SPACE, "short", {"text": "the lighthouse"}, ttl=10)
    store.put(("other",), "long", {"text": "the lighthouse"}, ttl=None)
    clock.minutes(9.9)
    assert store.get(SPACE, "short", refresh_ttl=False)
    clock.minutes(0.1)
    assert store.get(SPACE, "short") is None
    assert keys(store.search(())) == keys(store.search((), query="lighthouse")) == ["long"]
    assert store.list_namespaces() == [("other",)]

    def rows() -> int:
        with closing(open_memory(place)) as opened:
            return opened.rows("SELECT count(*) AS n FROM items")[0]["n"]

    assert rows() == 2
    store.put(SPACE, "third", {"n": 1})
    assert rows() == 2  # what had expired is deleted with the next write


def test_a_read_has_an_item_live_on_where_it_is_asked_to(store: MemoryStore, clock: Clock) -> None:
    store.put(SPACE, "got", {"n": 1}, ttl=10)
    store.put(SPACE, "found", {"n": 2}, ttl=10)
    store.put(SPACE, "left", {"n": 3}, ttl=10)
    clock.minutes(9)
    store.get(SPACE, "got")
    store.search(SPACE, filter={"n": 2})
    store.get(SPACE, "left", refresh_ttl=False)
    clock.minutes(9)
    assert set(keys(store.search(SPACE, refresh_ttl=False))) == {"got", "found"}
    store.put(SPACE, "got", {"n": 1}, ttl=None)
    clock.minutes(1000)
    assert keys(store.search(SPACE)) == ["got"]


def test_the_default_time_to_live_is_that_of_the_store(clock: Clock, place: Place) -> None:
    with MemoryStore(clock=clock, ttl={"default_ttl": 5, "refresh_on_read": False}) as store:
        store.put(SPACE, "k", {"n": 1})
        clock.minutes(4)
        assert store.get(SPACE, "k")
        clock.minutes(1)
        assert store.get(SPACE, "k") is None


# Processes


def test_processes_share_a_store_and_what_was_written_outlives_sigkill(place: Place) -> None:
    some = [FORKED.Process(target=puts_and_dies, args=(place, number, number == 0)) for number in range(2)]
    for one in some:
        one.start()
    for one in some:
        one.join()
    assert [one.exitcode for one in some] == [-signal.SIGKILL, 0]
    with MemoryStore() as store:
        assert len(store.search(("shared",), limit=100)) == 41
        for number in range(2):
            assert len(store.search(("shared",), query=f"word{number}", limit=100)) == 20


async def test_it_is_used_from_an_event_loop(store: MemoryStore) -> None:
    await store.aput(SPACE, "k", {"text": "the lighthouse"})
    found = await store.asearch(SPACE, query="lighthouse")
    assert keys(found) == ["k"]
    assert await store.alist_namespaces() == [SPACE]
    await store.adelete(SPACE, "k")
    assert await store.aget(SPACE, "k") is None
