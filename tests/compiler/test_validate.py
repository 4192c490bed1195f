"""Everything that is wrong with a graph is told at once, each in words and with its place."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.compiler.parsing import parse
from chalicelib.compiler.problems import InvalidGraphError, MalformedGraphError, Problem
from chalicelib.nodes import node_types

URL = "https://api.example.com/things"


def node(node_id: str, node_type: str = "transform", config: Any = None, **data: Any) -> dict[str, Any]:
    if config is None and node_type == "transform":
        config = {"value": 1}
    return {"id": node_id, "type": node_type, "position": {"x": 0, "y": 0}, "data": {"config": config, **data}}


def value(expression: Any, node_id: str = "b") -> dict[str, Any]:
    return node(node_id, config={"value": expression})


def graph(*nodes: dict[str, Any], edges: Any = ()) -> dict[str, Any]:
    """Edges are `a>b` or `a:handle>b`."""
    drawn = []
    for index, text in enumerate(edges):
        source, _, target = text.partition(">")
        source, _, handle = source.partition(":")
        drawn.append({"id": f"e{index}", "source": source, "target": target, "sourceHandle": handle or None})
    return {"nodes": list(nodes), "edges": drawn}


def parsed(definition: Any, **limits: int) -> Any:
    return parse(definition, node_types(), **limits)


def problems(definition: Any, **limits: int) -> list[Problem]:
    with pytest.raises(InvalidGraphError) as caught:
        parsed(definition, **limits)
    return list(caught.value.problems)


def problem(definition: Any, **limits: int) -> Problem:
    (only,) = problems(definition, **limits)
    return only


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        graph(
            node("a", "http_request", {"url": URL}, timeout_seconds=0, join="some", retry={"max_attempts": 0}),
            node("b", "htp_request"),
            node("c", "http_request", {"metod": "GET"}),
            value("{% ( %}", "d"),
            value("{% $nodes.zz.output & $inptu %}", "f"),
            node("x"),
            node("y"),
            edges=["x>y", "y>x", "a:no>b", "gone>a"],
        )
    )
    assert {(item.code, item.path, item.node_id, item.edge_id) for item in found} == {
        ("bad_timeout_seconds", "nodes[0].data.timeout_seconds", "a", None),
        ("bad_join", "nodes[0].data.join", "a", None),
        ("bad_retry", "nodes[0].data.retry.max_attempts", "a", None),
        ("unknown_type", "nodes[1].type", "b", None),
        ("bad_config", "nodes[2].data.config.url", "c", None),
        ("bad_config", "nodes[2].data.config.metod", "c", None),
        ("bad_expression", "nodes[3].data.config.value", "d", None),
        ("bad_reference", "nodes[4].data.config.value", "f", None),
        ("unknown_variable", "nodes[4].data.config.value", "f", None),
        ("cycle", "edges", "x", None),
        ("unknown_handle", "edges[2].sourceHandle", None, "e2"),
        ("missing_node", "edges[3].source", None, "e3"),
    }


def test_a_problem_as_json_leaves_out_ids_that_do_not_apply() -> None:
    shown = problem(graph(node("a", "nope"))).as_json()
    assert set(shown) == {"code", "message", "path", "node_id"}


def test_a_cycle_is_refused_with_its_path_in_the_order_of_the_edges() -> None:
    found = problem(graph(*(node(name) for name in "abcde"), edges=["a>b", "b>c", "c>d", "d>b", "d>e"]))
    assert found.code == "cycle"
    assert found.message.partition(": ")[2] in ("b → c → d → b", "c → d → b → c", "d → b → c → d")
    assert found.node_id in ("b", "c", "d")


def test_every_self_loop_is_told() -> None:
    names = [f"n{number}" for number in range(60)]
    found = problems(graph(*(node(name) for name in names), edges=[f"{name}>{name}" for name in names]))
    assert [item.node_id for item in found] == names


def test_a_self_loop_is_a_cycle() -> None:
    assert problem(graph(node("a"), edges=["a>a"])).message.endswith("a → a")


def test_two_separate_cycles_are_both_told() -> None:
    found = problems(graph(*(node(name) for name in "abcd"), edges=["a>b", "b>a", "c>d", "d>c", "b>c"]))
    assert [item.code for item in found] == ["cycle", "cycle"]
    assert {frozenset(item.message.partition(": ")[2].split(" → ")) for item in found} == {
        frozenset("ab"),
        frozenset("cd"),
    }


def test_an_edge_to_nowhere_is_refused_at_each_end_with_a_guess() -> None:
    found = problems(graph(node("fetch"), edges=["fetsh>fetch", "fetch>nowhere", "gone>gone"]))
    assert [(item.code, item.path, item.edge_id) for item in found] == [
        ("missing_node", "edges[0].source", "e0"),
        ("missing_node", "edges[1].target", "e1"),
        ("missing_node", "edges[2].source", "e2"),
        ("missing_node", "edges[2].target", "e2"),
    ]
    assert 'did you mean "fetch"?' in found[0].message
    assert "did you mean" not in found[1].message


def test_ids_are_given_once() -> None:
    definition = graph(node("a"), node("a"), node("b"), edges=["a>b", "a>b"])
    definition["edges"][1]["id"] = "e0"
    assert [(item.code, item.path) for item in problems(definition)] == [
        ("duplicate_node_id", "nodes[1].id"),
        ("duplicate_edge_id", "edges[1].id"),
    ]


def test_a_node_and_an_edge_may_have_the_same_id() -> None:
    definition = graph(node("a"), node("b"), edges=["a>b"])
    definition["edges"][0]["id"] = "a"
    assert list(parsed(definition).nodes) == ["a", "b"]


def test_an_unknown_type_is_refused_with_a_guess_and_the_list_of_known_ones() -> None:
    message = problem(graph(node("a", "htp_request"))).message
    assert 'did you mean "http_request"?' in message
    assert f"known types: {', '.join(sorted(node_types()))}" in message


@pytest.mark.parametrize("drawn", [{"id": "a"}, {"id": "a", "type": None}, {"id": "a", "type": ""}])
def test_a_node_without_a_type_is_refused(drawn: dict[str, Any]) -> None:
    found = problem({"nodes": [drawn], "edges": []})
    assert (found.code, found.path) == ("unknown_type", "nodes[0].type")
    assert "it has no type" in found.message


@pytest.mark.parametrize(
    ("source", "handle", "known"),
    [
        (node("a"), "true", '"out"'),
        (node("a", "condition", {"expression": True}), "", '"true", "false"'),
        (node("a", "condition", {"expression": True}), "out", '"true", "false"'),
        (node("a", "switch", {"value": 1, "cases": ["x"]}), "case:y", '"case:x", "default"'),
        (node("a", "switch", {"value": 1, "cases": ["x"]}), "x", '"case:x", "default"'),
        (node("a", "fail"), "out", "none"),
    ],
)
def test_a_handle_that_the_source_lacks_is_refused_with_those_it_has(
    source: dict[str, Any], handle: str, known: str
) -> None:
    found = problem(graph(source, node("b"), edges=[f"a:{handle}>b"]))
    assert (found.code, found.path, found.edge_id) == ("unknown_handle", "edges[0].sourceHandle", "e0")
    assert found.message.endswith(f"its handles: {known}")


def test_the_error_handle_needs_on_error_branch() -> None:
    for on_error in ("fail", "continue", None):
        found = problem(graph(node("a", on_error=on_error), node("b"), edges=["a:error>b"]))
        assert found.code == "unknown_handle"
        assert 'on_error "branch"' in found.message
    assert parsed(graph(node("a", on_error="branch"), node("b"), edges=["a:error>b"])).edges[0].handle == "error"


@pytest.mark.parametrize("handle", [None, "", "out"])
def test_no_handle_means_the_default_output(handle: str | None) -> None:
    definition = graph(node("a"), node("b"), edges=["a>b"])
    definition["edges"][0]["sourceHandle"] = handle
    assert parsed(definition).edges[0].handle == "out"


@pytest.mark.parametrize("key", ["default", "a b", '"', "😀", "true", "x:y", "__proto__", "\n"])
def test_a_case_may_be_any_text(key: str) -> None:
    definition = graph(node("a", "switch", {"value": 1, "cases": [key]}), node("b"), edges=["a>b"])
    definition["edges"][0]["sourceHandle"] = f"case:{key}"
    assert parsed(definition).edges[0].handle == f"case:{key}"


def test_handles_of_a_broken_config_are_not_guessed() -> None:
    definition = graph(node("a", "switch", {"value": 1, "cases": "x"}), node("b"), edges=["a:case:x>b"])
    assert problem(definition).code == "bad_config"


@pytest.mark.parametrize(
    ("retry", "path"),
    [
        ({"max_attempts": 0}, "retry.max_attempts"),
        ({"max_attempts": 51}, "retry.max_attempts"),
        ({"max_attempts": True}, "retry.max_attempts"),
        ({"max_attempts": 2.5}, "retry.max_attempts"),
        ({"max_attempts": "3"}, "retry.max_attempts"),
        ({"interval_seconds": 0}, "retry.interval_seconds"),
        ({"interval_seconds": True}, "retry.interval_seconds"),
        ({"interval_seconds": 86_401}, "retry.interval_seconds"),
        ({"backoff_rate": 0.99}, "retry.backoff_rate"),
        ({"backoff_rate": 101}, "retry.backoff_rate"),
        ({"backoff_rate": True}, "retry.backoff_rate"),
        ({"backoff_rate": "2"}, "retry.backoff_rate"),
        ({"max_delay_seconds": 0}, "retry.max_delay_seconds"),
        ({"max_delay_seconds": True}, "retry.max_delay_seconds"),
        ({"max_delay_seconds": 86_401}, "retry.max_delay_seconds"),
        ({"interval_seconds": 9, "max_delay_seconds": 8}, "retry"),
        ({"jitter": "some"}, "retry.jitter"),
        ({"max_atempts": 2}, "retry.max_atempts"),
        (3, "retry"),
        ([], "retry"),
    ],
)
def test_a_bad_retry_is_refused(retry: Any, path: str) -> None:
    found = problem(graph(node("a", retry=retry)))
    assert (found.code, found.path, found.node_id) == ("bad_retry", f"nodes[0].data.{path}", "a")


def test_the_bounds_of_a_retry_are_allowed() -> None:
    for retry in (
        {"max_attempts": 1, "interval_seconds": 1, "backoff_rate": 1, "max_delay_seconds": 1, "jitter": False},
        {"max_attempts": 50.0, "interval_seconds": 86_400, "max_delay_seconds": 86_400, "jitter": "FULL"},
    ):
        assert parsed(graph(node("a", retry=retry))).nodes["a"].max_attempts == retry["max_attempts"]


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        *(("timeout_seconds", wrong) for wrong in (0, -1, 841, 1.5, True, "5", [], 10**400, 1e308)),
        *(("on_error", wrong) for wrong in ("ignore", 1, True, [])),
        *(("join", wrong) for wrong in ("some", 1, [])),
        *(("disabled", wrong) for wrong in ("true", 1, 0, [])),
    ],
)
def test_a_bad_setting_is_refused(setting: str, wrong: Any) -> None:
    found = problem(graph(node("a", **{setting: wrong})))
    assert (found.code, found.path) == (f"bad_{setting}", f"nodes[0].data.{setting}")
    assert found.message.startswith(f'node "a": {setting}: ')


def test_all_settings_that_are_wrong_are_told() -> None:
    found = problems(graph(node("a", retry=1, timeout_seconds="x", on_error=5, join=5, disabled=5)))
    assert {item.code for item in found} == {
        "bad_retry",
        "bad_timeout_seconds",
        "bad_on_error",
        "bad_join",
        "bad_disabled",
    }


def test_settings_that_are_null_are_defaults() -> None:
    unset = dict.fromkeys(["label", "retry", "timeout_seconds", "on_error", "join", "disabled"])
    found = parsed(graph(node("a", "trigger", None, **unset))).nodes["a"]
    assert (found.label, found.retry, found.timeout_seconds) == ("", None, None)
    assert (found.on_error, found.join, found.disabled) == ("fail", "any", False)


def test_layout_and_unknown_keys_are_ignored() -> None:
    definition = graph(node("a", anything=[1], label={"rich": "text"}), node("b"), edges=["a>b"])
    definition |= {"viewport": {"x": 1, "zoom": "far"}, "settings": {"x": 1}, "extra": object()}
    definition["nodes"][0] |= {"position": "somewhere", "measured": None, "selected": 3, "style": []}
    definition["edges"][0] |= {"type": "smoothstep", "animated": "yes", "data": 1, "targetHandle": 4}
    assert parsed(definition).nodes["a"].title == '"a"'


def test_a_parent_is_refused_while_there_are_no_containers() -> None:
    definition = graph(node("a"), node("b"))
    definition["nodes"][1]["parentId"] = "a"
    found = problem(definition)
    assert (found.code, found.path, found.node_id) == ("bad_parent", "nodes[1].parentId", "b")


def test_too_many_nodes_are_refused_with_the_number() -> None:
    found = problem(graph(*(node(str(index)) for index in range(4))), max_nodes=3)
    assert found.code == "too_many_nodes"
    assert "4" in found.message
    assert "3" in found.message


def test_nodes_come_out_in_topological_order_with_edges_both_ways() -> None:
    found = parsed(graph(node("c"), node("b"), node("a"), edges=["a>b", "b>c", "a>c", "a>c"]))
    assert list(found.nodes) == ["a", "b", "c"]
    assert found.predecessors("c") == ("b", "a")
    assert [edge.id for edge in found.outgoing["a"]] == ["e0", "e2", "e3"]
    assert found.ancestors("c") == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{% ( %}", "bad_expression", 'at character 1: the "(" that begins here is not closed'),
        ("so {% 1 + %} it goes", "bad_expression", "at character 4: the expression ends"),
        ("{% %}", "bad_expression", "the expression is empty"),
        ("{% $input.x", "bad_expression", "is not closed by %}"),
        ("{% 1 %} and {% 2", "bad_expression", "is not closed by %}"),
        ('{% "a %}', "bad_expression", "at character 1: the text that begins here is not closed"),
        ("{% $uuid(1) %}", "wrong_arguments", "at character 1: $uuid takes 0 arguments, found 1"),
        ("{% $dateAd(1) %}", "unknown_function", 'there is no function $dateAd(); did you mean "$dateAdd"?'),
        ("{% $inptu.x %}", "unknown_variable", 'did you mean "$input"?; there are $input, $nodes, $run, $secrets'),
        ("{% $input[a = $b] %}", "unknown_variable", "$b is not defined"),
        ("{% $upercase($input.x) %}", "unknown_function", 'did you mean "$uppercase"?'),
        ('{% $eval("1") %}', "unknown_function", "there is no function $eval()"),
        ("{% $map([1], $eval) %}", "unknown_variable", "$eval is not defined"),
        ("{% $nodes.aa.output %}", "bad_reference", '$nodes.aa is not a node; did you mean "a"?'),
        ("{% $nodes.later.output %}", "bad_reference", "is not upstream"),
        ("{% $nodes.b.output %}", "bad_reference", "is not upstream"),
        ("{% $nodes.beside.output %}", "bad_reference", "is not upstream"),
        ("{% $nodes.a.body %}", "bad_reference", "$nodes.a has no body; write $nodes.a.output.body"),
        ('{% $nodes."x y".output %}', "bad_reference", "$nodes.x y is not a node"),
    ],
)
def test_a_bad_expression_is_refused_wherever_it_stands(text: str, code: str, message: str) -> None:
    for place, where in (
        (text, "value"),
        ({"deep": [1, {"in": text}]}, "value.deep[1].in"),
        ([[text]], "value[0][0]"),
    ):
        found = problem(
            graph(node("a"), value(place), node("later"), node("beside"), edges=["a>b", "b>later", "a>beside"])
        )
        assert (found.code, found.path, found.node_id) == (code, f"nodes[1].data.config.{where}", "b")
        assert found.message.startswith(f'node "b": config {where}: ')
        assert message in found.message


@pytest.mark.parametrize(
    "text",
    [
        "{% $nodes.a.output %}",
        "{% $nodes.a.status & $nodes.a.error.message %}",
        "{% $nodes.`a-b`.output %}",
        '{% $nodes."a b".output %}',
        "{% $nodes.far.output %}",
        "{% $lookup($nodes, 'a') %}",
        "{% $keys($nodes) %}",
        '{% "100 %}" %}',
        '{% "100 %}" & $input.x %} and {% 1 %}',
        "{% $map([1], function($v, $i) { $v + $i }) %}",
        "{% ($x := 1; $x) %}",
        "{% items#$i.($i) %}",
        '{% $match($input, /"/) %}',
        "{% /* $unknown ( */ 1 %}",
        "{% '$unknown' & \"$unknown\" & `$unknown` %}",
        "{% $run.id & $run.started_at %}",
        "no expression, 50 % of {it}",
        "",
    ],
)
def test_a_good_expression_is_accepted(text: str) -> None:
    upstream = [node(name) for name in ("far", "a", "a-b", "a b")]
    parsed(graph(*upstream, value(text), edges=["far>a", "a>b", "a-b>b", "a b>b"]))


def test_references_on_a_cycle_are_not_told_as_well() -> None:
    definition = graph(value("{% $nodes.b.output %}", "a"), value("{% $nodes.a.output %}"), edges=["a>b", "b>a"])
    assert problem(definition).code == "cycle"


def test_a_node_behind_a_cycle_may_refer_to_one_before_it() -> None:
    nodes = [node("a"), value("{% $nodes.a.output %}", "b"), node("c"), value("{% $nodes.a.output %}", "d")]
    assert problem(graph(*nodes, edges=["a>b", "b>c", "c>b", "c>d"])).code == "cycle"


def test_several_problems_of_one_expression_are_all_told() -> None:
    found = problems(graph(value("{% $one & $two & $three() & $nodes.x.output %}")))
    assert [item.code for item in found] == [
        "unknown_variable",
        "unknown_variable",
        "unknown_function",
        "bad_reference",
    ]


@pytest.mark.parametrize(
    ("definition", "paths"),
    [
        (None, [""]),
        ([], [""]),
        ("graph", [""]),
        ({}, ["nodes", "edges"]),
        ({"nodes": None, "edges": {}}, ["nodes", "edges"]),
        (
            {
                "nodes": [1, {}, {"id": 1}, {"id": ""}, {"id": "x" * 201}, {"id": "x", "type": 1, "data": []}],
                "edges": [None, {"id": "e"}, {"id": "e", "source": 1, "target": None, "sourceHandle": 1}],
            },
            [
                *("nodes[0]", "nodes[1].id", "nodes[2].id", "nodes[3].id", "nodes[4].id"),
                *("nodes[5].type", "nodes[5].data"),
                *("edges[0]", "edges[1].source", "edges[1].target"),
                *("edges[2].source", "edges[2].target", "edges[2].sourceHandle"),
            ],
        ),
        ({"nodes": [{"id": "a", "parentId": 1}], "edges": [], "viewport": []}, ["nodes[0].parentId", "viewport"]),
    ],
)
def test_what_is_not_shaped_like_a_graph_is_malformed_with_every_misshapen_part(
    definition: Any, paths: list[str]
) -> None:
    with pytest.raises(MalformedGraphError) as caught:
        parsed(definition)
    assert [found.path for found in caught.value.problems] == paths
    assert {found.code for found in caught.value.problems} == {"malformed_graph"}


def test_an_empty_graph_is_valid() -> None:
    assert parsed({"nodes": [], "edges": []}).nodes == {}


@pytest.mark.parametrize("node_id", ["$", "..", "😀", "a" * 200, "__proto__", "constructor", "{% 1 %}", 'a"b', " "])
def test_any_text_is_an_id(node_id: str) -> None:
    definition = {
        "nodes": [node(node_id), node("z")],
        "edges": [{"id": node_id, "source": node_id, "target": "z"}],
    }
    assert set(parsed(definition).nodes) == {node_id, "z"}


def inside(parent: Any, *nodes: dict[str, Any]) -> list[dict[str, Any]]:
    return [item | {"parentId": parent} for item in nodes]


def each(node_id: str) -> dict[str, Any]:
    return node(node_id, "for_each", {"items": [1]})


@pytest.mark.parametrize(
    ("nodes", "code", "node_id", "message"),
    [
        ([each("a")], "empty_container", "a", "it is empty"),
        (inside("b", node("a")), "bad_parent", "a", 'its parent "b" is not a node'),
        ([*inside("b", node("a")), node("b")], "bad_parent", "a", "is not a container"),
        (inside("a", each("a")), "bad_parent", "a", "is inside itself"),
        (
            [
                each("a"),
                *inside("a", each("b")),
                *inside("b", each("c")),
                *inside("c", each("d")),
                *inside("d", node("e")),
            ],
            "too_deep",
            "d",
            "container number 4",
        ),
        (
            [each("a"), *inside("a", node("b")), value("{% $item %}", "c")],
            "bad_reference",
            "c",
            "only inside a container",
        ),
        ([each("a"), *inside("a", node("b")), value("{% $nodes.b.output %}", "c")], "bad_reference", "c", "inside a"),
        ([each("a"), *inside("a", value("{% $nodes.a.output %}"))], "bad_reference", "b", "$item is the item"),
    ],
)
def test_what_is_wrong_with_a_container_is_told(
    nodes: list[dict[str, Any]], code: str, node_id: str, message: str
) -> None:
    found = problems(graph(*nodes))
    (told,) = (item for item in found if item.code == code)
    assert told.node_id == node_id
    assert message in told.message


@pytest.mark.parametrize(("edge", "words"), [("b>c", 'leaves "a"'), ("c>b", 'goes into "a"')])
def test_an_edge_across_the_border_of_a_container_is_refused(edge: str, words: str) -> None:
    found = problem(graph(each("a"), *inside("a", node("b")), node("c"), edges=[edge]))
    assert (found.code, found.edge_id) == ("crosses_border", "e0")
    assert words in found.message


def test_containers_hold_their_bodies_apart_from_the_nodes_around_them() -> None:
    body = value("{% $item + $index + $nodes.a.output %}", "c")
    found = parsed(graph(node("a"), each("b"), *inside("b", body, each("d")), *inside("d", node("e")), edges=["a>b"]))
    assert list(found.nodes) == ["a", "b"]
    assert list(found.bodies["b"].nodes) == ["c", "d"]
    assert list(found.scope("d").nodes) == ["e"]
    assert found.scope("d").outside == {"a"}


def test_item_may_be_a_name_of_the_expressions_own_anywhere() -> None:
    """`$map(…, function($item, $index) {…})` is how JSONata's own documentation names them."""
    assert parsed(graph(value("{% $map($input.list, function($item, $index) { $item.price * $index }) %}")))
