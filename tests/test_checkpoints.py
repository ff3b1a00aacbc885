"""The checkpointer keeps LangGraph's contract, and does not wait for itself."""

from itertools import count
from pathlib import Path

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from lcagent.memory.checkpoints import open_checkpoints

REQUIRED = {"put", "put_writes", "get_tuple", "list", "delete_thread"}
"""What LangGraph asks of every checkpointer."""


async def test_langgraphs_conformance_suite_passes(tmp_path: Path) -> None:
    conformance = pytest.importorskip(
        "langgraph.checkpoint.conformance",
        reason="langgraph-checkpoint-conformance is not installed; the extra `dev` brings it",
    )
    numbers = count()

    @conformance.checkpointer_test(name="LoopSaver")
    async def fresh():
        with open_checkpoints(tmp_path / f"{next(numbers)}.db") as saver:
            yield saver

    report = await conformance.validate(fresh)
    assert [failure for result in report.results.values() for failure in result.failures] == []
    passed = {name for name, result in report.results.items() if result.passed and result.tests_passed}
    assert passed >= REQUIRED


@pytest.mark.timeout(60)  # where it waits for itself it does so for good
async def test_a_checkpoint_is_read_and_written_while_the_list_is_gone_through(tmp_path: Path) -> None:
    thread = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    with open_checkpoints(tmp_path / "checkpoints.db") as saver:
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
