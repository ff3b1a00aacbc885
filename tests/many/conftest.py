"""What tests of tables use."""

from pathlib import Path
from typing import Any

import pytest

from tests.loopback import Loopback
from tests.many.shipyard import boats, shipyard


@pytest.fixture
def server(loopback: Any) -> Loopback:
    return loopback(reply=shipyard)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return boats(tmp_path / "boats")
