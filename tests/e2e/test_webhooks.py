"""Workflows that are asked from outside."""

from __future__ import annotations

import hmac
import http.client
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from chalicelib.bootstrap import services
from chalicelib.errors import TooManyError
from chalicelib.webhooks.schemas import Asked
from chalicelib.webhooks.service import WebhookService
from local.stack import Stack
from tests.client import Answer, Api, graph, node


def ask(url: str, body: Any = None, method: str = "POST", raw: bytes | None = None, **headers: str) -> Answer:
    """A request of someone without a token of ours."""
    parts = urlsplit(url)
    content = raw if raw is not None else json.dumps(body).encode()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        sent = {"Content-Type": "application/json", **headers}
        connection.request(method, f"{parts.path}?{parts.query}", content, sent)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, json.loads(text))


def hooked(**config: Any) -> dict[str, Any]:
    return graph([node("hook", "trigger", {"kind": "webhook", **config})])


@pytest.fixture
def workflow(owner: Api) -> dict[str, Any]:
    return owner.create(hooked())


@pytest.fixture
def url(workflow: dict[str, Any]) -> str:
    return str(workflow["webhook"]["url"])


class TestAsking:
    def test_a_request_starts_a_run_with_what_it_said(self, owner: Api, workflow: dict[str, Any], url: str) -> None:
        answer = ask(
            f"{url}?a=1&b=x&b=y", {"order": 7}, **{"X-Event": "paid", "Authorization": "Bearer s", "Cookie": "c"}
        )
        assert (answer.status, answer.body.keys()) == (202, {"run_id", "status"})
        run = owner.ended(workflow["id"], answer.body["run_id"])
        assert (run["status"], run["trigger"], run["triggered_by"]) == ("succeeded", "webhook", None)
        assert run["input"].keys() == {"body", "headers", "query"}
        assert run["input"]["body"] == {"order": 7}
        assert run["input"]["query"] == {"a": "1", "b": ["x", "y"]}
        assert run["input"]["headers"]["x-event"] == "paid"
        assert not run["input"]["headers"].keys() & {"authorization", "cookie"}
        assert run["output"] == run["input"]

    @pytest.mark.parametrize(
        ("content_type", "raw", "body"),
        [
            ("application/x-www-form-urlencoded", b"a=1", {"a": "1"}),
            ("text/plain", "ä".encode(), "ä"),
            ("application/octet-stream", b"\x00\xff", "AP8="),
            ("image/png", b"\x89PNG", "iVBORw=="),
            ("multipart/form-data; boundary=x", b"--x\xff", "LS14/w=="),
            ("application/cloudevents+json", b"{}", {}),
        ],
    )
    def test_any_content_is_taken(
        self, owner: Api, workflow: dict[str, Any], url: str, content_type: str, raw: bytes, body: Any
    ) -> None:
        answer = ask(url, raw=raw, **{"Content-Type": content_type})
        assert owner.ended(workflow["id"], answer.body["run_id"])["input"]["body"] == body

    def test_a_body_that_is_malformed_starts_nothing(self, owner: Api, workflow: dict[str, Any], url: str) -> None:
        answer = ask(url, raw=b"{")
        assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
        assert owner.get(f"/{workflow['id']}/runs")["items"] == []

    def test_a_body_that_is_too_large_is_refused_with_the_limit(self, url: str) -> None:
        assert ask(url, "x" * (256 * 1024 - 4096)).status == 202
        answer = ask(url, "x" * 256 * 1024)
        assert (answer.status, "at most 262,144" in answer.body["detail"]) == (413, True)

    def test_methods_are_those_that_are_drawn(self, owner: Api, url: str) -> None:
        refused = ask(url, {}, "PUT")
        assert (refused.status, refused.headers["allow"]) == (405, "POST")
        both = owner.create(hooked(methods=["GET", "PUT"]))["webhook"]["url"]
        assert ask(both, {}, "PUT").status == 202
        assert ask(both, method="GET", raw=b"").status == 202
        refused = ask(both, {})
        assert (refused.status, refused.headers["allow"]) == (405, "GET, PUT")

    def test_runs_wait_for_their_turn_as_others_do(self, owner: Api) -> None:
        drawn = hooked() | {"settings": {"max_concurrent_runs": 1, "overlap": "skip"}}
        drawn["nodes"].append(node("nap", "wait", {"seconds": 30}))
        saved = owner.create(drawn)
        first, second = ask(saved["webhook"]["url"], {}), ask(saved["webhook"]["url"], {})
        assert (first.status, second.status, second.body["status"]) == (202, 202, "cancelled")
        owner.send("POST", f"/{saved['id']}/runs/{first.body['run_id']}/cancel")

    def test_too_many_requests_are_refused(self, owner: Api) -> None:
        saved = owner.create(hooked(dedupe_header="X-Id"))
        limited = WebhookService(
            services().database,
            replace(services().settings, max_webhook_runs_per_minute=2),
            services().runs,
            services().secrets,
        )
        token = saved["webhook"]["url"].rpartition("/")[2]

        def receive(key: str) -> Any:
            return limited.receive(token, Asked("POST", {"x-id": key}, {}, b"{}"))

        first = receive("a")
        receive("b")
        with pytest.raises(TooManyError, match="started 2 runs within a minute; at most 2"):
            receive("c")
        assert receive("a").run_id == first.run_id
        assert len(owner.get(f"/{saved['id']}/runs")["items"]) == 2


