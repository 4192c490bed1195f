"""The one place that wires services together, each when first asked for, once a container."""

from __future__ import annotations

from functools import cache, cached_property

from .auth import Authenticator, Membership
from .aws.step_functions import StepFunctions
from .db import Database
from .http_client import OutgoingHttp
from .runner import Runner
from .runs.service import RunService
from .schedules.service import ScheduleService
from .settings import Settings
from .workflows.service import WorkflowService


class Services:
    """Everything that is made from settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def database(self) -> Database:
        """The connections."""
        return Database(self.settings.database_url, self.settings.database_pool_size)

    @cached_property
    def authenticator(self) -> Authenticator:
        """Reads tokens."""
        return Authenticator(self.settings.jwt_secret)

    @cached_property
    def membership(self) -> Membership:
        """Reads roles."""
        return Membership(self.database)

    @cached_property
    def workflows(self) -> WorkflowService:
        """Workflows, versions, templates."""
        return WorkflowService(self.database, self.settings)

    @cached_property
    def step_functions(self) -> StepFunctions:
        """Executions."""
        return StepFunctions(self.settings)

    @cached_property
    def runs(self) -> RunService:
        """Runs."""
        return RunService(self.database, self.settings, self.workflows, self.step_functions)

    @cached_property
    def schedules(self) -> ScheduleService:
        """Schedules."""
        return ScheduleService(self.database)

    @cached_property
    def runner(self) -> Runner:
        """Runs units of nodes."""
        http = OutgoingHttp(allow_private=self.settings.allow_private_http, max_bytes=self.settings.max_output_bytes)
        return Runner(
            self.database,
            self.workflows.plan,
            self.step_functions,
            http,
            self.settings.max_output_bytes,
        )


@cache
def services() -> Services:
    """The services of this container."""
    return Services(Settings.from_environment())
