"""A session as a folder of Markdown: what is written, which edits are applied, and which are only told."""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lcagent.errors import UsageError
from lcagent.memory.rows import Rows
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.changes import standings
from lcagent.memory.tiers.core import BlockFull, Core, labels
from lcagent.memory.tiers.entries import Entries, New
from lcagent.memory.tiers.folder import Edits, apply, files, read, write
from lcagent.memory.tiers.forgetting import forget
from lcagent.memory.tiers.queue import Queue
from lcagent.memory.tiers.tables import open_memory
from tests.helpers import examples

BY: Any = {"author": "assistant", "source": "said"}


@pytest.fixture
def entries(store: Rows) -> Entries:
    """A session with messages, a summary, two core lines and two passages."""
    moments = iter(range(10**9, 10**9 + 10**6, 3600))
    entries = Entries(store, "default", "main", clock=lambda: float(next(moments)))
    for text, author in (("Hello\n\n### 00:00:00 · user", "user"), ("> quoted", "Ann"), ("bye", "user")):
        entries.append(New("message", text, "user", author, "said"))
    queue, core, archival = Queue(entries), Core(entries), Archival(entries)
    queue.swap("They said hello.", queue.oldest(1), source="said")
    core.append("human", "Likes tea and cake", **BY)
    core.append("human", "Likes tea", **BY)
    archival.insert("Tea is drunk at five.", [], **BY)
    archival.insert("The key is under the mat.\n\nTruly.", [], **BY)
    return entries


def edited(entries: Entries, told: dict[str, str], **core: Any) -> Edits:
    return apply(entries, told, Core(entries, labels(entries), **core))


def names(told: dict[str, str], room: str) -> list[str]:
    return sorted(name for name in told if name.startswith(f"{room}/"))


