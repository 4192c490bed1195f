"""What goes wrong is told plainly, with the exit code that docs/cli.md promises."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local.address import Address, publish
from tests.cli.conftest import Cli
from tests.client import Api, graph, node


@contextmanager
def answering(*answers: tuple[int, str], **headers: str) -> Iterator[tuple[str, list[str]]]:
    """Another server: its URL, and the request lines that came; the last answer is given again and again."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(self.requestline)
            self.rfile.read(int(self.headers.get("content-length", "0")))
            status, text = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text.encode())), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Tests read what was asked."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def at(cli: Cli, url: str) -> Cli:
    return replace(cli, environment={**cli.environment, "STEPGRAPH_URL": url})


class TestAnswers:
    def test_a_wrong_token(self, cli: Cli) -> None:
        told = cli("workflows", "--token", "wrong", code=4)
        assert "the token is not valid" in told.err
        assert "stepgraph configure" in told.err

    def test_a_workspace_of_others(self, cli: Cli) -> None:
        cli("workflows", "--workspace", "00000000-0000-0000-0000-000000000000", code=3)

    def test_as_json_they_are_the_problem_itself(self, cli: Cli) -> None:
        problem = json.loads(cli("workflows", "--json", "--token", "wrong", code=4).err)
        assert (problem["status"], problem["detail"]) == (401, "the token is not valid")
        assert (
            json.loads(cli("workflows", "get", "nope", "--json", code=3).err)["detail"] == "there is no workflow 'nope'"
        )

    def test_no_one_answers(self, cli: Cli) -> None:
        told = at(cli, "http://127.0.0.1:1")("workflows", code=6).err
        assert "http://127.0.0.1:1 does not answer: Connection refused" in told
        assert "make run" in told

    @pytest.mark.parametrize(
        "text", ["<html>", "[]", "7", '{"something": "else"}', '{"items": [{}], "next_cursor": null}']
    )
    def test_another_server_answers(self, cli: Cli, text: str) -> None:
        with answering((200, text)) as (url, _):
            assert "is this the URL of a Stepgraph API?" in at(cli, url)("workflows", code=6).err

    def test_the_token_follows_no_redirect(self, cli: Cli) -> None:
        with answering((200, "{}")) as (other, asked), answering((302, ""), Location=other) as (url, _):
            assert "302" in at(cli, url)("workflows", code=6).err
            assert asked == []

    @pytest.mark.parametrize(
        ("status", "text", "code", "told"),
        [
            (500, "oops", 6, "it answered 500 Internal Server Error"),
            (429, '{"message": "Too Many Requests"}', 6, "Too Many Requests"),
            (403, '{"Message": "explicit deny"}', 4, "explicit deny"),
            (418, "", 7, "it answered 418"),
            (599, "[]", 6, "it answered 599"),
            (400, '{"detail": "no", "errors": [1, {"code": "x"}]}', 7, "no"),
        ],
    )
    def test_of_all_kinds(self, cli: Cli, status: int, text: str, code: int, told: str) -> None:
        with answering((status, text)) as (url, _):
            assert told in at(cli, url)("workflows", code=code).err

    def test_what_may_be_sent_twice_is(self, cli: Cli, owner: Api) -> None:
        run = owner.run(graph([node("a")]))
        busy, page = (503, "{}"), (200, json.dumps({"items": [], "next_cursor": None}))
        with answering(busy, page) as (url, asked):
            at(cli, url)("workflows")
            assert len(asked) == 2
        workflow = (200, json.dumps({"id": run["workflow_id"], "name": "w"}))
        with answering(workflow, busy, (202, json.dumps(run))) as (url, asked):
            at(cli, url)("run", run["workflow_id"], "--no-follow")
            assert [each.split()[0] for each in asked] == ["GET", "POST", "POST"]
        with answering((200, json.dumps(run)), busy) as (url, asked):
            at(cli, url)("cancel", run["id"], code=6)
            assert [each.split()[0] for each in asked] == ["GET", "POST"]

    def test_a_pause_does_not_end_the_watching(self, cli: Cli, owner: Api) -> None:
        run = owner.run(graph([node("a")]))
        goes_on = run | {"status": "running", "completed_at": None}
        version = {"graph_definition": graph([node("a")])}
        answers = [(200, json.dumps(each)) for each in (goes_on, {"name": "w"}, version)]
        with answering(*answers, (500, ""), (200, json.dumps(run))) as (url, asked):
            told = at(cli, url)("watch", run["id"])
            assert len(asked) == 5
        assert "✓ succeeded in" in told.out
        assert "asking again" in told.err


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            "frob", "workflows frob", "runs --status odd", "runs --limit 0", "rollback w x", "workflows --url ftp://x",
            "workflows --url http://x:99999", "workflows --token ä", "workflows --token @/no/such/file",
            "run w --idempotency-key €",
        ],
    )  # fmt: skip
    def test_is_told_without_a_traceback(self, cli: Cli, owner: Api, arguments: str) -> None:
        owner.create(graph([node("a")]), "w")
        assert "rror: " in cli(*arguments.split(), code=2).err

    def test_options_stand_before_or_behind(self, cli: Cli) -> None:
        assert (
            cli("--json", "workflows").json
            == cli("workflows", "--json").json
            == cli("workflows", "list", "--json").json
        )


