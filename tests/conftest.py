"""Every test has a home of its own, and nothing of the environment's."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from lcagent.memory.store import Store
from lcagent.memory.tiers.tables import open_memory
from tests.loopback import Loopback

# A slow machine is no fault of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        kept = name.startswith("LCAGENT_TEST_")
        if name.startswith(("LCAGENT_", "OPENAI_")) and not kept:
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("LCAGENT_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """The memory of conversations, open."""
    with closing(open_memory(home)) as store:
        yield store


@pytest.fixture
def loopback() -> Iterator[Any]:
    """Makes loopback servers and ends them."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Loopback(**options))
