"""What every type of node must tell of itself, and whether its example does what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from chalicelib.nodes import node_types
from chalicelib.palette.service import list_node_types
from tests.client import Api
from tests.upstream import Upstream

NAMES = sorted(node_types())
DESCRIBED: dict[str, dict[str, Any]] = {described["type"]: described for described in list_node_types()}
CONFIGS: dict[str, list[dict[str, Any]]] = {
    "condition": [{"expression": True}, {"expression": " {% $input.a %} "}, {"expression": "yes"}],
    "for_each": [{"items": [1]}, {"items": "{% [1] %}", "max_concurrency": 2.0}, {"items": [], "max_concurrency": 41}],
    "http_request": [{"url": "http://a.example", "headers": "{% {} %}"}, {"url": "http://a.example", "headers": "a"}],
    "switch": [{"value": None, "cases": []}, {"value": 1, "cases": [""]}],
    "wait": [{"seconds": 0}, {"seconds": "{% 1 %}"}, {"seconds": 1, "until": None}, {"seconds": "1"}, {"seconds": -1}],
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
def test_the_example_of_a_type_runs_as_its_page_says(name: str, owner: Api, upstream: Upstream) -> None:
    example = node_types()[name].example
    texts = [
        json.dumps(part).replace("https://api.example.com", f"{upstream.base}/{owner.workspace_id}")
        for part in (example.graph, example.input)
    ]
    run = owner.run(*map(json.loads, texts))
    assert run["node_results"].keys() == {node["id"] for node in example.graph["nodes"]}
    assert (run["output"], run["error_message"]) == (example.output, example.error), run


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
