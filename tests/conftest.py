"""Every test has a home of its own, and nothing of the environment's."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import stamina
from hypothesis import settings

from lcagent.memory.rows import Rows
from lcagent.memory.served.tables import open_served
from lcagent.memory.tiers.tables import open_memory
from lcagent.place import Place
from tests.cluster import Cluster, running
from tests.loopback import Loopback

if TYPE_CHECKING:
    from tests.handing import Workers

# A slow machine is no fault of what is tested. `--hypothesis-profile all` tries every example.
settings.register_profile("all", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=10)
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


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that runs, for all tests of this process."""
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    with running() as one:
        if one is None:
            pytest.skip("no PostgreSQL here")
        yield one


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where things are kept, by the settings too: what a test says of one store it says of the other."""
    if request.param == "sqlite":
        return Place(home)
    cluster: Cluster = request.getfixturevalue("cluster")
    place = Place(home, f"{cluster.url}#{secrets.token_hex(8)}")
    monkeypatch.setenv("LCAGENT_STORE", place.url)
    return place


@pytest.fixture
def store(place: Place) -> Iterator[Rows]:
    """The memory of conversations, open."""
    with closing(open_memory(place)) as store:
        yield store


@pytest.fixture
def workers(server: Loopback, home: Path, place: Place) -> "Iterator[Workers]":
    """Starts workers of a place, whose model is the test's `server`, and ends them."""
    from tests.handing import Workers  # which needs the extra `postgres`

    made = Workers(home.with_name("worker"), server.url, place.url)
    yield made
    made.end()


@pytest.fixture
def served(place: Place) -> Iterator[Rows]:
    """The store of what is served, open."""
    with closing(open_served(place)) as store:
        yield store


@pytest.fixture
def loopback() -> Iterator[Any]:
    """Makes loopback servers and ends them."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Loopback(**options))


@pytest.fixture
def database(cluster: Cluster) -> str:
    """An empty database there."""
    return cluster.create()
