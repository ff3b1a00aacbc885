"""`lcagent chat`: in a pipe, and in a terminal that is typed in."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from lcagent import ChatSession, Reply
from lcagent.cli.commands import app
from lcagent.errors import EndpointUnavailable, EntryNotFound, UsageError
from lcagent.events import AnswerDelta, Event
from tests.chatting import CTRL_C, CTRL_D, ENTER, HOME, PROMPT, UP, WHERE, Terminal, agent
from tests.helpers import REPORT, ROOT
from tests.loopback import Loopback, Request
from tests.loopback import Reply as Written


@pytest.fixture
def server(loopback) -> Loopback:
    return loopback(window=4096, reply=agent)


def options(server: Loopback) -> list[str]:
    return ["--api-base", server.url, "--window", str(server.window)]


def piped(server: Loopback, lines: str | bytes, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["chat", *options(server), *arguments], input=lines)


def session(server: Loopback, **more: Any) -> ChatSession:
    return ChatSession(api_base=server.url, window=server.window, **more)


# In a pipe


def test_in_a_pipe_a_line_is_a_message_and_stdout_carries_the_replies_alone(server) -> None:
    done = piped(server, f"{HOME}\n\n{WHERE}\n//etc is a folder\n")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"Noted: {HOME}\nYou live in Paris.\nNoted: /etc is a folder\n"
    told = done.stderr.splitlines()
    assert told[:2] == ["  noting: Lives in Paris.", "  searching earlier messages: live Paris"]
    assert told[2].startswith("  [1] conversation, message 1, ") and told[2].endswith(f"user: “{HOME}”")
    assert "\x1b" not in done.output
    again = piped(server, WHERE, "-q")
    assert (again.stdout, again.stderr) == ("You live in Paris.\n", "")
    assert piped(server, WHERE, "--session", "other", "-q").stderr == ""
    with session(server) as chat:
        assert chat.count() == 8


def test_json_is_one_reply_a_line(server) -> None:
    done = piped(server, f"{HOME}\n{WHERE}\n", "--json")
    replies = [Reply(**json.loads(line)) for line in done.stdout.splitlines()]
    assert [reply.text for reply in replies] == [f"Noted: {HOME}", "You live in Paris."]
    assert replies[1].citations[0].quote == HOME
    assert replies[1].steps == ["conversation_search", "send_message"]


def test_the_first_failure_ends_a_pipe(server) -> None:
    def dies(request: Request) -> str:
        if "again" in request.text:
            server.stop_soon()
        return agent(request)

    server.reply = dies
    done = piped(server, "hello\nhello again\nhello for ever\n", "--timeout", "5")
    assert isinstance(done.exception, EndpointUnavailable) and done.exception.exit_code == 1
    assert done.stdout == "Noted: hello\n"
    with session(server) as chat:
        assert [one.text for one in chat.history()] == ["hello", "Noted: hello", "hello again"]
        left = chat.unanswered()
        assert left is not None and left.text == "hello again"


def test_bytes_that_are_no_text_are_a_message_too(server) -> None:
    done = piped(server, b"caf\xe9\r\n")
    assert done.stdout == "Noted: caf\N{REPLACEMENT CHARACTER}\n"


@pytest.mark.parametrize(
    ("lines", "arguments", "told"),
    [
        ("/frobnicate\n", [], "there is no command /frobnicate"),
        ("/remember\n", [], "something is missing"),
        ("/forget the\n", [], "no word to look for"),
        ("", ["--every", "10m"], "--every needs a terminal"),
        ("", ["--every", "often"], "is no duration"),
        ("", ["--every", "0s"], "is no duration"),
        ("", ["--session", " "], "have names"),
    ],
)
def test_what_cannot_be_done_is_an_error_with_a_hint(server, lines, arguments, told) -> None:
    done = piped(server, lines, *arguments)
    assert isinstance(done.exception, UsageError)
    assert told in done.exception.message and done.exception.hint
    assert server.calls == 0


def test_commands_show_the_memory_and_the_window(server) -> None:
    done = piped(server, f"/remember I am allergic to nuts.\n{HOME}\n{WHERE}\n/memory\n/why\n/search Rex\n")
    told = done.stderr
    assert "human:\n  - I am allergic to nuts.\n  - Lives in Paris.\n" in told
    rows = dict(line.strip().rsplit(maxsplit=1) for line in told.splitlines() if line[-3:].strip().isdigit())
    parts = (
        "instructions",
        "core memory",
        "summary of earlier messages",
        "conversation",
        "kept for the reply",
    )
    tokens = [int(rows[part].replace(",", "")) for part in parts]
    request = server.requests[-1]
    assert sum(tokens[:4]) >= request.prompt_tokens and tokens[4] == request.body["max_tokens"]
    assert sum(tokens) + int(rows["free"].replace(",", "")) == server.window
    assert f"user: {HOME}" in told.partition("in view of the conversation")[2]
    assert HOME in told.rpartition(" found")[2]
    undone = piped(server, "/undo\n/memory\n")
    assert "  - I am allergic to nuts.\npersona" not in undone.stderr
    assert "Lives in Paris" not in undone.stderr and "allergic" in undone.stderr


def test_a_document_is_attached_once_and_searched(server) -> None:
    done = piped(server, f'/attach "{REPORT}"\n/attach {REPORT}\n/help\n', "--attach", str(REPORT))
    assert done.exit_code == 0, done.output
    assert done.stderr.count("attached skarholm-report.pdf: 22 pages\n") == 3
    assert server.calls == 0  # attaching asks no model
    with session(server) as chat:
        assert len(chat._entries(None).newest(["event"], limit=10)) == 1
    missing = piped(server, "", "--attach", "missing.pdf")
    assert missing.exception is not None and "missing.pdf does not exist" in str(missing.exception)


def test_a_document_that_is_presented_begins_a_turn_once(server) -> None:
    done = piped(server, f"I like tea.\n/present {REPORT}\n/present {REPORT}\n")
    assert done.exit_code == 0, done.output
    assert done.stdout == "Noted: I like tea.\nTime for tea!\n"  # the agent speaks, or says nothing
    assert done.stderr.count("attached skarholm-report.pdf: 22 pages\n") == 2
    with session(server) as chat:
        assert [one.text for one in chat.history()][-1] == "Time for tea!"
        assert chat.unanswered() is None


def test_what_is_said_to_a_presented_document_is_streamed(server, tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_text("Of tea.")
    events: list[Event] = []
    with session(server) as chat:
        chat.add("I like tea.")
        done = chat.attach(tmp_path / "tea.txt", turn=True, on_event=events.append)
        assert done.names == ("tea.txt",) and done.pages == 0
        assert done.reply is not None and done.reply.text == "Time for tea!"
        assert "".join(one.text for one in events if isinstance(one, AnswerDelta)) == done.reply.text
        assert chat.attach(tmp_path / "tea.txt", turn=True).reply is None


# Forgetting


def test_forgetting_deletes_what_holds_the_words_with_what_was_made_of_it(server, home: Path) -> None:
    with session(server) as chat:
        chat.remember("The parrot is called Zorbo.")
        for text in ("The safe opens with Quibble99.", "Zorbo sleeps.", "Hello."):
            chat.send(text)
        planned = chat.forget("opens quibble99", dry_run=True)
        assert chat.count() == 6
        gone = chat.forget("opens quibble99")
        assert gone == planned and gone.erased
        assert {one.text for one in gone.messages if one.author == "user"} == {
            "The safe opens with Quibble99."
        }
        assert "Noted: The safe opens with Quibble99." in {one.text for one in gone.messages}
        assert not chat.forget("opens quibble99").messages
        chat.forget("Zorbo")  # a core line, a message and its reply
        assert chat.memory()["human"] == []
        assert [one.text for one in chat.history()] == ["Hello.", "Noted: Hello."]
        chat.forget(chat.history()[0].id)
        assert chat.count() == 0
        with pytest.raises(EntryNotFound):
            chat.forget(999)
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert b"Quibble99" not in kept and b"quibble99" not in kept and b"Zorbo" not in kept


def test_in_a_pipe_nobody_is_asked_and_nothing_forgotten(server) -> None:
    done = piped(server, f"{HOME}\n/forget Paris\n")
    assert isinstance(done.exception, UsageError) and "lcagent memory forget" in done.exception.hint
    assert HOME in done.stderr
    with session(server) as chat:
        assert chat.count() == 2 and chat.memory()["human"]


# Turns that were broken off


def test_a_turn_that_was_given_up_is_not_gone_on_with(server) -> None:
    server.faults = None
    reply, server.reply = server.reply, lambda _: Written("", status=400)
    with session(server) as chat:
        with pytest.raises(Exception, match="on purpose"):
            chat.send("hello")
        left = chat.unanswered()
        assert left is not None and left.text == "hello"
        chat.give_up()
        assert chat.unanswered() is None and chat.resume() is None
        chat.give_up()  # nothing is left to be given up
        server.reply = reply
        assert chat.send("hello again").text == "Noted: hello again"
        assert "hello" in [one.text for one in chat.history()]
        assert "user] hello\n" in server.requests[-1].text  # it is seen, and answered with the rest


def test_events_of_a_turn_that_is_gone_on_with_are_told(server) -> None:
    server.reply = lambda _: Written("", status=400)
    with session(server) as chat:
        with pytest.raises(Exception, match="on purpose"):
            chat.send(HOME)
        server.reply = agent
        told: list[str] = []
        reply = chat.resume(on_event=lambda event: told.append(type(event).__name__))
        assert reply is not None and reply.text == f"Noted: {HOME}"
        assert told[0] == "MessageKept" and {"FunctionCalled", "AnswerDelta"} <= set(told)
        assert told[-1] == "Replied"


# In a terminal


@pytest.fixture
def terminal(server) -> Iterator[Callable[..., Terminal]]:
    """Starts `lcagent chat` in terminals, and ends them."""
    with ExitStack() as stack:
        yield lambda *more: stack.enter_context(Terminal("chat", *more, *options(server)))


def test_talking_in_a_terminal(server, terminal) -> None:
    chat = terminal()
    chat.shows("session main: /help has the commands")
    chat.shows(PROMPT)
    chat.types(f"{HOME}{ENTER}")
    chat.shows(f"Noted: {HOME}\r\n")
    chat.shows(PROMPT)
    chat.types(f"{WHERE}{ENTER}")
    chat.shows("You live in Paris.\r\n")
    chat.shows("[1] conversation, message 1")
    chat.shows(PROMPT)
    chat.types(f"/attach missing.pdf{ENTER}")
    chat.shows("error: missing.pdf does not exist")
    chat.shows(PROMPT)
    chat.types(f"/forget paris{ENTER}")
    chat.shows(f"user: {HOME}")
    chat.shows("for good? [y/N] ")
    chat.types(f"y{ENTER}")
    chat.shows("entries deleted")
    chat.shows(PROMPT)
    chat.types(f"{UP}{ENTER}")  # what the arrow brings back is what was said last and is not forgotten
    chat.shows("You live in Paris.\r\n")
    chat.shows(PROMPT)
    chat.types(CTRL_C)
    chat.shows("Ctrl-C once more", key=CTRL_C)
    chat.shows(PROMPT)
    chat.types(CTRL_C)
    chat.shows("\r\n", key=CTRL_C)
    assert chat.ended() == 0
    assert "Traceback" not in chat.text
    again = terminal()
    again.shows("going on with session main: 3 messages, last on ")
    again.shows(f"> {WHERE}")
    again.shows("You live in Paris.")
    again.shows(PROMPT)
    again.types(CTRL_D)
    assert again.ended() == 0


def test_a_session_that_is_gone_on_with_begins_with_its_last_messages_and_where_they_stand(
    server, terminal
) -> None:
    with session(server) as chat:
        chat.send(HOME)
        chat.send(WHERE)
    again = terminal()
    again.shows("going on with session main: 4 messages, last on ")
    again.shows("You live in Paris.")
    again.shows("    [1] conversation, message 1, ")
    again.shows("user: “I live in Paris,")
    again.shows(PROMPT)
    again.types(CTRL_D)
    assert again.ended() == 0


def test_ctrl_c_stops_a_reply_and_keeps_the_session_whole(server, terminal) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def waits(request: Request) -> Written | str:
        if not go_on.is_set():
            asked.set()
            return Written(agent(request), delay=60)
        return agent(request)

    server.reply = waits
    chat = terminal()
    chat.shows(PROMPT)
    chat.types(f"hello{ENTER}")
    assert asked.wait(60)
    chat.types(CTRL_C)
    chat.shows("stopped")
    chat.shows(PROMPT)
    with session(server) as kept:
        assert kept.unanswered() is None  # the next start does not answer it
    go_on.set()
    chat.types(f"{HOME}{ENTER}")
    chat.shows(f"Noted: {HOME}")
    chat.shows(PROMPT)
    chat.types(CTRL_D)
    assert chat.ended() == 0
    assert "Traceback" not in chat.text and "never awaited" not in chat.text
    with session(server) as kept:
        assert [one.text for one in kept.history()] == ["hello", HOME, f"Noted: {HOME}"]


def test_a_message_whose_turn_was_killed_is_answered_at_the_next_start(server, terminal) -> None:
    asked = threading.Event()

    def waits(request: Request) -> Written:
        asked.set()
        return Written(agent(request), delay=60)

    server.reply = waits
    chat = terminal()
    chat.shows(PROMPT)
    chat.types(f"{HOME}{ENTER}")
    assert asked.wait(60)
    chat.process.send_signal(signal.SIGKILL)
    chat.ended()
    server.reply = agent
    again = terminal()
    again.shows("your last message was not answered: answering it now")
    again.shows(f"Noted: {HOME}\r\n")
    again.shows(PROMPT)
    again.types(f"/quit{ENTER}")
    assert again.ended() == 0


def test_an_error_is_told_and_an_empty_line_tries_again(server, terminal) -> None:
    server.reply = lambda _: Written("", status=400)
    chat = terminal()
    chat.shows(PROMPT)
    chat.types(f"hello{ENTER}")
    chat.shows("error: ")
    chat.shows("an empty line tries again")
    chat.shows(PROMPT)
    server.reply = agent
    chat.types(ENTER)
    chat.shows("Noted: hello\r\n")
    chat.shows(PROMPT)
    chat.types(CTRL_D)
    assert chat.ended() == 0


def test_the_timer_goes_off_while_nothing_is_typed_and_shows_what_is_said_alone(server, terminal) -> None:
    with session(server) as kept:
        kept.add("Remind me of tea.")
    silent = threading.Event()

    def ticks(request: Request) -> str:
        if server.calls >= 2:
            return agent(request)
        silent.set()
        return agent(request).replace("Time for tea!", "")

    server.reply = ticks
    chat = terminal("--every", "1s")
    chat.shows("last on ")
    chat.shows(PROMPT)
    shown = chat.shows("Time for tea!\r\n")
    assert silent.is_set() and "error" not in shown
    chat.types("half a line")  # the timer lets be what is typed
    chat.types(f", and the rest{ENTER}")
    chat.shows("Noted: half a line, and the rest")
    chat.types(f"/quit{ENTER}")
    assert chat.ended() == 0
    assert "Traceback" not in chat.text


# The SDK


@pytest.mark.slow
def test_the_example_of_a_chat_talks(server) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "examples" / "chat_app.py", "anna"],
        input=f"{HOME}\n{WHERE}\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LCAGENT_API_BASE": server.url, "LCAGENT_WINDOW": str(server.window)},
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"Noted: {HOME}", "You live in Paris."]
    assert lines[2].startswith("  [1] message 1, ") and lines[2].endswith(HOME)
    assert "(conversation_search live Paris)" in done.stderr
