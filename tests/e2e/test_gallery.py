"""The gallery as its users meet it: listed, cloned, and run with the example that each description gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.workflows.gallery import gallery
from tests.client import Api, statuses
from tests.upstream import Upstream

NAMES = sorted(template["name"] for template in gallery().values())
EXAMPLE = "Example input: "
NODE_WIDTH, NODE_HEIGHT = 200, 60
"""A little more than React Flow draws a node with a label."""

Service = Callable[..., str]


@pytest.fixture
def service(upstream: Upstream, owner: Api) -> Service:
    """The address of a service that answers with some JSON, whatever path a template puts behind it."""

    def address(name: str, answer: Any = None, **behaviour: str) -> str:
        options = "".join(f"&{key}={value}" for key, value in behaviour.items())
        return f"{upstream.base}/{owner.workspace_id}/{name}?raw={quote(json.dumps(answer))}{options}&path="

    return address


@pytest.fixture
def asked(upstream: Upstream, owner: Api) -> Callable[[], list[tuple[str, str, str]]]:
    """What was asked so far: (method, service, path), in order."""

    def calls() -> list[tuple[str, str, str]]:
        return [
            (call["method"], call["path"].rpartition("/")[2], call["query"].get("path", ""))
            for call in upstream.calls[owner.workspace_id]
        ]

    return calls


def template_named(api: Api, name: str) -> dict[str, Any]:
    return next(item for item in api.get("/templates?limit=250")["items"] if item["name"] == name)


def example_of(template: dict[str, Any]) -> dict[str, Any]:
    return json.loads(template["description"].partition(EXAMPLE)[2])


def clone_of(owner: Api, template: dict[str, Any]) -> str:
    answer = owner.send("POST", f"/templates/{template['id']}/clone", {})
    assert answer.status == 201, answer
    return str(answer.body["id"])


def run_to_its_end(owner: Api, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Clone a template and run it with its own example, where the caller may give other values."""
    template = template_named(owner, name)
    example = example_of(template)
    assert given.keys() <= example.keys(), "the description's example does not show what the template expects"
    workflow_id = clone_of(owner, template)
    return owner.ended(workflow_id, owner.execute(workflow_id, example | given)["id"])


def run_clone(owner: Api, template: str, **given: Any) -> dict[str, Any]:
    run = run_to_its_end(owner, template, given)
    assert (run["status"], run["error_message"]) == ("succeeded", None)
    return run


def body_sent(upstream: Upstream, owner: Api, name: str) -> Any:
    """The JSON that a service was sent last."""
    calls = [call for call in upstream.calls[owner.workspace_id] if call["path"].endswith(f"/{name}")]
    return json.loads(calls[-1]["body"])


@pytest.mark.parametrize("name", NAMES)
def test_a_member_sees_it_with_an_example_of_its_input(member: Api, name: str) -> None:
    template = template_named(member, name)
    assert (template["source"], template["is_template"]) == ("gallery", True)
    assert isinstance(example_of(template), dict)


@pytest.mark.parametrize("name", NAMES)
def test_a_clone_is_the_owners_own_workflow_with_a_tidy_drawing(owner: Api, name: str) -> None:
    template = template_named(owner, name)
    clone = owner.send("POST", f"/templates/{template['id']}/clone", {"name": "mine"}).body
    assert (clone["name"], clone["is_template"], clone["current_version"]) == ("mine", False, 1)
    nodes = owner.get(f"/{clone['id']}")["graph_definition"]["nodes"]
    places = {(node.get("parentId"), node["position"]["x"], node["position"]["y"]) for node in nodes}
    assert len(places) == len(nodes), "two nodes lie on each other"
    assert all(node["data"]["label"] for node in nodes)


@pytest.mark.parametrize("template", gallery().values(), ids=lambda template: template["name"])
def test_what_is_in_a_container_is_drawn_inside_it_and_after_it(template: dict[str, Any]) -> None:
    """React Flow draws nodes in their order, and gives those with a parent their place in it."""
    drawn: dict[str, dict[str, Any]] = {}
    for node in template["graph_definition"]["nodes"]:
        if "parentId" in node:
            size = drawn[node["parentId"]]["style"]
            assert node["extent"] == "parent"
            assert 0 < node["position"]["x"] <= size["width"] - NODE_WIDTH
            assert 0 < node["position"]["y"] <= size["height"] - NODE_HEIGHT
        drawn[node["id"]] = node


