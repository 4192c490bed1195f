"""Secrets are named in graphs, used by runs, and told by nothing."""

from __future__ import annotations

import base64
import gc
import json
import uuid
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import psycopg
import pytest
from psycopg import sql

from chalicelib.aws.secrets_manager import SecretsManager
from chalicelib.bootstrap import services
from chalicelib.compiler.node_type import Config, Example, NodeType
from chalicelib.compiler.parsing import parse
from chalicelib.errors import UnavailableError
from chalicelib.execution.node_call import NodeCall
from chalicelib.node_contract import Context, NodeFailure, Result
from chalicelib.secrets.schemas import PutSecret
from chalicelib.secrets.service import ORPHANS_AT_ONCE, SecretService
from local.clock import event
from local.stack import Stack
from tests.client import Api, edge, graph, node
from tests.nodes.fakes import FakeHttp, Nothing


@pytest.fixture
def secrets(owner: Api) -> Api:
    return owner.of("secrets")


@pytest.fixture
def canary() -> str:
    """A value that is encoded differently by everything."""
    return f'canary "{uuid.uuid4().hex}" +/\\&<>%'


def store(secrets: Api, name: str, value: str) -> dict[str, Any]:
    answer = secrets.send("PUT", f"/{name}", {"value": value})
    assert answer.status in (200, 201), answer
    return answer.body


def stored_value(secrets: Api, name: str) -> str:
    client = boto3.client("secretsmanager", region_name="us-east-1")
    return client.get_secret_value(SecretId=f"stepgraph/{secrets.workspace_id}/{name}")["SecretString"]


class TestApi:
    def test_a_secret_is_stored_replaced_and_deleted_and_never_told(self, secrets: Api) -> None:
        first = secrets.send("PUT", "/api_key", {"value": "one"})
        assert first.status == 201
        assert first.body.keys() == {
            "id", "name", "created_at", "created_by", "updated_at", "updated_by", "used_by",
        }  # fmt: skip
        assert first.body["created_by"] == first.body["updated_by"]
        second = secrets.send("PUT", "/api_key", {"value": "two"})
        assert (second.status, second.body["created_at"]) == (200, first.body["created_at"])
        assert second.body["updated_at"] > first.body["updated_at"]
        assert stored_value(secrets, "api_key") == "two"
        assert secrets.get("/api_key") == second.body
        assert [each["name"] for each in secrets.get("/")["items"]] == ["api_key"]
        assert secrets.send("DELETE", "/api_key").status == 204
        assert secrets.send("GET", "/api_key").status == secrets.send("DELETE", "/api_key").status == 404
        with pytest.raises(Exception, match="ResourceNotFound"):
            stored_value(secrets, "api_key")

    def test_only_owners_see_that_there_are_secrets(self, secrets: Api, member: Api) -> None:
        store(secrets, "key", "value")
        calls = (("GET", "/"), ("GET", "/key"), ("PUT", "/key"), ("DELETE", "/key"))
        assert {member.of("secrets").send(method, path, {"value": "x"}).status for method, path in calls} == {403}

    def test_secrets_of_another_workspace_are_not_there(self, stack: Stack, secrets: Api, base_url: str) -> None:
        store(secrets, "key", "value")
        workspace_id, token, _ = stack.workspace(uuid.uuid4().hex)
        other = Api(base_url, str(workspace_id), token, "secrets")
        assert other.send("GET", "/key").status == 404
        assert other.get("/")["items"] == []
        drawn = graph([node("a", config={"value": "{% $secrets.key %}"})])
        assert other.of("workflows").run(drawn)["status"] == "failed"

    @pytest.mark.parametrize("body", [{}, {"value": None}, {"value": 5}, {"value": {"a": 1}}, {"valeu": "x"}, []])
    def test_what_is_no_text_is_malformed(self, secrets: Api, body: Any) -> None:
        assert secrets.send("PUT", "/key", body).status == 400
        assert secrets.get("/")["items"] == []

    def test_a_refused_value_is_not_told_back(self, secrets: Api, canary: str) -> None:
        for body in ({"value": [canary]}, {"value": "x", canary: 1}, {"value": canary * 4000}):
            answer = secrets.send("PUT", "/key", body)
            assert answer.status in (400, 413)
            assert canary not in str({**answer.body, "errors": [{**e, "path": ""} for e in answer.body["errors"]]})

    def test_a_value_has_at_most_64_kib(self, secrets: Api) -> None:
        assert secrets.send("PUT", "/key", {"value": ""}).status == 422
        store(secrets, "key", "ä" * 32_768)
        refused = secrets.send("PUT", "/key", {"value": "ä" * 32_768 + "a"})
        assert (refused.status, "65,537 bytes; at most 65,536" in refused.body["detail"]) == (413, True)

    @pytest.mark.parametrize("name", ["1a", "-a", "a.b", "a%20b", "a%2Fb", "a" * 65, "%C3%A4", "a%00"])
    def test_a_name_is_one_that_expressions_and_aws_can_say(self, secrets: Api, name: str) -> None:
        assert secrets.send("PUT", f"/{name}", {"value": "x"}).status in (404, 422)
        assert secrets.send("GET", f"/{name}").status == 404
        assert secrets.get("/")["items"] == []

    def test_a_workspace_has_a_limited_number_of_secrets(self, owner: Api) -> None:
        limited = service(max_secrets=2)
        workspace_id, user_id = uuid.UUID(owner.workspace_id), services().authenticator.user(headers(owner))
        for name in ("a", "b", "a"):
            limited.put(workspace_id, name, PutSecret(value="x"), user_id)
        with pytest.raises(Exception, match="has 2 secrets already"):
            limited.put(workspace_id, "c", PutSecret(value="x"), user_id)
        assert [each["name"] for each in owner.of("secrets").get("/")["items"]] == ["b", "a"]

    def test_lists_come_in_pages(self, secrets: Api) -> None:
        for name in ("a", "b", "c"):
            store(secrets, name, "x")
        page = secrets.get("/?limit=2")
        assert [each["name"] for each in page["items"]] == ["c", "b"]
        rest = secrets.get(f"/?limit=2&cursor={page['next_cursor']}")
        assert ([each["name"] for each in rest["items"]], rest["next_cursor"]) == (["a"], None)


