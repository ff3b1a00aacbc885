"""OpenAI's Responses protocol, by its own client."""

from typing import Any

import openai
import pytest

from tests.cluster import files_daily
from tests.helpers import NEEDLE, QUESTION, haystack
from tests.server.serving import Served, until

pytestmark = pytest.mark.usefixtures("place")


def given(file: str, text: str = QUESTION) -> Any:
    return [
        {
            "role": "user",
            "content": [{"type": "input_file", "file_id": file}, {"type": "input_text", "text": text}],
        }
    ]


@files_daily
def test_a_response_cites_the_file_and_the_page_that_opens_it(served: Served) -> None:
    file = served.upload(haystack(60))
    reply = served.client().responses.create(model="lcagent", input=given(file))
    assert reply.status == "completed" and reply.output_text.startswith("Oskar Brandvold [^1]")
    message = reply.output[-1]
    assert message.type == "message" and message.content[0].type == "output_text"
    url, cited = message.content[0].annotations
    assert url.type == "url_citation" and file in url.url
    assert reply.output_text[url.start_index : url.end_index] == "[^1]"
    assert cited.type == "file_citation" and (cited.file_id, cited.filename) == (file, "town.txt")
    assert reply.usage is not None and reply.usage.input_tokens > 100
    assert reply.usage.total_tokens == reply.usage.input_tokens + reply.usage.output_tokens


def test_a_stream_builds_up_what_it_ends_with(served: Served) -> None:
    file = served.upload(haystack())
    with served.client().responses.stream(model="lcagent/memagent", input=given(file)) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert deltas == final.output_text and NEEDLE in deltas
    thought = "".join(
        event.delta for event in events if event.type == "response.reasoning_summary_text.delta"
    )
    assert final.output[0].type == "reasoning" and final.output[0].summary[0].text == thought
    assert "read 3 of " in thought


def test_a_background_response_is_polled_followed_and_shown_again(served: Served) -> None:
    client = served.client()
    made = client.responses.create(
        model="lcagent/memagent", input=given(served.upload(haystack())), background=True
    )
    assert made.status in {"queued", "in_progress"} and made.background
    followed = list(client.responses.retrieve(made.id, stream=True))
    assert followed[-1].type == "response.completed"
    rest = list(client.responses.retrieve(made.id, stream=True, starting_after=followed[6].sequence_number))
    assert [event.sequence_number for event in rest] == [event.sequence_number for event in followed[7:]]
    done = client.responses.retrieve(made.id)
    assert done.status == "completed" and done.output_text.startswith("Oskar Brandvold")
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


@files_daily
def test_a_background_response_is_cancelled(home: Any, loopback: Any) -> None:
    from tests.server.serving import able, slowly

    model = loopback(reply=slowly(able, 0.2))
    with Served(home, model.url) as served:
        client = served.client()
        made = client.responses.create(
            model="lcagent/memagent", input=given(served.upload(haystack())), background=True
        )
        until(lambda: model.calls > 1)
        assert client.responses.cancel(made.id).status == "cancelled"
        assert served.service.jobs.live == 0


def test_a_response_that_is_not_kept_is_not_found(served: Served) -> None:
    reply = served.client().responses.create(model="lcagent", input="Good morning")
    with pytest.raises(openai.NotFoundError):
        served.client().responses.retrieve(reply.id)


@files_daily
def test_a_failed_background_response_says_why(served: Served) -> None:
    file = served.upload("%PDF-1.7 nothing of the kind", "report.pdf")
    made = served.client().responses.create(model="lcagent", input=given(file), background=True)
    until(lambda: served.client().responses.retrieve(made.id).status == "failed")
    error = served.client().responses.retrieve(made.id).error
    assert error is not None and "report.pdf" in error.message


@files_daily
def test_an_earlier_response_is_refused_with_a_hint(served: Served) -> None:
    with pytest.raises(openai.BadRequestError, match="not gone on with"):
        served.client().responses.create(model="lcagent", input="x", previous_response_id="resp_1")