def test_a_member_may_not_clone(member: Api) -> None:
    template = template_named(member, "Hello")
    assert member.send("POST", f"/templates/{template['id']}/clone", {}).status == 403


def test_hello_greets_by_name_and_the_world_without_one(owner: Api) -> None:
    assert run_clone(owner, "Hello")["output"]["greeting"] == "Hello, Ada!"
    workflow_id = clone_of(owner, template_named(owner, "Hello"))
    run = owner.ended(workflow_id, owner.execute(workflow_id)["id"])
    assert run["output"]["greeting"] == "Hello, world!"


def test_a_lead_is_enriched_by_both_apis_at_once(owner: Api, upstream: Upstream, service: Service) -> None:
    run = run_clone(
        owner,
        "Enrich a lead from two APIs",
        company_api=service("companies", {"name": "Example", "employees": 12}, sleep="0.4"),
        person_api=service("people", {"name": "Ada", "title": "Engineer"}, sleep="0.4"),
        crm=service("crm"),
    )
    profile = {
        "email": "ada@example.com",
        "name": "Ada",
        "title": "Engineer",
        "company": "Example",
        "employees": 12,
        "missing": [],
    }
    assert run["output"] == profile == body_sent(upstream, owner, "crm")
    one, two = upstream.calls[owner.workspace_id][:2]
    assert max(one["began"], two["began"]) < min(one["ended"], two["ended"])


def test_a_lead_is_saved_with_what_is_missing_when_an_api_fails(owner: Api, service: Service) -> None:
    run = run_clone(
        owner,
        "Enrich a lead from two APIs",
        company_api=service("companies", status="404"),
        person_api=service("people", {"name": "Ada", "title": "Engineer"}),
        crm=service("crm"),
    )
    assert run["node_results"]["company"]["status"] == "failed"
    assert run["output"]["missing"] == ["company"]
    assert run["output"]["name"] == "Ada"


@pytest.mark.parametrize(
    ("order", "customer", "decision", "last"),
    [
        ({"total": 900, "shipping": "express"}, {"blocked": False}, "review", "/reviews"),
        ({"total": 9, "shipping": "express"}, {"blocked": True}, "review", "/reviews"),
        ({"total": 9, "shipping": "express"}, {"blocked": False}, "express", "/shipments"),
        ({"total": 9, "shipping": "pickup"}, {"blocked": False}, "pickup", "/pickups"),
        ({"total": 9, "shipping": "boat"}, {"blocked": False}, "standard", "/shipments"),
    ],
)
def test_an_order_takes_one_way_only(
    owner: Api,
    service: Service,
    asked: Callable[[], list[tuple[str, str, str]]],
    order: dict[str, Any],
    customer: dict[str, Any],
    decision: str,
    last: str,
) -> None:
    run = run_clone(owner, "Order triage", shop=service("shop", order), crm=service("crm", customer))
    assert run["output"] == {"order_id": "1042", "decision": decision}
    assert sorted(asked()[:2]) == [("GET", "crm", "/customers/77"), ("GET", "shop", "/orders/1042")]
    assert asked()[2:] == [("POST", "shop", last)]
    ways = {"review", "express", "pickup", "standard"}
    assert {way for way in ways if statuses(run)[way] == "skipped"} == ways - {decision}


def test_a_site_that_answers_alerts_no_one(
    owner: Api, service: Service, asked: Callable[[], list[tuple[str, str, str]]]
) -> None:
    run = run_clone(owner, "Uptime check with an alert", url=service("site"), alert_url=service("chat"))
    assert run["output"] == {"up": True, "status": 200}
    assert asked() == [("GET", "site", "")]


def test_a_site_that_is_down_alerts_the_channel_once(owner: Api, upstream: Upstream, service: Service) -> None:
    url = service("site", status="500")
    run = run_clone(owner, "Uptime check with an alert", url=url, alert_url=service("chat"))
    assert run["output"]["up"] is False
    assert "answered 500" in run["output"]["reason"]
    assert body_sent(upstream, owner, "chat")["text"].startswith(f"{url} is down: ")


