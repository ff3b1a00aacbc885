"""Search of what was said: how often it finds what answers a question, how fast, in how much memory.

    python -m benchmarks.memory quality --data FOLDER [--embed-model NAME] [--out FILE]
    python -m benchmarks.memory words --data FOLDER [--rows 1000000] [--keep FOLDER] [--out FILE]
    python -m benchmarks.memory writing --data FOLDER [--rows 20000] [--out FILE]
    python -m benchmarks.memory vectors --data FOLDER [--rows 100000] [--out FILE]

`quality` asks LoCoMo's questions that have evidence (categories 1 to 4) of each of its conversations by
itself; 26 is the one that weights were chosen on. A row tells the share of all evidence messages that are
among the best ten, the share of questions all of whose evidence is, the share of evidence sessions among the
first five that hits come from, all this also by itself for questions whose evidence is of one session and of
several, and milliseconds a question, in which the embedding model's are counted.

`words` makes a history of one tenant out of stretches of war_and_peace.txt (a fifth of them with a word that
is found nowhere else) and searches it for others of 3 to 12 words. Beside it stand the same rows in bare FTS5
with BM25, and the same writing without any index. `writing` stores messages behind a history of so many, in
batches, beside the same rows in a bare table that is as durable. `vectors` searches with vectors of made-up
directions that lie in heaps, as those of texts do, and tells how many of the exactly nearest are found.

Each time is told twice: by the clock, and by the processor, which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BEST, SESSIONS = 10, 5
_SESSION = re.compile(r"=== Session (\d+) — (.*) ===")
_TURN = re.compile(r"\[(D\d+:\d+)\] ([^:]+): (.*)")


@dataclass
class Conversation:
    """Messages as (name, session, author, text, when), and questions as (question, names of evidence)."""

    name: str
    messages: list[tuple[str, str, str, str, float]]
    questions: list[tuple[str, set[str]]]


def conversations(data: Path) -> list[Conversation]:
    """LoCoMo's."""
    from lcagent.evals.tasks.locomo import ADVERSARIAL

    rows = [json.loads(line) for line in (data / "locomo.jsonl").read_text().splitlines()]
    found: list[Conversation] = []
    for name in dict.fromkeys(row["meta"]["conversation"] for row in rows):
        messages = _messages((data / f"locomo/{name}.txt").read_text())
        there = {message[0] for message in messages}
        questions = [
            (row["question"], there.intersection(re.findall(r"D\d+:\d+", " ".join(row["meta"]["evidence"]))))
            for row in rows
            if row["meta"]["conversation"] == name and row["meta"]["category"] != ADVERSARIAL
        ]
        found.append(Conversation(name, messages, [one for one in questions if one[1]]))
    return found


def _messages(text: str) -> list[tuple[str, str, str, str, float]]:
    messages: list[tuple[str, str, str, str, float]] = []
    session, when = "", 0.0
    for line in text.splitlines():
        if begun := _SESSION.fullmatch(line):
            session = begun[1]
            when = datetime.strptime(begun[2], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC).timestamp()
        elif turn := _TURN.fullmatch(line):
            when += 30
            messages.append((turn[1], session, turn[2], turn[3], when))
        elif line.strip() and messages:  # a text of several lines
            *head, said, at = messages[-1]
            messages[-1] = (head[0], head[1], head[2], f"{said}\n{line}", at)
    return messages


