"""The embedded CPU engine: llama.cpp in a child process, one more OpenAI-compatible endpoint.

The child ends when its parent ends, however that ends: it watches its standard input, which the
system closes with the parent.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from lcagent.errors import EndpointUnavailable
from lcagent.models.endpoint import Endpoint
from lcagent.models.probing import Target, found
from lcagent.models.serving.waiting import pause
from lcagent.private import private_file, private_folder

START_SECONDS = 180.0
_HINT = "pip install 'lcagent[local]'"


def available() -> bool:
    """Whether the engine's package (extra `local`) is installed."""
    return importlib.util.find_spec("xllamacpp") is not None


class EmbeddedServer:
    """A llama.cpp server on a free loopback port, for this process alone.

    Args:
        gguf: the model file.
        context: window of one request in tokens.
        slots: requests at once; llama.cpp divides its context among them.
        log: file that gets the engine's output.
        threads: CPU threads; default: the cores this process may use.
    """

    def __init__(
        self, gguf: Path, *, context: int, slots: int, log: Path, threads: int | None = None
    ) -> None:
        self._gguf, self._context, self._slots, self._log = gguf, context, slots, log
        self._threads = (
            threads or len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else threads or os.cpu_count() or 1
        )
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = START_SECONDS, *, halt: threading.Event | None = None) -> Endpoint:
        """Start the engine and wait until it answers.

        Args:
            timeout: seconds to wait.
            halt: set by another thread, it ends the wait.

        Raises:
            EndpointUnavailable: it is not installed, dies, or does not answer in time.
        """
        if not available():
            raise EndpointUnavailable("the embedded engine is not installed", hint=_HINT)
        port = _free_port()
        private_folder(self._log.parent)
        arguments = [self._gguf, port, self._context, self._slots, self._threads]
        with private_file(self._log).open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-P", "-m", "lcagent.models.serving.embedded", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone; we then end the child
            )
        try:
            return self._await(self._child, port, timeout, halt)
        except BaseException:
            self.stop()
            raise

    def _await(
        self, child: subprocess.Popen[bytes], port: int, timeout: float, halt: threading.Event | None
    ) -> Endpoint:
        deadline = time.monotonic() + timeout
        origin = "embedded CPU engine (llama.cpp)"
        target = Target(f"http://127.0.0.1:{port}/v1", timeout=2.0, origin=origin)
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise self._failure("ended at its start")
            endpoint = found(target)
            if endpoint is not None:
                return endpoint
            pause(halt, 0.1)
        raise self._failure(f"did not answer within {timeout:.0f} s")

    def stop(self) -> None:
        """End the engine."""
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin:
            child.stdin.close()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _failure(self, what: str) -> EndpointUnavailable:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines() if self._log.exists() else []
        telling = [line for line in lines if "error" in line.lower() or "fail" in line.lower()] or lines
        return EndpointUnavailable(
            f"the embedded engine {what}: {' / '.join(telling[-2:])[:300]}",
            hint=f"is {self._gguf.name} a GGUF model this engine can run? its log: {self._log}",
        )


def _free_port() -> int:
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return int(probe_socket.getsockname()[1])


def _serve(gguf: str, port: int, context: int, slots: int, threads: int) -> None:
    """The child: serve until standard input is closed."""
    engine: Any = importlib.import_module("xllamacpp")  # compiled, without type stubs
    params = engine.CommonParams()
    params.model.path = gguf
    params.model_alias = {Path(gguf).stem}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.ctx_shift = False  # a prompt past the window is an error, never silently shortened
    params.cache_prompt = True
    params.cont_batching = True
    params.kv_unified = False
    params.warmup = False
    params.ui = False
    params.endpoint_props = True
    params.use_jinja = True
    server = engine.Server(params)
    print("listening at", server.listening_address, flush=True)
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)  # at once: a request in flight must not keep it alive


if __name__ == "__main__":
    _serve(sys.argv[1], *map(int, sys.argv[2:6]))
