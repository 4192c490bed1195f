"""An expression as it is checked on save: whether it parses, and the names that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.jsonata.errors import ExpressionError
from chalicelib.jsonata.functions import FUNCTIONS
from chalicelib.jsonata.syntax import check_syntax
from chalicelib.jsonata.tokens import Token, at, given, is_call, place, tokens

ITEM_BINDINGS = frozenset({"item", "index"})
BINDINGS = frozenset({"input", "nodes", "run", "secrets"}) | ITEM_BINDINGS
NODE_FIELDS = frozenset({"output", "status", "error"})


@dataclass(frozen=True, slots=True)
class NodeReference:
    """`$nodes.<node_id>.<field>` in an expression; `field` is None where the expression goes no further."""

    node_id: str
    field: str | None


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`$secrets.<name>` in an expression; `name` is None where it takes `$secrets` whole, `part` is what it takes of a
    secret."""

    name: str | None
    part: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """The names that an expression uses."""

    references: tuple[NodeReference, ...]
    secrets: tuple[SecretReference, ...]
    unknown_variables: tuple[str, ...]
    unknown_functions: tuple[str, ...]
    wrong_calls: tuple[str, ...]
    """Calls with too few or too many arguments, in words."""
    all_nodes: bool
    """Whether it takes `$nodes` whole, so any node may be meant."""
    bound: frozenset[str]
    """Which of BINDINGS it takes, be it only as names of its own."""
    free_item: bool
    """Whether it takes `$item` or `$index` and has not made them itself, so that it needs an item."""

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets that it takes."""
        return tuple(reference.name for reference in self.secrets if reference.name)


@dataclass(frozen=True, slots=True)
class Expression:
    """A JSONata expression that parses."""

    source: str
    names: Names


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """Check the text between `{%` and `%}`. Raises ExpressionError where JSONata can't parse it."""
    try:
        check_syntax(source)
    except ExpressionError as error:
        raise ExpressionError(error.reason + _backtick_hint(source), source, error.position) from None
    return Expression(source, find_names(source))


def _backtick_hint(source: str) -> str:
    """A canvas numbers its nodes, and JSONata's names begin with a letter."""
    found = re.search(r"\$nodes\.(\d[\w-]*)", source)
    return f"; an id that is no name goes in backticks: $nodes.`{found[1]}`" if found else ""


def find_names(source: str) -> Names:
    """The nodes, variables and functions named in a JSONata text that parses."""
    found = list(tokens(source))
    references: list[NodeReference] = []
    secrets: list[SecretReference] = []
    variables: list[str] = []
    functions: list[str] = []
    own = _names_of_its_own(found)
    bound = {token.text[1:] for token in found if token.kind == "variable"} & BINDINGS
    all_nodes = False
    for index, token in enumerate(found):
        name = token.text[1:]
        if token.kind != "variable" or name in own or name in ("", "$"):
            continue
        if name == "nodes":
            reference = _reference_at(found, index)
            all_nodes |= reference is None
            references += [reference] if reference else []
        elif name == "secrets":
            taken = _reference_at(found, index)
            secrets.append(SecretReference(taken.node_id, taken.field) if taken else SecretReference(None, None))
        elif is_call(found, index):
            functions += [] if name in FUNCTIONS else [name]
        elif name not in BINDINGS and name not in FUNCTIONS:
            variables.append(name)
    return Names(
        references=tuple(references),
        secrets=tuple(secrets),
        unknown_variables=tuple(variables),
        unknown_functions=tuple(functions),
        wrong_calls=tuple(_wrong_calls(source, found, own)),
        all_nodes=all_nodes,
        bound=frozenset(bound),
        free_item=bool(bound & ITEM_BINDINGS - own),
    )


def _wrong_calls(source: str, found: list[Token], own: set[str]) -> Iterator[str]:
    """`at character 5: $uuid takes …, found 2`. A context may give one less."""
    for index, token in enumerate(found):
        name = token.text[1:]
        if not is_call(found, index) or name in own or name not in FUNCTIONS:
            continue
        takes, gets = FUNCTIONS[name], given(found, index)
        if not takes.least <= gets <= takes.most:
            yield f"at {place(source, token.start)}: ${name} takes {takes}, found {gets}"


def _names_of_its_own(found: list[Token]) -> set[str]:
    """Variables that the expression itself assigns, binds or takes as parameters; ours stay ours."""
    own: set[str] = set()
    for index, token in enumerate(found):
        before, after = at(found, index - 1), at(found, index + 1)
        if token.kind == "variable" and (after.kind == "assign" or before.text in ("@", "#")):
            own.add(token.text[1:])
        if token.text in ("function", "λ") and after.text == "(" and before.text != ".":
            own |= set(_parameters(found, index + 2))
    return own - (BINDINGS - ITEM_BINDINGS)


def _parameters(found: list[Token], index: int) -> Iterator[str]:
    while at(found, index).text not in (")", ""):
        if found[index].kind == "variable":
            yield found[index].text[1:]
        index += 1


def _reference_at(found: list[Token], index: int) -> NodeReference | None:
    if at(found, index + 1).text != ".":
        return None
    node_id = _step(at(found, index + 2))
    if node_id is None:
        return None
    names_field = at(found, index + 3).text == "."
    return NodeReference(node_id, _step(at(found, index + 4)) if names_field else None)


def _step(token: Token) -> str | None:
    kind, text = token.kind, token.text
    if kind == "word":
        return text
    if kind == "quoted":
        return text[1:-1]
    return _unescaped(text[1:-1]) if kind == "text" else None


def _unescaped(text: str) -> str:
    """A string literal's content, with JSON's escapes and that of its own quote."""
    plain = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda match: _ESCAPES.get(match[1]) or _character(match[1]), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if len(escape) == 5 else escape