class TestAddress:
    def test_no_one_is_at_a_token_that_was_not_given(self, url: str) -> None:
        for other in ("0" * 64, "x", "%00", "a%2Fb", f"{url.rpartition('/')[2]}0"):
            answer = ask(f"{url.rpartition('/')[0]}/{other}", {})
            assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")

    def test_tokens_are_long_and_each_is_another(self, owner: Api) -> None:
        tokens = [owner.create(hooked())["webhook"]["url"].rpartition("/")[2] for _ in range(3)]
        assert len(set(tokens)) == 3
        assert all(len(token) >= 43 for token in tokens)

    def test_a_workflow_without_a_webhook_has_none(self, owner: Api) -> None:
        for drawn in (graph([]), graph([node("a", "trigger")]), graph([node("a", "trigger", {"kind": "manual"})])):
            saved = owner.create(drawn)
            assert saved["webhook"] is None
            assert owner.get(f"/{saved['id']}")["webhook"] is None
            assert owner.send("GET", f"/{saved['id']}/webhook").status == 404
            assert owner.send("PUT", f"/{saved['id']}/webhook", {"enabled": True}).status == 404

    def test_saving_a_version_is_all_it_takes(self, owner: Api) -> None:
        workflow_id = owner.create(graph([]))["id"]
        url = owner.put(workflow_id, graph_definition=hooked())["webhook"]["url"]
        assert ask(url, {}).status == 202
        assert owner.put(workflow_id, graph_definition=graph([]))["webhook"] is None
        gone = ask(url, {})
        assert (gone.status, "was removed" in gone.body["detail"]) == (404, True)
        rolled_back = owner.send("POST", f"/{workflow_id}/rollback", {"version": 2}).body
        assert rolled_back["webhook"]["url"] == url
        assert ask(url, {}).status == 202

    def test_a_webhook_that_is_disabled_in_the_drawing_takes_nothing(self, owner: Api) -> None:
        drawn = graph([node("hook", "trigger", {"kind": "webhook"}, disabled=True)])
        assert owner.create(drawn)["webhook"] is None

    def test_a_clone_has_an_address_of_its_own(self, owner: Api) -> None:
        template = owner.create(hooked(), is_template=True)
        clone = owner.send("POST", f"/templates/{template['id']}/clone", {}).body
        assert clone["webhook"]["url"] != template["webhook"]["url"]
        answer = ask(clone["webhook"]["url"], {})
        assert owner.get(f"/{clone['id']}/runs/{answer.body['run_id']}")["trigger"] == "webhook"

    def test_what_was_shown_can_be_sent_back(self, owner: Api, workflow: dict[str, Any]) -> None:
        back = owner.send("PUT", f"/{workflow['id']}", owner.get(f"/{workflow['id']}"))
        assert (back.status, back.body["webhook"]) == (200, workflow["webhook"])

    def test_a_new_token_ends_the_old_one(self, owner: Api, workflow: dict[str, Any], url: str) -> None:
        rotated = owner.send("POST", f"/{workflow['id']}/webhook/rotate")
        assert (rotated.status, rotated.body["enabled"]) == (200, True)
        assert rotated.body["rotated_at"]
        assert rotated.body["url"] != url
        assert owner.get(f"/{workflow['id']}")["webhook"]["url"] == rotated.body["url"]
        assert ask(url, {}).status == 404
        assert ask(rotated.body["url"], {}).status == 202

    def test_it_can_be_turned_off_and_on(self, owner: Api, workflow: dict[str, Any], url: str) -> None:
        assert owner.send("PUT", f"/{workflow['id']}/webhook", {"enabled": False}).body["enabled"] is False
        assert owner.get(f"/{workflow['id']}")["webhook"] == {"url": url, "enabled": False}
        refused = ask(url, {})
        assert (refused.status, "turned off" in refused.body["detail"]) == (404, True)
        owner.put(workflow["id"], graph_definition=hooked(dedupe_header="X"))
        assert ask(url, {}).status == 404
        assert owner.send("PUT", f"/{workflow['id']}/webhook", {"enabled": True}).body["url"] == url
        assert ask(url, {}).status == 202

    @pytest.mark.parametrize("body", [{}, {"enabled": "yes"}, {"enabled": None}, {"enabled": True, "x": 1}])
    def test_what_is_no_switch_is_malformed(self, owner: Api, workflow: dict[str, Any], body: Any) -> None:
        assert owner.send("PUT", f"/{workflow['id']}/webhook", body).status == 400

    def test_members_see_it_and_only_owners_change_it(self, member: Api, workflow: dict[str, Any]) -> None:
        path = f"/{workflow['id']}/webhook"
        assert member.get(path)["url"] == workflow["webhook"]["url"]
        assert member.send("PUT", path, {"enabled": False}).status == 403
        assert member.send("POST", f"{path}/rotate").status == 403

    def test_no_one_else_sees_it(self, stack: Stack, workflow: dict[str, Any], base_url: str) -> None:
        workspace_id, token, _ = stack.workspace(uuid.uuid4().hex)
        other = Api(base_url, str(workspace_id), token)
        path = f"/{workflow['id']}/webhook"
        calls = (("GET", path), ("PUT", path), ("POST", f"{path}/rotate"))
        assert {other.send(method, where, {"enabled": False}).status for method, where in calls} == {404}

    def test_a_workflow_that_was_deleted_takes_nothing(self, owner: Api, workflow: dict[str, Any], url: str) -> None:
        owner.send("DELETE", f"/{workflow['id']}")
        answer = ask(url, {})
        assert (answer.status, "deleted" in answer.body["detail"]) == (404, True)

    def test_the_url_is_that_of_the_stage_in_front(self, stack: Stack, owner: Api, workflow: dict[str, Any]) -> None:
        """As API Gateway calls the Lambda behind it
        (https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html)."""
        path = f"/api/v1/workspaces/{owner.workspace_id}/workflows/{workflow['id']}"
        event = {
            "requestContext": {
                "httpMethod": "GET",
                "resourcePath": "/api/v1/workspaces/{workspace_id}/workflows/{workflow_id}",
                "path": f"/live{path}",
                "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            },
            "headers": {"Authorization": f"Bearer {owner.token}", "X-Forwarded-Proto": "https", "Host": "other"},
            "pathParameters": {"workspace_id": owner.workspace_id, "workflow_id": workflow["id"]},
            "multiValueQueryStringParameters": None,
            "stageVariables": None,
            "body": None,
        }
        shown = json.loads(stack.app(event, None)["body"])["webhook"]["url"]
        token = workflow["webhook"]["url"].rpartition("/")[2]
        assert shown == f"https://abc.execute-api.eu-west-1.amazonaws.com/live/api/v1/webhooks/{token}"

    def test_a_binary_body_comes_through_api_gateway_as_it_was(
        self, stack: Stack, owner: Api, workflow: dict[str, Any], url: str
    ) -> None:
        assert "multipart/form-data" in stack.app.api.binary_types
        event = {
            "requestContext": {
                "httpMethod": "POST",
                "resourcePath": "/api/v1/webhooks/{token}",
                "path": "/live/api/v1/webhooks/x",
            },
            "headers": {"Content-Type": "image/png"},
            "pathParameters": {"token": url.rpartition("/")[2]},
            "multiValueQueryStringParameters": None,
            "stageVariables": None,
            "body": "iVBORw==",
            "isBase64Encoded": True,
        }
        answer = stack.app(event, None)
        run = owner.ended(workflow["id"], json.loads(answer["body"])["run_id"])
        assert run["input"]["body"] == "iVBORw=="


class TestOnceADay:
    def test_the_same_request_is_one_run_whatever_else_differs(self, owner: Api) -> None:
        saved = owner.create(hooked(dedupe_header="X-Delivery-Id"))
        url = saved["webhook"]["url"]
        first = ask(url, {"n": 1}, **{"X-Delivery-Id": "d 1"})
        again = ask(url, {"n": 2}, **{"x-delivery-id": "d 1", "X-Attempt": "2"})
        other = ask(url, {"n": 1}, **{"X-Delivery-Id": "d 2"})
        assert (first.status, again.status, other.status) == (202, 200, 202)
        assert first.body["run_id"] == again.body["run_id"] != other.body["run_id"]
        assert {ask(url, {}).status for _ in range(2)} == {202}

    def test_a_day_later_it_is_another(self, stack: Stack, owner: Api) -> None:
        saved = owner.create(hooked(dedupe_header="X-Id"))
        first = ask(saved["webhook"]["url"], {}, **{"X-Id": "1"}).body["run_id"]
        with psycopg.connect(stack.database_url) as connection:
            connection.execute(
                "UPDATE workflow_runs SET started_at = started_at - INTERVAL '24 hours 1 second' WHERE id = %s", [first]
            )
        second = ask(saved["webhook"]["url"], {}, **{"X-Id": "1"})
        assert (second.status, second.body["run_id"] != first) == (202, True)
        assert ask(saved["webhook"]["url"], {}, **{"X-Id": "1"}).body["run_id"] == second.body["run_id"]

    def test_of_the_same_requests_at_once_one_starts_a_run(self, owner: Api) -> None:
        saved = owner.create(hooked(dedupe_header="X-Id"))
        together = threading.Barrier(8)

        def send(_number: int) -> Answer:
            together.wait(10)
            return ask(saved["webhook"]["url"], {}, **{"X-Id": "1"})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        assert sorted(answer.status for answer in answers) == [200] * 7 + [202]
        assert len({answer.body["run_id"] for answer in answers}) == 1
        assert len(owner.get(f"/{saved['id']}/runs")["items"]) == 1

    def test_no_member_can_take_a_senders_key(self, owner: Api) -> None:
        saved = owner.create(hooked(dedupe_header="X-Id"))
        answer = ask(saved["webhook"]["url"], {}, **{"X-Id": "1"})
        with psycopg.connect(services().settings.database_url) as connection:
            row = connection.execute(
                "SELECT idempotency_key FROM workflow_runs WHERE id = %s", [answer.body["run_id"]]
            ).fetchone()
        assert row
        refused = owner.send("POST", f"/{saved['id']}/execute", {}, **{"Idempotency-Key": row[0]})
        assert refused.status == 400


class TestSigned:
    def test_only_signed_requests_start_runs(self, owner: Api) -> None:
        owner.of("secrets").send("PUT", "/hook", {"value": "shared key"})
        saved = owner.create(hooked(hmac={"secret": "hook", "header": "X-Hub-Signature-256"}))
        assert (saved["warnings"], owner.of("secrets").get("/hook")["used_by"][0]["id"]) == ([], saved["id"])
        url, body = saved["webhook"]["url"], b'{"a":1}'
        signature = f"sha256={hmac.digest(b'shared key', body, 'sha256').hex()}"
        good = ask(url, raw=body, **{"X-Hub-Signature-256": signature})
        assert good.status == 202
        run = owner.ended(saved["id"], good.body["run_id"])
        assert signature not in json.dumps(run)
        for headers in (
            {},
            {"X-Hub-Signature-256": "sha256=00"},
            {"X-Hub-Signature-256": "ä"},
            {"X-Signature": signature},
        ):
            refused = ask(url, raw=body, **headers)
            assert (refused.status, "shared key" in str(refused)) == (401, False)
        assert ask(url, raw=b'{"a":2}', **{"X-Hub-Signature-256": signature}).status == 401
        assert len(owner.get(f"/{saved['id']}/runs")["items"]) == 1

    def test_without_its_key_nothing_starts(self, owner: Api) -> None:
        saved = owner.create(hooked(hmac={"secret": "hook"}))
        (warning,) = saved["warnings"]
        assert (warning["code"], warning["node_ids"]) == ("missing_secret", ["hook"])
        refused = "requests to the webhook are refused with 503 until it is there"
        assert warning["message"] == f'the workspace has no secret "hook" yet; {refused}'
        assert ask(saved["webhook"]["url"], {}, **{"X-Signature": "00"}).status == 503
        assert owner.get(f"/{saved['id']}/runs")["items"] == []

    def test_binary_content_is_signed_byte_by_byte(self, owner: Api) -> None:
        owner.of("secrets").send("PUT", "/hook", {"value": "key"})
        saved = owner.create(hooked(hmac={"secret": "hook"}))
        body = bytes(range(256))
        signature = hmac.digest(b"key", body, "sha256").hex()
        headers = {"X-Signature": signature, "Content-Type": "application/octet-stream"}
        assert ask(saved["webhook"]["url"], raw=body, **headers).status == 202


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"kind": "cron"}, "config kind: must be 'manual' or 'webhook'"),
        ({"dedupe_header": "X"}, 'config dedupe_header: is for kind "webhook"'),
        ({"kind": "webhook", "methods": []}, "config methods: must have at least 1 item(s)"),
        ({"kind": "webhook", "methods": ["HEAD"]}, "config methods[0]: must be"),
        ({"kind": "webhook", "dedupe_header": "a b"}, "config dedupe_header: must be the name of an HTTP header"),
        ({"kind": "webhook", "dedupe_header": "{% $input.x %}"}, "must be the name of an HTTP header"),
        ({"kind": "webhook", "hmac": {}}, "config hmac.secret: is required"),
        ({"kind": "webhook", "hmac": {"secret": "{% $secrets.x %}"}}, "must be the name of a secret"),
        ({"kind": "webhook", "hmac": {"secret": "x", "algorithm": "md5"}}, "config hmac.algorithm: must be 'sha256'"),
        ({"kind": "webhook", "hmac": {"secret": "x", "tolerance_seconds": 0}}, "must be at least 1"),
        ({"kind": "webhook", "hmac": {"secrt": "x"}}, 'there is no such key; did you mean "secret"?'),
    ],
)
def test_a_webhook_that_can_not_work_is_refused_on_save(owner: Api, config: Any, message: str) -> None:
    refused = owner.send("POST", "", {"name": "x", "graph_definition": graph([node("hook", "trigger", config)])})
    assert refused.status == 422
    assert any(message in error["message"] for error in refused.body["errors"]), refused.body["errors"]


def test_a_workflow_has_one_webhook_outside_of_containers(owner: Api) -> None:
    inside = {**node("in", "trigger", {"kind": "webhook"}), "parentId": "each"}
    hooks = [node(name, "trigger", {"kind": "webhook"}) for name in "abc"]
    off = node("off", "trigger", {"kind": "webhook"}, disabled=True)
    drawn = graph([node("each", "for_each", {"items": [1]}), inside, *hooks, off, node("manual", "trigger")])
    refused = owner.send("POST", "", {"name": "x", "graph_definition": drawn})
    found = [(error["code"], error["node_id"]) for error in refused.body["errors"]]
    assert found == [("misplaced_webhook", "in"), ("several_webhooks", "b"), ("several_webhooks", "c")]
