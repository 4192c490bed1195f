"""Units: every node runs once, in order, and fusing delays nothing that waits on the outside world."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from chalicelib.compiler.graph import Graph
from chalicelib.compiler.units import Unit, UnitGraph, fuse

from .strategies import PROPERTY, PURE_KINDS, any_definitions, closure, drawn, graph_definitions, parsed


def paused(graph: Graph) -> set[str]:
    kinds = ("wait", "for_each")
    return {node.id for node in graph.nodes.values() if node.type.name in kinds and not node.disabled}


def above(fused: UnitGraph) -> list[set[int]]:
    """The ancestors of every unit."""
    pairs = closure(list(fused.predecessors))
    return [{source for source, target in pairs if target == unit} for unit in range(len(fused.units))]


def home(fused: UnitGraph) -> dict[str, int]:
    return {node_id: index for index, unit in enumerate(fused.units) for node_id in unit.nodes}


def concluder(fused: UnitGraph) -> dict[str, int]:
    return {unit.concludes: index for index, unit in enumerate(fused.units) if unit.concludes}


@PROPERTY
@given(any_definitions())
def test_each_node_is_in_exactly_one_unit(definition: dict[str, Any]) -> None:
    graph = parsed(definition)
    members = [node_id for unit in fuse(graph).units for node_id in unit.nodes]
    assert sorted(members) == sorted(graph.nodes)


@PROPERTY
@given(any_definitions())
def test_a_unit_has_at_most_one_anchor_and_names_it(definition: dict[str, Any]) -> None:
    graph = parsed(definition)
    for unit in fuse(graph).units:
        assert [node_id for node_id in unit.nodes if graph.nodes[node_id].is_anchor] == (
            [unit.anchor] if unit.anchor else []
        )


@PROPERTY
@given(any_definitions())
def test_a_wait_is_last_in_its_unit_and_concluded_once_by_a_later_one(definition: dict[str, Any]) -> None:
    graph = parsed(definition)
    fused = fuse(graph)
    waiting = paused(graph)
    ancestors = above(fused)
    begun = [unit.begins for unit in fused.units if unit.begins]
    concluded = [unit.concludes for unit in fused.units if unit.concludes]
    assert sorted(begun) == sorted(concluded) == sorted(waiting)
    for unit in fused.units:
        in_unit = [node_id for node_id in unit.nodes if node_id in waiting]
        assert in_unit == ([unit.begins] if unit.begins else [])
        assert not unit.begins or unit.nodes[-1] == unit.begins
    for node_id in waiting:
        assert home(fused)[node_id] in ancestors[concluder(fused)[node_id]]


@PROPERTY
@given(any_definitions())
def test_every_drawn_order_holds(definition: dict[str, Any]) -> None:
    """Within a unit by position, between units by ancestry; as that has no cycle, units are convex."""
    graph = parsed(definition)
    fused = fuse(graph)
    ancestors, homes, ends = above(fused), home(fused), concluder(fused)
    for unit, before in enumerate(fused.predecessors):
        assert all(source < unit for source in before)
    for edge in graph.edges:
        target = homes[edge.target]
        source = ends.get(edge.source, homes[edge.source])
        if source != target:
            assert source in ancestors[target], edge
        elif edge.source not in ends:
            nodes = fused.units[target].nodes
            assert nodes.index(edge.source) < nodes.index(edge.target), edge


@PROPERTY
@given(any_definitions())
def test_fusion_delays_no_node_that_waits_on_the_outside_world(definition: dict[str, Any]) -> None:
    """None of them is held back by one that is not drawn above it."""
    graph = parsed(definition)
    slow = paused(graph) | {node.id for node in graph.nodes.values() if node.is_anchor}
    for node_id, held_by in held_back(graph, slow).items():
        if node_id in slow:
            assert held_by <= graph.ancestors(node_id), node_id


def held_back(graph: Graph, slow: set[str]) -> dict[str, set[str]]:
    """For every node, the slow ones that end before it begins."""
    fused = fuse(graph)
    ancestors = above(fused)
    held: dict[str, set[str]] = {}
    for index, unit in enumerate(fused.units):
        outside = {node_id for upper in ancestors[index] for node_id in waited_for(fused.units[upper])}
        outside |= {unit.concludes} if unit.concludes else set()
        for position, node_id in enumerate(unit.nodes):
            held[node_id] = outside | (set(unit.nodes[:position]) & slow)
    return held


def waited_for(unit: Unit) -> set[str]:
    """What ends before anything behind the unit begins."""
    return {node_id for node_id in (unit.anchor, unit.begins, unit.concludes) if node_id}


@PROPERTY
@given(any_definitions())
def test_predecessors_are_reduced(definition: dict[str, Any]) -> None:
    fused = fuse(parsed(definition))
    ancestors = above(fused)
    for before in fused.predecessors:
        assert not any(source in ancestors[other] for source in before for other in before)


@PROPERTY
@given(graph_definitions(kinds=PURE_KINDS))
def test_nodes_that_wait_for_nothing_are_one_unit(definition: dict[str, Any]) -> None:
    graph = parsed(definition)
    fused = fuse(graph)
    assert len(fused.units) == 1
    assert fused.units[0].anchor is None
    assert fused.units[0].begins is None


def test_a_condition_and_what_follows_ride_along_with_the_request_between() -> None:
    fused = fuse(parsed(drawn(["trigger", "io", "condition", "pure"], [(0, 1, 0), (1, 2, 0), (2, 3, 0)])))
    assert fused.units == (Unit(("n0", "n1", "n2", "n3"), anchor="n1"),)


def test_two_requests_side_by_side_are_two_units() -> None:
    fused = fuse(parsed(drawn(["trigger", "io", "io", "pure"], [(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 0)])))
    one, two = home(fused)["n1"], home(fused)["n2"]
    assert one != two
    assert one not in above(fused)[two]
    assert two not in above(fused)[one]


def test_a_wait_ends_the_unit_before_it_and_begins_the_one_behind_it() -> None:
    fused = fuse(parsed(drawn(["pure", "wait", "pure"], [(0, 1, 0), (1, 2, 0)])))
    assert fused.units == (Unit(("n0", "n1"), begins="n1"), Unit(("n2",), concludes="n1"))