@pytest.mark.parametrize(
    ("orders", "report"),
    [
        (
            [
                {"country": "DE", "total": 10},
                {"country": "US", "total": 20.5},
                {"country": "DE", "total": 5},
            ],
            {"orders": 3, "revenue": 35.5, "by_country": {"DE": 15, "US": 20.5}},
        ),
        ([{"country": "DE", "total": 10}], {"orders": 1, "revenue": 10, "by_country": {"DE": 10}}),
        ([], {"orders": 0, "revenue": 0, "by_country": {}}),
    ],
    ids=["some orders", "one order", "no orders"],
)
def test_the_nightly_report_adds_up(
    owner: Api, upstream: Upstream, service: Service, orders: list[Any], report: dict[str, Any]
) -> None:
    run = run_clone(owner, "Nightly report", shop=service("shop", orders), report_url=service("chat"))
    assert run["output"] == report
    assert body_sent(upstream, owner, "chat")["report"] == report
    assert upstream.calls[owner.workspace_id][0]["query"]["since"] == "2026-01-31T00:00:00Z"


def test_a_job_is_asked_for_until_it_is_ready(
    owner: Api, service: Service, asked: Callable[[], list[tuple[str, str, str]]]
) -> None:
    jobs = service("jobs", {"id": "j1", "rows": 3}, status="202", times="2")
    run = run_clone(owner, "Start a job and poll until it is ready", jobs=jobs, wait_seconds=1)
    assert run["output"] == {"id": "j1", "rows": 3}
    assert asked() == [("POST", "jobs", "/jobs"), ("GET", "jobs", "/jobs/j1"), ("GET", "jobs", "/jobs/j1")]
    assert run["node_results"]["poll"]["attempts"] == 2
    assert statuses(run)["late"] == "skipped"


def test_an_event_reaches_all_services_and_no_alert_is_sent(
    owner: Api, service: Service, asked: Callable[[], list[tuple[str, str, str]]]
) -> None:
    names = ("crm", "mail", "chat")
    addresses = {name: service(name) for name in names}
    run = run_clone(owner, "Send one event to several services", **addresses, alert_url=service("alert"))
    assert run["output"] == dict.fromkeys(names, "succeeded")
    assert sorted(asked()) == sorted(("POST", name, "") for name in names)


def test_services_that_fail_stop_no_other_and_are_reported_together(
    owner: Api, upstream: Upstream, service: Service
) -> None:
    run = run_clone(
        owner,
        "Send one event to several services",
        crm=service("crm", status="500"),
        mail=service("mail"),
        chat=service("chat", status="404"),
        alert_url=service("alert"),
    )
    assert run["output"] == {"crm": "failed", "mail": "succeeded", "chat": "failed"}
    crm, chat = body_sent(upstream, owner, "alert")["failures"]
    assert crm.endswith("answered 500")
    assert chat.endswith("answered 404")
    assert sum(call["path"].endswith("/alert") for call in upstream.calls[owner.workspace_id]) == 1


@pytest.mark.parametrize(
    ("verdict", "acted"),
    [
        ("allow", ("PUT", "site", "/posts/p7/published")),
        ("review", ("PUT", "site", "/queue/p7")),
        ("block", ("POST", "site", "/messages")),
    ],
)
def test_a_post_goes_where_its_verdict_says(
    owner: Api,
    service: Service,
    asked: Callable[[], list[tuple[str, str, str]]],
    verdict: str,
    acted: tuple[str, str, str],
) -> None:
    answer = {"verdict": verdict, "reason": "rude"}
    run = run_clone(owner, "Moderate content", moderation=service("judge", answer), site=service("site"))
    assert run["output"] == {"post": "p7", "verdict": verdict}
    assert asked() == [("POST", "judge", "/verdicts"), acted]


def test_an_unknown_verdict_publishes_nothing(
    owner: Api, service: Service, asked: Callable[[], list[tuple[str, str, str]]]
) -> None:
    given = {"moderation": service("judge", {"verdict": "maybe"}), "site": service("site")}
    run = run_to_its_end(owner, "Moderate content", given)
    assert run["status"] == "failed"
    assert "unknown verdict: maybe" in run["error_message"]
    assert asked() == [("POST", "judge", "/verdicts")]


def test_the_main_api_is_enough_when_it_works(owner: Api, service: Service) -> None:
    main, backup = service("main", {"USD": 1.1}), service("backup", {"USD": 9})
    run = run_clone(owner, "Ask a backup when the main API fails", main=main, backup=backup)
    assert run["output"] == {"source": "main", "rates": {"USD": 1.1}}
    assert statuses(run)["backup"] == "skipped"


