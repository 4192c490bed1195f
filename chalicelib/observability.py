"""What operators see: structured logs, one event for each thing that happened, and metrics, both with ids as fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from logging import LogRecord, StreamHandler
from types import MappingProxyType
from typing import Literal, TextIO, cast

from aws_lambda_powertools import Logger

NAMESPACE, SERVICE = "Stepgraph", "stepgraph"
MAX_VALUES = 99
"""Of one metric in a line; CloudWatch takes 100, and with the hundredth powertools writes by itself."""

Metric = Literal["RunsStarted", "RunsEnded", "NodeDuration", "GatesWaited", "ScheduleLag", "ReconcilerMends"]
_UNITS: Mapping[Metric, str] = {"NodeDuration": "Seconds", "ScheduleLag": "Seconds"}

logger = Logger(service=SERVICE, utc=True)
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """What is told meanwhile is about these, and about what `also` adds; what is None is left out."""
    before = _about.set(_about.get())
    try:
        also(**ids)
        yield
    finally:
        _about.reset(before)


def also(**ids: object) -> None:
    """What is told from now on, until the end of the innermost `about`, is about these too."""
    _about.set({**_about.get(), **{name: str(value) for name, value in ids.items() if value is not None}})


def measure(metric: Metric, *values: float, **dimensions: str) -> None:
    """Values of a metric, by dimensions that have few values; ids go along as properties.

    They are lines of the log, in CloudWatch's Embedded Metric Format: nothing is sent, so nothing waits or fails.
    """
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415 - for who has something to tell

    for first in range(0, len(values), MAX_VALUES):
        told = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        for dimension, which in dimensions.items():
            told.add_dimension(dimension, which)
        for name, known in _about.get().items():
            told.add_metadata(name, known)
        for value in values[first : first + MAX_VALUES]:
            told.add_metric(metric, _UNITS.get(metric, "Count"), value)
        _write(json.dumps(told.serialize_metric_set()))


def _write(line: str) -> None:
    """Where the log goes."""
    stream = cast("StreamHandler[TextIO]", logger.registered_handler).stream
    stream.write(f"{line}\n")
    stream.flush()


def _with_ids(record: LogRecord) -> bool:
    for name, value in _about.get().items():
        record.__dict__.setdefault(name, value)
    return True


logger.addFilter(_with_ids)
