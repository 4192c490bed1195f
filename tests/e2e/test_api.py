"""The endpoints over HTTP: shapes, roles, pages, and every kind of refusal."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import jwt
import psycopg
import pytest

from local.stack import Stack
from tests.client import Answer, Api, edge, graph, node

ONE = graph([node("a")])
WORKFLOW_KEYS = {
    "id", "workspace_id", "name", "description", "current_version", "schedule_cron", "schedule_timezone",
    "schedule_enabled", "is_template", "created_by", "created_at", "updated_at",
}  # fmt: skip
NO_ID = "00000000-0000-4000-8000-000000000000"
RUN_KEYS = {
    "id", "workflow_id", "workspace_id", "version", "status", "trigger", "triggered_by", "started_at",
    "completed_at", "error_message", "queue_position", "retry_of", "parent_run_id",
}  # fmt: skip


def assert_problem(answer: Answer, status: int, *codes: str) -> dict[str, Any]:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "errors"} <= answer.body.keys()
    assert answer.body["status"] == status
    assert answer.body["detail"]
    assert "Traceback" not in json.dumps(answer.body)
    found = [error["code"] for error in answer.body["errors"]]
    assert set(codes) <= set(found), found
    assert all({"code", "message", "path"} <= error.keys() for error in answer.body["errors"])
    return dict(answer.body)


class TestWorkflows:
    def test_a_workflow_is_created_and_read_as_it_was_sent(self, owner: Api, member: Api) -> None:
        drawn = graph([node("a", extra={"kept": [1, None, "ü"]}), node("b")], edge("a", "b"))
        drawn["nodes"][0] |= {"measured": {"width": 1.5}, "selected": True}
        drawn |= {"settings": {"any": "thing"}, "unknown": {"kept": True}}
        created = owner.create(drawn, name="Orders", description="what it does")
        assert created.keys() == WORKFLOW_KEYS | {"graph_definition", "certificate", "webhook", "warnings"}
        assert (created["name"], created["description"]) == ("Orders", "what it does")
        assert (created["current_version"], created["is_template"]) == (1, False)
        assert created["workspace_id"] == owner.workspace_id
        read = member.get(f"/{created['id']}")
        assert read == created
        assert read["graph_definition"] == drawn
        assert datetime.fromisoformat(read["created_at"]).utcoffset() is not None

    def test_integers_are_exact_however_long(self, owner: Api) -> None:
        numbers = [2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 + 1, 10**30 + 1, 10**99 + 1]
        drawn = graph(
            [node("a", "transform", {"value": {"kept": numbers, "first": "{% $input[0] > 9e15 %}"}}, x=numbers)]
        )
        created = owner.create(drawn)
        assert owner.get(f"/{created['id']}")["graph_definition"] == drawn
        run = owner.ended(created["id"], owner.execute(created["id"], numbers)["id"])
        assert (run["input"], run["output"]) == (numbers, {"kept": numbers, "first": True})

    def test_a_double_does_not_come_back_with_all_its_zeros(self, owner: Api) -> None:
        drawn = graph([node("a", many=[1e308] * 10_000)])
        answer = owner.send("GET", f"/{owner.create(drawn)['id']}")
        assert answer.body["graph_definition"] == drawn
        assert int(answer.headers["content-length"]) < 100_000

    def test_a_graph_makes_a_new_version_and_a_name_does_not(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        renamed = owner.put(workflow_id, name="new", description="d")
        assert (renamed["current_version"], renamed["name"], renamed["description"]) == (1, "new", "d")
        assert renamed["graph_definition"] == ONE
        two = graph([node("b")])
        changed = owner.put(workflow_id, graph_definition=two)
        assert (changed["current_version"], changed["graph_definition"], changed["name"]) == (2, two, "new")
        assert owner.put(workflow_id, description=None)["description"] is None

    def test_what_get_gave_can_be_put_back(self, owner: Api) -> None:
        created = owner.create(ONE)
        back = owner.put(created["id"], **{**created, "name": "again"})
        assert (back["name"], back["current_version"]) == ("again", 2)

    def test_a_schedule_is_changed_at_its_own_place_alone(self, owner: Api) -> None:
        created = owner.create(ONE)
        path = f"/{created['id']}"
        owner.send("PUT", f"{path}/schedule", {"cron": "0 8 * * *", "timezone": "Europe/Berlin"})
        scheduled = owner.get(path)
        assert owner.put(created["id"], **scheduled)["schedule_cron"] == "0 8 * * *"
        for key, other in (("cron", "*/5 * * * *"), ("cron", None), ("enabled", False), ("timezone", "UTC")):
            change = {"name": "new", f"schedule_{key}": other}
            problem = assert_problem(owner.send("PUT", path, change), 422, "read_only")
            assert problem["detail"] == f"schedule_{key}: is not changed here but with PUT …/schedule"
        read = owner.get(path)
        assert (read["name"], read["schedule_cron"]) == (scheduled["name"], "0 8 * * *")

    def test_a_new_workflow_is_not_scheduled_with_its_making(self, owner: Api) -> None:
        for schedule in ({"schedule_cron": "0 8 * * *"}, {"schedule_enabled": True}):
            answer = owner.send("POST", "", {"name": "x", "graph_definition": ONE, **schedule})
            assert_problem(answer, 422, "read_only")
        assert owner.get()["items"] == []
        created = owner.create(ONE)
        again = owner.send("POST", "", created)
        assert (again.status, again.body["id"] != created["id"]) == (201, True)
        exported = {key: created[key] for key in
                    ("id", "name", "description", "is_template", "current_version", "graph_definition")}  # fmt: skip
        assert owner.send("POST", "", exported).status == 201

    def test_a_stale_expected_version_is_a_conflict_and_changes_nothing(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        owner.put(workflow_id, graph_definition=ONE, expected_version=1)
        answer = owner.send("PUT", f"/{workflow_id}", {"name": "late", "expected_version": 1})
        assert "version 1" in assert_problem(answer, 409)["detail"]
        assert owner.get(f"/{workflow_id}")["name"] == "drawn"

    def test_rollback_appends_a_version_with_the_old_graph(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        two = graph([node("b")])
        owner.put(workflow_id, graph_definition=two)
        answer = owner.send("POST", f"/{workflow_id}/rollback", {"version": 1})
        assert (answer.status, answer.body["current_version"], answer.body["graph_definition"]) == (200, 3, ONE)
        versions = owner.get(f"/{workflow_id}/versions")["items"]
        assert [version["version"] for version in versions] == [3, 2, 1]
        assert owner.get(f"/{workflow_id}/versions/2")["graph_definition"] == two

    def test_rollback_to_a_missing_version_is_rejected(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        assert_problem(owner.send("POST", f"/{workflow_id}/rollback", {"version": 2}), 404)
        assert_problem(owner.send("POST", f"/{workflow_id}/rollback", {"version": "1"}), 400)
        assert_problem(owner.send("POST", f"/{workflow_id}/rollback", {}), 400)
        assert owner.get(f"/{workflow_id}")["current_version"] == 1

    def test_a_deleted_workflow_is_gone(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        answer = owner.send("DELETE", f"/{workflow_id}")
        assert (answer.status, answer.body) == (204, None)
        assert_problem(owner.send("GET", f"/{workflow_id}"), 404)
        assert_problem(owner.send("DELETE", f"/{workflow_id}"), 404)


class TestPages:
    def test_workflows_come_newest_first_each_once(self, owner: Api) -> None:
        names = [f"w{index}" for index in range(7)]
        for name in names:
            owner.create(ONE, name=name)
        first = owner.get("?limit=3")
        assert [item["name"] for item in first["items"]] == ["w6", "w5", "w4"]
        assert all(item.keys() == WORKFLOW_KEYS for item in first["items"])
        owner.create(ONE, name="later")
        second = owner.get(f"?limit=3&cursor={first['next_cursor']}")
        third = owner.get(f"?limit=3&cursor={second['next_cursor']}")
        assert [item["name"] for item in second["items"] + third["items"]] == ["w3", "w2", "w1", "w0"]
        assert third["next_cursor"] is None

    def test_versions_and_runs_have_pages_too(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        for _ in range(2):
            owner.put(workflow_id, graph_definition=ONE)
        ids = [owner.execute(workflow_id)["id"] for _ in range(3)]
        page = owner.get(f"/{workflow_id}/versions?limit=2")
        rest = owner.get(f"/{workflow_id}/versions?limit=2&cursor={page['next_cursor']}")
        assert [item["version"] for item in page["items"] + rest["items"]] == [3, 2, 1]
        page = owner.get(f"/{workflow_id}/runs?limit=2")
        rest = owner.get(f"/{workflow_id}/runs?limit=2&cursor={page['next_cursor']}")
        assert [item["id"] for item in page["items"] + rest["items"]] == ids[::-1]
        assert all(item.keys() == RUN_KEYS for item in page["items"])
        assert rest["next_cursor"] is None

    def test_runs_can_be_listed_by_status(self, owner: Api) -> None:
        workflow_id = owner.create(graph([node("way", "condition", {"expression": "{% $input %}"})]))["id"]
        good = owner.ended(workflow_id, owner.execute(workflow_id, True)["id"])
        bad = owner.ended(workflow_id, owner.execute(workflow_id, "x")["id"])
        assert [run["id"] for run in owner.get(f"/{workflow_id}/runs?status=failed")["items"]] == [bad["id"]]
        assert [run["id"] for run in owner.get(f"/{workflow_id}/runs?status=succeeded")["items"]] == [good["id"]]

    def test_a_long_error_is_whole_in_its_run_and_cut_openly_in_the_list(self, owner: Api) -> None:
        workflow_id = owner.create(graph([node("stop", "fail", {"message": "{% $input %}"})]))["id"]
        run = owner.ended(workflow_id, owner.execute(workflow_id, "x" * 2_000)["id"])
        assert run["error_message"].endswith("x" * 2_000)
        (listed,) = owner.get(f"/{workflow_id}/runs")["items"]
        assert listed["error_message"] == run["error_message"][:1_000] + "… (cut)"

    @pytest.mark.parametrize(
        "query",
        ["limit=0", "limit=251", "limit=00000000199999", "limit=1" + "0" * 30,
         "limit=x", "limit=-1", "limit=²", "cursor=x", "cursor=W10", "is_template=maybe",
         "cursor=WyIyMDIwLTAxLTAxIiwieCJd", "cursor=ü"],
    )  # fmt: skip
    def test_a_bad_page_is_refused(self, owner: Api, query: str) -> None:
        from urllib.parse import quote  # noqa: PLC0415

        assert_problem(owner.send("GET", "?" + quote(query, safe="=")), 400)


class TestRoles:
    OWNERS = (
        ("POST", ""), ("PUT", "/{id}"), ("DELETE", "/{id}"), ("POST", "/{id}/rollback"), ("PUT", "/{id}/schedule"),
        ("POST", "/{id}/merge"), ("POST", "/templates/{id}/clone"),
    )  # fmt: skip
    MEMBERS = (
        ("GET", ""), ("GET", "/{id}"), ("GET", "/{id}/versions"), ("GET", "/{id}/runs"), ("GET", "/templates"),
        ("POST", "/{id}/execute"),
    )  # fmt: skip

    @pytest.mark.parametrize(("method", "path"), OWNERS)
    def test_a_member_may_not_do_what_owners_do(self, owner: Api, member: Api, method: str, path: str) -> None:
        workflow_id = owner.create(ONE)["id"]
        assert_problem(member.send(method, path.format(id=workflow_id), {}), 403)

    @pytest.mark.parametrize(("method", "path"), MEMBERS)
    def test_a_member_may_read_and_execute(self, owner: Api, member: Api, method: str, path: str) -> None:
        workflow_id = owner.create(ONE)["id"]
        answer = member.send(method, path.format(id=workflow_id), {} if method == "POST" else None)
        assert answer.status in (200, 202)

    @pytest.mark.parametrize(("method", "path"), OWNERS + MEMBERS)
    def test_to_a_stranger_the_workspace_does_not_exist(self, owner: Api, stack: Stack, method: str, path: str) -> None:
        workflow_id = owner.create(ONE)["id"]
        _, stranger, _ = stack.workspace(uuid.uuid4().hex)
        answer = replace(owner, token=stranger).send(method, path.format(id=workflow_id), {})
        assert "workspace" in assert_problem(answer, 404)["detail"]

    @pytest.mark.parametrize(("method", "path"), OWNERS[1:] + MEMBERS[1:4] + MEMBERS[5:])
    def test_ids_of_another_workspace_are_not_found(
        self, owner: Api, stack: Stack, base_url: str, method: str, path: str
    ) -> None:
        workspace_id, token, _ = stack.workspace(uuid.uuid4().hex)
        other = Api(base_url, str(workspace_id), token)
        theirs = other.create(ONE, is_template=True)["id"]
        bodies = {"/{id}/rollback": {"version": 1}, "/{id}/schedule": {"cron": "* * * * *"}}
        bodies["/{id}/merge"] = {"base": 1, "mine": ONE}
        assert_problem(owner.send(method, path.format(id=theirs), bodies.get(path, {})), 404)
        assert other.get(f"/{theirs}")["current_version"] == 1

    def test_a_token_must_be_good(self, owner: Api, stack: Stack) -> None:
        good = jwt.decode(str(owner.token), options={"verify_signature": False})
        bad = {
            "nothing": None,
            "garbage": "x.y.z",
            "another secret": jwt.encode(good, "x" * 32, algorithm="HS256"),
            "expired": jwt.encode({**good, "exp": 1}, stack.jwt_secret, algorithm="HS256"),
            "no user": jwt.encode({"exp": good["exp"]}, stack.jwt_secret, algorithm="HS256"),
            "no end": jwt.encode({"sub": good["sub"]}, stack.jwt_secret, algorithm="HS256"),
            "no uuid": jwt.encode({**good, "sub": "me"}, stack.jwt_secret, algorithm="HS256"),
            "unsigned": jwt.encode(good, "", algorithm="none"),
        }
        for token in bad.values():
            answer = replace(owner, token=token).send("GET", "")
            assert_problem(answer, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer")


class TestRefusals:
    def refused(self, owner: Api, status: int, *codes: str, raw: bytes | None = None, **body: Any) -> dict[str, Any]:
        answer = owner.send("POST", "", body or None, raw=raw)
        problem = assert_problem(answer, status, *codes)
        assert owner.get()["items"] == []
        return problem

    def test_a_graph_that_can_not_run_is_told_all_its_problems_and_never_stored(self, owner: Api) -> None:
        drawn = graph(
            [
                node("a", "transform", {"value": "{% 1 + %}"}),
                node("b", "teleport"),
                node("c", "transform", {"value": "{% $nodes.z.output %}"}, retry={"max_attempts": 0}),
                node("d", "condition", {"expression": True}, timeout_seconds=-1),
                node("d"),
                node("e", "http_request", {}),
            ],
            edge("a", "c"), edge("c", "a"), edge("a", "ghost"), edge("d", "a", "maybe"),
        )  # fmt: skip
        problem = self.refused(
            owner, 422, "bad_expression", "unknown_type", "bad_reference", "bad_retry", "bad_timeout_seconds",
            "duplicate_node_id", "bad_config", "cycle", "missing_node", name="x", graph_definition=drawn,
        )  # fmt: skip
        cycle = next(error for error in problem["errors"] if error["code"] == "cycle")
        assert "a → c → a" in cycle["message"] or "c → a → c" in cycle["message"]
        assert all(error["path"].startswith("graph_definition.") for error in problem["errors"])

    @pytest.mark.parametrize(
        "body",
        [
            {}, {"name": "x"}, {"graph_definition": ONE}, {"name": 1, "graph_definition": ONE},
            {"name": "x", "graph_definition": []}, {"name": "x", "graph_definition": {"nodes": []}},
            {"name": "x", "graph_definition": {"nodes": {}, "edges": []}},
            {"name": "x", "graph_definition": {"nodes": [1], "edges": []}},
            {"name": "x", "graph_definition": {"nodes": [{"type": "trigger"}], "edges": []}},
            {"name": "x", "graph_definition": {"nodes": [{"id": 1, "type": "trigger"}], "edges": []}},
            {"name": "x", "graph_definition": {"nodes": [{"id": "a", "type": "trigger", "data": 1}], "edges": []}},
            {"name": "x", "graph_definition": {"nodes": [], "edges": [{"id": "e", "source": "a"}]}},
            {"name": "x", "graph_definition": ONE, "grpah": 1},
            {"name": "x", "graph_definition": ONE, "is_template": "yes"},
        ],
    )  # fmt: skip
    def test_a_wrong_shape_is_malformed(self, owner: Api, body: Any) -> None:
        answer = owner.send("POST", "", body)
        assert assert_problem(answer, 400)["errors"]

    @pytest.mark.parametrize(
        "raw",
        [b"{", b"nul", b'{"name": "x"', b"[]", b'"x"', b"\xff\xfe", b'{"name": NaN}', b'{"name": 1e999}', b"\x00"],
    )
    def test_a_body_that_is_no_json_object_is_malformed(self, owner: Api, raw: bytes) -> None:
        self.refused(owner, 400, raw=raw)

    @pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800"])
    def test_text_that_can_not_be_stored_is_malformed(self, owner: Api, text: str) -> None:
        drawn = json.dumps(graph([node("a", label="LABEL")]))
        for raw in (
            f'{{"name": "{text}", "graph_definition": {drawn}}}',
            f'{{"name": "x", "graph_definition": {drawn.replace("LABEL", text)}}}',
            f'{{"name": "x", "description": "{text}", "graph_definition": {drawn}}}',
        ):
            problem = self.refused(owner, 400, raw=raw.encode())
            assert problem["errors"][0]["code"] in ("nul_character", "lone_surrogate")

    @pytest.mark.parametrize("number", ["1e999", "9" * 310, "-" + "9" * 100_000])
    def test_a_number_that_no_double_can_say_is_malformed_with_its_place(self, owner: Api, number: str) -> None:
        problem = self.refused(owner, 400, "number_too_large", raw=f'{{"name": "x", "more": [1, {number}]}}'.encode())
        assert problem["errors"][0]["path"] == "more[1]"
        assert len(problem["detail"]) < 200

    def test_bottomless_nesting_is_malformed(self, owner: Api) -> None:
        for depth in (3_000, 200_000):
            self.refused(owner, 400, raw=b'{"name": ' + b"[" * depth + b"]" * depth + b"}")
            self.refused(owner, 400, raw=b'{"a":' * depth + b"1" + b"}" * depth)

    def test_what_is_too_large_is_told_the_limit(self, owner: Api) -> None:
        drawn = graph([node("a", note="x" * 1_100_000)])
        assert "1,048,576" in self.refused(owner, 413, name="x", graph_definition=drawn)["detail"]
        self.refused(owner, 413, raw=b"x" * 10_000_000)
        workflow_id = owner.create(ONE)["id"]
        answer = owner.send("POST", f"/{workflow_id}/execute", {"input": "x" * 270_000})
        assert "262,144" in assert_problem(answer, 413)["detail"]
        assert owner.get(f"/{workflow_id}/runs")["items"] == []

    def test_too_many_nodes_are_refused(self, owner: Api) -> None:
        drawn = graph([node(f"n{index}") for index in range(501)])
        self.refused(owner, 422, "too_many_nodes", name="x", graph_definition=drawn)

    def test_values_out_of_bounds_are_invalid(self, owner: Api) -> None:
        self.refused(owner, 422, name="x" * 201, graph_definition=ONE)
        self.refused(owner, 422, name="  ", graph_definition=ONE)

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/nonsense", 404), ("GET", f"/{NO_ID}", 404), ("GET", f"/{NO_ID}/runs", 404),
         ("GET", f"/{NO_ID}/versions", 404), ("GET", "/a/b/c/d/e", 404), ("PATCH", "", 405),
         ("GET", f"/{NO_ID}/runs/x", 404), ("POST", f"/{NO_ID}/execute", 404)],
    )  # fmt: skip
    def test_what_is_not_there_is_said_plainly(self, owner: Api, method: str, path: str, status: int) -> None:
        assert_problem(owner.send(method, path), status)

    def test_a_body_of_another_type_is_refused(self, owner: Api) -> None:
        answer = owner.send("POST", "", raw=b"name=x", **{"Content-Type": "application/x-www-form-urlencoded"})
        assert_problem(answer, 415)

    def test_a_browser_may_send_what_the_api_reads(self, owner: Api) -> None:
        answer = owner.send("OPTIONS", f"/{uuid.uuid4()}/execute", Origin="http://localhost:3000")
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert answer.status == 200
        assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(","))

    def test_a_charset_in_the_content_type_is_fine(self, owner: Api) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        assert owner.send("POST", "", {"name": "x", "graph_definition": ONE}, **headers).status == 201


class TestExecute:
    def test_a_run_is_accepted_and_listed(self, owner: Api, member: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        run = member.execute(workflow_id, {"n": 1})
        assert run.keys() >= RUN_KEYS | {"input", "output", "node_results"}
        assert (run["version"], run["trigger"], run["input"]) == (1, "manual", {"n": 1})
        assert run["triggered_by"] == jwt.decode(str(member.token), options={"verify_signature": False})["sub"]
        assert [item["id"] for item in owner.get(f"/{workflow_id}/runs")["items"]] == [run["id"]]

    def test_without_a_body_the_input_is_empty(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        assert owner.send("POST", f"/{workflow_id}/execute").body["input"] == {}

    def test_a_repeated_idempotency_key_gives_the_same_run(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(ONE)["id"]

        def execute(run_input: Any, key: str) -> Answer:
            return owner.send("POST", f"/{workflow_id}/execute", {"input": run_input}, **{"Idempotency-Key": key})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: execute({"a": 1, "b": 2}, "k1"), range(8)))
        assert {answer.status for answer in answers} == {202}
        (run_id,) = {answer.body["id"] for answer in answers}
        assert execute({"b": 2, "a": 1}, "k1").body["id"] == run_id
        assert_problem(execute({"a": 2}, "k1"), 409, "idempotency_key_reused")
        assert execute({"a": 2}, "k2").body["id"] != run_id
        assert_problem(execute({}, "x" * 256), 400)
        assert len(owner.get(f"/{workflow_id}/runs")["items"]) == 2
        with psycopg.connect(stack.database_url) as connection:
            connection.execute(
                "UPDATE workflow_runs SET started_at = NOW() - INTERVAL '25 hours' WHERE id = %s", (run_id,)
            )
        assert execute({"a": 2}, "k1").body["id"] != run_id

    def test_only_of_a_request_with_a_key_a_hash_is_kept(self, owner: Api, stack: Stack) -> None:
        workflow_id = owner.create(ONE)["id"]
        owner.execute(workflow_id, "x" * 1_000)
        owner.send("POST", f"/{workflow_id}/execute", {}, **{"Idempotency-Key": "k"})
        with psycopg.connect(stack.database_url) as connection:
            query = "SELECT length(request_hash) FROM workflow_runs WHERE workflow_id = %s ORDER BY started_at"
            assert connection.execute(query, (workflow_id,)).fetchall() == [(None,), (64,)]

    def test_what_no_text_can_hold_is_refused_in_a_query_as_well(self, owner: Api) -> None:
        run = owner.run(ONE)
        path = f"/{run['workflow_id']}/runs/{run['id']}/items"
        assert_problem(owner.send("GET", f"{path}?node_id=a%00"), 400, "nul_character")

    def test_an_unknown_key_is_refused_rather_than_ignored(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        assert_problem(owner.send("POST", f"/{workflow_id}/execute", {"inptu": 1}), 400, "extra_forbidden")


class TestTemplates:
    def test_a_workspace_has_its_own_templates_before_the_gallery(self, owner: Api) -> None:
        mine = owner.create(ONE, name="mine", is_template=True)
        owner.create(ONE, name="no template")
        items = owner.get("/templates?limit=100")["items"]
        assert items[0]["id"] == mine["id"]
        assert [item["source"] for item in items[:2]] == ["workspace", "gallery"]
        assert len([item for item in items if item["source"] == "gallery"]) >= 5
        assert all(item["is_template"] for item in items)

    def test_templates_have_pages(self, owner: Api) -> None:
        for name in ("t0", "t1"):
            owner.create(ONE, name=name, is_template=True)
        found, cursor = [], ""
        while cursor is not None:
            page = owner.get(f"/templates?limit=1{cursor and '&cursor=' + cursor}")
            found += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert found == [item["id"] for item in owner.get("/templates?limit=100")["items"]]

    def test_a_clone_is_a_workflow_of_its_own(self, owner: Api) -> None:
        mine = owner.create(ONE, name="mine", description="d", is_template=True)
        schedule = {"cron": "0 8 * * *", "timezone": "Asia/Tokyo", "overlap": "skip"}
        owner.send("PUT", f"/{mine['id']}/schedule", schedule)
        answer = owner.send("POST", f"/templates/{mine['id']}/clone", {"name": "copy"})
        assert answer.status == 201
        clone = answer.body
        assert (clone["name"], clone["description"], clone["graph_definition"]) == ("copy", "d", ONE)
        assert (clone["is_template"], clone["schedule_enabled"], clone["current_version"]) == (False, False, 1)
        assert clone["id"] != mine["id"]
        assert owner.send("POST", f"/templates/{mine['id']}/clone").body["name"] == "mine"
        kept = owner.get(f"/{clone['id']}/schedule")
        assert {
            "cron": kept["schedule_cron"],
            "timezone": kept["schedule_timezone"],
            "overlap": kept["overlap"],
        } == schedule
        assert (kept["schedule_enabled"], kept["in_sync"]) == (False, True)

    def test_what_is_no_template_can_not_be_cloned(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        assert_problem(owner.send("POST", f"/templates/{workflow_id}/clone", {}), 404)
        assert_problem(owner.send("POST", f"/templates/{uuid.uuid4()}/clone", {}), 404)


class TestSchedule:
    def test_a_schedule_is_kept_and_tells_when_it_fires(self, owner: Api) -> None:
        workflow_id = owner.create(ONE)["id"]
        body = {"cron": "30 8 * * 1-5", "timezone": "Europe/Berlin", "enabled": True}
        answer = owner.send("PUT", f"/{workflow_id}/schedule", body)
        assert (answer.status, len(answer.body["next_fire_times"])) == (200, 10)
        assert all("T08:30:00+0" in time["local"] for time in answer.body["next_fire_times"])
        read = owner.get(f"/{workflow_id}")
        assert (read["schedule_cron"], read["schedule_enabled"]) == ("30 8 * * 1-5", True)
        assert read["schedule_timezone"] == "Europe/Berlin"

    def test_what_is_not_sent_stays_and_null_takes_the_cron_away(self, owner: Api) -> None:
        path = f"/{owner.create(ONE)['id']}/schedule"
        owner.send("PUT", path, {"cron": "0 8 * * *", "timezone": "Asia/Kolkata"})
        off = owner.send("PUT", path, {"enabled": False}).body
        assert (off["schedule_cron"], off["schedule_timezone"], off["schedule_enabled"]) == (
            "0 8 * * *", "Asia/Kolkata", False
        )  # fmt: skip
        assert off["next_fire_times"][0]["local"].endswith("T08:00:00+05:30")
        on = owner.send("PUT", path, {"enabled": True}).body
        assert on["next_fire_times"][0]["local"].endswith("T08:00:00+05:30")
        gone = owner.send("PUT", path, {"cron": None}).body
        assert (gone["schedule_cron"], gone["schedule_enabled"]) == (None, False)
        assert_problem(owner.send("PUT", path, {"enabled": True}), 422)

    def test_a_refusal_tells_all_that_is_wrong_and_what_would_be_right(self, owner: Api) -> None:
        path = f"/{owner.create(ONE)['id']}/schedule"
        answer = owner.send("PUT", path, {"cron": "5/10 22-2 * * *"})
        assert_problem(answer, 422)
        assert [(error["code"], error["path"], error["hint"]) for error in answer.body["errors"]] == [
            ("step_without_range", "cron", "write 5-59/10 or 5"),
            ("backwards_range", "cron", "write 22-23,0-2"),
        ]
        assert "write 30 8 * * 1-5" in owner.send("PUT", path, {"cron": "0 30 8 * * 1-5"}).body["detail"]

    def test_a_cron_that_never_fires_is_kept_with_a_warning(self, owner: Api) -> None:
        path = f"/{owner.create(ONE)['id']}/schedule"
        kept = owner.send("PUT", path, {"cron": "0 0 30 2 *"})
        assert (kept.status, kept.body["next_fire_times"], kept.body["in_sync"]) == (200, [], True)
        assert [each["code"] for each in kept.body["warnings"]] == ["never_fires"]

    def test_another_cron_does_not_turn_a_schedule_on(self, owner: Api) -> None:
        path = f"/{owner.create(ONE)['id']}/schedule"
        assert owner.send("PUT", path, {"cron": "0 8 * * *"}).body["schedule_enabled"]
        owner.send("PUT", path, {"enabled": False})
        assert not owner.send("PUT", path, {"cron": "0 9 * * *"}).body["schedule_enabled"]

    @pytest.mark.parametrize(
        "schedule",
        [{"cron": "garbage"}, {"cron": "99 99 * * *"}, {"cron": "* * * * * *"}, {"cron": ""}, {"cron": "@reboot"},
         {"cron": "R R * * *"}, {"cron": "* * * * 5#3"}, {"cron": "0 0 l * *"}, {"cron": "5-70 * * * *"},
         {"cron": "* * * * *", "timezone": "Mars/Olympus"}],
    )  # fmt: skip
    def test_nonsense_is_refused(self, owner: Api, schedule: dict[str, Any]) -> None:
        workflow_id = owner.create(ONE)["id"]
        assert_problem(owner.send("PUT", f"/{workflow_id}/schedule", schedule), 422)
        assert owner.get(f"/{workflow_id}")["schedule_enabled"] is False