def test_a_folder_is_written_that_a_person_can_read(entries: Entries, tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    write(folder, files(entries))
    told = read(folder)
    assert told == files(entries)
    assert told["core/human.md"] == "- Likes tea and cake\n- Likes tea\n" and told["core/persona.md"] == ""
    assert told["conversation/2001-09-09.md"] == (
        "### 02:46:40 · user\n\n> Hello\n>\n> ### 00:00:00 · user\n\n"
        "### 03:46:40 · user · Ann\n\n> > quoted\n\n### 04:46:40 · user\n\n> bye\n"
    )
    assert told["summary.md"] == "<!-- stands for the first 1 messages -->\n\nThey said hello.\n"
    (tea,) = (name for name in names(told, "archival") if "Tea" in told[name])
    assert told[tea] == "<!-- since 2001-09-09 08:46:40 -->\n\nTea is drunk at five.\n"
    for name in ("notes.md", "archival/mine.md", "archival/picture.png"):
        (folder / name).write_text("mine")
    Archival(entries).replace(entries.oldest(["passage"], limit=1)[0], "Tea at four.", **BY)
    write(folder, files(entries))
    assert not (folder / tea).exists()  # it holds no more; what is not ours stays
    assert all((folder / name).exists() for name in ("notes.md", "archival/mine.md", "archival/picture.png"))


def test_an_empty_session_gets_all_that_is_there(entries: Entries, store: Rows) -> None:
    told = files(entries)
    copy = Entries(store, "default", "copy")
    assert edited(copy, told).ignored == ()
    assert files(copy) == told
    assert Queue(copy).evicted() == 1 and [one.text for one in Queue(copy).newest(9)] == ["> quoted", "bye"]
    every = copy.oldest(["message", "block", "passage", "summary"], limit=99)
    assert len(every) == 8 and {one.source for one in every} == {"imported"}
    assert edited(copy, told) == Edits((), ())


def test_edits_are_applied_once_through_core_and_archival(entries: Entries) -> None:
    core, told = Core(entries), files(entries)
    tea, key = sorted(names(told, "archival"), key=lambda name: "key" in told[name])
    told["core/human.md"] = "\r\n".join(["Likes coffee", "- ", "-  Has a cat ", "- Likes tea and cake"])
    told[tea] = told[tea].replace("five", "four")
    told["archival/mine.md"] = "\ufeffA note\nof mine\n".removeprefix("\ufeff")
    first = core.lines("human")[1]
    old = entries.oldest(["passage"], limit=1)[0]
    edits = edited(entries, told)
    assert edits.ignored == () and len(edits.applied) == 4
    assert core.text("human") == "Likes tea and cake\nLikes coffee\nHas a cat"
    assert not standings(entries, [first])[first.id].holds
    passages = entries.newest(["passage"], limit=2)
    assert [one.text for one in passages] == ["A note\nof mine", "Tea is drunk at four."]
    assert [one.by for one in standings(entries, [old])[old.id].closed] == [passages[1].id]
    assert {one.source for one in passages} == {"imported"} and key in files(entries)
    assert edited(entries, told) == Edits((), ())  # the folder as it was edited, once more


def test_what_is_not_to_be_edited_is_told_and_left(entries: Entries, store: Rows) -> None:
    before, told = files(entries), files(entries)
    tea, key = sorted(names(told, "archival"), key=lambda name: "key" in told[name])
    told["conversation/2001-09-09.md"] = told["conversation/2001-09-09.md"].replace("bye", "bye-bye")
    told["conversation/2001-09-10.md"] = "### 01:00:00 · user\n\n> never said\n"
    told["summary.md"] = "Nothing"
    told["core/other.md"] = "- line"
    told["archival/2020-01-01-0123456789ab.md"] = "of another session"
    del told[tea]
    told[key] = "<!-- since 2001-09-09 07:46:40 -->\n"
    edits = edited(entries, told)
    assert edits.applied == () and files(entries) == before
    passage = next(one.id for one in entries.oldest(["passage"], limit=1))
    for part in (
        "conversation/2001-09-09.md: what was said is not changed by an import (2 differences)",
        "conversation/2001-09-10.md: what was said is not changed by an import (1 differences)",
        "summary.md: ",
        "core/other.md: the session has no such block",
        "archival/2020-01-01-0123456789ab.md: the passage is not in the session",
        f"{tea}: it is not in the folder, and stays; `lcagent memory forget {passage}` deletes it",
        f"{key}: it is empty",
    ):
        assert len([line for line in edits.ignored if line.startswith(part)]) == 1, part
    assert len(edits.ignored) == 7


def test_what_was_replaced_or_forgotten_since_does_not_come_back(entries: Entries, store: Rows) -> None:
    told = files(entries)
    first, second = entries.oldest(["passage"], limit=2)
    Archival(entries).replace(first, "Tea at three.", **BY)
    forget(store, "default", [second.id])
    edits = edited(entries, told)
    assert edits.applied == () and len(edits.ignored) == 3
    assert [one.text for one in entries.newest(["passage"], limit=1)] == ["Tea at three."]


def test_a_block_that_would_be_too_full_changes_nothing(entries: Entries) -> None:
    before = files(entries)
    with pytest.raises(BlockFull):
        edited(entries, {**before, "core/human.md": "- short\n- " + "long " * 99, "archival/x.md": "y"})
    assert files(entries) == before


@pytest.mark.parametrize(
    "text",
    ["loose text", "> before a heading", "### 25:00:00 · user\n", "### user\n\n> said", "### 01:00:00 · \n"],
)
def test_a_conversation_that_cannot_be_read_is_told_by_its_line(entries: Entries, text: str) -> None:
    with pytest.raises(UsageError, match=r"conversation/2001-09-09\.md, line 1"):
        edited(entries, {"core/human.md": "", "conversation/2001-09-09.md": text})
    with pytest.raises(UsageError, match=r"conversation/tomorrow\.md, line 1"):
        edited(entries, {"core/human.md": "", "conversation/tomorrow.md": "### 01:00:00 · user\n\n> x"})


def test_a_folder_that_is_none_is_told_and_links_are_not_followed(entries: Entries, tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError):
            read(path)
    secret, folder = tmp_path / "secret.md", tmp_path / "memory"
    secret.write_text("- secret")
    (folder / "core").mkdir(parents=True)
    (folder / "core" / "human.md").symlink_to(secret)
    (folder / "core" / "persona.md").write_text("")
    assert read(folder) == {"core/persona.md": ""}
    write(folder, files(entries))
    assert secret.read_text() == "- secret" and "tea" in (folder / "core" / "human.md").read_text()
    (folder / "core" / "bad.md").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        read(folder)
    with pytest.raises(UsageError, match="cannot be written"):
        write(secret, files(entries))


TEXTS = st.text(st.sampled_from("ab \n\r>#-·:1\u2028\x00<!é"), min_size=1, max_size=12)


@settings(max_examples=examples(40))
@given(st.lists(TEXTS, max_size=5), st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
@example([], ["1", "11", "1"], ["1\r\r\n1"])
@example(["### 00:00:00 · user", "> a"], ["- a", "-", "--"], ["<!-- since 2001-09-09 01:46:40 -->"])
def test_any_texts_come_back_as_they_were(said: list[str], lines: list[str], passages: list[str]) -> None:
    with TemporaryDirectory() as folder, closing(open_memory(Path(folder, "a"))) as store:
        entries, copy = Entries(store, "default", "main"), Entries(store, "default", "copy")
        for text in said:
            entries.append(New("message", text, "user", text, "said"))
        for text in filter(str.strip, lines):
            Core(entries).append("human", text, **BY)
        for text in filter(str.strip, passages):
            Archival(entries).insert(text, entries.newest(["passage"], limit=9), **BY)
        told = files(entries)
        write(Path(folder, "b"), told)
        assert read(Path(folder, "b")) == told
        edited(copy, told)
        assert files(copy) == told
        assert edited(entries, told) == edited(copy, told) == Edits((), ())
