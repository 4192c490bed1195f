"""Workflows as files: what goes out comes back as it was, and nobody's edit is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.client import Api, edge, graph, node

NOTE = {"label": 'Ä\u202e"\\ \n', "custom": [1, 1.5, None, {"": -0.25}]}
ODD = {
    **graph([node("a", "trigger") | {"data": NOTE}, node("b")], edge("a", "b")),
    "unknown": {"deep": [[], {}, True, 12345678901234567]},
    "settings": {"timeout_seconds": 60},
}


@pytest.fixture
def exported(cli: Cli, owner: Api, tmp_path: Path) -> Path:
    """The file of a workflow."""
    owner.create(ODD, "Odd / one", description="d")
    file = tmp_path / "odd.json"
    cli("export", "Odd / one", "-o", str(file))
    return file


def change(file: Path, **labels: str) -> None:
    """Edit the labels of nodes in a file, which is laid out otherwise than we would."""
    content = json.loads(file.read_text())
    for drawn in content["graph_definition"]["nodes"]:
        if drawn["id"] in labels:
            drawn["data"]["label"] = labels[drawn["id"]]
    file.write_text(json.dumps(content, indent=7))


class TestExport:
    def test_comes_back_as_it_was(self, cli: Cli, owner: Api, exported: Path) -> None:
        before = cli.json("workflows")[0]
        made = cli.json("import", str(exported))[0]
        assert (made["done"], made["id"] != before["id"]) == ("created", True)
        copy = owner.get(f"/{made['id']}")
        assert (copy["name"], copy["description"], copy["graph_definition"]) == ("Odd / one", "d", ODD)

    def test_goes_to_standard_output_and_can_be_sent_as_it_is(self, cli: Cli, owner: Api, exported: Path) -> None:
        text = cli("export", "Odd / one").out
        assert text == exported.read_text()
        assert owner.send("POST", "", raw=text.encode()).status == 201

    @pytest.mark.usefixtures("exported")
    def test_an_old_version_is_there_too(self, cli: Cli, owner: Api) -> None:
        owner.put(cli.json("workflows")[0]["id"], graph_definition=graph([node("new")]))
        assert cli.json("export", "Odd / one@1")["graph_definition"] == ODD

    def test_all_go_into_a_folder_and_are_not_overwritten(self, cli: Cli, owner: Api, tmp_path: Path) -> None:
        ids = [owner.create(ODD, name)["id"] for name in ("../x", "../x", "Ω")]
        folder = tmp_path / "all" / "of them"
        cli("export", "--all", "-o", str(folder))
        names = [f"x-{ids[0][:8]}.json", f"x-{ids[1][:8]}.json", f"workflow-{ids[2][:8]}.json"]
        assert sorted(each.name for each in folder.iterdir()) == sorted(names)
        cli("export", "--all", "-o", str(folder))
        change(folder / names[0], a="mine")
        assert "--force" in cli("export", ids[0], "-o", str(folder), code=2).err
        cli("export", ids[0], "-o", str(folder), "--force")
        assert json.loads((folder / names[0]).read_text())["graph_definition"] == ODD
        cli("export", "--all", code=2)
        cli("export", code=2)


class TestUpdate:
    def test_changes_the_workflow_and_keeps_the_layout_of_the_file(self, cli: Cli, owner: Api, exported: Path) -> None:
        change(exported, b="edited")
        told = cli("import", "--update", str(exported)).out
        assert told.startswith("updated Odd / one @2")
        text = exported.read_text()
        assert '\n       "current_version": 2,' in text
        assert cli("import", "--update", str(exported)).out.startswith("unchanged Odd / one @2")
        assert (exported.read_text(), owner.get()["items"][0]["current_version"]) == (text, 2)

    def test_a_name_alone_makes_no_version(self, cli: Cli, exported: Path) -> None:
        exported.write_text(exported.read_text().replace('"Odd / one"', '"Even"'))
        assert cli("import", "--update", str(exported)).out.startswith("updated Even @1")

    def test_what_others_changed_is_not_overwritten(self, cli: Cli, owner: Api, exported: Path) -> None:
        workflow_id = cli.json("workflows")[0]["id"]
        owner.put(workflow_id, graph_definition=_labelled(ODD, b="theirs"))
        change(exported, a="mine")
        told = cli("import", "--update", str(exported), code=5).err
        assert 'since then node "b" changed' in told
        assert f"stepgraph diff {workflow_id[:8]}@1 {workflow_id[:8]}" in told
        assert f"stepgraph import --merge {exported}" in told
        assert owner.get(f"/{workflow_id}")["current_version"] == 2

    def test_both_edits_are_merged(self, cli: Cli, owner: Api, exported: Path) -> None:
        workflow_id = cli.json("workflows")[0]["id"]
        owner.put(workflow_id, graph_definition=_labelled(ODD, b="theirs"))
        change(exported, a="mine")
        assert cli.json("import", "--merge", str(exported))[0]["current_version"] == 3
        merged = owner.get(f"/{workflow_id}")["graph_definition"]
        assert merged == _labelled(ODD, a="mine", b="theirs")
        saved = json.loads(exported.read_text())
        assert (saved["graph_definition"], saved["current_version"]) == (merged, 3)

    def test_edits_of_the_same_field_conflict_also_when_merged(self, cli: Cli, owner: Api, exported: Path) -> None:
        workflow_id = cli.json("workflows")[0]["id"]
        owner.put(workflow_id, graph_definition=_labelled(ODD, b="theirs"))
        change(exported, b="mine")
        text = exported.read_text()
        assert 'node "b"' in cli("import", "--merge", str(exported), code=5).err
        assert exported.read_text() == text
        cli("import", "--force", str(exported))
        assert owner.get(f"/{workflow_id}")["graph_definition"] == _labelled(ODD, b="mine")

    def test_a_file_without_an_id_is_found_by_its_name_or_made(self, cli: Cli, file: Any) -> None:
        drawn = file(graph([node("a")]), "by-name.json")
        made = [cli.json("import", "--update", drawn)[0] for _ in range(2)]
        assert [each["done"] for each in made] == ["created", "unchanged"]
        file(graph([node("b")]), "by-name.json")
        assert cli.json("import", "--update", drawn)[0] == {
            "file": drawn, "done": "updated", "id": made[0]["id"], "name": "by-name", "current_version": 2,
        }  # fmt: skip


def _labelled(drawn: dict[str, Any], **labels: str) -> dict[str, Any]:
    nodes = [
        each | {"data": each["data"] | {"label": labels[each["id"]]}} if each["id"] in labels else each
        for each in drawn["nodes"]
    ]
    return {**drawn, "nodes": nodes}


class TestWrong:
    def test_files_are_taken_one_by_one(self, cli: Cli, file: Any, tmp_path: Path) -> None:
        file(graph([node("a")]), "1.json")
        file(graph([node("a", "nothing"), node("b")], edge("a", "b"), edge("b", "a")), "2.json")
        file("{", "3.json")
        file(graph([node("a")]), "4.json")
        told = cli("import", str(tmp_path), code=7)
        assert [line.split()[1] for line in told.out.splitlines()] == ["1", "4"]
        assert "2.json: there are 2 things to mend" in told.err
        assert 'node "a": unknown type "nothing"' in told.err
        assert "at graph_definition.nodes[0].type" in told.err
        assert "3.json is not JSON" in told.err

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ('{"nodes": [], "nodes": [], "edges": []}', "the key 'nodes' comes twice"),
            ('{"nodes": [], "edges": [], "x": NaN}', "NaN is not a JSON value"),
            ("[]", "holds no JSON object"),
            ("{}", "the file holds no graph"),
            ('{"nodes": [1], "edges": []}', "the file holds no graph"),
            ('{"nodes": [], "edges": [], "x": "\\ud800"}', "surrogate"),
        ],
    )
    def test_what_is_no_graph_is_told(self, cli: Cli, file: Any, text: str, told: str) -> None:
        assert told in cli("validate", file(text), code=7).err

    def test_a_file_that_is_not_there(self, cli: Cli, tmp_path: Path) -> None:
        cli("import", str(tmp_path / "none.json"), code=2)
        (tmp_path / "empty").mkdir()
        assert "there is no .json file" in cli("import", str(tmp_path / "empty"), code=2).err


def test_a_graph_is_checked_and_its_cost_told(cli: Cli, owner: Api, file: Any) -> None:
    drawn = file(graph([node("a")]))
    assert cli("validate", drawn).out == f"valid {drawn}  1 node; a run: 1 transitions, $0.000025\n"
    assert cli.json("validate", drawn)[0]["certificate"]["transitions"] == {"least": 1, "most": 1}
    assert owner.get()["items"] == []
