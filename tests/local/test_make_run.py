"""`make run` from outside: ready, stopped, killed, started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import data, postgres
from tests.client import Api, edge, graph, node, poll, statuses
from tests.upstream import Upstream

READY = re.compile(r"ready (http://127\.0\.0\.1:\d+) workspace=(\S+) owner_token=(\S+) member_token=(\S+)")


def own_database() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}


@contextmanager
def running(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], Api]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "--data-dir", str(data_dir), "run", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=own_database(),
    )
    assert process.stdout
    with process, process.stdout:
        try:
            ready = next(found for line in process.stdout if (found := READY.fullmatch(line.strip())))
            yield process, Api(ready[1], ready[2], ready[3])
        finally:
            process.kill()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("stack")
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)
    yield folder
    _, leave = postgres.start(folder / "postgres")
    leave()


def test_a_first_start_has_a_workflow_that_runs(data_dir: Path) -> None:
    with running(data_dir) as (process, api):
        workflow = api.get()["items"][0]
        assert api.ended(workflow["id"], api.execute(workflow["id"])["id"])["status"] == "succeeded"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


@dataclass(frozen=True)
class Begun:
    """What was going on when a stack was killed."""

    workflow: dict[str, Any]
    run_id: str
    seen: Any = None

    @property
    def run_path(self) -> str:
        return f"/{self.workflow['id']}/runs/{self.run_id}"


def begin(api: Api, drawn: dict[str, Any]) -> Begun:
    workflow = api.create(drawn)
    return Begun(workflow, api.execute(workflow["id"])["id"])


class TestAfterAKill:
    """All of this is going on when one stack is killed; the tests look at the next one."""

    @pytest.fixture(scope="class")
    @classmethod
    def killed(cls, data_dir: Path, upstream: Upstream) -> Iterator[tuple[Api, dict[str, Begun]]]:
        with running(data_dir) as (process, api):
            begun = {"wait": cls.begin_a_wait(api, upstream), "answers": cls.begin_to_wait_for_answers(api)}
            begun["items"] = cls.begin_items(api, upstream)
            process.kill()
            process.wait()
        with running(data_dir) as (_, api):
            yield api, begun

    @staticmethod
    def begin_a_wait(api: Api, upstream: Upstream) -> Begun:
        drawn = graph(
            [
                node("ask", "http_request", {"url": f"{upstream.base}/killed/ask"}),
                node("nap", "wait", {"seconds": 3}),
                node("end", "transform", {"value": "{% [$nodes.ask.output.body.count, $length($secrets.key)] %}"}),
            ],
            edge("ask", "nap"), edge("nap", "end"),
        )  # fmt: skip
        assert api.of("secrets").send("PUT", "/key", {"value": "kept"}).status == 201
        begun = begin(api, drawn)
        schedule_path = f"/{begun.workflow['id']}/schedule"
        assert api.send("PUT", schedule_path, {"cron": "0 8 1 1 *"}).status == 200
        waiting = poll(lambda: statuses(run := api.get(begun.run_path))["nap"] == "waiting" and run)
        return Begun(api.get(f"/{begun.workflow['id']}"), begun.run_id, waiting["node_results"]["nap"]["output"])

    @staticmethod
    def begin_to_wait_for_answers(api: Api) -> Begun:
        inner = api.create(graph([node("nap", "wait", {"seconds": 3})]))["id"]
        drawn = graph(
            [node("ok", "approval"), node("sub", "sub_workflow", {"workflow_id": inner}), node("end", join="all")],
            edge("ok", "end", "approved"), edge("sub", "end"),
        )  # fmt: skip
        begun = begin(api, drawn)
        poll(lambda: statuses(run := api.get(begun.run_path))["ok"] == statuses(run)["sub"] == "waiting")
        return begun

    @staticmethod
    def begin_items(api: Api, upstream: Upstream) -> Begun:
        """Each item has a gate of its own: the letter N, whose last corner waits for the first two."""
        url = f"{upstream.base}/items/{{% $item %}}"
        corners = [
            node(name, "http_request", {"url": f"{url}/{name}?sleep=0.2"}) | {"parentId": "each"} for name in "abcd"
        ]
        nodes = [node("each", "for_each", {"items": list(range(6)), "max_concurrency": 2}), *corners]
        begun = begin(api, graph(nodes, edge("a", "c"), edge("b", "c"), edge("b", "d")))
        done = poll(lambda: len(found := succeeded_items(api, begun.run_path)) >= 2 and found)
        assert api.get(begun.run_path)["node_results"]["each"]["status"] == "running"
        return Begun(begun.workflow, begun.run_id, {index: calls_of(upstream, index) for index in done})

    def test_everything_is_there_and_what_was_running_goes_on(
        self, killed: tuple[Api, dict[str, Begun]], data_dir: Path, upstream: Upstream
    ) -> None:
        api, begun = killed[0], killed[1]["wait"]
        assert api.get(f"/{begun.workflow['id']}") == begun.workflow
        assert poll(lambda: api.get(f"/{begun.workflow['id']}/schedule")["in_sync"])
        run = api.ended(begun.workflow["id"], begun.run_id)
        assert run["status"] == "succeeded"
        assert run["node_results"]["nap"]["output"] == begun.seen
        assert run["node_results"]["nap"]["completed_at"] >= begun.seen["until"]
        assert (run["output"], len(upstream.calls["killed"])) == ([1, 4], 1)
        assert (data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600

    def test_answers_are_still_waited_for(self, killed: tuple[Api, dict[str, Begun]]) -> None:
        api, begun = killed[0], killed[1]["answers"]
        answer = api.send("POST", f"{begun.run_path}/nodes/ok/decision", {"decision": "approved"})
        assert answer.status == 200
        run = api.ended(begun.workflow["id"], begun.run_id)
        assert (run["status"], run["output"]) == ("succeeded", "end")
        assert [child["status"] for child in run["children"]] == ["succeeded"]

    def test_items_that_were_done_stay_done(self, killed: tuple[Api, dict[str, Begun]], upstream: Upstream) -> None:
        api, begun = killed[0], killed[1]["items"]
        run = api.ended(begun.workflow["id"], begun.run_id)
        assert run["status"] == "succeeded"
        assert [sorted(output) for output in run["output"]] == [["c", "d"]] * 6
        assert {index: calls_of(upstream, index) for index in begun.seen} == begun.seen
        assert all(calls_of(upstream, index) >= 4 for index in range(6))


def succeeded_items(api: Api, run_path: str) -> list[int]:
    items = api.get(f"{run_path}/items?node_id=each")["items"]
    return [item["path"][0] for item in items if item["status"] == "succeeded"]


def calls_of(upstream: Upstream, item: int) -> int:
    return sum(call["path"].startswith(f"/items/{item}/") for call in upstream.calls["items"])


def test_a_port_in_use_is_said_plainly(data_dir: Path, upstream: Upstream) -> None:
    port = upstream.base.rpartition(":")[2]
    result = subprocess.run(
        [sys.executable, "-m", "local", "--data-dir", str(data_dir), "run", "--port", port],
        capture_output=True, text=True, check=False, timeout=60, env=own_database(),
    )  # fmt: skip
    assert result.returncode == 1
    assert f"port {port} can't be used" in result.stderr


@pytest.mark.parametrize("port", ["abc", "70000", "-1", ""])
def test_what_is_no_port_is_said_plainly_and_only_to_run(tmp_path: Path, port: str) -> None:
    run, token = (
        subprocess.run(
            [sys.executable, "-m", "local", "--data-dir", str(tmp_path), *command],
            capture_output=True, text=True, check=False, timeout=60, env=own_database() | {"PORT": port},
        )
        for command in (["run"], ["token", str(uuid.uuid4())])
    )  # fmt: skip
    assert run.returncode == 2
    assert f"{port!r} is no port" in run.stderr
    assert token.returncode == 0


@pytest.mark.parametrize("before", [None, "", "cut off"])
def test_a_secret_is_made_once_and_anew_where_it_was_cut_off(tmp_path: Path, before: str | None) -> None:
    file = tmp_path / "jwt_secret"
    if before is not None:
        file.write_text(before)
    secret = data.jwt_secret(tmp_path)
    assert len(secret) >= data.SECRET_LENGTH
    assert data.jwt_secret(tmp_path) == file.read_text() == secret
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_database_that_does_not_answer_is_said_plainly(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "local", "--data-dir", str(tmp_path), "demo"],
        capture_output=True, text=True, check=False, timeout=60,
        env=own_database() | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.startswith("that did not work: ")
    assert "Traceback" not in result.stderr


class TestARunningStack:
    @pytest.fixture(scope="class")
    @classmethod
    def api(cls, data_dir: Path) -> Iterator[Api]:
        with running(data_dir) as (_, api):
            yield api

    @pytest.mark.usefixtures("api")
    def test_a_second_one_on_the_same_data_is_refused(self, data_dir: Path) -> None:
        result = subprocess.run(
            [sys.executable, "-m", "local", "--data-dir", str(data_dir), "run", "--port", "0"],
            capture_output=True, text=True, check=False, timeout=60, env=own_database(),
        )  # fmt: skip
        assert result.returncode == 1
        assert "another stack runs on this database" in result.stderr

    def test_a_workspace_its_members_and_their_tokens_come_from_the_command_line(
        self, data_dir: Path, api: Api
    ) -> None:
        def local(*arguments: str) -> str:
            command = [sys.executable, "-m", "local", "--data-dir", str(data_dir), *arguments]
            result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=own_database())
            return result.stdout.strip()

        workspace_id = local("workspace", "Acme")
        owner = local("token", local("member", workspace_id, "ada@example.com", "--role", "owner"))
        member = local("token", local("member", workspace_id, "bo@example.com"))
        theirs = Api(api.base, workspace_id, owner)
        workflow = theirs.create(graph([node("a")]))
        assert [item["id"] for item in Api(api.base, workspace_id, member).get()["items"]] == [workflow["id"]]
        assert Api(api.base, workspace_id, member).send("DELETE", f"/{workflow['id']}").status == 403
        assert api.send("GET", f"/{workflow['id']}").status == 404
