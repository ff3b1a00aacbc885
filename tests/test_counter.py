"""Counting on the server: what passes is tried again, what does not is an error that says what to do."""

import pytest

from lcagent.errors import EndpointUnavailable
from lcagent.models.endpoint import probe
from lcagent.models.tokens import ServerCounter, counter_for
from tests.loopback import Loopback, count, count_messages


def counter(server: Loopback) -> ServerCounter:
    endpoint = probe(server.url, api_key=server.api_key)
    assert endpoint is not None
    found = counter_for(endpoint, None)
    assert isinstance(found, ServerCounter)
    return found


@pytest.mark.parametrize("faults", [[], [500], [429, 503], [0], [0, 500]])
def test_counts_are_the_servers_and_a_fault_that_passes_is_tried_again(loopback, faults) -> None:
    server = loopback(api_key="secret")
    counting = counter(server)
    assert counting.count("One text.") == count("One text.")
    server.tokenize_faults = list(faults)
    messages = [{"role": "user", "content": "Ein Text über Fjorde, 漢字."}]
    assert counting.count_messages(messages) == count_messages(messages)
    assert not server.tokenize_faults
    counting.close()


def test_what_does_not_pass_is_not_tried_again(loopback) -> None:
    server = loopback()
    counting = counter(server)
    before = server.tokenized
    server.tokenize_faults = [404, 404]
    with pytest.raises(EndpointUnavailable, match="cannot count tokens: the server says 404"):
        counting.count("text")
    assert server.tokenized == before + 1
    counting.close()


def test_a_redirection_is_not_followed(loopback) -> None:
    server = loopback()
    counting = counter(server)
    server.tokenize_faults = [307]
    with pytest.raises(EndpointUnavailable, match="307"):
        counting.count("text")
    counting.close()


def test_a_server_that_is_gone_is_named(loopback) -> None:
    server = loopback()
    counting = counter(server)
    server.die()
    with pytest.raises(EndpointUnavailable, match=f"{server.port}/tokenize cannot count tokens"):
        counting.count("text")
    counting.close()
