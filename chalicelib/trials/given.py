"""The mocks that come in with a dry run: whether there can be such results, and by which handle they go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.compiler.terms import ERROR_HANDLE
from chalicelib.compiler.words import listed
from chalicelib.errors import InvalidError

from .mocks import Mock

if TYPE_CHECKING:
    from chalicelib.compiler.graph import Graph, Node

    from .schemas import GivenResult


def as_mock(given: GivenResult, branch: str | None = None) -> Mock:
    """What was given, by a handle that its output tells."""
    return Mock(given.output, given.branch or branch, given.error.model_dump() if given.error else None)


def checked(graph: Graph, given: Mapping[str, GivenResult]) -> dict[str, Mock]:
    """The mocks of a graph. Raises InvalidError for one that no run could come to."""
    nodes = {node.id: node for node in graph.walk()}
    return {key: as_mock(each, _branch(_named(nodes, key), each)) for key, each in sorted(given.items())}


def _named(nodes: Mapping[str, Node], key: str) -> Node:
    for node_id in (key, key.lstrip("0123456789/"), key.rpartition("/")[2]):
        if node_id in nodes:
            return nodes[node_id]
    raise _refused(f"the graph has no node {key[:100]}")


def _branch(node: Node, given: GivenResult) -> str | None:
    """The handle by which a node with several goes on."""
    handles = f"its handles: {listed(sorted(node.handles))}"
    if given.branch is not None and given.branch not in node.handles:
        raise _refused(f"node {node.title} has no handle {listed([given.branch])}; {handles}")
    if given.error or given.branch == ERROR_HANDLE:
        return _error_branch(node, given)
    told = node.branch_of(given.output) if node.branch_of else None
    if given.branch and told and given.branch != told:
        raise _refused(f'node {node.title} with this output goes on by "{told}", and not by "{given.branch}"')
    if node.branch_of and not (given.branch or told):
        raise _refused(f"the mock of node {node.title} needs a branch: its output does not tell it; {handles}")
    return told


def _error_branch(node: Node, given: GivenResult) -> str | None:
    if given.error and given.branch in (None, ERROR_HANDLE):
        return None
    wrong = f'with an error does not go on by "{given.branch}"' if given.error else 'goes on by "error" with an error'
    raise _refused(f"node {node.title} {wrong}")


def _refused(message: str) -> InvalidError:
    return InvalidError(message, [{"code": "bad_mocks", "message": message, "path": "mocks"}])