def headers(api: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token}"}


class BrokenSecretsManager(SecretsManager):
    """Fails once, before or after it has done what it is asked."""

    def __init__(self, when: str) -> None:
        super().__init__(services().settings)
        self._when = when

    def put(self, name: str, value: str) -> None:
        if self._when == "after":
            super().put(name, value)
        raise UnavailableError("gone")

    def delete(self, name: str) -> None:
        if self._when == "after":
            super().delete(name)
        raise UnavailableError("gone")


def service(secrets_manager: SecretsManager | None = None, **settings: Any) -> SecretService:
    changed = replace(services().settings, **settings)
    return SecretService(services().database, changed, secrets_manager or SecretsManager(changed))


class TestCutShort:
    """Every value has a row, whatever dies on the way, and doing it again mends it."""

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_storing_that_was_cut_short_is_seen_and_can_be_done_again(self, owner: Api, when: str) -> None:
        workspace_id, user_id = uuid.UUID(owner.workspace_id), services().authenticator.user(headers(owner))
        with pytest.raises(UnavailableError):
            service(BrokenSecretsManager(when)).put(workspace_id, "key", PutSecret(value="v"), user_id)
        secrets = owner.of("secrets")
        assert secrets.get("/key")["updated_at"] is None
        drawn = owner.create(graph([node("a", config={"value": "{% $secrets.key %}"})]))
        assert [each["code"] for each in drawn["warnings"]] == ["missing_secret"]
        assert store(secrets, "key", "v")["updated_at"]
        assert owner.get(f"/{drawn['id']}")["warnings"] == []

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_deleting_that_was_cut_short_can_be_done_again(self, owner: Api, when: str) -> None:
        workspace_id, user_id = uuid.UUID(owner.workspace_id), services().authenticator.user(headers(owner))
        secrets = owner.of("secrets")
        store(secrets, "key", "v")
        with pytest.raises(UnavailableError):
            service(BrokenSecretsManager(when)).delete(workspace_id, "key", user_id)
        assert secrets.get("/key")
        assert secrets.send("DELETE", "/key").status == 204
        with pytest.raises(Exception, match="ResourceNotFound"):
            stored_value(secrets, "key")

    def test_a_value_that_is_stored_while_it_is_deleted_keeps_its_row(self, owner: Api) -> None:
        workspace_id, user_id = uuid.UUID(owner.workspace_id), services().authenticator.user(headers(owner))

        class Overtaken(SecretsManager):
            def delete(self, name: str) -> None:
                super().delete(name)
                store(owner.of("secrets"), "key", "new")

        store(owner.of("secrets"), "key", "old")
        service(Overtaken(services().settings)).delete(workspace_id, "key", user_id)
        assert owner.of("secrets").get("/key")
        assert stored_value(owner.of("secrets"), "key") == "new"

    def test_a_secret_that_waits_for_its_deletion_in_the_account_can_be_stored_again(self, secrets: Api) -> None:
        store(secrets, "key", "old")
        client = boto3.client("secretsmanager", region_name="us-east-1")
        client.delete_secret(SecretId=f"stepgraph/{secrets.workspace_id}/key", RecoveryWindowInDays=7)
        store(secrets, "key", "new")
        assert stored_value(secrets, "key") == "new"

    def test_secrets_of_a_workspace_that_was_deleted_are_deleted(self, stack: Stack, secrets: Api) -> None:
        store(secrets, "key", "value")
        with psycopg.connect(stack.database_url) as connection:
            connection.execute("DELETE FROM workspaces WHERE id = %s", [secrets.workspace_id])
        stack.app.handler_map["delete_orphaned_secrets"](event("aws.events", "Scheduled Event", {}), None)
        with pytest.raises(Exception, match="ResourceNotFound"):
            stored_value(secrets, "key")
        with psycopg.connect(stack.database_url) as connection:
            rows = connection.execute("SELECT FROM workspace_secrets WHERE workspace_id = %s", [secrets.workspace_id])
            assert rows.fetchall() == []

    def test_one_that_can_not_be_deleted_keeps_no_other_from_it(self, stack: Stack) -> None:
        """The one that is come to first, of more than are read at once."""

        class Stuck(SecretsManager):
            def delete(self, name: str) -> None:
                if name.endswith("/stuck"):
                    raise UnavailableError("not now")
                super().delete(name)

        workspace_id = uuid.uuid4()
        names = [*(f"key{number}" for number in range(ORPHANS_AT_ONCE + 1)), "stuck"]
        with psycopg.connect(stack.database_url) as connection:
            connection.execute(
                """
                INSERT INTO workspace_secrets (workspace_id, name, created_at)
                SELECT %s, name, clock_timestamp() FROM unnest(%s::text[]) AS name
                """,
                (workspace_id, names),
            )
        report = service(Stuck(services().settings)).delete_orphans()
        assert (report["put_off"], report["deleted"] >= ORPHANS_AT_ONCE + 1) == (1, True)
        with psycopg.connect(stack.database_url) as connection:
            query = "DELETE FROM workspace_secrets WHERE workspace_id = %s RETURNING name"
            assert connection.execute(query, (workspace_id,)).fetchall() == [("stuck",)]


