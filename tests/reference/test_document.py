"""The document of the API, the page to try it, and what tells whether all is well."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from chalice import Chalice
from openapi_spec_validator import validate

from chalicelib.api import Request, Response, Routes
from chalicelib.db import Database
from chalicelib.errors import UnavailableError
from chalicelib.health.controller import get_readiness
from chalicelib.migrations import migrate, missing
from chalicelib.reference.document import UndescribedError, describe
from local.stack import Stack
from tests.client import Answer, Api, graph, node

FIXED = "/api/v1/workspaces/{workspace_id}/workflows"


def get(base_url: str, path: str) -> tuple[int, dict[str, str], str]:
    """Without a token."""
    url = urlsplit(base_url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def document(base_url: str) -> Any:
    status, _, text = get(base_url, "/openapi.json")
    assert status == 200
    return json.loads(text)


class TestDocument:
    def test_it_is_valid_and_has_every_route(self, document: Any, stack: Stack) -> None:
        validate(document)
        described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
        assert described == {(path, method) for path, methods in stack.app.routes.items() for method in methods}

    def test_it_tells_where_the_api_is(self, document: Any, stack: Stack) -> None:
        assert document["servers"] == [{"url": "/"}]
        event = {
            "requestContext": {"httpMethod": "GET", "resourcePath": "/openapi.json", "path": "/api/openapi.json"},
            "pathParameters": {}, "headers": {}, "multiValueQueryStringParameters": None, "stageVariables": None,
            "body": None,
        }  # fmt: skip
        assert json.loads(stack.app(event, None)["body"])["servers"] == [{"url": "/api"}]

    def test_it_says_who_may_what_comes_in_and_goes_out(self, document: Any) -> None:
        execute = document["paths"][f"{FIXED}/{{workflow_id}}/execute"]["post"]
        assert execute["requestBody"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/Execute"
        }
        assert set(execute["responses"]) == {"202", "400", "401", "404", "409", "413", "415", "422", "503"}
        assert [each["name"] for each in execute["parameters"]] == ["workspace_id", "workflow_id", "Idempotency-Key"]
        assert "For members." in execute["description"]
        assert "security" not in execute
        create = document["paths"][FIXED]["post"]
        assert {"201", "403"} <= set(create["responses"])
        assert "For owners." in create["description"]
        runs = document["paths"][f"{FIXED}/{{workflow_id}}/runs"]["get"]
        limit = next(each for each in runs["parameters"] if each["name"] == "limit")
        assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 250, "default": 50}
        assert document["paths"]["/health"]["get"]["security"] == []
        problem = document["components"]["responses"]["Invalid"]["content"]
        assert list(problem) == ["application/problem+json"]
        run = document["components"]["schemas"]["RunRow"]["properties"]
        assert run["retry_of"]["description"] == "The run from whose failed nodes this one goes on."

    def test_a_webhook_that_is_turned_on_or_rotated_conflicts_with_nothing(self, document: Any) -> None:
        webhook = f"{FIXED}/{{workflow_id}}/webhook"
        for operation in (document["paths"][webhook]["put"], document["paths"][f"{webhook}/rotate"]["post"]):
            assert "409" not in operation["responses"]

    def test_its_examples_work(self, document: Any, owner: Api) -> None:
        drawn = graph([node("a", "fail", {"message": "no"})])
        tried = 0
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                content = operation.get("requestBody", {}).get("content", {"application/json": {"schema": {}}})
                name = (
                    content.get("application/json", {"schema": {}})["schema"]
                    .get("$ref", "")
                    .removeprefix("#/components/schemas/")
                )
                for example in document["components"]["schemas"].get(name, {}).get("examples", []):
                    workflow_id = owner.create(drawn, is_template=True)["id"]
                    run_id = owner.ended(workflow_id, owner.execute(workflow_id)["id"])["id"]
                    ids = {"workflow_id": workflow_id, "template_id": workflow_id, "run_id": run_id}
                    answer = owner.send(method.upper(), path.removeprefix(FIXED).format(**ids), example)
                    assert str(answer.status) in operation["responses"], answer
                    assert answer.status < 400 or self.comes_too_late(answer), answer
                    tried += 1
        assert tried >= 10

    @staticmethod
    def comes_too_late(answer: Answer) -> bool:
        """A run that has ended can't be cancelled."""
        return answer.status == 409 and "has ended already" in str(answer.body["detail"])


