"""An OpenAI-compatible server of our own on 127.0.0.1: strict about the window, failing on demand."""

from tests.loopback.faults import Faults
from tests.loopback.server import Loopback, Odd, Reply, Request
from tests.loopback.tokenizer import count, count_messages

__all__ = ["Faults", "Loopback", "Odd", "Reply", "Request", "count", "count_messages"]
