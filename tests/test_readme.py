"""The README's first workflow runs as written, and its wrong one is told what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from local.compiling import compiled
from tests.client import Api, poll, statuses
from tests.nodes.fakes import refused

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", re.MULTILINE)


def test_the_first_workflow_runs_as_written(owner: Api) -> None:
    answer = owner.send("POST", "/", raw=(ROOT / "docs/examples/first.json").read_bytes())
    assert answer.status == 201
    workflow_id = answer.body["id"]
    given = re.search(r"execute '(\{.+\})'", README)
    assert given
    run_id = owner.execute(workflow_id, json.loads(given[1])["input"])["id"]
    poll(lambda: statuses(owner.get(f"/{workflow_id}/runs/{run_id}"))["review"] == "waiting")
    output = re.search(r"```json\n(.+)\n```", README)
    assert output
    assert owner.ended(workflow_id, run_id)["output"] == json.loads(output[1])
    small = owner.ended(workflow_id, owner.execute(workflow_id, {"id": 8, "total": 50})["id"])
    assert statuses(small)["review"] == "skipped"


def test_the_example_of_for_each_runs_its_body_for_each_order(owner: Api) -> None:
    answer = owner.send("POST", "/", raw=(ROOT / "docs/examples/for-each.json").read_bytes())
    assert answer.status == 201
    orders = [{"id": 7, "price": 50, "quantity": 5}, {"id": 8, "price": 20, "quantity": 2}]
    run = owner.ended(answer.body["id"], owner.execute(answer.body["id"], {"orders": orders})["id"])
    assert run["output"] == {"orders": 2, "revenue": 295, "free_shipping": [7]}
    assert run["node_results"]["each"]["output"] == [
        {"id": 7, "total": 250, "shipping": 0},
        {"id": 8, "total": 40, "shipping": 5},
    ]
    items = owner.get(f"/{answer.body['id']}/runs/{run['id']}/items?node_id=each")["items"]
    assert [item["node_results"]["large"]["branch"] for item in items] == ["true", "false"]


def test_a_run_that_failed_goes_on_in_the_mended_version_as_written(owner: Api) -> None:
    section = README[README.index("### When something goes wrong") : README.index("## The API")]
    preview = re.search(r'"reused": (\[.+?\]), "run_again": (\[.+?\])', section)
    given = re.search(r"execute '(\{.+\})'", section)
    assert preview
    assert given
    workflow_id = owner.send("POST", "/", raw=(ROOT / "docs/examples/fragile.json").read_bytes()).body["id"]
    run = owner.ended(workflow_id, owner.execute(workflow_id, json.loads(given[1])["input"])["id"])
    assert run["status"] == "failed"
    path = f"/{workflow_id}/runs/{run['id']}/retry"
    told = owner.get(path)
    assert [told["reused"], told["run_again"]] == [json.loads(part) for part in preview.groups()]
    owner.send("PUT", f"/{workflow_id}", raw=(ROOT / "docs/examples/mended.json").read_bytes())
    retry = owner.send("POST", path, {"version": "current"}).body
    assert owner.ended(workflow_id, retry["id"])["output"] == "ordered 7"


def test_a_payment_is_approved_and_walked_as_written(owner: Api) -> None:
    section = README[README.index("### People") : README.index("### On a schedule")]
    given, decision, walked = (json.loads(body) for body in re.findall(r"^api POST /<id>/.+? '(.+)'$", section, re.M))
    workflow_id = owner.send("POST", "/", raw=(ROOT / "docs/examples/payment.json").read_bytes()).body["id"]
    path = f"/{workflow_id}/runs/{owner.execute(workflow_id, given['input'])['id']}"
    (asked,) = poll(lambda: owner.of("approvals").get()["items"])
    assert (asked["label"], asked["message"]) == ("Review", "Pay 120 to ACME?")
    assert owner.send("POST", f"{path}/nodes/review/decision", decision).status == 200
    assert owner.ended(workflow_id, path.rpartition("/")[2])["output"] == {"paid": 120, "note": "as agreed"}
    told = owner.send("POST", f"/{workflow_id}/dry-run", walked).body
    assert (told["path"], told["assumed"]) == (["large", "review", "pay"], ["review"])


def test_the_pages_are_a_config_as_written() -> None:
    section = README[README.index("### Requests") : README.index("## Measured")]
    link, cursor = (json.loads(text) for text in re.findall(r"(\{\"(?:url|next)\"[^}]+\}+)", section))
    assert refused("http_request", link) == refused("http_request", {**link, "pages": cursor}) == set()


def test_the_certificate_begins_as_written() -> None:
    told = compiled(json.loads((ROOT / "docs/examples/for-each.json").read_text()))["certificate"]
    written = json.loads(README[README.index('{"transitions"') :].partition("\n")[0])
    assert {key: told[key] for key in written} == written


def test_the_wrong_workflow_is_told_what_the_readme_says(owner: Api) -> None:
    answer = owner.send("POST", "/", raw=(ROOT / "docs/examples/wrong.json").read_bytes())
    assert answer.status == 422
    told = [(error["code"], error["message"]) for error in answer.body["errors"]]
    written = ROW.findall(README[README.index("### And one that is wrong") : README.index("## The API")])
    assert len(told) == len(written) == 5
    for (code, message), (written_code, written_message) in zip(told, written, strict=True):
        assert code == written_code
        assert message.startswith(written_message.removesuffix("…"))
    assert owner.get()["items"] == []


def test_two_editors_are_told_and_merge_as_written(owner: Api) -> None:
    section = README[README.index("### Two editors") : README.index("## Nodes")]
    calls = re.findall(r"^api (\w+) (\S+) '(.+)'$", section, re.MULTILINE)
    create, first, late, merge = (json.loads(body) for _, _, body in calls)
    assert [(method, path) for method, path, _ in calls[1:]] == [
        ("PUT", "/<id>"), ("PUT", "/<id>"), ("POST", "/<id>/merge"),
    ]  # fmt: skip
    path = f"/{owner.send('POST', '/', create).body['id']}"
    assert owner.send("PUT", path, first).status == 200
    refused = owner.send("PUT", path, late)
    assert (refused.status, f"`{refused.body['detail']}`" in section) == (409, True)
    merged = owner.send("POST", f"{path}/merge", merge).body
    change = {"expected_version": merged["current_version"], "graph_definition": merged["graph_definition"]}
    assert owner.send("PUT", path, change).body["graph_definition"]["nodes"] == [
        {"id": "a", "type": "trigger", "data": {"label": "Start"}},
        {"id": "b", "type": "trigger"},
    ]
