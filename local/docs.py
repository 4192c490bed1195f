"""`python -m local docs`: the pages of the node types in docs/nodes, and the README's table of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chalicelib.palette.service import list_node_types

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = ROOT / "docs/nodes"
BEGIN, END = "<!-- node types: `make docs` writes this table -->\n", "<!-- end of node types -->\n"
WIDTH = 100


def main() -> int:
    """Write what is not as it should be, and remove the pages of types that are gone."""
    wanted = files()
    for page in PAGES.glob("*.md"):
        if page not in wanted:
            page.unlink()
    PAGES.mkdir(exist_ok=True)
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


def files() -> dict[Path, str]:
    """The text that each file should have."""
    pages = {PAGES / f"{described['type']}.md": _text(_page(described)) for described in list_node_types()}
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return pages | {README: before + BEGIN + _text(_table()) + END + after}


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _table() -> Iterator[str]:
    yield "| type | | config | output | handles |"
    yield "| --- | --- | --- | --- | --- |"
    for described in list_node_types():
        keys = ", ".join(f"`{key}`" for key in described["config_schema"]["properties"])
        link = f"[`{described['type']}`](docs/nodes/{described['type']}.md)"
        yield f"| {link} | {described['description']} | {keys or '–'} | {described['output']} | {_handles(described)} |"


def _handles(described: Mapping[str, Any]) -> str:
    names = ["case:<text>"] * bool(described["case_handles"]) + described["handles"]
    return ", ".join(f"`{name}`" for name in names) or "none"


def _page(described: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {described['label']}"
    yield ""
    yield f"{described['description']} Its type is `{described['type']}`."
    yield ""
    yield from _config(described["config_schema"])
    yield f"- **Output:** {described['output']}."
    yield f"- **Handles:** {_handles(described)}, and `error` where `on_error` is `branch`."
    if seconds := described["default_timeout_seconds"]:
        attempts = described["default_attempts"]
        often = f"{attempts} attempts of {seconds} seconds each" if attempts > 1 else f"{seconds:,} seconds"
        yield f"- **Unless set otherwise:** at most {often}."
    yield ""
    yield from _example(described["example"])


def _config(schema: Mapping[str, Any]) -> Iterator[str]:
    if not schema["properties"]:
        yield "There is nothing to set."
    else:
        yield "| config | | default | |"
        yield "| --- | --- | --- | --- |"
        yield from _rows(schema, schema.get("$defs", {}))
        yield ""
        yield "Where nothing else is said, any text in it may hold [expressions](../expressions.md)."
    yield ""


def _rows(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """A row a key, those of objects in it after their own: `pages.next`."""
    for key, field in schema["properties"].items():
        required = key in schema.get("required", ())
        default = "required" if required else f"`{json.dumps(field.get('default'), ensure_ascii=False)}`"
        cells = (f"`{prefix}{key}`", _kinds(field), default, field.get("description", ""))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        for choice in field.get("anyOf", [field]):
            if name := choice.get("$ref", "").rpartition("/")[2]:
                yield from _rows(definitions[name], definitions, f"{prefix}{key}.")


def _kinds(field: Mapping[str, Any]) -> str:
    """What a value may be, in words."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(map(_kinds, field["anyOf"])))
    if "enum" in field or "const" in field:
        return " or ".join(f"`{json.dumps(value)}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_many(field['items'])}" if field.get("items") else "list"
    if "$ref" in field:
        return "object"
    return _KINDS.get(field.get("format") or field.get("type", ""), "any JSON") + _bounds(field)


_KINDS = {
    "string": "text", "number": "number", "integer": "whole number", "boolean": "true or false", "null": "null",
    "object": "object", "expression": "expression",
}  # fmt: skip


def _many(items: Mapping[str, Any]) -> str:
    kinds = _kinds(items)
    return {"text": "texts", "number": "numbers", "whole number": "whole numbers"}.get(kinds, kinds)


def _bounds(field: Mapping[str, Any]) -> str:
    least, most = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    from_ = "" if least is None else f" {'above' if 'exclusiveMinimum' in field else 'from'} {least:,}"
    return from_ + ("" if most is None else f" to {most:,}")


def _example(example: Mapping[str, Any]) -> Iterator[str]:
    """As the body that saves it, what its run is given, and how it ends."""
    yield "## Example"
    yield ""
    yield from _block(example["graph_definition"])
    if example["needs"]:
        yield example["needs"]
        yield ""
    told = json.dumps(example["input"], ensure_ascii=False)
    if "error" in example:
        yield f"With the input `{told}` the run fails: `{example['error']}`"
    else:
        yield f"With the input `{told}` the run's output is"
        yield ""
        yield from _block(example["output"])


def _block(value: Any) -> Iterator[str]:
    yield "```json"
    yield _json(value)
    yield "```"
    yield ""


def _json(value: Any, indent: str = "") -> str:
    """JSON with as much in a line as fits."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(flat) <= WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {_json(item, inner)}" for key, item in value.items()]
    else:
        parts = [f"{inner}{_json(item, inner)}" for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(parts) + f"\n{indent}{closing}"
