"""Secrets and webhooks at a terminal."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from tests.cli.conftest import Cli
from tests.client import Api, edge, graph, node, poll

VALUE = "s3cr3t-of-a-test"
TAKES = graph([node("a", "transform", {"value": "{% $secrets.key %}"})])
ASKED = graph(
    [
        node("start", "trigger", {"kind": "webhook"}),
        node("a", "transform", {"value": "{% $nodes.start.output.body %}"}),
    ],
    edge("start", "a"),
)


class TestSecrets:
    def test_one_is_stored_shown_without_its_value_and_deleted(self, cli: Cli, owner: Api, tmp_path: Path) -> None:
        assert "there is no secret" in cli("secrets").out
        file = tmp_path / "key"
        file.write_text(f"{VALUE}\n")
        assert "stored key" in cli("secrets", "set", "key", "--value", f"@{file}").out
        owner.create(TAKES, "taker")
        told = [cli("secrets"), cli("secrets", "get", "key"), cli("secrets", "get", "key", "--json")]
        assert all("key" in each.out and VALUE not in each.out for each in told)
        assert "taker" in told[1].out
        run = cli.json("run", "taker")
        assert run["status"] == "succeeded"
        assert "--yes" in cli("secrets", "delete", "key", code=2).err
        cli("secrets", "delete", "key", "--yes")
        cli("secrets", "get", "key", code=3)

    def test_a_value_comes_from_where_no_one_else_sees_it(self, cli: Cli) -> None:
        told = cli("secrets", "set", "key", "--value", VALUE, code=2).err
        assert "--value @FILE" in told
        assert VALUE not in told
        assert "--value -" in cli("secrets", "set", "key", code=2).err
        cli("secrets", "set", "key", "--value", "-", stdin=VALUE)

    def test_members_may_not(self, member_cli: Cli) -> None:
        assert "error" in member_cli("secrets", code=4).err


class TestWebhooks:
    def test_a_workflow_is_asked_at_its_url_until_it_has_another(self, cli: Cli, owner: Api) -> None:
        workflow_id = owner.create(ASKED, "asked")["id"]
        url = cli.json("webhook", "get", "asked")["url"]
        assert url in cli("webhook", "get", "asked").out
        request = urllib.request.Request(url, b'{"n": 1}', {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 202
        poll(lambda: owner.get(f"/{workflow_id}/runs")["items"][0]["status"] == "succeeded")
        assert "off" in cli("webhook", "disable", "asked").out
        assert cli.json("webhook", "enable", "asked")["enabled"]
        rotated = cli("webhook", "rotate", "asked").out
        assert "rotated" in rotated
        assert url not in rotated

    def test_one_that_is_not_drawn_is_not_there(self, cli: Cli, owner: Api) -> None:
        owner.create(graph([node("a")]), "silent")
        assert "webhook" in cli("webhook", "get", "silent", code=3).err