class TestRoutesThatSayTooLittle:
    """Whoever adds a route is told what it lacks; the first test above fails with these words."""

    def refused(self, routes: Routes, prefix: str = "/here") -> str:
        app = Chalice("test")
        app.register_blueprint(routes.blueprint, url_prefix=prefix)
        with pytest.raises(UndescribedError) as found:
            describe(app.routes)
        return str(found.value)

    @pytest.fixture
    def routes(self) -> Routes:
        return Routes("chalicelib.workflows.routes")

    def view(self, annotations: dict[str, Any], doc: str | None) -> Any:
        def view(_request: Request) -> None: ...

        view.__annotations__, view.__doc__, view.__module__ = annotations, doc, "chalicelib.workflows.routes"
        return view

    def test_what_it_returns(self, routes: Routes) -> None:
        routes.route("GET", "/a", None)(self.view({}, "Get a."))
        assert self.refused(routes) == "GET /here/a: its view must say by an annotation what it returns"

    def test_what_is_in_an_answer_that_has_headers_too(self, routes: Routes) -> None:
        routes.route("GET", "/a", None)(self.view({"return": Response}, "Get a."))
        assert "GET /here/a: its view must say what is in the body" in self.refused(routes)

    def test_what_it_is_for(self, routes: Routes) -> None:
        routes.route("GET", "/a", None)(self.view({"return": "None"}, None))
        assert self.refused(routes) == "GET /here/a: its view must say in its docstring what it is for"

    def test_what_is_in_its_path(self, routes: Routes) -> None:
        routes.route("GET", "/{thing}", None)(self.view({"return": "None"}, "Get a thing."))
        assert "GET /here/{thing}: say in PATH_PARAMETERS" in self.refused(routes)

    def test_that_it_is_one_of_ours(self, routes: Routes) -> None:
        routes.blueprint.route("/a", name="a")(self.view({"return": "None"}, "Get a."))
        assert "GET /here/a: register it by Routes.route or Routes.open" in self.refused(routes)


class TestPage:
    def test_it_loads_nothing_from_elsewhere(self, base_url: str) -> None:
        status, headers, page = get(base_url, "/docs")
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert loaded
        for path in loaded:
            assert path == "data:," or get(base_url, f"/{path}")[0] == 200
        assert "<script>" not in page

    @pytest.mark.parametrize(
        ("path", "kind"),
        [("start.js", "text/javascript"), ("swagger-ui-bundle.js", "text/javascript"), ("swagger-ui.css", "text/css")],
    )
    def test_its_files_are_what_they_are_called(self, base_url: str, path: str, kind: str) -> None:
        status, headers, content = get(base_url, f"/docs/{path}")
        assert (status, headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert headers["x-content-type-options"] == "nosniff"
        assert len(content) > 100


class TestHealth:
    @pytest.mark.parametrize("path", ["/health", "/ready"])
    def test_all_is_well(self, base_url: str, path: str) -> None:
        status, _, text = get(base_url, path)
        assert (status, json.loads(text)) == (200, {"status": "ok"})

    def test_a_database_without_migrations_is_not_ready(self, empty_database: str) -> None:
        database = Database(lambda: empty_database, 1)
        try:
            with pytest.raises(UnavailableError, match=r"lacks migrations: 001_workspaces\.sql, 020_workflows\.sql"):
                get_readiness(database)
            migrate(empty_database)
            assert get_readiness(database) == {"status": "ok"}
            with psycopg.connect(empty_database) as connection:
                connection.execute("UPDATE schema_migrations SET checksum = 'x' WHERE name = '021_runs.sql'")
            with database.connection() as connection:
                assert missing(connection) == ["021_runs.sql"]
        finally:
            database.close()
