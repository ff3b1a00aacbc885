"""Readings outlive who asked, and the server."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from lcagent.memory.served.jobs import StoredJobs
from lcagent.memory.served.tables import FILE, STEPS, open_served
from lcagent.memory.store import Store
from lcagent.place import Place
from lcagent.server.asks import Ask
from lcagent.server.opened import documents_of
from lcagent.server.tenants import OWN
from tests.cluster import files_daily, only_files
from tests.helpers import NEEDLE, QUESTION, ROOT, haystack
from tests.server.serving import Served, able, slowly, sse, until
from tests.server.test_mcp import held, inside, said

pytestmark = pytest.mark.usefixtures("place")


def test_a_run_is_started_followed_and_answered(served: Served) -> None:
    file = served.upload(haystack())
    run = served.run(QUESTION, file, model="lcagent/memagent")
    events = sse(served.http.get(f"/v1/runs/{run}/events").text)
    assert [int(event["id"]) for event in events[:-1]] == list(range(1, len(events)))
    kinds = [event["event"] for event in events]
    assert kinds[0] == "run.started" and kinds[-2:] == ["answer", "end"] and kinds.count("segment.read") > 5
    assert events[-1]["data"]["status"] == "finished"
    told = served.http.get(f"/v1/runs/{run}/answer").json()
    assert told["answer"]["answer"] == "Oskar Brandvold"
    assert (told["citations"][0]["quote"], told["citations"][0]["file"]) == (NEEDLE, file)
    findings = served.http.get(f"/v1/runs/{run}/findings").json()["data"]
    assert findings[0]["quote"] == NEEDLE and findings[0]["place"].startswith("line ")
    (listed,) = served.http.get("/v1/runs").json()["data"]
    assert (listed["id"], listed["question"], listed["status"]) == (run, QUESTION, "finished")


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_who_hears_of_an_answer_finds_it(
    served: Served, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    life = served.service.jobs._life
    plain = life._end

    async def later(*given: Any) -> None:
        await asyncio.sleep(seconds)
        await plain(*given)

    monkeypatch.setattr(life, "_end", later)
    run = served.run(QUESTION, served.upload(haystack(40)))
    with served.http.stream("GET", f"/v1/runs/{run}/events") as reply:
        for line in reply.iter_lines():
            if line == "event: answer":
                assert served.http.get(f"/v1/runs/{run}/answer").status_code == 200
                return
    raise AssertionError("no answer was told of")


def test_findings_are_looked_at_again_without_loading_the_document_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = served.upload(haystack())
    run = served.run(QUESTION, file, model="lcagent/memagent")
    served.ended(run)
    loaded: list[Any] = []

    def noted(*given: Any) -> Any:
        loaded.append(given)
        return documents_of(*given)

    monkeypatch.setattr("lcagent.server.opened.documents_of", noted)
    first, second = (served.http.get(f"/v1/runs/{run}/findings").json()["data"] for _ in range(2))
    assert first == second and first[0]["place"].startswith("line ") and len(loaded) == 1
    assert served.http.delete(f"/v1/files/{file}").status_code == 200
    (found,) = served.http.get(f"/v1/runs/{run}/findings").json()["data"]
    assert found["place"] == ""


@pytest.mark.parametrize("by", ["after", "last-event-id"])
@files_daily
def test_events_are_told_from_any_point_on(served: Served, by: str) -> None:
    run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
    served.ended(run)
    all_events = sse(served.http.get(f"/v1/runs/{run}/events").text)
    given: dict[str, Any] = {"params": {"after": 5}} if by == "after" else {"headers": {"last-event-id": "5"}}
    assert sse(served.http.get(f"/v1/runs/{run}/events", **given).text) == all_events[5:]


@files_daily
def test_two_look_on_and_see_the_same(home: Path, loopback: Any) -> None:
    model = loopback(reply=slowly(able, 0.05))
    with Served(home, model.url) as served:
        run = served.run(QUESTION, served.upload(haystack()), model="lcagent/memagent")
        seen: list[str] = []

        def look() -> None:
            seen.append(httpx.get(f"{served.url}/v1/runs/{run}/events", timeout=60).text)

        lookers = [threading.Thread(target=look) for _ in range(2)]
        for looker in lookers:
            looker.start()
        for looker in lookers:
            looker.join()
    assert sse(seen[0]) == sse(seen[1]) and len(sse(seen[0])) > 10


@files_daily
def test_a_run_is_cancelled_and_the_same_question_goes_on(home: Path, loopback: Any) -> None:
    model = loopback(reply=slowly(able, 0.1))
    with Served(home, model.url) as served:
        file = served.upload(haystack())
        run = served.run(QUESTION, file, model="lcagent/memagent")
        until(lambda: model.calls >= 4)
        assert served.http.post(f"/v1/runs/{run}/cancel").json()["status"] == "cancelled"
        calls = model.calls
        assert served.http.get(f"/v1/runs/{run}/answer").status_code == 409
        assert sse(served.http.get(f"/v1/runs/{run}/events").text)[-1]["data"]["status"] == "cancelled"
        again = served.run(QUESTION, file, model="lcagent/memagent")
        assert served.ended(again)["status"] == "finished"
        usage = served.http.get(f"/v1/runs/{again}/answer").json()["answer"]["usage"]
        assert usage["replayed"] >= calls - 1 and model.calls <= usage["calls"] + 1


@files_daily
def test_a_run_that_another_process_works_on_is_cancelled_there(home: Path, loopback: Any) -> None:
    model = loopback(reply=slowly(able, 0.2))
    with Served(home, model.url) as first, Served(home, model.url) as second:
        file = first.upload(haystack())
        run, other = (
            first.run(QUESTION, file, model=f"lcagent/{name}") for name in ("memagent", "mapreduce")
        )
        until(lambda: model.calls > 2)
        assert second.http.post(f"/v1/runs/{run}/cancel").json()["status"] == "cancelled"
        assert first.service.jobs.find(first.service.tenants.of(OWN), run) is None
        ended = [sse(one.http.get(f"/v1/runs/{run}/events").text)[-2:] for one in (first, second)]
        assert ended[0] == ended[1] and [one["event"] for one in ended[0]] == ["cancelled", "end"]
        assert first.ended(other)["status"] == "finished"
        assert second.http.post(f"/v1/runs/{other}/cancel").json()["status"] == "finished"
        assert second.http.post("/v1/runs/run_0/cancel").status_code == 404


@files_daily
async def test_what_a_client_of_mcp_had_begun_the_server_cancels(home: Path, loopback: Any) -> None:
    model = loopback(reply=slowly(able, 0.2))
    with Served(home, model.url) as served:
        asked = {"documents": [served.upload(haystack())], "question": QUESTION}
        async with inside(home, model.url, strategy="memagent") as client:
            run = held(await client.call_tool("ask_document", asked))["run"]
            done = await asyncio.to_thread(served.http.post, f"/v1/runs/{run}/cancel")
            status = await client.call_tool("run_status", {"run": run})
    assert done.json()["status"] == "cancelled" and status.is_error and "cancelled" in said(status)


@files_daily
def test_a_run_that_nobody_works_on_is_cancelled_where_it_stands(
    home: Path, place: Place, served: Served, model: Any
) -> None:
    file = served.upload(haystack())
    served.ended(served.run(QUESTION, file))  # by now the model would be asked at once
    calls, ask = model.calls, Ask(text="Who kept the light?", files=(file,)).model_dump(mode="json")
    with closing(open_served(place)) as store:
        StoredJobs(store).put("run_left", ask)
        assert served.http.post("/v1/runs/run_left/cancel").json()["status"] == "cancelled"
        StoredJobs(store).put("run_unwanted", ask)
        StoredJobs(store).give_up("run_unwanted")
        # Whoever worked on it is gone: the next one that finds it does not go on with it.
        events = sse(served.http.get("/v1/runs/run_unwanted/events").text)
    assert [(one["event"], one["data"].get("status")) for one in events] == [
        ("cancelled", None),
        ("end", "cancelled"),
    ]
    assert model.calls == calls


@only_files
def test_jobs_from_before_are_wanted(home: Path, place: Place) -> None:
    with closing(Store(home / FILE, STEPS[:1])) as store:
        store.execute("INSERT INTO jobs (id, status, created, updated, ask) VALUES ('a','finished',1,2,'{}')")
    with closing(open_served(place)) as store:
        assert not StoredJobs(store).get("a").unwanted


@files_daily
def test_a_run_that_fails_says_why(served: Served) -> None:
    run = served.run(QUESTION, served.upload("%PDF-1.7 nothing of the kind", "report.pdf"))
    row = served.ended(run)
    assert row["status"] == "failed" and row["error"]["code"] == "DocumentDamaged"
    assert "/" not in row["error"]["message"]


def test_a_run_is_deleted_with_its_events(served: Served) -> None:
    run = served.run(QUESTION, served.upload(haystack(40)))
    served.ended(run)
    assert served.http.delete(f"/v1/runs/{run}").json() == {"id": run, "object": "run", "deleted": True}
    assert [served.http.get(f"/v1/runs/{run}{rest}").status_code for rest in ("", "/events", "/answer")] == [
        404
    ] * 3


@files_daily
def test_a_collection_is_read_as_one(served: Served) -> None:
    files = [served.upload(haystack(60), "a.txt"), served.upload("Nothing at all here.", "a.txt")]
    made = served.http.post("/v1/collections", json={"name": "town", "files": files[:1]}).json()
    added = served.http.post(f"/v1/collections/{made['id']}/files", json={"files": files[1:]}).json()
    assert sorted(added["files"]) == sorted(files)
    reply = served.http.post("/v1/runs", json={"question": QUESTION, "collections": ["town"]})
    served.ended(reply.json()["id"])
    told = served.http.get(f"/v1/runs/{reply.json()['id']}/answer").json()
    assert told["citations"][0]["file"] == files[0]
    assert served.http.delete("/v1/collections/town").json()["deleted"]
    assert served.http.get(f"/v1/files/{files[0]}").status_code == 200


@pytest.mark.parametrize(
    "body", [{"question": "x"}, {"question": " ", "files": ["file-1"]}, {"question": "x", "fils": []}]
)
@files_daily
def test_a_wrong_run_is_refused(served: Served, body: dict[str, Any]) -> None:
    assert served.http.post("/v1/runs", json=body).status_code in {400, 404}


class Killable:
    """`lcagent serve` in a process of its own, to be killed."""

    def __init__(self, home: Path, api_base: str, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "lcagent.cli.main", "serve", "--port", "0", "--window", "2048"]
        environment = {
            **os.environ,
            "LCAGENT_HOME": str(home),
            "LCAGENT_API_BASE": api_base,
            "PYTHONPATH": str(ROOT),
        }
        with log.open("w") as out:
            self._process = subprocess.Popen(command, env=environment, stderr=out, stdout=subprocess.DEVNULL)
        until(lambda: "serving at" in self.log.read_text() or self._process.poll() is not None, 60)
        self.url = next(
            line.split()[2] for line in self.log.read_text().splitlines() if line.startswith("serving at")
        )
        until(self._answers, 60)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            assert self._process.poll() is None, self.log.read_text()
            return False

    def kill(self, number: int = signal.SIGKILL) -> int:
        """End it; its exit status."""
        self._process.send_signal(number)
        return self._process.wait(30)


@only_files  # elsewhere workers do it: tests/server/test_workers.py
@pytest.mark.slow
def test_a_server_that_is_killed_goes_on_with_its_runs_when_it_comes_back(
    home: Path, tmp_path: Path, loopback: Any
) -> None:
    model = loopback(reply=slowly(able, 0.1))
    first = Killable(home, model.url, tmp_path / "first.log")
    with httpx.Client(base_url=first.url, timeout=30) as client:
        file = client.post("/v1/files", files={"file": ("town.txt", haystack().encode())}).json()["id"]
        run = client.post(
            "/v1/runs", json={"question": QUESTION, "files": [file], "model": "lcagent/memagent"}
        ).json()["id"]
        until(lambda: model.calls >= 5, 60)
        seen: list[str] = []
        with client.stream("GET", f"/v1/runs/{run}/events") as reply:
            for line in reply.iter_lines():
                seen += [line] if line.startswith("id: ") else []
                if len(seen) == 4:
                    break
    first.kill()
    before = model.calls
    second = Killable(home, model.url, tmp_path / "second.log")
    try:
        with httpx.Client(base_url=second.url, timeout=60) as client:
            events = sse(client.get(f"/v1/runs/{run}/events").text)
            answer = client.get(f"/v1/runs/{run}/answer").json()["answer"]
            assert client.get(f"/v1/files/{file}").status_code == 200
    finally:
        status = second.kill(signal.SIGINT)
    assert answer["answer"] == "Oskar Brandvold" and answer["usage"]["replayed"] >= before - 2
    assert [int(event["id"]) for event in events[:-1]] == list(range(1, len(events)))
    assert [event["event"] for event in events].count("run.started") == 2
    assert seen == [f"id: {event['id']}" for event in events[:4]] and status in {0, 130}
    assert "Traceback" not in (tmp_path / "second.log").read_text()


@pytest.mark.slow
def test_a_second_server_of_one_folder_is_refused(home: Path, tmp_path: Path, model: Any) -> None:
    first = Killable(home, model.url, tmp_path / "first.log")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "lcagent.cli.main", "serve", "--port", "0"],
            env={
                **os.environ,
                "LCAGENT_HOME": str(home),
                "LCAGENT_API_BASE": model.url,
                "PYTHONPATH": str(ROOT),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        first.kill(signal.SIGTERM)
    assert done.returncode == 1 and "another server serves" in done.stderr


@only_files
def test_a_server_that_is_told_to_end_says_so_to_whoever_waits(
    home: Path, tmp_path: Path, loopback: Any
) -> None:
    model = loopback(reply=slowly(able, 60.0))
    server = Killable(home, model.url, tmp_path / "log")
    body = {"model": "lcagent", "messages": [{"role": "user", "content": "Ship 7 came in."}]}
    told: dict[bool, httpx.Response | httpx.TransportError] = {}

    def ask(stream: bool) -> None:
        url = f"{server.url}/v1/chat/completions"
        try:
            told[stream] = httpx.post(url, json={**body, "stream": stream}, timeout=60)
        except httpx.TransportError as error:
            told[stream] = error

    asking = [threading.Thread(target=ask, args=(stream,)) for stream in (True, False)]
    for thread in asking:
        thread.start()
    until(lambda: len(model.requests) >= 2, 60)
    status = server.kill(signal.SIGTERM)
    for thread in asking:
        thread.join(30)
    waited = told[False]
    assert isinstance(waited, httpx.Response)
    assert waited.status_code == 503 and waited.json()["error"]["code"] == "ServerEnding"
    assert isinstance(told[True], httpx.RemoteProtocolError)  # it has begun, and breaks off
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log and status in {0, -signal.SIGTERM}, log