def test_the_backup_answers_when_the_main_api_keeps_failing(
    owner: Api, service: Service, asked: Callable[[], list[tuple[str, str, str]]]
) -> None:
    main, backup = service("main", status="500"), service("backup", {"USD": 9})
    run = run_clone(owner, "Ask a backup when the main API fails", main=main, backup=backup)
    assert run["output"] == {"source": "backup", "rates": {"USD": 9}}
    path = "/rates/EUR"
    assert asked() == [("GET", "main", path), ("GET", "main", path), ("GET", "backup", path)]


@pytest.mark.parametrize(("active", "messages"), [(True, ["welcome"]), (False, ["welcome", "nudge"])])
def test_only_users_who_are_not_active_are_nudged(
    owner: Api, upstream: Upstream, service: Service, active: bool, messages: list[str]
) -> None:
    run = run_clone(
        owner,
        "Welcome a user, nudge later",
        wait_seconds=1,
        app=service("app", {"active": active}),
        mail=service("mail"),
    )
    assert run["output"] == {"user_id": "u9", "nudged": not active}
    calls = [call for call in upstream.calls[owner.workspace_id] if call["path"].endswith("/mail")]
    assert [json.loads(call["body"])["template"] for call in calls] == messages
    looked = next(call for call in upstream.calls[owner.workspace_id] if call["path"].endswith("/app"))
    assert looked["began"] - calls[0]["ended"] >= 0.99


LAMPS, BULBS = {"sku": "desk lamp", "quantity": 4}, {"sku": "bulb-e27", "quantity": 10}


@pytest.mark.parametrize(
    ("lines", "in_stock", "ordered"),
    [
        ([LAMPS, BULBS], 1, [{"sku": "bulb-e27", "quantity": 5}]),
        ([LAMPS, BULBS, BULBS], 1, [{"sku": "bulb-e27", "quantity": 5}, {"sku": "bulb-e27", "quantity": 5}]),
        ([LAMPS], 1, []),
        ([], 0, []),
    ],
    ids=["some short", "two of the same", "one line", "no lines"],
)
def test_only_what_an_order_lacks_is_ordered(
    owner: Api,
    upstream: Upstream,
    service: Service,
    asked: Callable[[], list[tuple[str, str, str]]],
    lines: list[Any],
    in_stock: int,
    ordered: list[Any],
) -> None:
    run = run_clone(
        owner,
        "Restock what an order lacks",
        lines=lines,
        stock_api=service("stock", {"available": 5}),
        supplier=service("supplier"),
    )
    summary = {"order_id": "1042", "lines": len(lines), "in_stock": in_stock, "ordered": ordered, "failed": []}
    assert run["output"] == summary
    expected = [("GET", "stock", f"/stock/{line['sku']}") for line in lines]
    assert sorted(asked()) == sorted([*expected, *[("POST", "supplier", "/orders")] * len(ordered)])
    orders = [call for call in upstream.calls[owner.workspace_id] if call["method"] == "POST"]
    assert [json.loads(call["body"]) for call in orders] == [line | {"for_order": "1042"} for line in ordered]
    keys = {call["headers"]["idempotency-key"] for call in orders}
    assert len(keys) == len(orders)


def test_a_line_that_fails_is_named_and_holds_up_no_other(owner: Api, upstream: Upstream, service: Service) -> None:
    run = run_clone(
        owner,
        "Restock what an order lacks",
        lines=[BULBS, LAMPS],
        stock_api=service("stock", {"available": 5}),
        supplier=service("supplier", status="500"),
    )
    (failed,) = run["output"].pop("failed")
    assert run["output"] == {"order_id": "1042", "lines": 2, "in_stock": 1, "ordered": []}
    assert failed["sku"] == "bulb-e27"
    assert "answered 500" in failed["reason"]
    first, again = [call["headers"] for call in upstream.calls[owner.workspace_id] if call["method"] == "POST"]
    assert first["idempotency-key"] == again["idempotency-key"]
    counts = run["node_results"]["reorder"]["items"]
    assert (counts["succeeded"], counts["failed"], counts["skipped"]) == (0, 1, 1)
