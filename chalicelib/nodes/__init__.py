"""The types of nodes that users draw: one file each, found by discovery."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from chalicelib.compiler.node_type import NodeType


@cache
def node_types() -> Mapping[str, NodeType]:
    """Every type by its name: the `NODE_TYPE` of each module in this folder."""
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    return {module.NODE_TYPE.name: module.NODE_TYPE for module in modules}
