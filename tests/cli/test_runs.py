"""Runs at a terminal: started, followed, told, cancelled, retried, decided."""

from __future__ import annotations

import re
from typing import Any

import pytest
import urllib3

from tests.cli.conftest import Cli
from tests.client import Api, edge, graph, node, poll, statuses

HELLO = graph([node("a", "transform", {"value": "{% $input %}"})])
NAP = graph([node("nap", "wait", {"seconds": 600})])
FRAGILE = graph(
    [node("stock"), node("order", "transform", {"value": "{% $number($input.sku) %}"}), node("done")],
    edge("stock", "order"), edge("order", "done"),
)  # fmt: skip
APPROVAL = graph(
    [node("ok", "approval", {"message": "Pay {% $input.amount %}?"}), node("pay")], edge("ok", "pay", "approved")
)


def run_id(told: str) -> str:
    found = re.search(r"run ([0-9a-f]{8})", told)
    assert found
    return found[1]


class TestRun:
    def test_is_followed_to_its_output(self, cli: Cli, owner: Api) -> None:
        drawn = graph(
            [node("a", "trigger"), node("b", "condition", {"expression": "{% false %}"}), node("c"), node("d")],
            edge("a", "b"), edge("b", "c", "true"), edge("b", "d", "false"),
        )  # fmt: skip
        owner.create(drawn, "w")
        lines = cli("run", "w", "--input", '{"n": 1}').out.splitlines()
        assert re.fullmatch(r"run [0-9a-f]{8} of w @1  . \w+  .+ m?s", lines[0])
        told = {re.split(r" {2,}", line.strip())[2]: line for line in lines[1:5]}
        assert ("✓ succeeded" in told["b"], "→ false" in told["b"], "– skipped" in told["c"]) == (True, True, True)
        assert re.fullmatch(r"✓ succeeded in .+", lines[5])
        assert lines[6:] == ['"d"']

    def test_takes_its_input_from_a_file_or_standard_input(self, cli: Cli, owner: Api, file: Any) -> None:
        owner.create(HELLO, "w")
        assert cli.json("run", "w", "--input", "@" + file({"from": "file"}))["output"] == {"from": "file"}
        assert cli.json("run", "w", "--input", "-", stdin='{"from": "stdin"}')["output"] == {"from": "stdin"}
        assert cli.json("run", "w")["output"] == {}

    def test_that_fails_is_an_exit_code_and_says_what_helps(self, cli: Cli, owner: Api) -> None:
        owner.create(FRAGILE, "w")
        told = cli("run", "w", "--input", '{"sku": "A-7"}', code=1).out
        assert 'node "order" failed' in told
        assert f"stepgraph retry {run_id(told)}" in told
        assert cli.json("run", "w", "--input", '{"sku": "A-7"}', code=1)["status"] == "failed"

    def test_of_the_same_key_is_the_same(self, cli: Cli, owner: Api) -> None:
        owner.create(HELLO, "w")
        one, other = (cli.json("run", "w", "--idempotency-key", "k") for _ in range(2))
        assert one["id"] == other["id"]
        cli("run", "w", "--idempotency-key", "k", "--input", "1", code=5)

    def test_is_left_alone_and_watched_later(self, cli: Cli, owner: Api) -> None:
        owner.create(HELLO, "w")
        started = cli("run", "w", "--no-follow").out
        assert "✓ succeeded in" in cli("watch", run_id(started)).out

    def test_is_walked_without_effects(self, cli: Cli, owner: Api) -> None:
        workflow = owner.create(APPROVAL, "w")
        told = cli("run", "w", "--dry-run", "--input", '{"amount": 5}').out
        assert '{"message": "Pay 5?"' in told
        assert "✓ would have succeeded" in told
        assert owner.get(f"/{workflow['id']}/runs")["items"] == []

    def test_input_that_is_no_json_is_not_sent(self, cli: Cli, owner: Api) -> None:
        owner.create(HELLO, "w")
        for given in ("{bad", "NaN", '{"a": 1, "a": 2}', "[" * 100_000):
            assert "--input is" in cli("run", "w", "--input", given, code=7).err
        cli("run", "w", "--input", "@/no/such/file", code=2)


