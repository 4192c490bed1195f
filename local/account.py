"""The account that moto plays."""

from __future__ import annotations

import boto3

from chalicelib.aws.event_scheduler import GROUP

REGION, ACCOUNT = "us-east-1", "123456789012"


def set_up() -> None:
    """Make what the infrastructure makes, as far as the local stack needs it."""
    boto3.client("scheduler", region_name=REGION).create_schedule_group(Name=GROUP)