def quality(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each conversation and way of searching."""
    from lcagent.memory.tiers import nearest, postings
    from lcagent.memory.tiers.asked import Asked
    from lcagent.memory.tiers.entries import Entries, New
    from lcagent.memory.tiers.index import index
    from lcagent.memory.tiers.search import Search
    from lcagent.memory.tiers.tables import open_memory
    from lcagent.models.embeddings import open_embedder
    from lcagent.settings import load_settings

    embedder = open_embedder(load_settings({"embed_model": options.embed_model}))
    for conversation in conversations(options.data):
        with tempfile.TemporaryDirectory() as folder, closing(open_memory(Path(folder))) as store:
            entries = [
                Entries(store, "t", session).append(New("message", text, author=author, valid=when))
                for _, session, author, text, when in conversation.messages
            ]
            index(store, entries)
            numbers = dict(zip((one[0] for one in conversation.messages), entries, strict=True))

            def fused(question: str, model: Any = None) -> list[int]:
                hits = Search(store, "t", model).find(question, limit=1000)
                return [hit.id for hit in hits.entries]

            yield {"way": "words", **found(conversation, numbers, fused)}
            if embedder is None:
                continue
            began = time.perf_counter()
            many = nearest.embed_missing(store, "t", embedder, 10**6)
            embedding = round((time.perf_counter() - began) / many * 1000, 1)
            whole = embedder.embed([text for *_, text, _ in conversation.messages])

            def meaning(question: str) -> list[int]:
                alike = whole @ embedder.embed([question])[0]  # noqa: B023
                return [entries[at].id for at in (-alike).argsort()]  # noqa: B023

            def nameless(question: str) -> list[int]:
                every = postings.searched(store, "t")
                return meaning(Asked(store, "t", question, every).meant)

            yield {"way": "cosine alone", **found(conversation, numbers, meaning)}
            yield {"way": "cosine, without speakers' names", **found(conversation, numbers, nameless)}
            both = found(conversation, numbers, lambda question: fused(question, embedder))
            yield {"way": "words and meaning", "ms to embed a message": embedding, **both}


def found(
    conversation: Conversation, numbers: dict[str, Any], search: Callable[[str], list[int]]
) -> dict[str, Any]:
    """What a search finds of the evidence; it gives the ids of entries, the best first."""
    sessions = {entry.id: entry.session for entry in numbers.values()}
    search(conversation.questions[0][0])  # a model is loaded when it is first asked
    began = time.perf_counter()
    ranked = [search(question) for question, _ in conversation.questions]
    seconds = time.perf_counter() - began
    asked = [
        ({numbers[name].id for name in names}, ids)
        for (_, names), ids in zip(conversation.questions, ranked, strict=True)
    ]
    one, several = [], []
    for wanted, ids in asked:
        (one if len({sessions[id] for id in wanted}) == 1 else several).append((wanted, ids))
    return {
        "conversation": conversation.name,
        **shares(asked, sessions),
        "of one session": shares(one, sessions),
        "of several": shares(several, sessions),
        "ms a question": round(seconds / len(asked) * 1000, 1),
    }


def shares(asked: Sequence[tuple[set[int], list[int]]], sessions: dict[int, str]) -> dict[str, Any]:
    """What is found for some questions, each with its evidence and its hits, the best first."""
    messages = whole = of_sessions = all_messages = all_sessions = 0
    for wanted, ids in asked:
        hit = len(wanted.intersection(ids[:BEST]))
        messages, all_messages = messages + hit, all_messages + len(wanted)
        whole += hit == len(wanted)
        first = list(dict.fromkeys(sessions[one] for one in ids))[:SESSIONS]
        wanted_sessions = {sessions[one] for one in wanted}
        of_sessions += len(wanted_sessions.intersection(first))
        all_sessions += len(wanted_sessions)
    return {
        "n": len(asked),
        "evidence messages": all_messages,
        f"of them in best {BEST}": round(messages / all_messages, 3),
        f"questions with all in best {BEST}": round(whole / len(asked), 3),
        f"evidence sessions in first {SESSIONS}": round(of_sessions / all_sessions, 3),
    }


@dataclass(frozen=True)
class Said:
    """An entry as the index takes it."""

    id: int
    session: str
    author: str
    text: str
    valid: float
    tenant: str = "t"
    kind: str = "message"


def stretches(data: Path, seed: int, least: int, most: int, rare: float) -> Iterator[str]:
    """Stretches of a novel, some with a word that is found nowhere else."""
    words, chance = (data / "war_and_peace.txt").read_text().split(), random.Random(seed)
    while True:
        at = chance.randrange(len(words) - most)
        text = " ".join(words[at : at + chance.randint(least, most)])
        yield f"{text} ref{chance.randrange(10**9)}" if chance.random() < rare else text


def write(store: Any, texts: Iterator[str], first: int, many: int, *, indexed: bool = True) -> None:
    """Write messages in one transaction: two hundred a session, one a minute."""
    from lcagent.memory.tiers.index import index

    some = [
        Said(one, f"s{one // 200}", ("user", "assistant")[one % 2], next(texts), 1.6e9 + 60 * one)
        for one in range(first, first + many)
    ]
    with store.transaction():
        for one in some:
            store.execute(
                "INSERT INTO entries (id, tenant, session, kind, name, author, source, text, data, valid,"
                " recorded) VALUES (?, ?, ?, 'message', '', ?, 'said', ?, '{}', ?, ?)",
                (one.id, one.tenant, one.session, one.author, one.text, one.valid, one.valid),
            )
        if indexed:
            index(store, some)


def timed(work: Callable[[Any], Any], items: Sequence[Any]) -> dict[str, float]:
    """Milliseconds of a piece of work: by the clock and by the processor, median and 95th percentile."""
    clock, processor = [], []
    for item in items:
        began, busy = time.perf_counter(), time.thread_time()
        work(item)
        processor.append((time.thread_time() - busy) * 1000)
        clock.append((time.perf_counter() - began) * 1000)
    told: dict[str, float] = {}
    for name, times in (("clock", clock), ("processor", processor)):
        times.sort()
        told[f"{name} median"] = round(times[len(times) // 2], 2)
        told[f"{name} p95"] = round(times[int(len(times) * 0.95)], 2)
    return told


def words(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows on writing, searching in a process of its own, and the yardsticks."""
    from lcagent.memory.tiers.entries import Entries, New
    from lcagent.memory.tiers.tables import open_memory

    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        texts = stretches(options.data, 1, 4, 40, 0.2)
        with closing(open_memory(folder)) as store:
            (last,) = store.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()
            while last < options.rows:
                many = min(8192, options.rows - last)
                write(store, texts, last + 1, many)
                last += many
            size = round(store.size() / 1e6)
            (kept,) = store.execute("SELECT sum(length(ids) + length(term) + 8) FROM postings").fetchone()
            yield {"rows": last, "MB": size, "of them words": round(kept / 1e6)}
            entries = Entries(store, "t", "written by the way")
            news = [[New("message", next(texts), author="user") for _ in range(100)] for _ in range(60)]
            yield {"batch of 100": "with index", **timed(entries.append_all, news)}
            (last,) = store.execute("SELECT max(id) FROM entries").fetchone()
            firsts = [last + 1 + 100 * at for at in range(60)]
            bare = timed(lambda at: write(store, texts, at, 100, indexed=False), firsts)
            yield {"batch of 100": "without", **bare}
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            yield pool.apply(searched, (folder, options.data))
        yield fts5(folder, Path(scratch) / "fts5.db", options.data)


def writing(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows on storing messages without a model, batch by batch, each beside a bare table of the same rows."""
    from lcagent import ChatSession

    texts = stretches(options.data, 1, 4, 40, 0.2)
    with (
        tempfile.TemporaryDirectory() as home,
        closing(bare_table(Path(home) / "bare.db")) as bare,
        ChatSession(api_base="http://127.0.0.1:9", home=home) as chat,
    ):
        chat.add_all([{"text": next(texts)} for _ in range(options.rows)])
        for size in (100, 1000, 8192):
            some = [[next(texts) for _ in range(size)] for _ in range(max(3, 6000 // size))]
            kept = rates(lambda batch: chat.add_all([{"text": text} for text in batch]), some)
            yield {"batch of": size, "way": "kept and indexed", **kept}
            yield {"batch of": size, "way": "bare table", **rates(lambda batch: insert(bare, batch), some)}


def rates(write: Callable[[list[str]], Any], batches: Sequence[list[str]]) -> dict[str, int]:
    """Messages a second, all batches together: by the clock and by the processor."""
    began, busy = time.perf_counter(), time.thread_time()
    for batch in batches:
        write(batch)
    clock, processor = time.perf_counter() - began, time.thread_time() - busy
    many = sum(map(len, batches))
    return {"clock, a second": round(many / clock), "processor, a second": round(many / processor)}


def bare_table(path: Path) -> sqlite3.Connection:
    """A table of the columns of messages, as durable as memory, without an index."""
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=NORMAL")
    bare.execute(
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, tenant, session, kind, name, author, source, text,"
        " data, valid, recorded)"
    )
    return bare


def insert(bare: sqlite3.Connection, texts: Sequence[str]) -> None:
    """Insert messages in one transaction."""
    bare.execute("BEGIN IMMEDIATE")
    bare.executemany(
        "INSERT INTO entries (tenant, session, kind, name, author, source, text, data, valid, recorded)"
        " VALUES ('default', 'main', 'message', 'user', 'user', 'said', ?, '{}', ?, ?)",
        [(text, time.time(), time.time()) for text in texts],
    )
    bare.execute("COMMIT")


def searched(folder: Path, data: Path) -> dict[str, Any]:
    """Searches of a history that lies there."""
    import psutil

    from lcagent.memory.tiers.search import Search
    from lcagent.memory.tiers.tables import open_memory

    texts = stretches(data, 2, 3, 12, 0)
    queries = [next(texts) for _ in range(300)]
    with closing(open_memory(folder)) as store:
        search = Search(store, "t")
        search.find("warm", limit=BEST)
        before = psutil.Process().memory_info().rss
        told = timed(lambda query: search.find(query, limit=BEST), queries)
        return {"search": "words", **told, "MB more": (psutil.Process().memory_info().rss - before) >> 20}


def fts5(folder: Path, path: Path, data: Path) -> dict[str, Any]:
    """The same texts in a bare table of FTS5, the same queries: any of the content words, ranked by BM25."""
    from lcagent.memory.tiers import postings

    texts = stretches(data, 2, 3, 12, 0)
    queries = [" OR ".join(f'"{word}"' for word in postings.asked(next(texts))) for _ in range(100)]
    with closing(sqlite3.connect(path)) as bare:
        bare.execute("ATTACH ? AS memory", (str(folder / "memory.db"),))
        bare.execute("CREATE VIRTUAL TABLE said USING fts5 (text, tokenize = 'porter')")
        bare.execute("INSERT INTO said (rowid, text) SELECT id, text FROM memory.entries")
        bare.commit()
        sql = "SELECT rowid FROM said WHERE said MATCH ? ORDER BY rank LIMIT 10"
        return {
            "search": "FTS5, bm25",
            **timed(lambda query: bare.execute(sql, (query,)).fetchall(), [q for q in queries if q]),
        }


class Heaps:
    """Made-up vectors that lie in heaps: of a text that begins with a number always the same one."""

    name, dimension = "heaps", 384

    def __init__(self, rows: int, heaps: int = 100, spread: float = 0.8) -> None:
        import numpy as np

        from lcagent.models.vectors import unit

        chance = np.random.default_rng(1)
        middles = unit(chance.normal(size=(heaps, self.dimension)))
        noise = unit(chance.normal(size=(rows, self.dimension)))
        self.rows = unit(middles[chance.integers(heaps, size=rows)] + spread * noise)

    def embed(self, texts: Sequence[str], progress: Any = None) -> Any:
        return self.rows[[int(text.split()[0]) % len(self.rows) for text in texts]]

    def close(self) -> None: ...


def vectors(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows on the recall of the nearest, on searching by words and meaning, and on an exact comparison."""
    from lcagent.memory.tiers.tables import open_memory

    with tempfile.TemporaryDirectory() as scratch:
        from lcagent.memory.tiers import nearest

        numbered = (f"{at} {text}" for at, text in enumerate(stretches(options.data, 1, 4, 40, 0.2)))
        heaps = Heaps(options.rows + 200)
        with closing(open_memory(Path(scratch))) as store:
            for first in range(1, options.rows + 1, 8192):
                write(store, numbered, first, min(8192, options.rows + 1 - first))
            began = time.perf_counter()
            nearest.embed_missing(store, "t", heaps, options.rows)
            seconds = time.perf_counter() - began
            yield {
                "rows": options.rows,
                "MB": round(store.size() / 1e6),
                "vectors written a second": round(options.rows / seconds),
            }
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            yield from pool.apply(compared, (Path(scratch), options.data, options.rows))


def compared(folder: Path, data: Path, rows: int) -> list[dict[str, Any]]:
    """Searches of a history with vectors; their questions' vectors are of the same heaps."""
    import numpy as np
    import psutil

    from lcagent.memory.tiers import nearest, postings
    from lcagent.memory.tiers.search import Search
    from lcagent.memory.tiers.tables import open_memory

    heaps = Heaps(rows + 200)
    asked = [
        f"{rows + at} {text}" for at, text in zip(range(200), stretches(data, 2, 3, 12, 0), strict=False)
    ]
    told: list[dict[str, Any]] = []
    with closing(open_memory(folder)) as store:
        every = postings.searched(store, "t")
        recalled: list[float] = []
        for query in heaps.embed(asked):
            best = set((np.argsort(-(heaps.rows[:rows] @ query))[:BEST] + 1).tolist())
            recalled.append(len(best & nearest.nearest(store, "t", heaps.name, query, every).keys()) / BEST)
        told.append({f"of the nearest {BEST} found": round(sum(recalled) / len(recalled), 4)})
        search = Search(store, "t", heaps)
        before = psutil.Process().memory_info().rss
        times = timed(lambda query: search.find(query, limit=BEST), asked)
        more = (psutil.Process().memory_info().rss - before) >> 20
        told.append({"search": "words and meaning, without the model", **times, "MB more": more})
    exact = timed(lambda query: (heaps.rows @ query).argsort()[:BEST], list(heaps.embed(asked)))
    told.append({"search": "exact, all vectors in memory", **exact, "MB more": heaps.rows.nbytes >> 20})
    return told


def main() -> None:
    """Print one JSON line a row, and write them to a file where one is named."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("what", choices=("quality", "words", "writing", "vectors"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embed-model")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.rows = options.rows or {"words": 1_000_000, "writing": 20_000, "vectors": 100_000}.get(
        options.what
    )
    results: list[dict[str, Any]] = []
    for row in {"quality": quality, "words": words, "writing": writing, "vectors": vectors}[options.what](
        options
    ):
        results.append(row)
        print(json.dumps(row), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
