"""Every test has a home of its own, and nothing of the environment's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import stamina
from hypothesis import settings

from lcagent.memory.store import Store
from lcagent.memory.tiers.tables import open_memory
from tests.cluster import Cluster, cluster
from tests.loopback import Loopback

# A slow machine is no fault of what is tested. `--hypothesis-profile all` tries every example.
settings.register_profile("all", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)
settings.load_profile("quick")

# No test pulls the plug: what it writes need not wait for a disk.
MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


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


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """What failed is tried again at once, as often as ever."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def waits(no_waits: None) -> Iterator[None]:
    """What failed is tried again after a while, as outside of tests."""
    with stamina.set_testing(False):
        yield


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # it runs as another user
        with cluster(Path(folder) / "postgres") as made:
            yield made


@pytest.fixture
def database(postgres: Cluster) -> str:
    """An empty database there."""
    return postgres.create()