class TestList:
    def test_those_of_the_workspace_of_a_workflow_and_of_a_status(self, cli: Cli, owner: Api) -> None:
        one, other = owner.create(HELLO, "one")["id"], owner.create(FRAGILE, "other")["id"]
        ids = [owner.ended(each, owner.execute(each, {"sku": "A-7"})["id"])["id"] for each in (one, other)]
        assert [each["id"] for each in cli.json("runs")] == ids[::-1]
        assert [each["id"] for each in cli.json("runs", "one")] == ids[:1]
        assert [each["id"] for each in cli.json("runs", "--status", "failed")] == ids[1:]
        heading, first, second = cli("runs").out.splitlines()
        assert heading.split() == ["id", "workflow", "status", "started", "took", "by", "error"]
        assert first.startswith(f"{ids[1][:8]}  other @1  ✗ failed")
        assert second.startswith(f"{ids[0][:8]}  one @1    ✓ succeeded")

    def test_only_workflows_that_are_shown_are_asked_for(
        self, cli: Cli, owner: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown, _ = owner.create(HELLO, "shown")["id"], owner.create(HELLO, "other")
        for _ in range(2):
            owner.ended(shown, owner.execute(shown)["id"])
        asked, request = [], urllib3.PoolManager.request

        def noted(pool: Any, method: str, url: str, **more: Any) -> Any:
            asked.append(url.partition("?")[0].rpartition(owner.workspace_id)[2])
            return request(pool, method, url, **more)

        monkeypatch.setattr(urllib3.PoolManager, "request", noted)
        assert cli("runs").out.count("shown @1") == 2
        assert asked == ["/runs", f"/workflows/{shown}"]


class TestLogs:
    def test_tell_attempts_with_their_errors_and_who_did_what(self, cli: Cli, owner: Api, upstream: Any) -> None:
        url = f"{upstream.base}/{owner.workspace_id}/ask?status=503&times=1"
        retry = {"max_attempts": 2, "interval_seconds": 1}
        owner.create(graph([node("ask", "http_request", {"url": url}, retry=retry)]), "w")
        told = cli("logs", run_id(cli("run", "w").out)).out
        assert re.search(r"accepted  by: [0-9a-f]{8}  trigger: manual", told)
        assert re.search(r"✗ attempt 1  \+.+ m?s  .+ m?s  http_status: .*503", told)
        assert re.search(r"✓ attempt 2  \+.+ m?s", told)

    def test_tell_one_node_and_the_items_of_a_container(self, cli: Cli, owner: Api) -> None:
        inside = node("double", "transform", {"value": "{% $item * 2 %}"}) | {"parentId": "each"}
        owner.create(graph([node("each", "for_each", {"items": [1, 2]}), inside]), "w")
        run = cli.json("run", "w")
        lines = cli("logs", run["id"], "--node", "each").out.splitlines()
        assert [line.split() for line in lines[-2:]] == [
            ["0", "✓", "succeeded", "1", "2"],
            ["1", "✓", "succeeded", "2", "4"],
        ]
        assert [each["output"] for each in cli.json("logs", run["id"], "--node", "each")["items"]] == [2, 4]
        assert "2 succeeded" in cli("logs", run["id"], "--node", "double").out
        assert "its nodes are each, double" in cli("logs", run["id"], "--node", "nope", code=3).err


class TestEnding:
    def test_a_run_is_cancelled_for_a_reason(self, cli: Cli, owner: Api) -> None:
        owner.create(NAP, "w")
        started = run_id(cli("run", "w", "--no-follow").out)
        assert "– cancelled" in cli("cancel", started, "--reason", "too slow").out
        told = cli("logs", started).out
        assert "reason: cancelled: too slow" in told
        assert "has ended already" in cli("cancel", started, code=5).err

    def test_a_retry_tells_what_it_takes_over_before_it_starts(self, cli: Cli, owner: Api) -> None:
        workflow = owner.create(FRAGILE, "w")
        failed = run_id(cli("run", "w", "--input", '{"sku": "A-7"}', code=1).out)
        preview = ["  = stock  reused", "  ↻ order  runs again", "  ↻ done  runs again"]
        assert cli("retry", failed, "--dry-run").out.splitlines()[1:] == preview
        assert cli.json("retry", failed, "--dry-run")["reused"] == ["stock"]
        mended = graph([*FRAGILE["nodes"][:1], node("order"), FRAGILE["nodes"][2]], *FRAGILE["edges"])
        owner.put(workflow["id"], graph_definition=mended)
        told = cli("retry", failed, "--version", "current").out
        assert told.splitlines()[:4] == [f"retry of run {failed} on version 2", *preview]
        assert "✓ succeeded in" in told
        last = cli.json("runs", "--limit", "1")[0]
        assert (last["retry_of"][:8], last["version"]) == (failed, 2)
        assert "stock  transform" in (logs := cli("logs", last["id"]).out)
        assert "reused" in logs
        cli("retry", failed, "--version", "two", code=2)

    def test_a_retry_tells_how_many_items_it_takes_over(self, cli: Cli, owner: Api) -> None:
        config = {"value": "{% $item = 2 ? $number('x') : $item %}"}
        each = node("each", "for_each", {"items": [1, 2, 3], "max_concurrency": 1})
        owner.create(graph([each, node("a", config=config) | {"parentId": "each"}]), "w")
        failed = run_id(cli("run", "w", code=1).out)
        told = cli("retry", failed, "--dry-run").out.splitlines()[1:]
        assert told == ["  ↻ each  runs again, 1 of 3 items reused", "  ↻ a  runs again"]

    def test_a_succeeded_run_is_not_retried(self, cli: Cli, owner: Api) -> None:
        owner.create(HELLO, "w")
        assert "it succeeded" in cli("retry", cli.json("run", "w")["id"], code=5).err


class TestApprovals:
    def waiting(self, cli: Cli, owner: Api) -> str:
        workflow_id = owner.create(APPROVAL, "w")["id"]
        identifier = cli.json("run", "w", "--no-follow", "--input", '{"amount": 5}')["id"]
        poll(lambda: statuses(owner.get(f"/{workflow_id}/runs/{identifier}"))["ok"] == "waiting")
        return str(identifier)

    def test_what_waits_is_listed_and_approved(self, cli: Cli, owner: Api) -> None:
        waiting = self.waiting(cli, owner)
        assert "Pay 5?" in cli("approvals").out
        assert cli("approve", waiting[:8], "--data", '{"note": "ok"}').out == f"approved ok of run {waiting[:8]}\n"
        output = cli.json("watch", waiting)["node_results"]["ok"]["output"]
        assert (output["decision"], output["data"]) == ("approved", {"note": "ok"})
        assert "nothing waits" in cli("approvals").out
        cli("approve", waiting, code=3)

    def test_what_waits_is_rejected_by_name(self, cli: Cli, owner: Api) -> None:
        waiting = self.waiting(cli, owner)
        cli("reject", waiting, "ok")
        assert cli.json("watch", waiting)["node_results"]["pay"]["status"] == "skipped"
        assert "decided already" in cli("approve", waiting, "ok", code=5).err


class TestSchedule:
    def test_is_set_told_turned_off_and_cleared(self, cli: Cli, owner: Api) -> None:
        owner.create(HELLO, "w")
        assert "not scheduled" in cli("schedule", "get", "w").out
        told = cli("schedule", "set", "w", "*/40 8 * * 1-5", "--timezone", "Europe/Berlin", "--pause-after", "3").out
        assert re.search(r"in words +at 08:00 and 08:40 on weekdays, Europe/Berlin time", told)
        assert "warning: */40 is not every 40 minutes" in told
        assert len(re.findall(r"^  \d{4}-\d\d-\d\d 08:[04]0 \+0[12]:00$", told, re.MULTILINE)) == 10
        assert re.search(r"pauses +after 3 failures in a row", told)
        assert "(*/40 8 * * 1-5) off" in (cli("schedule", "disable", "w"), cli("workflows"))[1].out
        assert cli.json("schedule", "enable", "w")["schedule_enabled"] is True
        assert cli.json("schedule", "set", "w", "--pause-after", "never", "--off")["pause_after_failures"] is None
        assert "not scheduled" in cli("schedule", "clear", "w").out

    def test_what_is_wrong_is_told_with_what_would_be_right(self, cli: Cli, owner: Api) -> None:
        owner.create(HELLO, "w")
        told = cli("schedule", "set", "w", "0 0 8 * * *", code=7).err
        assert "write 0 8 * * *" in told
        assert "at cron" in told
        cli("schedule", "set", "w", code=2)