class TestOnSave:
    def test_a_secret_that_is_not_there_is_a_warning_until_it_is(self, owner: Api) -> None:
        drawn = graph(
            [node("a", config={"value": "{% $secrets.key %}"}), node("b", config={"value": "{% $secrets.key %}"})]
        )
        saved = owner.create(drawn)
        (warning,) = saved["warnings"]
        assert (warning["code"], warning["node_ids"]) == ("missing_secret", ["a", "b"])
        fails = 'a run fails where it comes to "a", "b"'
        assert warning["message"] == f'the workspace has no secret "key" yet; {fails}'
        assert owner.put(saved["id"], name="renamed")["warnings"] == saved["warnings"]
        store(owner.of("secrets"), "key", "x")
        assert owner.get(f"/{saved['id']}")["warnings"] == []
        assert owner.of("secrets").get("/key")["used_by"] == [{"id": saved["id"], "name": "renamed"}]
        back = owner.send("PUT", f"/{saved['id']}", owner.get(f"/{saved['id']}"))
        assert (back.status, back.body["current_version"]) == (200, 2)

    def test_rollback_brings_back_what_a_version_takes(self, owner: Api) -> None:
        saved = owner.create(graph([node("a", config={"value": "{% $secrets.key %}"})]))
        owner.put(saved["id"], graph_definition=graph([]))
        assert owner.get(f"/{saved['id']}")["warnings"] == []
        assert owner.send("POST", f"/{saved['id']}/rollback", {"version": 1}).body["warnings"] == saved["warnings"]

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            ("$secrets", "take a secret by its name"),
            ("$lookup($secrets, 'key')", "take a secret by its name"),
            ("$secrets.*", "take a secret by its name"),
            ("$secrets[0]", "take a secret by its name"),
            ("$secrets.`a b`", "can't be the name of a secret"),
            ("$secrets.db.password", "$secrets.db is a text and has no password"),
            ("$secret.key", 'did you mean "$secrets"?'),
        ],
    )
    def test_a_secret_is_taken_by_its_name_alone(self, owner: Api, expression: str, message: str) -> None:
        drawn = graph([node("a", config={"value": f"{{% {expression} %}}"})])
        refused = owner.send("POST", "", {"name": "x", "graph_definition": drawn})
        assert (refused.status, message in refused.body["detail"]) == (422, True), refused
        assert refused.body["errors"][0]["node_id"] == "a"


