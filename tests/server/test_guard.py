"""Who may ask, how much, and what of one tenant another sees: nothing."""

import base64
import json
import re
import socket
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from lcagent.memory.served.keys import Keys
from lcagent.memory.served.tables import open_served
from lcagent.place import Place
from lcagent.server.options import Limits
from lcagent.settings import load_settings
from tests.cluster import files_daily, only_files
from tests.helpers import QUESTION, haystack, in_this_process
from tests.server.serving import Served, able, asks, slowly, until

pytestmark = pytest.mark.usefixtures("place")


def key(home: Path, tenant: str) -> str:
    store = open_served(load_settings({"home": home}).place)
    secret = Keys(store).create(tenant)[1]
    store.close()
    return secret


@files_daily
def test_without_a_key_nothing_but_health_and_the_page_is_shown(home: Path, model: Any) -> None:
    with Served(home, model.url, require_keys=True) as served:
        paths = served.http.get("/openapi.json")
        assert paths.status_code == 401
        for path in ("/v1/models", "/v1/files", "/v1/runs", "/v1/sessions", "/metrics", "/openapi.json"):
            assert served.http.get(path).status_code == 401, path
            assert served.as_key("lca-wrong").get(path).status_code == 401, path
            assert served.as_key(key(home, "a")).get(path).status_code == 200, path
        assert served.http.get("/health").json()["status"] == "ok"


def test_a_revoked_key_opens_nothing_at_once(home: Path, place: Place, model: Any) -> None:
    with Served(home, model.url, require_keys=True) as served:
        secret = key(home, "a")
        client = served.as_key(secret)
        assert client.get("/v1/files").status_code == 200
        store = open_served(place)
        Keys(store).revoke(Keys(store).all()[0].id)
        store.close()
        assert client.get("/v1/files").status_code == 401


