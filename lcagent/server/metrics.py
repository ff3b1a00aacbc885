"""What Prometheus is told: requests, latency, tokens, the queue, the share of prompts that was cached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from lcagent.answer import Answer, Reply
from lcagent.models.serving.servers import Server
from lcagent.server.came import Came

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)


class _ModelServers(Collector):
    """What is known of each of several model servers, when it is asked for."""

    def __init__(self, servers: Callable[[], Sequence[Server]]) -> None:
        self._servers = servers

    def collect(self) -> Iterable[Metric]:
        name, label = "lcagent_model_server", ("server",)
        there = GaugeMetricFamily(f"{name}_up", "Whether a model server is asked.", labels=label)
        answered = CounterMetricFamily(f"{name}_answered", "Requests it answered.", labels=label)
        failed = CounterMetricFamily(f"{name}_failed", "Times that it was left out.", labels=label)
        for server in self._servers():
            there.add_metric([server.name], float(not server.why))
            answered.add_metric([server.name], server.answered)
            failed.add_metric([server.name], server.failed)
        return there, answered, failed


class Metrics:
    """Counters of one server.

    Args:
        servers: those of the model, where these are several.
    """

    def __init__(self, servers: Callable[[], Sequence[Server]]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_ModelServers(servers))
        self._requests = Counter(
            "lcagent_requests", "Requests.", ("route", "method", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "lcagent_request_seconds",
            "Seconds to the end of a reply.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._first = Histogram(
            "lcagent_first_byte_seconds",
            "Seconds to its first byte.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._tokens = Counter("lcagent_tokens", "Tokens of model calls.", ("kind",), registry=self._registry)
        self._ended = Counter(
            "lcagent_jobs", "Questions and messages that ended.", ("status",), registry=self._registry
        )
        self._queue = Gauge("lcagent_queue", "Jobs that are worked on or wait.", registry=self._registry)
        self._stuck = Gauge(
            "lcagent_waiting_for_worker",
            "Jobs that wait for a worker while none gives signs of life.",
            registry=self._registry,
        )
        share = Gauge(
            "lcagent_cached_share",
            "Share of prompt tokens that the model's server had cached.",
            registry=self._registry,
        )
        share.set_function(self._share)
        self._prompt = self._cached = 0

    def request(self, route: str, method: str, status: int, first: float, seconds: float) -> None:
        """Count a request.

        Args:
            route: its pattern, not its path, of which there are any number.
            method: of HTTP.
            status: of the reply.
            first: seconds to the first byte of the reply.
            seconds: to its end.
        """
        method = method if method in _METHODS else "other"  # a client may make up any number
        self._requests.labels(route, method, str(status)).inc()
        self._first.labels(route).observe(first)
        self._seconds.labels(route).observe(seconds)

    def ended(self, status: str, came: Came | None) -> None:
        """Count a job that ended, and what it cost."""
        self._ended.labels(status).inc()
        if not isinstance(came, Answer | Reply):  # a server is asked for nothing else
            return
        used = came if isinstance(came, Reply) else came.usage
        self._tokens.labels("prompt").inc(used.prompt_tokens)
        self._tokens.labels("completion").inc(used.completion_tokens)
        if isinstance(came, Answer):
            self._prompt += came.usage.prompt_tokens
            self._cached += came.usage.cached_tokens

    def text(self, queue: float, stuck: float) -> bytes:
        """All of it, as Prometheus reads it.

        Args:
            queue: how many jobs are worked on or wait; not a number where nobody can tell.
            stuck: how many of these wait for a worker, and none is there; likewise.
        """
        self._queue.set(queue)
        self._stuck.set(stuck)
        return generate_latest(self._registry)

    def _share(self) -> float:
        return self._cached / self._prompt if self._prompt else 0.0