class TestInARun:
    def test_a_secret_is_sent_where_it_is_named(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        store(owner.of("secrets"), "key", "s3cret-1")
        store(owner.of("secrets"), "with-dash", "s3cret-2")
        config = {
            "url": "{% $input.base %}/x",
            "method": "POST",
            "headers": {"Authorization": "Bearer {% $secrets.key %}"},
            "body": {"token": "{% $secrets.`with-dash` %}"},
        }
        run = owner.run(graph([node("ask", "http_request", config)]), given)
        assert run["status"] == "succeeded", run
        assert calls[0]["headers"]["authorization"] == "Bearer s3cret-1"
        assert json.loads(calls[0]["body"]) == {"token": "s3cret-2"}

    def test_a_new_value_is_used_by_the_next_run(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        config = {"url": "{% $input.base %}/x", "headers": {"Authorization": "{% $secrets.key %}"}}
        workflow_id = owner.create(graph([node("ask", "http_request", config)]))["id"]
        for value in ("first-value", "second-value"):
            store(owner.of("secrets"), "key", value)
            owner.ended(workflow_id, owner.execute(workflow_id, given)["id"])
        assert [call["headers"]["authorization"] for call in calls] == ["first-value", "second-value"]

    def test_a_missing_secret_fails_the_node_by_name(self, owner: Api, given: dict[str, Any], calls: list[Any]) -> None:
        config = {"url": "{% $input.base %}/x", "headers": {"Authorization": "Bearer {% $secrets.nope %}"}}
        run = owner.run(graph([node("ask", "http_request", config)]), given)
        error = run["node_results"]["ask"]["error"]
        assert (run["status"], calls) == ("failed", [])
        assert (error["code"], error["secret"]) == ("missing_secret", "nope")
        assert run["error_message"] == (
            'node "ask" failed: config headers.Authorization: the workspace has no secret "nope"; an owner can store it'
        )

    def test_only_secrets_that_are_taken_are_asked_for(self, owner: Api) -> None:
        asked: list[str] = []

        class Counting(SecretsManager):
            def find(self, name: str) -> str | None:
                asked.append(name)
                return super().find(name)

        store(owner.of("secrets"), "a", "x")
        store(owner.of("secrets"), "b", "x")
        counting = service(Counting(services().settings))
        workspace_id = uuid.UUID(owner.workspace_id)
        assert counting.values(workspace_id, ["a"]) == counting.values(workspace_id, ["a"]) == {"a": "x"}
        assert asked == [f"stepgraph/{workspace_id}/a"]
        uncached = service(Counting(services().settings), secrets_cache_seconds=0)
        uncached.values(workspace_id, ["a"])
        uncached.values(workspace_id, ["a", "nope"])
        assert [name.rpartition("/")[2] for name in asked] == ["a", "a", "a", "nope"]

    def test_a_value_does_not_stay_in_memory_for_longer_than_it_may_be_used(self, owner: Api) -> None:
        class Value(str):
            """A text of which can be asked whether it is still there."""

        found: list[weakref.ref[Value]] = []

        class Watched(SecretsManager):
            def find(self, name: str) -> str | None:
                value = Value(super().find(name))
                found.append(weakref.ref(value))
                return value

        store(owner.of("secrets"), "a", "x")
        store(owner.of("secrets"), "b", "x")
        workspace_id = uuid.UUID(owner.workspace_id)
        watched = service(Watched(services().settings), secrets_cache_seconds=0)
        watched.values(workspace_id, ["a"])
        watched.values(workspace_id, ["b"])
        gc.collect()
        assert found[0]() is None


def echoing(node_id: str, path: str = "echo", **data: Any) -> dict[str, Any]:
    """A request that sends a secret in every place that there is, to a server that gives all of it back."""
    config = {
        "url": f"{{% $input.base %}}/{path}",
        "method": "PUT",
        "headers": {"Authorization": "Basic {% $base64encode('me:' & $secrets.key) %}", "X-Key": "{% $secrets.key %}"},
        "query": {"echo": "1", "key": "{% $secrets.key %}", "status": "{% $input.status %}"},
        "body": {
            "key": "{% $secrets.key %}",
            "text": "a {% $secrets.key %} b",
            "json": "{% $string([$secrets.key]) %}",
        },
    }
    return node(node_id, "http_request", config, **data)


def leaking() -> Iterator[Any]:
    """Graphs that try to give a secret away."""
    secret = "{% $secrets.key %}"
    yield graph([echoing("ask"), node("after", config={"value": "{% $nodes.ask %}"})], edge("ask", "after"))
    yield graph([node("a", config={"value": {"whole": secret, "part": f"x{secret}y", "{k}": [secret]}})])
    yield graph(
        [node("a", config={"value": {"keys": "{% {$secrets.key: 1} %}", "up": "{% $base64encode($secrets.key) %}"}})]
    )
    yield graph([node("a", "condition", {"expression": secret})])
    yield graph([node("a", "switch", {"value": secret, "cases": ["x"]})])
    yield graph([node("a", "fail", {"message": f"no: {secret}"})])
    yield graph([node("a", "wait", {"until": secret})])
    yield graph([node("a", "wait", {"seconds": secret})])
    yield graph([node("a", config={"value": "{% $number($secrets.key) %}"})])
    yield graph([node("a", config={"value": "{% $error($secrets.key) %}"})])
    yield graph([node("a", config={"value": "{% $secrets.key + 1 %}"})])
    yield graph([node("a", "http_request", {"url": secret})])
    yield graph([node("a", "http_request", {"url": f"http://127.0.0.1:9/{secret}", "method": f"{secret}"})])
    yield graph([node("a", "http_request", {"url": "http://127.0.0.1:9/", "headers": {"X": f"{secret}\n"}})])
    yield graph([node("a", "http_request", {"url": "http://127.0.0.1:9/", "success_codes": secret})])
    yield graph(
        [node("a", "http_request", {"url": "http://127.0.0.1:9/", "headers": {"X": secret}})],
    )
    inside = {**node("in", config={"value": "{% $item %}"}), "parentId": "each"}
    again = {**echoing("ask"), "parentId": "each"}
    yield graph([node("each", "for_each", {"items": [secret, {"key": secret}]}), inside])
    yield graph([node("each", "for_each", {"items": [1, 2], "on_item_error": "continue"}), again])


def test_a_secret_is_nowhere_to_be_found(
    stack: Stack, stack_folder: Path, owner: Api, given: dict[str, Any], calls: list[Any], canary: str
) -> None:
    began = datetime.now(UTC)
    store(owner.of("secrets"), "key", canary)
    workflows = [owner.create(drawn)["id"] for drawn in leaking()]
    inputs = [{**given, "status": status} for status in ("200", "400", "503")]
    started = [(workflow_id, owner.execute(workflow_id, each)["id"]) for workflow_id in workflows for each in inputs]
    assert {owner.ended(*run)["status"] for run in started} == {"succeeded", "failed"}
    assert any(call["query"].get("key") == canary for call in calls)
    places = dict(everything(stack, stack_folder, owner, began))
    assert len([place for place in places if ":execution:" in place]) >= len(started)
    for place, text in places.items():
        for form in forms(canary):
            assert form not in text, (place, text[max(text.find(form) - 200, 0) :][:600])


def forms(value: str) -> set[str]:
    core = value.split('"')[1]
    in_bytes = (value.encode(), json.dumps(value)[1:-1].encode())
    cores = {base64.b64encode(b"x" * before + content).decode()[4:-4] for content in in_bytes for before in range(3)}
    return {value, core, quote(core), core.encode().hex(), json.dumps(value)[1:-1]} | cores


def everything(stack: Stack, stack_folder: Path, owner: Api, began: datetime) -> Iterator[tuple[str, str]]:
    yield from tables(stack.database_url)
    yield from answers(owner)
    yield from step_functions(began)
    yield "log", (stack_folder / "log").read_text()


def tables(url: str) -> Iterator[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            rows = connection.execute(
                sql.SQL("SELECT to_jsonb(t)::text FROM {} t").format(sql.Identifier(name))
            ).fetchall()
            yield name, "\n".join(row for (row,) in rows)


def answers(owner: Api) -> Iterator[tuple[str, str]]:
    yield "secrets", str(owner.of("secrets").get("/")) + str(owner.of("secrets").get("/key"))
    for workflow in owner.get("/?limit=250")["items"]:
        for run in owner.get(f"/{workflow['id']}/runs")["items"]:
            path = f"/{workflow['id']}/runs/{run['id']}"
            yield path, json.dumps(owner.get(path), ensure_ascii=False)
            items = owner.send("GET", f"{path}/items?node_id=each")
            yield f"{path}/items", json.dumps(items.body, ensure_ascii=False)


def step_functions(began: datetime) -> Iterator[tuple[str, str]]:
    """All executions since then, and their machines."""
    client = boto3.client("stepfunctions", region_name="us-east-1")

    def pages(operation: str, key: str, **arguments: str) -> list[dict[str, Any]]:
        return [each for page in client.get_paginator(operation).paginate(**arguments) for each in page[key]]

    for machine in pages("list_state_machines", "stateMachines"):
        arn = machine["stateMachineArn"]
        executions = pages("list_executions", "executions", stateMachineArn=arn)
        if new := [each["executionArn"] for each in executions if each["startDate"] >= began]:
            yield arn, str(client.describe_state_machine(stateMachineArn=arn))
        for execution in new:
            events = pages("get_execution_history", "events", executionArn=execution)
            yield execution, str(client.describe_execution(executionArn=execution)) + str(events)


def test_errors_keep_what_is_no_secret(owner: Api, given: dict[str, Any], canary: str) -> None:
    store(owner.of("secrets"), "key", canary)
    run = owner.run(graph([echoing("ask", "kept")]), {**given, "status": "400"})
    error = run["node_results"]["ask"]["error"]
    assert error["code"] == "http_status"
    assert "a *** b" in str(error["body"])


def test_an_excerpt_does_not_end_within_a_secret(owner: Api, given: dict[str, Any]) -> None:
    store(owner.of("secrets"), "key", value := uuid.uuid4().hex)
    query = {"raw": "{% $pad('', 1990, 'x') & $secrets.key %}", "type": "text/plain", "status": "400"}
    run = owner.run(graph([node("ask", "http_request", {"url": "{% $input.base %}/cut", "query": query})]), given)
    assert value[:8] not in run["node_results"]["ask"]["error"]["body"]


def test_a_node_that_takes_no_secret_shows_none_that_another_left_outside(owner: Api, given: dict[str, Any]) -> None:
    value = f"left-{uuid.uuid4().hex}"
    store(owner.of("secrets"), "key", value)
    reads = {"url": "{% $input.base %}/read", "query": {"raw": "{% $input.left %}", "type": "text/plain"}}
    leaves = {"url": "{% $input.base %}/leave", "headers": {"X-Key": "{% $secrets.key %}"}}
    drawn = graph([node("leave", "http_request", leaves), node("read", "http_request", reads)], edge("leave", "read"))
    run = owner.run(drawn, {**given, "left": f"it was {value}"})
    assert run["node_results"]["read"]["output"]["body"] == "it was ***"


class BrokenConfig(Config):
    value: str


def test_a_node_that_breaks_tells_no_secret_to_the_log(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    assert stack

    def broken(config: BrokenConfig, _context: Context) -> Result:
        raise LookupError(config.value)

    node_type = NodeType("broken", "", "", BrokenConfig, broken, "", Example({}))
    drawn = parse(graph([node("a", "broken", {"value": "{% $secrets.key %}"})]), {"broken": node_type})
    secrets = {"key": "s3cret-value"}
    surroundings = replace(
        services().surroundings, http=FakeHttp(), targets=lambda _: Nothing(), secrets=lambda *_: secrets
    )
    run = {"id": uuid.uuid4(), "workspace_id": uuid.uuid4(), "input": {}}
    calls = NodeCall(drawn, run, {"id": "r"}, None, None, drawn.secrets, surroundings)
    with pytest.raises(NodeFailure, match=r"^the node broke \(LookupError\)$"):
        calls.run(drawn.nodes["a"], {})
    (record,) = caplog.records
    assert "LookupError: ***" in str(record.__dict__)
    assert "s3cret-value" not in str(record.__dict__)