def test_keys_are_made_listed_and_revoked_on_the_command_line(home: Path) -> None:
    made = in_this_process("keys", "create", "team-a", "--name", "Anna's laptop")
    secret = made.stdout.strip()
    assert made.exit_code == 0 and re.fullmatch(r"lca-[\w-]{43}", secret)
    listed = in_this_process("keys", "list", "--json")
    (row,) = json.loads(listed.stdout)
    assert (row["tenant"], row["name"]) == ("team-a", "Anna's laptop") and secret not in listed.stdout
    assert not any(secret.encode() in file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert in_this_process("keys", "revoke", row["id"]).exit_code == 0
    assert "revoked" in in_this_process("keys", "list").stdout
    assert in_this_process("keys", "revoke", row["id"]).exception is not None
    assert in_this_process("keys", "create", "../etc").exception is not None


@files_daily
def test_one_tenant_sees_nothing_of_another_on_any_route(home: Path, model: Any) -> None:
    with Served(home, model.url, require_keys=True) as served:
        anna, olav = served.as_key(key(home, "anna")), served.as_key(key(home, "olav"))
        file = anna.post("/v1/files", files={"file": ("secret.txt", haystack(60).encode())}).json()["id"]
        collection = anna.post("/v1/collections", json={"name": "secrets", "files": [file]}).json()["id"]
        run = anna.post("/v1/runs", json={"question": QUESTION, "files": [file]}).json()["id"]
        response = anna.post("/v1/responses", json={"input": "Hello", "background": True}).json()["id"]
        anna.post("/v1/chat/completions", json={"messages": asks(text="I live in Paris"), "user": "me"})
        values = {
            "file": file,
            "collection": collection,
            "run": run,
            "response": response,
            "session": "me",
            "model": "lcagent",
        }
        tried = 0
        for path, operations in served.app.openapi()["paths"].items():
            names = re.findall(r"{(\w+)}", path)
            if not set(names) & {"file", "collection", "run", "response", "session"}:
                continue
            url = re.sub(r"{(\w+)}", lambda match: values.get(match[1], "1"), path)
            for method in operations:
                reply = olav.request(method, url, json={"files": [file]} if method == "post" else None)
                assert reply.status_code == 404, (method, url, reply.text)
                tried += 1
        assert tried >= 18
        for path in ("/v1/files", "/v1/collections", "/v1/runs", "/v1/sessions"):
            assert olav.get(path).json()["data"] == [] and len(anna.get(path).json()["data"]) >= 1, path
        for body in (
            {"messages": asks(file, text=QUESTION)},
            {"messages": asks(text=QUESTION), "lcagent": {"collections": ["secrets"]}},
        ):
            assert olav.post("/v1/chat/completions", json=body).status_code == 404
        said = olav.post(
            "/v1/chat/completions", json={"messages": asks(text="Where do I live?"), "user": "me"}
        ).text
        assert "Paris" not in said or "You live in Paris" in said  # the stand-in echoes what it finds
        assert olav.get("/v1/sessions/me/memory").json()["blocks"]["human"] == []
        assert anna.get(f"/v1/files/{file}/content").content == haystack(60).encode()


HOSTS = ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::1", "localhost@evil.example"]


@only_files
@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_was_made_to_lead_here_is_refused(refusing: Served, host: str) -> None:
    assert refusing.http.get("/v1/files", headers={"host": host}).status_code in {400, 403}


@only_files
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1234", "LOCALHOST:1", "[::1]:8765"])
def test_names_of_this_machine_are_not(refusing: Served, host: str) -> None:
    assert refusing.http.get("/v1/files", headers={"host": host}).status_code == 200


@only_files
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://localhost:1"])
def test_a_page_from_elsewhere_may_not_ask(refusing: Served, origin: str) -> None:
    reply = refusing.http.post("/v1/files", headers={"origin": origin}, files={"file": ("a.txt", b"x")})
    assert reply.status_code == 403 and "access-control-allow-origin" not in reply.headers
    assert refusing.http.get("/v1/files").json()["data"] == []


@only_files
def test_our_own_page_may_and_so_may_one_that_is_named(home: Path, model: Any) -> None:
    with Served(home, model.url, options={"origins": ("https://chat.example",)}) as served:
        assert served.http.get("/v1/files", headers={"origin": served.url}).status_code == 200
        reply = served.http.get("/v1/files", headers={"origin": "https://chat.example"})
        assert reply.headers["access-control-allow-origin"] == "https://chat.example"
        asked = {"origin": "https://chat.example", "access-control-request-method": "POST"}
        assert served.http.options("/v1/runs", headers=asked).status_code == 200


@only_files
def test_what_is_too_large_is_refused_however_its_size_is_told(home: Path, model: Any) -> None:
    with Served(home, model.url, limits=Limits(upload=1 << 20)) as served:
        big = b"x" * (3 << 20)
        assert served.http.post("/v1/files", files={"file": ("a.txt", big)}).status_code == 413

        def pieces() -> Any:
            yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
            for _ in range(48):
                yield b"x" * (1 << 16)
            yield b"\r\n--b--\r\n"

        headers = {"content-type": "multipart/form-data; boundary=b"}
        assert served.http.post("/v1/files", content=pieces(), headers=headers).status_code == 413
        assert served.http.post("/v1/files", files={"file": ("a.txt", b"x" * (1_200_000))}).status_code == 413
        assert served.http.get("/v1/files").json()["data"] == []
        assert not any((home / "files").iterdir())


@files_daily
def test_limits_of_rate_and_runs(home: Path, loopback: Any) -> None:
    model = loopback(reply=slowly(able, 0.3))
    limits = Limits(requests=40, running=1, waiting=1)
    with Served(home, model.url, limits=limits) as served:
        file = served.upload(haystack(60))
        runs = [served.run(f"{QUESTION} {n}", file, model="lcagent/memagent") for n in range(2)]
        third = served.http.post("/v1/runs", json={"question": "x", "files": [file]})
        assert third.status_code == 429 and int(third.headers["retry-after"]) >= 1
        statuses = {served.http.get(f"/v1/runs/{run}").json()["status"] for run in runs}
        assert "queued" in statuses
        for run in runs:
            served.http.post(f"/v1/runs/{run}/cancel")
        replies = [served.http.get("/v1/files").status_code for _ in range(60)]
        assert 429 in replies


@files_daily
def test_a_days_tokens_are_a_tenants_own(home: Path, model: Any) -> None:
    with Served(home, model.url, require_keys=True, limits=Limits(tokens_a_day=300)) as served:
        anna, olav = served.as_key(key(home, "anna")), served.as_key(key(home, "olav"))
        body = {"messages": asks(text="Hello")}
        replies = [anna.post("/v1/chat/completions", json=body) for _ in range(4)]
        assert replies[0].status_code == 200 and replies[-1].status_code == 429
        assert "tokens are used up" in replies[-1].json()["error"]["message"]
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 86_400
        assert olav.post("/v1/chat/completions", json=body).status_code == 200


@files_daily
def test_too_many_pages_are_refused(home: Path, model: Any) -> None:
    from tests.helpers import REPORT

    with Served(home, model.url, limits=Limits(pages=3)) as served:
        file = served.http.post("/v1/files", files={"file": ("r.pdf", REPORT.read_bytes())}).json()["id"]
        row = served.ended(served.run(QUESTION, file))
        assert row["error"]["code"] == "DocumentTooLarge" and "22 pages" in row["error"]["message"]


@files_daily
def test_tenants_take_turns_at_the_model(home: Path, loopback: Any) -> None:
    """One with fifty questions waiting keeps another's only one back by no more than a turn."""
    model = loopback(reply=slowly(able, 0.3))
    with Served(home, model.url, require_keys=True, concurrency=1) as served:
        many, one = served.as_key(key(home, "many")), served.as_key(key(home, "one"))
        file = many.post("/v1/files", files={"file": ("a.txt", haystack(60).encode())}).json()["id"]
        runs = [
            many.post("/v1/runs", json={"question": f"{QUESTION} {n}", "files": [file]}).json()["id"]
            for n in range(30)
        ]
        own = one.post("/v1/files", files={"file": ("a.txt", haystack(60).encode())}).json()["id"]
        reply = one.post("/v1/chat/completions", json={"messages": asks(own, text=QUESTION)})
        assert "Oskar Brandvold" in reply.text
        waiting = sum(many.get(f"/v1/runs/{run}").json()["status"] in {"queued", "running"} for run in runs)
        assert waiting > 15
        for run in runs:
            many.post(f"/v1/runs/{run}/cancel")


@only_files
def test_every_reply_says_how_little_a_browser_may_do_with_it(served: Served) -> None:
    for path in ("/health", "/v1/files", "/nothing"):
        headers = served.http.get(path).headers
        assert (
            headers["x-content-type-options"] == "nosniff"
            and "default-src 'none'" in headers["content-security-policy"]
        )
    file = served.upload("<script>alert(1)</script>", "a.html")
    reply = served.http.get(f"/v1/files/{file}/content")
    assert reply.headers["content-type"] == "application/octet-stream"
    assert (
        reply.headers["content-disposition"].startswith("attachment")
        and "sandbox" in reply.headers["content-security-policy"]
    )


NAMES = ["../../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "a\r\nset-cookie: x.txt", "C:\\x\\y.txt", "..", "\u202egpj.txt", "n" * 5000]  # fmt: skip


def test_a_file_name_names_nothing_on_this_disk(served: Served, home: Path) -> None:
    tenant = served.service.tenants.of("default")
    ids: set[str] = set()
    for name in NAMES:
        kept = tenant.uploads.put(BytesIO(b"hello"), name, purpose="user_data", most=100, room=1000)
        assert "/" not in kept.name and "\\" not in kept.name, name
        assert len(kept.name) <= 255 and kept.name.isprintable(), name
        ids.add(kept.id)
        assert {path.name for path in (home / "files").iterdir()} == ids, name
        reply = served.http.get(f"/v1/files/{kept.id}/content")
        assert reply.content == b"hello" and "set-cookie" not in reply.headers, name
    assert len(ids) == len(NAMES)


@only_files
def test_a_fault_of_ours_is_told_without_a_trace(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("/home/secret/path.py")

    monkeypatch.setattr("lcagent.memory.served.uploads.Uploads.all", broken)
    with httpx.Client(base_url=served.url) as client:
        reply = client.get("/v1/files")
    assert reply.status_code == 500 and "secret" not in reply.text and "Traceback" not in reply.text


@only_files
def test_a_body_that_comes_too_slowly_is_not_waited_for(
    home: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lcagent.server.guard._START_SECONDS", 0.3)
    with Served(home, model.url) as served:
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as slow:
            head = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
            slow.sendall(f'{head}\r\nContent-Length: 1000\r\n\r\n{{"messages": ['.encode())
            told = b""
            while b"slowly" not in told:
                piece = slow.recv(1 << 16)
                assert piece, told
                told += piece
        assert told.startswith(b"HTTP/1.1 400 ")
        body = {"messages": asks(text="Hello")}
        assert served.http.post("/v1/chat/completions", json=body).status_code == 200


@files_daily
def test_a_tenant_keeps_no_more_than_it_may_and_others_are_not_concerned(home: Path, model: Any) -> None:
    with Served(home, model.url, require_keys=True, limits=Limits(storage=3000)) as served:
        anna, olav = served.as_key(key(home, "anna")), served.as_key(key(home, "olav"))

        def put(client: httpx.Client, number: int) -> httpx.Response:
            return client.post("/v1/files", files={"file": (f"{number}.txt", bytes([65 + number]) * 1400)})

        first = [put(anna, number) for number in range(2)]
        assert [reply.status_code for reply in first] == [200, 200]
        refused = put(anna, 2)
        assert refused.status_code == 413 and refused.json()["error"]["code"] == "DocumentTooLarge"
        data = base64.b64encode(b"x" * 1400).decode()
        part = {"type": "file", "file": {"filename": "c.txt", "file_data": data}}
        body = {"messages": [{"role": "user", "content": [part, {"type": "text", "text": QUESTION}]}]}
        assert anna.post("/v1/chat/completions", json=body).status_code == 413
        assert put(olav, 2).status_code == 200
        assert anna.delete(f"/v1/files/{first[0].json()['id']}").status_code == 200
        assert put(anna, 2).status_code == 200


@files_daily
def test_so_many_may_look_on_and_no_more(home: Path, loopback: Any) -> None:
    model = loopback(reply=slowly(able, 0.5))
    with Served(home, model.url, limits=Limits(followers=2)) as served, ExitStack() as stack:
        run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
        path = f"/v1/runs/{run}/events"
        following = [stack.enter_context(served.http.stream("GET", path)).iter_lines() for _ in range(2)]
        assert all(next(lines) for lines in following)  # they have begun
        refused = served.http.get(path)
        assert refused.status_code == 429 and "look on" in refused.json()["error"]["message"]
        assert served.http.get(f"/v1/runs/{run}").status_code == 200
        stack.close()
        until(lambda: _followed(served, path))
        served.http.post(f"/v1/runs/{run}/cancel")


def _followed(served: Served, path: str) -> bool:
    with served.http.stream("GET", path) as reply:
        return reply.status_code == 200


@only_files
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/runs", {"question": QUESTION, "files": ["file-x"] * 10_001}),
        ("/v1/runs", {"question": QUESTION, "collections": ["c"] * 101}),
        ("/v1/runs", {"question": "x" * ((1 << 20) + 1), "files": ["file-x"]}),
        ("/v1/collections", {"name": "n", "files": ["file-x"] * 10_001}),
        ("/v1/chat/completions", {"messages": asks(text="x"), "lcagent": {"files": ["f"] * 10_001}}),
    ],
)
def test_a_list_that_is_too_long_is_refused(refusing: Served, path: str, body: dict[str, Any]) -> None:
    assert refusing.http.post(path, json=body).status_code == 400


@only_files  # elsewhere the bytes are fetched again
def test_a_run_that_fails_keeps_no_path_of_this_disk(served: Served, home: Path) -> None:
    file = served.upload(haystack(20))
    (home / "files" / file).unlink()
    row = served.ended(served.run(QUESTION, file))
    assert row["status"] == "failed" and row["error"]["message"]
    kept = served.service.tenants.of("default").jobs.get(row["id"]).error
    assert str(home) not in json.dumps([row, kept]) and str(home.parent) not in json.dumps([row, kept])
