"""A chat far longer than its window, with a perfect companion: what is asked at its end is known."""

from statistics import mean

import pytest

from lcagent.chat import ChatSession
from tests.companion import Chat, companion

WINDOW, TURNS = 4096, 200


@pytest.mark.slow
def test_what_was_said_changed_and_taken_back_is_known_two_hundred_turns_later(loopback) -> None:
    server = loopback(reply=companion, window=WINDOW, tokenize=False, keep_requests=False)
    talk = Chat(TURNS)
    wrong, tokens, kinds = list[str](), list[tuple[int, int]](), set[str]()
    with ChatSession(api_base=server.url, window=WINDOW, clock=talk.clock) as chat:
        for number, said in enumerate(talk):
            if said.text.startswith("By the way") and number % 5:
                chat.add_all([{"text": said.text}, {"text": "Noted.", "author": "assistant"}])
                continue
            reply = chat.send(said.text)
            if said.kind:
                kinds.add(said.kind)
                right = said.expected in reply.text
                if not right or (reply.status == "not_found") != (said.expected == "I do not know."):
                    wrong.append(f"{number} {said} -> {reply.text} ({reply.status})")
            elif said.text.startswith("By the way"):
                tokens.append((number, reply.tokens))
        assert not wrong
        assert kinds == {"now", "early", "before", "rests on", "withdrawn", "never said"}
        early = mean(spent for number, spent in tokens if 60 <= number < 100)
        late = mean(spent for number, spent in tokens if number >= 150)
        assert late < 1.25 * early  # it is the window that a turn costs, not the history
        marked = [one.text for one in chat.memory()["human"] if one.notes]
        assert [one.split()[:2] for one in marked] == [
            ["Ida", "takes"]
        ]  # no line but the one that hangs on what has changed
        assert server.overruns == 0 and chat._entries(None).count(["summary"]) > 2
