"""What a workflow shows of its schedule: it may be sent back as it is, and is changed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, ModelWrapValidatorHandler, PrivateAttr, model_validator

from chalicelib.errors import InvalidError
from chalicelib.model import Model

NOT_SCHEDULED: Mapping[str, Any] = {"schedule_cron": None, "schedule_enabled": False}
"""What a new workflow shows; a zone alone schedules nothing."""


class SentBack(Model):
    """A body that may hold more than it reads; `shown` has what was sent of that."""

    model_config = ConfigDict(extra="forbid")

    only_shown: ClassVar[frozenset[str]]
    _shown: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _set_aside_what_is_only_shown(cls, value: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, dict):
            return read(value)
        aside = value.keys() & (cls.only_shown - cls.model_fields.keys())
        body = read({key: item for key, item in value.items() if key not in aside})
        body._shown = {key: value[key] for key in aside}  # noqa: SLF001 - a body of ours
        return body

    @property
    def shown(self) -> dict[str, Any]:
        """What was sent of what is only shown."""
        return self._shown


def check_unchanged(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Raises InvalidError for keys of the schedule that differ from what is stored."""
    errors = [
        {"code": "read_only", "message": "is not changed here but with PUT …/schedule", "path": key}
        for key in ("schedule_cron", "schedule_timezone", "schedule_enabled")
        if key in sent and key in stored and sent[key] != stored[key]
    ]
    if errors:
        raise InvalidError("; ".join(f"{error['path']}: {error['message']}" for error in errors), errors)
