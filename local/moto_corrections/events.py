"""Corrections of moto's EventBridge."""

# ruff: noqa: SLF001 - moto's insides are what this file is about

from __future__ import annotations

from typing import Any

from moto.events.models import Rule


def keep_schedules_from_events() -> None:
    """A rule with a schedule and no pattern takes no events; moto's takes all, and fails on a Lambda."""
    send = Rule.send_to_targets

    def send_what_matches(self: Any, *event: Any, **how: Any) -> None:
        if self.event_pattern._pattern:
            send(self, *event, **how)

    Rule.send_to_targets = send_what_matches


CORRECTIONS = (keep_schedules_from_events,)
