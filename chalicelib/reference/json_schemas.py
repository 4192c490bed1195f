"""JSON Schemas of what requests and answers hold, as pydantic has them, with the words that our classes have."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

REF = "#/components/schemas/{model}"


class JsonSchemas:
    """The schemas of these types; those with a name are `components`."""

    def __init__(self, types: Iterable[Any]) -> None:
        known = {repr(kind): kind for kind in types}
        found, definitions = TypeAdapter.json_schemas(
            [(name, "validation", TypeAdapter(kind)) for name, kind in known.items()],
            ref_template=REF,
            schema_generator=_InOurWords,
        )
        self.components: Mapping[str, Any] = definitions.get("$defs", {})
        self._of = {name: schema for (name, _), schema in found.items()}

    def of(self, kind: Any) -> JsonSchemaValue:
        """The schema of one of the types."""
        return self._of[repr(kind)]


def parameters(model: type[BaseModel], place: str) -> Iterator[dict[str, Any]]:
    """The parameters that a model reads from a query or from headers."""
    schema = model.model_json_schema(schema_generator=_InOurWords)
    for name, field in schema["properties"].items():
        told = {key: value for key, value in _text(field).items() if key not in ("title", "description")}
        parameter = {"name": name, "in": place, "required": name in schema.get("required", ()), "schema": told}
        yield parameter | ({"description": field["description"]} if "description" in field else {})


def _text(field: dict[str, Any]) -> dict[str, Any]:
    """Without null, which no text says: a parameter that is null is not sent."""
    options = [option for option in field.get("anyOf", []) if option != {"type": "null"}]
    rest = {key: value for key, value in field.items() if key != "anyOf" and (key, value) != ("default", None)}
    return rest | options[0] if len(options) == 1 else rest | ({"anyOf": options} if options else {})


class _InOurWords(GenerateJsonSchema):
    """What stands under an attribute in the source describes it."""

    def normalize_name(self, name: str) -> str:
        """`Paged[RunRow]` is PagedRunRow."""
        return super().normalize_name(re.sub(r"[\[\]]", "", name))

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """A title that only repeats the name says nothing."""
        return False

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        return _described(super().model_schema(schema), schema["cls"])

    def typed_dict_schema(self, schema: Any) -> JsonSchemaValue:
        return _described(super().typed_dict_schema(schema), schema["cls"])


def _described(schema: JsonSchemaValue, kind: type) -> JsonSchemaValue:
    for name, words in _words(kind).items():
        if name in schema.get("properties", {}):
            schema["properties"][name].setdefault("description", words)
    return schema


@cache
def _words(kind: type) -> Mapping[str, str]:
    """The docstrings of a class's attributes, and of those of its bases, by their names."""
    words: dict[str, str] = {}
    for base in getattr(kind, "__orig_bases__", kind.__bases__):
        if getattr(base, "__module__", "").startswith("chalicelib."):
            words |= _words(base)
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    for attribute, after in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name):
            match after:
                case ast.Expr(ast.Constant(str(text))):
                    words[attribute.target.id] = " ".join(text.split())
    return words
