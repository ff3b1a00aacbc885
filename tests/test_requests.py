"""One request as bytes: what the journal's key is made of, and what is sent."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lcagent.models.transport import ChatRequest

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT)
def test_every_text_can_be_sent_and_gives_the_same_bytes_each_time(text: str) -> None:
    request, again = (ChatRequest([{"role": "user", "content": text}], 7, schema={"a": 1}) for _ in range(2))
    assert request.encoded == again.encoded
    sent = json.loads(request.encoded.decode())["messages"][0]["content"]
    # Halves of a surrogate pair that stand side by side are one character to whoever reads JSON.
    assert sent.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")
