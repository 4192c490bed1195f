"""Random edits of a drawn graph, as two people make them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Graph = dict[str, Any]

IDS = tuple("abcd")
VALUES = st.sampled_from(
    [None, True, 1, "x", [], [1], {}, {"p": 1}, {"p": 2, "q": 1}, {"q": {"r": 1}}, {"q": {"p": 1}}]
)
DATA = st.dictionaries(st.sampled_from(["label", "config"]), VALUES)
LAYOUT = st.dictionaries(st.sampled_from(["position", "selected"]), VALUES, max_size=1)
EDGE_KEYS = st.dictionaries(st.sampled_from(["label", "selected", "sourceHandle"]), VALUES, max_size=1)
OTHER_KEYS = st.dictionaries(st.sampled_from(["viewport", "settings", "note"]), VALUES, max_size=2)
NODES = st.builds(lambda data, layout: {"type": "transform", "data": data, **layout}, DATA, LAYOUT)
CHOSEN = st.lists(st.sampled_from(IDS), unique=True)
PAIRS = st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), unique=True, max_size=4)
SOME = st.sets(st.sampled_from(IDS), max_size=2)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Nodes in any order, edges between them, and other keys."""
    nodes = [{"id": node_id, **draw(NODES)} for node_id in draw(CHOSEN)]
    ids = {node["id"] for node in nodes}
    pairs = [pair for pair in draw(PAIRS) if ids.issuperset(pair)]
    edges = [{"id": "".join(pair), "source": pair[0], "target": pair[1], **draw(EDGE_KEYS)} for pair in pairs]
    return {"nodes": nodes, "edges": edges, **draw(OTHER_KEYS)}


@st.composite
def edited(draw: st.DrawFn, graph: Graph) -> Graph:
    """The graph after a few edits: nodes and edges go, come and change."""
    other = draw(graphs())
    gone, taken = draw(SOME), draw(SOME)
    nodes = {item["id"]: item for item in graph["nodes"] if item["id"] not in gone}
    nodes |= {item["id"]: item for item in other["nodes"] if item["id"] in taken}
    edges = {item["id"]: item for item in graph["edges"]} | {item["id"]: item for item in other["edges"]}
    drawn = [item for item in edges.values() if item["source"] in nodes and item["target"] in nodes]
    return deepcopy({**graph, **draw(OTHER_KEYS), "nodes": list(nodes.values()), "edges": drawn})


@st.composite
def two_edits(draw: st.DrawFn) -> tuple[Graph, Graph, Graph]:
    """What both began with, and what each made of it."""
    base = draw(graphs())
    return base, draw(edited(base)), draw(edited(base))


@st.composite
def apart(draw: st.DrawFn) -> tuple[Graph, Graph, Graph]:
    """Edits that touch no field of each other: each has fields, a node, an edge and a key of its own."""
    base = draw(graphs())
    mine, theirs = deepcopy(base), deepcopy(base)
    for graph, own in ((mine, "mine"), (theirs, "theirs")):
        changed = draw(SOME)
        for node in graph["nodes"]:
            if node["id"] in changed:
                node["data"][own] = draw(VALUES)
        if graph["nodes"]:
            graph["edges"].append({"id": own, "source": graph["nodes"][0]["id"], "target": own})
        graph["nodes"].append({"id": own, "type": "trigger", "data": {}})
        graph[own] = draw(VALUES)
    return base, mine, theirs
