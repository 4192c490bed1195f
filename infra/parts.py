"""The template in parts: one file a subject, put together to the one that Chalice merges into its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chalice.package import YAMLTemplateSerializer

FOLDER = Path(__file__).parent / "template"


class PartsError(Exception):
    """The parts of the template don't fit together."""


def merged(folder: Path = FOLDER) -> dict[str, Any]:
    """All parts in one, each section's entries beside one another. Raises PartsError for what two parts define."""
    whole: dict[str, Any] = {}
    for file in sorted(folder.glob("*.yaml")):
        for section, entries in YAMLTemplateSerializer().load_template(file.read_text(), str(file)).items():
            there = whole.setdefault(section, {})
            if twice := there.keys() & entries.keys():
                raise PartsError(f"{file.name}: {section} has {', '.join(sorted(twice))} already")
            there.update(entries)
    return whole
