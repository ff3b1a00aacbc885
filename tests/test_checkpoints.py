"""The checkpointer keeps LangGraph's contract, and does not wait for itself."""

from contextlib import closing
from itertools import count

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from lcagent.memory.opening import open_store
from lcagent.place import Place
from tests.cluster import files_daily

REQUIRED = {"put", "put_writes", "get_tuple", "list", "delete_thread"}
"""What LangGraph asks of every checkpointer."""


@files_daily
async def test_langgraphs_conformance_suite_passes(place: Place) -> None:
    conformance = pytest.importorskip(
        "langgraph.checkpoint.conformance",
        reason="langgraph-checkpoint-conformance is not installed; the extra `dev` brings it",
    )
    numbers = count()

    @conformance.checkpointer_test(name="of a store")
    async def fresh():
        number = str(next(numbers))
        own = Place(place.folder / number, f"{place.url}-{number}" if place.url else "")
        with closing(open_store(own)) as store, store.checkpoints() as saver:
            yield saver

    report = await conformance.validate(fresh)
    assert [failure for result in report.results.values() for failure in result.failures] == []
    passed = {name for name, result in report.results.items() if result.passed and result.tests_passed}
    assert passed >= REQUIRED


@pytest.mark.timeout(60)  # where it waits for itself it does so for good
async def test_a_checkpoint_is_read_and_written_while_the_list_is_gone_through(place: Place) -> None:
    thread = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    with closing(open_store(place)) as store, store.checkpoints() as saver:
        first = await saver.aput(thread, empty_checkpoint(), {"step": 0}, {})
        second = await saver.aput(first, empty_checkpoint(), {"step": 1}, {})
        async for item in saver.alist(thread):
            assert await saver.aget_tuple(item.config) == item
            await saver.aput_writes(item.config, [("channel", item.metadata["step"])], "task")
        async for _ in saver.alist(thread):
            break
        for config, step in ((first, 0), (second, 1)):
            found = await saver.aget_tuple(config)
            assert found is not None
            assert found.pending_writes == [("task", "channel", step)]
