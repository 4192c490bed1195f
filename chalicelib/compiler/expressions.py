"""JSONata in `{% … %}`: finding it in a config, checking it on save, evaluating it in a run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonatapy

from .bounded import pad

TIMEOUT_MS = 1_000
STACK_DEPTH = 200
SEQUENCE_LENGTH = 100_000
MAX_CHARACTERS = 20_000

ITEM_BINDINGS = frozenset({"item", "index"})
BINDINGS = frozenset({"input", "nodes", "run", "secrets"}) | ITEM_BINDINGS
NODE_FIELDS = frozenset({"output", "status", "error"})
# The functions of JSONata 2.1 (https://docs.jsonata.org), without $eval, whose text no one can check on save.
FUNCTIONS = frozenset(
    """abs append assert average base64decode base64encode boolean ceil contains count
    decodeUrl decodeUrlComponent distinct each encodeUrl encodeUrlComponent error exists filter floor
    formatBase formatInteger formatNumber fromMillis join keys length lookup lowercase map match max merge
    millis min not now number pad parseInteger power reduce replace reverse round shuffle sift
    single sort split spread sqrt string substring substringAfter substringBefore sum toMillis trim type
    uppercase zip""".split()
)

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/)
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<quoted>`[^`]*`)
      | (?P<variable>\$\$|\$\w*)
      | (?P<word>\w+)
      | (?P<assign>:=)
      | (?P<slash>/)
      | (?P<space>\s+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:\\.|[^/\\\n])+/[im]*")


class ExpressionError(ValueError):
    """An expression can't be parsed or evaluated; the message is JSONata's, with its code."""


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
    all_nodes: bool
    """Whether it takes `$nodes` whole, so any node may be meant."""
    item: bool
    """Whether it takes `$item` or `$index`, be it only as names of its own."""
    free_item: bool
    """Whether it takes them and has not made them itself, so that it needs an item."""

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets that it takes."""
        return tuple(reference.name for reference in self.secrets if reference.name)


@dataclass(frozen=True, slots=True)
class Expression:
    """A JSONata expression that parses."""

    source: str
    names: Names

    def evaluate(self, bindings: Mapping[str, Any]) -> Any:
        """Its value; JSONata's `undefined` is None. Raises ExpressionError, also past the limits above.

        It is compiled anew, in microseconds: what jsonatapy compiles may not leave its thread.
        """
        try:
            expression = jsonatapy.compile(self.source).register_override("pad", pad)
            value = expression.evaluate(
                None,
                dict(bindings),
                timeout=TIMEOUT_MS,
                max_stack_depth=STACK_DEPTH,
                max_sequence_length=SEQUENCE_LENGTH,
            )
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ExpressionError(_HOST_ERROR.sub("", str(error))) from error
        if _has_infinity(value):
            raise ExpressionError("D1001: a number in the result is infinite; was something divided by zero?")
        return value


_HOST_ERROR = re.compile(r"^.*host function raised \w+: ")


def _has_infinity(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_infinity, value.values()))
    return isinstance(value, list) and any(map(_has_infinity, value))


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """Check the text between `{%` and `%}`. Raises ExpressionError where JSONata can't parse it."""
    if not source.strip():
        raise ExpressionError("the expression is empty")
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError(f"the expression has {len(source):,} characters; at most {MAX_CHARACTERS:,} are allowed")
    try:
        jsonatapy.compile(source)
    except ValueError as error:
        raise ExpressionError(str(error).removeprefix("Parse error: ") + _backtick_hint(source)) from error
    return Expression(source, find_names(source))


def _backtick_hint(source: str) -> str:
    """A canvas numbers its nodes, and JSONata's names begin with a letter."""
    found = re.search(r"\$nodes\.(\d[\w-]*)", source)
    return f"; an id that is no name goes in backticks: $nodes.`{found[1]}`" if found else ""


def find_names(source: str) -> Names:
    """The nodes, variables and functions named in a JSONata text that parses."""
    tokens = list(_tokens(source))
    references: list[NodeReference] = []
    secrets: list[SecretReference] = []
    variables: list[str] = []
    functions: list[str] = []
    own = _names_of_its_own(tokens)
    item = {text[1:] for kind, text in tokens if kind == "variable"} & ITEM_BINDINGS
    all_nodes = False
    for index, (kind, text) in enumerate(tokens):
        name = text[1:]
        if kind != "variable" or name in own or name in ("", "$"):
            continue
        if name == "nodes":
            reference = _reference_at(tokens, index)
            all_nodes |= reference is None
            references += [reference] if reference else []
        elif name == "secrets":
            taken = _reference_at(tokens, index)
            secrets.append(SecretReference(taken.node_id, taken.field) if taken else SecretReference(None, None))
        elif _at(tokens, index + 1) == ("other", "("):
            functions += [] if name in FUNCTIONS else [name]
        elif name not in BINDINGS | FUNCTIONS:
            variables.append(name)
    return Names(
        references=tuple(references),
        secrets=tuple(secrets),
        unknown_variables=tuple(variables),
        unknown_functions=tuple(functions),
        all_nodes=all_nodes,
        item=bool(item),
        free_item=bool(item - own),
    )


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    position, previous = 0, ("other", "(")
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:  # pragma: no cover - `other` matches anything
            return
        kind, text = str(match.lastgroup), match.group()
        if kind == "slash" and not _ends_operand(previous):
            regex = _REGEX.match(source, position)
            text = regex.group() if regex else text
        position += len(text)
        if kind not in ("comment", "space"):
            previous = (kind, text)
            yield previous


def _ends_operand(token: tuple[str, str]) -> bool:
    """After an operand a `/` divides; anywhere else it opens a regular expression."""
    kind, text = token
    return (kind in ("text", "quoted", "variable", "word") and text not in ("and", "or", "in")) or text in ")]}"


def _at(tokens: list[tuple[str, str]], index: int) -> tuple[str, str]:
    return tokens[index] if index < len(tokens) else ("end", "")


def _names_of_its_own(tokens: list[tuple[str, str]]) -> set[str]:
    """Variables that the expression itself assigns, binds or takes as parameters; ours stay ours."""
    own: set[str] = set()
    for index, (kind, text) in enumerate(tokens):
        if kind == "variable" and _at(tokens, index + 1)[0] == "assign":
            own.add(text[1:])
        if kind == "variable" and index and tokens[index - 1][1] in ("@", "#"):
            own.add(text[1:])
        if text in ("function", "λ") and _at(tokens, index + 1)[1] == "(" and tokens[index - 1][1] != ".":
            own |= set(_parameters(tokens, index + 2))
    return own - (BINDINGS - ITEM_BINDINGS)


def _parameters(tokens: list[tuple[str, str]], index: int) -> Iterator[str]:
    while _at(tokens, index)[1] not in (")", ""):
        kind, text = tokens[index]
        if kind == "variable":
            yield text[1:]
        index += 1


def _reference_at(tokens: list[tuple[str, str]], index: int) -> NodeReference | None:
    if _at(tokens, index + 1)[1] != ".":
        return None
    node_id = _step(_at(tokens, index + 2))
    if node_id is None:
        return None
    names_field = _at(tokens, index + 3)[1] == "."
    return NodeReference(node_id, _step(_at(tokens, index + 4)) if names_field else None)


def _step(token: tuple[str, str]) -> str | None:
    kind, text = token
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
