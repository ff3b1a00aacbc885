"""Counting on the server: what passes is tried again, what does not is an error that says what to do."""

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from lcagent import Reader
from lcagent.errors import EndpointUnavailable, SettingsError
from lcagent.models.probing import Target, probe
from lcagent.models.tokens import FileCounter, ServerCounter, counter_for
from tests.helpers import QUESTION, clever, haystack
from tests.loopback import Loopback, count, count_messages


def counter(server: Loopback) -> ServerCounter:
    endpoint = probe(Target(server.url, api_key=server.api_key))
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


SYSTEM = [{"role": "system", "content": "a"}, {"role": "user", "content": "a"}]


def tokenizer(folder: Path, template: str) -> FileCounter:
    model = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    model.pre_tokenizer = pre_tokenizers.Whitespace()
    model.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    return FileCounter(folder)


@pytest.mark.parametrize(
    ("template", "tokens"),
    [
        (
            "{% for m in messages %}{{ m.content }} {% if loop.index > 0 %}{% break %}{% endif %}{% endfor %}",
            1,
        ),
        ("{% for m in messages %}{% generation %}{{ m.content }} {% endgeneration %}{% endfor %}", 2),
        ("{{ strftime_now('%d') }} {{ messages[0].content }}", 2),
    ],
)
def test_a_chat_template_may_use_what_transformers_gives_it(
    tmp_path: Path, template: str, tokens: int
) -> None:
    assert tokenizer(tmp_path, template).count_messages(SYSTEM) == tokens


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('System role not supported') }}", "System role not supported"),
        ("{{ messages[0].content + 1 }}", "cannot make this prompt"),
        ("{% for %}", "cannot be read"),
    ],
)
def test_a_chat_template_that_refuses_is_a_wrong_setting(tmp_path: Path, template: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        tokenizer(tmp_path, template).count_messages(SYSTEM)
    assert "LCAGENT_TOKENIZER" in caught.value.hint


def test_another_model_under_the_same_name_is_another_tokenizer(
    loopback, tmp_path: Path, monkeypatch
) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    segments: list[int] = []
    for factor in (1, 2):
        for module in ("server", "tokenizer"):
            monkeypatch.setattr(f"tests.loopback.{module}.count", lambda text, by=factor: by * count(text))
        server = loopback(window=2048, reply=clever)
        options = {"segment_tokens": 320}
        with Reader(api_base=server.url, window=2048, strategy="memagent", memagent=options) as reader:
            segments.append(reader.ask(path, QUESTION).coverage.segments_total)
        assert server.overruns == 0
    assert segments[1] > 1.5 * segments[0]


def test_a_tokenizer_file_is_named_by_what_it_holds(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    assert tokenizer(here, "").source == tokenizer(there, "").source
    before = FileCounter(here).source
    (here / "tokenizer.json").write_text((here / "tokenizer.json").read_text() + " ")
    assert FileCounter(here).source != before
