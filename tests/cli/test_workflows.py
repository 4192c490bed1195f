"""Workflows, their versions and how they differ, at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from local.stack import Stack
from tests.cli.conftest import Cli
from tests.client import Api, edge, graph, node

HELLO = graph([node("a", "transform", {"value": "hello"})])
File = Callable[..., str]


class TestList:
    def test_shows_what_there_is_and_as_much_as_asked(self, cli: Cli, owner: Api) -> None:
        assert "there is no workflow yet" in cli("workflows").out
        for name in ("first", "second", "third"):
            owner.create(HELLO, name)
        told = cli("workflows", "--limit", "2")
        assert [line.split()[1] for line in told.out.splitlines()] == ["name", "third", "second"]
        assert "--limit" in told.err
        assert [each["name"] for each in cli.json("workflows", "list")] == ["third", "second", "first"]

    def test_pages_are_one_list(self, cli: Cli, owner: Api, stack: Stack) -> None:
        with psycopg.connect(stack.database_url) as connection:
            connection.execute(
                """
                INSERT INTO workflows (workspace_id, name, created_at)
                SELECT %s, number, NOW() + number * INTERVAL '1 second' FROM generate_series(1, 300) number
                """,
                (owner.workspace_id,),
            )
        names = [each["name"] for each in cli.json("workflows", "--limit", "1000")]
        assert names == [str(number) for number in range(300, 0, -1)]

    def test_what_would_move_the_cursor_is_not_printed(self, cli: Cli, owner: Api) -> None:
        workflow = owner.create(HELLO, "evil\x1b[2Jname\r")
        assert "\x1b" not in cli("workflows").out + cli("workflows", "get", workflow["id"]).out
        assert cli.json("workflows")[0]["name"] == workflow["name"]


class TestNames:
    def test_an_id_its_beginning_and_the_name_are_the_same(self, cli: Cli, owner: Api) -> None:
        workflow = owner.create(HELLO, "Order triage")
        for named in (workflow["id"], workflow["id"][:6], "Order triage"):
            assert cli.json("workflows", "get", named)["id"] == workflow["id"]

    def test_a_name_that_two_have_is_not_guessed(self, cli: Cli, owner: Api) -> None:
        ids = [owner.create(HELLO, "twin")["id"] for _ in range(2)]
        told = cli("workflows", "get", "twin", code=2)
        assert all(each[:8] in told.err for each in ids)

    def test_a_name_that_none_has_is_not_found(self, cli: Cli) -> None:
        assert "there is no workflow 'nope'" in cli("workflows", "get", "nope", code=3).err


class TestChange:
    def test_a_workflow_is_made_changed_and_deleted(self, cli: Cli, owner: Api, file: File) -> None:
        made = cli.json("workflows", "create", file(HELLO), "--name", "mine", "--template")
        assert (made["graph_definition"], made["is_template"]) == (HELLO, True)
        cli("workflows", "edit", "mine", "--name", "ours", "--description", "for us", "--no-template")
        changed = owner.get(f"/{made['id']}")
        assert (changed["name"], changed["description"], changed["is_template"]) == ("ours", "for us", False)
        assert changed["current_version"] == 1
        assert "--yes" in cli("workflows", "delete", "ours", code=2).err
        cli("workflows", "delete", "ours", "--yes")
        assert owner.get()["items"] == []

    def test_standard_input_is_a_file_too(self, cli: Cli) -> None:
        assert cli.json(
            "workflows", "create", "-", stdin='{"name": "in", "graph_definition": {"nodes": [], "edges": []}}'
        )

    def test_a_graph_needs_a_name(self, cli: Cli, file: File) -> None:
        assert "--name" in cli("workflows", "create", file(HELLO), code=2).err

    def test_a_template_is_cloned(self, cli: Cli) -> None:
        assert "Order triage" in cli("templates").out
        cli("workflows", "clone", "Order triage", "--name", "ours")
        assert [each["name"] for each in cli.json("workflows")] == ["ours"]

    def test_members_may_look_and_not_touch(self, cli: Cli, member_cli: Cli, file: File) -> None:
        cli("workflows", "create", file(HELLO), "--name", "mine")
        assert "mine" in member_cli("workflows").out
        assert "only an owner" in member_cli("workflows", "delete", "mine", "--yes", code=4).err


def condition(expression: str) -> dict[str, Any]:
    return node("b", "condition", {"expression": expression})


START = node("a", "trigger")
BEFORE = graph([START, condition("{% true %}"), node("c")], edge("a", "b"), edge("b", "c", "true"))
MOVED = START | {"position": {"x": 9, "y": 9}}
AFTER = {
    **graph([MOVED, condition("{% false %}"), node("d")], edge("a", "b"), edge("b", "d", "false")),
    "settings": {"timeout_seconds": 60},
}


@pytest.mark.usefixtures("workflow")
class TestVersions:
    @pytest.fixture
    def workflow(self, owner: Api) -> None:
        owner.put(owner.create(BEFORE, "w")["id"], graph_definition=AFTER)

    @pytest.mark.parametrize("named", [["w"], ["w@1"], ["w@1", "w@2"], ["w@1", "w@current"]])
    def test_what_differs_is_told_by_nodes_fields_and_edges(self, cli: Cli, named: list[str]) -> None:
        assert cli("diff", *named).out.splitlines() == [
            "- w @1",
            "+ w @2",
            "- node c (transform)",
            "+ node d (transform)",
            "~ node b (condition)",
            "    config.expression",
            "    - {% true %}",
            "    + {% false %}",
            "- edge b ─true→ c",
            "+ edge b ─false→ d",
            "~ graph",
            "    settings",
            '    + {"timeout_seconds": 60}',
            "  layout of 1 node",
        ]

    def test_what_differs_is_data_too(self, cli: Cli) -> None:
        told = cli.json("diff", "w")
        assert told["nodes"]["changed"] == [
            {"id": "b", "fields": [{"path": "config.expression", "before": "{% true %}", "after": "{% false %}"}]}
        ]
        assert told["edges"]["removed"] == [{"source": "b", "handle": "true", "target": "c"}]
        assert (told["graph"], told["moved"]) == ([{"path": "settings", "after": {"timeout_seconds": 60}}], ["a"])

    def test_a_file_is_compared_with_a_workflow(self, cli: Cli, file: File) -> None:
        drawn = file(BEFORE)
        assert "+ node c" in cli("diff", "w", drawn).out
        assert "no difference" in cli("diff", "w@1", drawn).out
        assert "does not tell of which workflow" in cli("diff", drawn, code=2).err

    def test_rolling_back_appends(self, cli: Cli) -> None:
        assert "version 3, which is version 1 again" in cli("rollback", "w", "1").out
        assert "no difference" in cli("diff", "w@1").out
        listed = cli("versions", "w").out.splitlines()
        assert ["current" in each for each in listed] == [False, True, False, False]
        cli("rollback", "w", "9", code=3)

    def test_only_one_version_differs_from_nothing(self, cli: Cli, owner: Api) -> None:
        owner.create(HELLO, "single")
        assert "only version 1" in cli("diff", "single", code=2).err


def test_a_graph_is_an_outline(cli: Cli, owner: Api) -> None:
    inside = node("each item", "transform", {"value": "{% $item %}"}) | {"parentId": "loop"}
    choice = node("choice", "condition", {"expression": "{% true %}"})
    drawn = graph(
        [node("end"), inside, choice, node("loop", "for_each", {"items": [1]})],
        edge("choice", "loop", "true"), edge("loop", "end"), edge("choice", "end", "false"),
    )  # fmt: skip
    owner.create(drawn, "w")
    assert cli("show", "w").out.splitlines() == [
        "w @1  4 nodes, 3 edges",
        "● choice  condition  {% true %}",
        "  └─true→ loop",
        "  └─false→ end",
        "● loop  for_each  [1]",
        "  └→ end",
        "  ● each item  transform  {% $item %}",
        "● end  transform  end",
    ]
    assert cli.json("show", "w") == drawn
