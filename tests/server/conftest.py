"""A server over the loopback model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.serving import Served, able


@pytest.fixture
def model(loopback: Any) -> Any:
    return loopback(reply=able)


@pytest.fixture
def served(home: Path, model: Any) -> Iterator[Served]:
    with Served(home, model.url) as server:
        yield server
