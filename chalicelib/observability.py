"""Structured logs: one event per thing that happened, with ids as fields."""

from __future__ import annotations

from aws_lambda_powertools import Logger

logger = Logger(service="stepgraph", utc=True)