class TestConfiguration:
    @pytest.fixture
    def arguments(self, owner: Api) -> list[str]:
        return ["--url", owner.base, "--workspace", owner.workspace_id, "--token", "-"]

    def test_is_kept_for_the_users_eyes_alone(self, bare_cli: Cli, owner: Api, arguments: list[str]) -> None:
        assert "no url, no workspace, no token" in bare_cli("workflows", code=2).err
        told = bare_cli("configure", *arguments, stdin=f"{owner.token}\n")
        file = bare_cli.folder / "stepgraph" / "config.json"
        assert file.stat().st_mode & 0o777 == 0o600
        bare_cli("workflows")
        shown = bare_cli("configure", "--show")
        assert owner.base in shown.out
        assert str(owner.token) not in told.out + told.err + shown.out + shown.err

    def test_is_tried_before_it_is_kept(self, bare_cli: Cli, arguments: list[str]) -> None:
        bare_cli("configure", *arguments, code=4, stdin="wrong")
        assert not (bare_cli.folder / "stepgraph").exists()

    def test_no_one_is_asked_where_there_is_no_one(self, bare_cli: Cli) -> None:
        assert "no one to ask" in bare_cli("configure", code=2).err

    def test_a_stored_token_goes_to_its_own_url_alone(self, bare_cli: Cli, owner: Api, arguments: list[str]) -> None:
        bare_cli("configure", *arguments, stdin=owner.token)
        with answering((200, "{}")) as (url, asked):
            assert "no workspace, no token" in bare_cli("workflows", "--url", url, code=2).err
            assert asked == []

    def test_a_stack_on_this_machine_is_found(self, bare_cli: Cli, owner: Api) -> None:
        assert "no stack runs" in bare_cli("workflows", "--local", code=2).err
        withdraw = publish(bare_cli.folder, Address(owner.base, owner.workspace_id, str(owner.token), "another"))
        bare_cli("workflows")
        bare_cli("configure", "--local")
        withdraw()
        bare_cli("workflows")

    @pytest.mark.parametrize("text", ["{", "[]"])
    def test_a_broken_file_is_told(self, bare_cli: Cli, text: str) -> None:
        (bare_cli.folder / "stepgraph").mkdir()
        (bare_cli.folder / "stepgraph" / "config.json").write_text(text)
        assert "run `stepgraph configure` again" in bare_cli("workflows", code=2).err


def test_the_token_may_be_in_a_file(cli: Cli, owner: Api, file: Callable[..., str]) -> None:
    without = replace(cli, environment={**cli.environment, "STEPGRAPH_TOKEN": ""})
    without("workflows", code=2)
    without("workflows", "--token", "@" + file(f"{owner.token}\n", "token"))
