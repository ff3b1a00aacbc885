"""A server over the loopback model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcagent.server.options import Limits
from tests.loopback import Loopback
from tests.server.serving import Served, able


@pytest.fixture
def model(loopback: Any) -> Any:
    return loopback(reply=able)


@pytest.fixture
def served(home: Path, model: Any) -> Iterator[Served]:
    with Served(home, model.url) as server:
        yield server


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for requests of which no store hears."""
    home = tmp_path_factory.mktemp("refusing") / "home"
    with Loopback(reply=able) as model, Served(home, model.url, limits=Limits(requests=1_000_000)) as served:
        yield served
