"""What is emitted does what was drawn: it is run in a simulator, and compared with the rules read from the drawing."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.rules import FAILED_ON, Drawing, evaluate
from bench.simulator import SimulationError, World, simulate
from chalicelib.compiler.blocks import Choice, walk
from tests.real_graphs import real_graphs

from .simulated import Compiled, statuses
from .strategies import (
    DECIDING_KINDS,
    KINDS,
    PROPERTY,
    any_definitions,
    anything,
    drawn,
    graph_definitions,
    nested_definitions,
    with_bodies,
)
from .test_validate import graph

SEEDS = st.integers(0, 10**6)
MANY = {False: 400, True: 20_000}
MOST_COMBINATIONS = 108
CONDITIONAL = ("io", "pure", "io", "disabled io", "disabled condition", "wait", *DECIDING_KINDS)


def few_choices() -> st.SearchStrategy[dict[str, Any]]:
    """Conditional graphs of which every combination of handles can be tried."""
    definitions = graph_definitions(CONDITIONAL, max_size=12)
    return definitions.filter(lambda definition: 1 < Compiled(definition).combinations <= MOST_COMBINATIONS)


@PROPERTY
@given(any_definitions(), SEEDS)
def test_every_node_ends_as_the_rules_say(definition: dict[str, Any], seed: int) -> None:
    """Once in each item, never before its sources are decided, and some unit sees that all is done."""
    compiled = Compiled(definition)
    world = compiled.worlds(seed)
    expected = compiled.expected(world)
    assert statuses(compiled.run(world)) == {node_id: {ran.status} for node_id, ran in expected.items()}


@PROPERTY
@given(any_definitions(), SEEDS)
def test_no_concurrency_is_lost(definition: dict[str, Any], seed: int) -> None:
    """A node that takes its time and runs begins exactly when its last source is decided, where a skipped node is
    decided with its own last source; the run is as long as the critical path. Only light nodes may be later, as they
    ride with others."""
    compiled = Compiled(definition)
    world = compiled.worlds(seed)
    report, expected = compiled.run(world), compiled.expected(world)
    slow = {*compiled.slow, *compiled.containers} & compiled.graph.nodes.keys()
    ran = {node_id for node_id in slow if expected[node_id].status == "ran"}
    assert {node_id: report.nodes[node_id] for node_id in ran} == {node_id: expected[node_id] for node_id in ran}
    assert report.makespan == max((each.end for each in expected.values()), default=0)


@PROPERTY
@given(any_definitions(), SEEDS)
def test_what_comes_first_of_what_happens_at_once_changes_nothing(definition: dict[str, Any], seed: int) -> None:
    compiled = Compiled(definition)
    worlds = [compiled.worlds(seed), compiled.worlds(seed)]
    one, other = (compiled.run(World(w.seconds, w.choices, w.items, seed=tie)) for tie, w in enumerate(worlds))
    assert statuses(one) == statuses(other)
    assert (one.makespan, one.transitions, one.calls) == (other.makespan, other.transitions, other.calls)


def test_many_graphs_run_as_drawn(pytestconfig: pytest.Config) -> None:
    """Larger and denser than hypothesis draws them: what the tests above say of a run, all at once."""
    for seed in range(MANY[pytestconfig.getoption("--all")]):
        compiled = Compiled(anything(Random(seed)))
        for world in map(compiled.worlds, range(4 * seed, 4 * seed + 4)):
            report, expected = compiled.run(world), compiled.expected(world)
            assert statuses(report) == {node_id: {ran.status} for node_id, ran in expected.items()}, seed
            assert report.makespan == max(ran.end for ran in expected.values()), seed
            check_cost(compiled, world)


@PROPERTY
@given(few_choices(), SEEDS)
def test_the_skip_rule_holds_for_every_combination_of_handles(definition: dict[str, Any], seed: int) -> None:
    compiled = Compiled(definition)
    world = compiled.worlds(seed)
    for choices in compiled.all_choices():
        chosen = World(world.seconds, choices, seed=seed)
        report, expected = compiled.run(chosen), compiled.expected(chosen)
        assert statuses(report) == {node_id: {ran.status} for node_id, ran in expected.items()}, choices
        assert report.makespan == max(ran.end for ran in expected.values()), choices


@PROPERTY
@given(few_choices())
def test_what_every_combination_costs_is_within_what_is_certified(definition: dict[str, Any]) -> None:
    compiled = Compiled(definition)
    for choices in compiled.all_choices():
        check_cost(compiled, World(choices=choices))


@PROPERTY
@given(nested_definitions(), SEEDS, st.integers(0, 5))
def test_what_containers_cost_is_within_what_is_certified(definition: dict[str, Any], seed: int, items: int) -> None:
    compiled = Compiled(definition)
    world = compiled.worlds(seed)
    check_cost(compiled, World(choices=world.choices, items=dict.fromkeys(compiled.containers, items)))


def check_cost(compiled: Compiled, world: World) -> None:
    report, cost = compiled.run(world), compiled.plan.cost
    assert cost.least.transitions <= report.transitions <= cost.most.transitions
    assert cost.least.events <= report.events <= cost.most.events
    assert cost.least.calls <= report.calls <= cost.most.calls


@PROPERTY
@given(graph_definitions(tuple(kind for kind in KINDS if "retried" not in kind)), SEEDS)
def test_a_graph_without_conditions_costs_exactly_what_is_certified(definition: dict[str, Any], seed: int) -> None:
    """Without the retries that its requests may take."""
    single = definition | {"nodes": [once(node) for node in definition["nodes"]]}
    compiled = Compiled(single)
    if compiled.plan.told:
        return
    report, cost = compiled.run(compiled.worlds(seed)), compiled.plan.cost
    assert cost.least == cost.most
    assert (report.transitions, report.events, report.calls) == (
        cost.most.transitions,
        cost.most.events,
        cost.most.calls,
    )


def once(node: dict[str, Any]) -> dict[str, Any]:
    return node | {"data": node["data"] | {"retry": {"max_attempts": 1}}}


@pytest.mark.skipif(not real_graphs(), reason="the collection of real graphs is not part of the project")
def test_real_graphs_run_as_drawn() -> None:
    for line in real_graphs():
        compiled = Compiled(line["graph_definition"])
        choices = chosen(line)
        world = World(dict.fromkeys(compiled.slow, 1.0), choices)
        report, expected = compiled.run(world), compiled.expected(world)
        assert {node_id: found.pop() for node_id, found in statuses(report).items()} == {
            node_id: "skipped" if status == "skipped" else "ran" for node_id, status in line["expect"].items()
        }, line["name"]
        assert report.makespan == max(ran.end for ran in expected.values())


def chosen(line: dict[str, Any]) -> dict[str, str]:
    """The handles that a line of the collection decides for."""
    types = {node["id"]: node for node in line["graph_definition"]["nodes"]}
    found = {}
    for node_id, decision in line["decisions"].items():
        if isinstance(decision, bool):
            found[node_id] = "true" if decision else "false"
        else:
            known = decision in types[node_id]["data"]["config"]["cases"]
            found[node_id] = f"case:{decision}" if known else "default"
    failing = {node_id: types[node_id]["data"].get("on_error") for node_id in line["fails"]}
    return found | {node_id: "error" if by == "branch" else FAILED_ON for node_id, by in failing.items()}


def test_items_run_as_many_at_once_as_was_drawn() -> None:
    """Five items of 2 s, two at once, with one of 1 s inside each, three of them in a row: 3 × (2 + 1)."""
    definition = with_bodies(drawn(["each"], []), n0=(["io", "each with branch"], [(0, 1, 0)]))
    definition = with_bodies(definition, **{"n0.n1": (["io"], [])})
    compiled = Compiled(definition)
    world = World({"n0.n0": 2.0, "n0.n1.n0": 1.0}, items={"n0": 5, "n0.n1": 3})
    report = compiled.run(world)
    assert report.makespan == 9.0 == compiled.expected(world)["n0"].end
    assert sum(key.endswith("n0.n1.n0") for key in report.nodes) == 15


def test_a_batch_runs_all_items_of_a_light_body() -> None:
    compiled = Compiled(with_bodies(drawn(["each"], []), n0=(["pure", "condition"], [(0, 1, 0)])))
    report = compiled.run(World(items={"n0": 1001}, choices={"n0.n1": "true"}))
    assert sum(key.endswith("n0.n1") for key in report.nodes) == 1001
    assert report.calls == 2 + 3


def test_a_container_without_items_ends_at_once() -> None:
    compiled = Compiled(with_bodies(drawn(["each"], []), n0=(["io"], [])))
    assert set(compiled.run(World(items={"n0": 0})).nodes) == {"n0"}


SAFE = drawn(["io", "io"], [(0, 1, 0)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda states: states["n0"].update(End=True) or states["n0"].pop("Next"), "never decided: n1"),
        (lambda states: states["n1"]["Parameters"]["Payload"]["unit"].update(nodes=["n0"]), "n0 runs twice"),
        (lambda states: states["n0"]["Parameters"]["Payload"]["unit"].update(nodes=["n1"]), "n1 begins before n0"),
        (lambda states: states["n1"]["Parameters"]["Payload"]["unit"].update(last=False), "no unit saw"),
    ],
)
def test_the_simulator_refuses_what_is_not_drawn(change: Any, words: str) -> None:
    emission = Compiled(SAFE).emission
    change(emission.definition["States"])
    with pytest.raises(SimulationError, match=words):
        simulate(emission.definition, SAFE, World())


def test_the_simulator_tells_a_gate_that_never_opens() -> None:
    compiled = Compiled(drawn(["io"] * 4, [(0, 2, 0), (1, 2, 0), (1, 3, 0)]))
    (gate,) = compiled.emission.gates
    text = compiled.emission.text.replace('"awaited":true', '"awaited":false')
    assert compiled.run(World({"n1": 1.0})).gates == 1
    with pytest.raises(SimulationError, match=f"it hangs: .*{gate}"):
        simulate(json.loads(text), compiled.definition, World({"n1": 1.0}))


def test_rules_of_a_dead_region() -> None:
    """n1 is dead by the condition at once, so n2, which asks for both, waits for n3 alone and is skipped then."""
    definition = drawn(["condition", "io", "io", "io"], [(0, 1, 0), (1, 2, 0), (3, 2, 0)], joins=[2])
    found = evaluate(Drawing.of(definition), {"n1": 5.0, "n2": 5.0, "n3": 2.0}, {"n0": "false"}, {})
    assert (found["n1"].status, found["n1"].end) == ("skipped", 0.0)
    assert (found["n2"].status, found["n2"].end) == ("skipped", 2.0)


def test_a_unit_before_choices_that_all_pass_by_settles_the_run() -> None:
    """Two conditions in one unit, and what each leads to in a Choice of its own, side by side: behind that unit nothing
    need run."""
    links = [(0, 1, 0), (0, 2, 0), (1, 2, 1), (1, 3, 1), (2, 4, 1)]
    compiled = Compiled(drawn(["io", "condition", "condition", "io", "io"], links))
    report = compiled.run(World(choices={"n1": "true", "n2": "true"}))
    assert {node_id for node_id, ran in report.nodes.items() if ran.status == "ran"} == {"n0", "n1", "n2"}


def test_a_gate_waits_for_what_rides_along_with_dead_nodes() -> None:
    """n1 is dead when n0 is done, and with it all to n5, for which the gate before n13 waits; but n12, in the unit of
    n1, comes before n13, and is not dead."""
    types = {
        **dict.fromkeys(("n1", "n4", "n19", "n26"), "io"),
        **dict.fromkeys(("n3", "n12", "n13", "n20"), "pure"),
        "n0": "io with branch",
        "n5": "condition",
    }
    edges = """n0:error>n1 n1:out>n3 n3:out>n4 n4:out>n5 n0:out>n12 n1:out>n12 n5:false>n13 n12:out>n13 n0:error>n19
        n19:out>n20 n13>n20 n4:out>n26"""
    check_run(Compiled(typed(types, edges)), {"n0": "out", "n5": "false"})


def typed(types: dict[str, str], edges: str) -> dict[str, Any]:
    """A graph of nodes by their kinds, in the order of their numbers."""
    ids = sorted(types, key=lambda node_id: int(node_id[1:]))
    return graph(*({"id": node_id, **KINDS[types[node_id]][0]} for node_id in ids), edges=edges.split())


def test_a_choice_that_passes_a_gate_by_keeps_what_the_gate_waits_for() -> None:
    """n34 is dead at once by n0, and the Choice round it and its gate is passed by; but n40 behind it comes after n35,
    which rides with n2, that the gate would have waited for."""
    types = {
        **dict.fromkeys(("n0", "n1", "n16", "n62"), "condition that continues"),
        **dict.fromkeys(("n2", "n40", "n52"), "io"),
        **dict.fromkeys(("n18", "n29", "n31", "n34", "n49", "n51", "n59"), "pure"),
        "n9": "io with branch",
        "n12": "switch",
        "n14": "condition",
        "n30": "wait",
        "n35": "fail",
    }
    edges = """n0:true>n1 n1:false>n2 n1:true>n9 n2:out>n14 n12:default>n16 n14:false>n16 n9:out>n18 n16:true>n29
        n18:out>n31 n31:out>n34 n2:out>n34 n29:out>n35 n35:error>n40 n34:out>n40 n16:true>n49 n30:out>n49 n34:out>n51
        n30:out>n51 n9:error>n52"""
    choices = {"n0": "false", "n1": FAILED_ON, "n9": "error", "n12": "default", "n14": "true", "n16": FAILED_ON}
    check_run(Compiled(typed(types, edges)), choices | {"n35": "error", "n62": FAILED_ON})


def check_run(compiled: Compiled, choices: dict[str, str]) -> None:
    """Whatever comes first of what happens at once."""
    seconds = {node_id: float(number) for number, node_id in enumerate(compiled.slow, 1)}
    for seed in range(10):
        world = World(seconds, choices, seed=seed)
        report, expected = compiled.run(world), compiled.expected(world)
        assert statuses(report) == {node_id: {ran.status} for node_id, ran in expected.items()}
        assert report.makespan == max(ran.end for ran in expected.values())


@PROPERTY
@given(graph_definitions(("io", "io", "pure", "condition", "switch", "io with branch"), max_size=12))
def test_of_one_choice_the_least_and_the_most_are_exact(definition: dict[str, Any]) -> None:
    """Some combination of handles costs as little, and some as much, as is certified. With several Choices both are
    only bounds: those that depend on one node in different places are counted as if each went its own way."""
    compiled = Compiled(definition | {"nodes": [once(node) for node in definition["nodes"]]})
    choices = sum(isinstance(block, Choice) for block in walk(compiled.plan.block))
    if choices != 1 or compiled.combinations > MOST_COMBINATIONS:
        return
    found = [compiled.run(World(choices=choices)) for choices in compiled.all_choices()]
    cost = compiled.plan.cost
    for figure in ("transitions", "events", "calls"):
        seen = [getattr(report, figure) for report in found]
        assert (min(seen), max(seen)) == (getattr(cost.least, figure), getattr(cost.most, figure)), figure
