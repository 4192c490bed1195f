"""What every type of node must tell of itself, and whether its example does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from chalicelib.nodes import node_types
from chalicelib.palette.service import list_node_types
from local import moto_corrections
from local.stack import Stack
from tests.client import Api, poll
from tests.upstream import Upstream

OTHER_WORKFLOW = "3f2b8c1e-5d8a-4c57-9a55-0d6a3b1f7e42"
NAMES = sorted(node_types())
DESCRIBED: dict[str, dict[str, Any]] = {described["type"]: described for described in list_node_types()}
CONFIGS: dict[str, list[dict[str, Any]]] = {
    "condition": [{"expression": True}, {"expression": " {% $input.a %} "}, {"expression": "yes"}],
    "for_each": [{"items": [1]}, {"items": "{% [1] %}", "max_concurrency": 2.0}, {"items": [], "max_concurrency": 41}],
    "http_request": [{"url": "http://a.example", "headers": "{% {} %}"}, {"url": "http://a.example", "headers": "a"}],
    "switch": [{"value": None, "cases": []}, {"value": 1, "cases": [""]}],
    "wait": [{"seconds": 0}, {"seconds": "{% 1 %}"}, {"seconds": 1, "until": None}, {"seconds": "1"}, {"seconds": -1}],
    "approval": [{}, {"timeout_seconds": 0}],
    "lambda": [{"function_name": "f"}, {"function_name": ""}, {"payload": 1}],
    "publish_event": [{"to": "sqs", "queue_url": "u", "message": 1, "delay_seconds": 1.0}, {"to": "mail"}],
    "sub_workflow": [
        {"workflow_id": OTHER_WORKFLOW},
        {"workflow_id": "{% $input.id %}", "version": "{% 1 %}"},
        {"workflow_id": OTHER_WORKFLOW, "version": "newest"},
    ],
    "fail": [{}, {"message": "{% $input %}"}, {"message": 1}, {"mesage": "a"}],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_type_says_in_words_what_it_and_each_key_of_its_config_is(name: str) -> None:
    described = DESCRIBED[name]
    for field in ("label", "description", "output"):
        assert described[field].strip(), f"NODE_TYPE of {name}: {field} is empty"
    schemas = [described["config_schema"], *described["config_schema"].get("$defs", {}).values()]
    for key, field in ((key, field) for schema in schemas for key, field in schema.get("properties", {}).items()):
        assert field.get("description"), f"config of {name}: give {key} a description: Field(description=…)"


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_type_has_a_node_of_it(name: str) -> None:
    nodes = node_types()[name].example.graph["nodes"]
    assert name in {node["type"] for node in nodes}, f"NODE_TYPE of {name}: its example has no node of the type"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("functions")
def test_the_example_of_a_type_runs_as_its_page_says(name: str, owner: Api, upstream: Upstream) -> None:
    example = node_types()[name].example
    drawn, given = (_with_what_there_is(part, owner, upstream) for part in (example.graph, example.input))
    workflow_id = owner.create(drawn)["id"]
    run_id = owner.execute(workflow_id, given)["id"]
    if name in MEANWHILE:
        MEANWHILE[name](owner, f"/{workflow_id}/runs/{run_id}")
    run = owner.ended(workflow_id, run_id)
    assert run["node_results"].keys() == {node["id"] for node in example.graph["nodes"]}
    assert (run["output"], run["error_message"]) == (example.output, example.error), run


def _with_what_there_is(part: Any, owner: Api, upstream: Upstream) -> Any:
    """What an example says of the outside world, with what there is here in its place."""
    text = json.dumps(part).replace("https://api.example.com", f"{upstream.base}/{owner.workspace_id}")
    if OTHER_WORKFLOW in text:
        tenth = {"id": "a", "type": "transform", "data": {"config": {"value": "{% $input.total / 10 %}"}}}
        text = text.replace(OTHER_WORKFLOW, owner.create({"nodes": [tenth], "edges": []})["id"])
    return json.loads(text)


def _reject(owner: Api, run: str) -> None:
    poll(lambda: owner.get(run)["node_results"]["pay"]["status"] == "waiting")
    decision = {"decision": "rejected", "data": {"reason": "who is that?"}}
    assert owner.send("POST", f"{run}/nodes/pay/decision", decision).status == 200


MEANWHILE: dict[str, Callable[[Api, str], None]] = {"approval": _reject}
"""What happens while an example runs, by its type."""


@pytest.fixture
def functions(stack: Stack) -> Iterator[None]:
    """The function that an example calls, besides our own."""
    functions = {"price-of": lambda _event, _context: {"price": 20}} | stack.app.handler_map
    undo = moto_corrections.run_lambdas_with(lambda name, event: functions[name](event, None))
    yield
    undo()


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_of_a_config_is_one(name: str) -> None:
    Draft202012Validator.check_schema(DESCRIBED[name]["config_schema"])


@pytest.mark.parametrize(("name", "config"), [(name, config) for name in CONFIGS for config in CONFIGS[name]])
def test_a_config_fits_its_schema_where_it_can_be_saved(name: str, config: dict[str, Any]) -> None:
    assert Draft202012Validator(DESCRIBED[name]["config_schema"]).is_valid(config) == _can_be_saved(name, config)


@pytest.mark.parametrize("name", NAMES)
def test_the_configs_of_all_examples_fit_their_schemas(name: str) -> None:
    for node in node_types()[name].example.graph["nodes"]:
        Draft202012Validator(DESCRIBED[node["type"]]["config_schema"]).validate(node.get("data", {}).get("config", {}))


def _can_be_saved(name: str, config: dict[str, Any]) -> bool:
    try:
        node_types()[name].config.model_validate(config)
    except ValidationError:
        return False
    return True
