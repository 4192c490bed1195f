"""A graph around one node, so that it is checked as in any other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.compiler.terms import Kind
from chalicelib.nodes import node_types

CONTAINER, INSIDE = "the container", "inside"


def drawn_alone(node: Mapping[str, Any], before: Iterable[str], *, is_item: bool) -> dict[str, Any]:
    """The node behind others of which only the results are known; in a container where there is an item for it, and
    with something in it where it is one."""
    alone = {key: value for key, value in node.items() if key != "parentId"}
    target = alone.get("id")
    nodes = [_stub(each) for each in before if each != target]
    sources = [each["id"] for each in nodes]
    found = node_types().get(str(alone.get("type")))
    if found and found.kind is Kind.EACH:
        nodes.append(_stub(INSIDE, target))
    if is_item:
        nodes.append({"id": CONTAINER, "type": "for_each", "data": {"config": {"items": [None]}}})
        alone["parentId"] = target = CONTAINER
    edges = [{"id": f"edge {index}", "source": source, "target": target} for index, source in enumerate(sources)]
    return {"nodes": [*nodes, alone], "edges": edges}


def _stub(node_id: str, parent_id: Any = None) -> dict[str, Any]:
    return {"id": node_id, "type": "trigger", "data": {}, **({"parentId": parent_id} if parent_id else {})}
