"""The one place that wires services together, each when first asked for, once a container.

Each is imported with it as well: a cold start pays for what its call needs, and for nothing else.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from chalicelib.node_contract import HttpClient

    from .auth import Membership
    from .aws.step_functions import StepFunctions
    from .compiler.plan import Plan
    from .db import Database
    from .execution.node_call import Surroundings
    from .jwks import KeySet
    from .runner import Runner
    from .runs.decisions import DecisionService
    from .runs.dispatcher import Dispatcher
    from .runs.executions import Executions
    from .runs.reconciler import Reconciler
    from .runs.service import RunService
    from .schedules.firing import Firing
    from .schedules.pausing import Pausing
    from .schedules.service import ScheduleService
    from .schedules.sync import ScheduleSync
    from .schedules.timers import TimerBackend
    from .secrets.service import SecretService
    from .settings import Settings
    from .tokens import Authenticator
    from .trials.service import TrialService
    from .webhooks.service import WebhookService
    from .workflows.drawings import Drawings
    from .workflows.service import WorkflowService


class Services:
    """Everything that is made from settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def database(self) -> Database:
        """The connections."""
        from .db import Database

        settings = self.settings
        return Database(
            self.conninfo,
            settings.database_pool_size,
            wait_seconds=settings.database_wait_seconds,
            answer_seconds=settings.database_answer_seconds,
            is_proxied=settings.database_is_proxied,
        )

    def conninfo(self) -> str:
        """What a new connection is told."""
        from .aws.credentials import log_in
        from .conninfo import conninfo

        return conninfo(self.settings, lambda: log_in(self.settings))

    @cached_property
    def authenticator(self) -> Authenticator:
        """Reads tokens."""
        from .tokens import Authenticator

        settings = self.settings
        return Authenticator(self._jwt_secret() or self._issuer_keys(), settings.jwt_issuer, settings.jwt_audiences)

    def _jwt_secret(self) -> str | None:
        if not self.settings.jwt_secret_arn:
            return self.settings.jwt_secret
        from .aws.credentials import secret_text

        return secret_text(self.settings, self.settings.jwt_secret_arn)

    def _issuer_keys(self) -> KeySet:
        from .jwks import KeySet

        return KeySet(self.settings.jwks_url)

    @cached_property
    def membership(self) -> Membership:
        """Reads roles."""
        from .auth import Membership

        return Membership(self.database)

    @cached_property
    def drawings(self) -> Drawings:
        """Graphs, checked and planned."""
        from .workflows.drawings import Drawings

        return Drawings(self.database, self.settings)

    def _plan(self, version_id: UUID) -> Plan:
        return self.drawings.plan(version_id)

    @cached_property
    def workflows(self) -> WorkflowService:
        """Workflows, versions, templates."""
        from .workflows.service import WorkflowService

        return WorkflowService(self.database, lambda: self.drawings, self._sync_timers)

    def _sync_timers(self, workflow_id: UUID) -> None:
        self.schedule_sync.try_sync(workflow_id)

    @cached_property
    def step_functions(self) -> StepFunctions:
        """Executions."""
        from .aws.step_functions import StepFunctions

        return StepFunctions(self.settings)

    @cached_property
    def executions(self) -> Executions:
        """What runs runs."""
        from .runs.executions import Executions

        return Executions(self.database, self._plan, self.step_functions)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Whose turn it is."""
        from .runs.dispatcher import Dispatcher
        from .runs.queue import Places

        places = Places(self.settings.max_runs, self.settings.max_runs_per_workspace)
        return Dispatcher(self.database, places, self.executions)

    @cached_property
    def runs(self) -> RunService:
        """Runs."""
        from .runs.service import RunService

        return RunService(self.database, self.settings, self.workflows, self.executions, self.dispatcher)

    @cached_property
    def decisions(self) -> DecisionService:
        """Decisions that runs wait for."""
        from .runs.decisions import DecisionService

        return DecisionService(self.database, self.settings, self._plan, self.executions)

    @cached_property
    def reconciler(self) -> Reconciler:
        """Looks after runs."""
        from .runs.reconciler import Reconciler

        days = self.settings.keep_runs_days
        return Reconciler(
            self.database,
            self._plan,
            self.step_functions,
            self.executions,
            self.dispatcher,
            self._run_unit,
            check_after=timedelta(seconds=self.settings.reconcile_after_seconds),
            keep_runs=timedelta(days=days) if days else None,
        )

    def _run_unit(self, event: dict[str, Any]) -> Any:
        return self.runner.handle(event)

    @cached_property
    def schedules(self) -> ScheduleService:
        """Schedules."""
        from .schedules.service import ScheduleService

        return ScheduleService(self.database, self.schedule_sync)

    @cached_property
    def firing(self) -> Firing:
        """Starts runs when it is time."""
        from .schedules.firing import Firing

        return Firing(self.database, lambda: self.runs, self.pausing)

    @cached_property
    def pausing(self) -> Pausing:
        """Turns off schedules whose runs fail."""
        from .schedules.pausing import Pausing

        return Pausing(self.database, self._sync_timers)

    @cached_property
    def schedule_sync(self) -> ScheduleSync:
        """Keeps timers true."""
        from .aws.event_rules import EventRules
        from .aws.event_scheduler import EventScheduler
        from .schedules.sync import ScheduleSync

        backends: list[TimerBackend] = [EventRules(self.settings), EventScheduler(self.settings)]
        backends.sort(key=lambda backend: backend.name != self.settings.schedule_backend)
        return ScheduleSync(self.database, backends[0], backends[1:])

    @cached_property
    def secrets(self) -> SecretService:
        """Secrets."""
        from .aws.secrets_manager import SecretsManager
        from .secrets.service import SecretService

        return SecretService(self.database, self.settings, SecretsManager(self.settings))

    @cached_property
    def webhooks(self) -> WebhookService:
        """Webhooks."""
        from .webhooks.service import WebhookService

        return WebhookService(self.database, self.settings, self.runs, self.secrets)

    @cached_property
    def http(self) -> HttpClient:
        """What nodes speak HTTP with."""
        from .http.client import OutgoingHttp
        from .http.connection import ANYWHERE, INTERNET

        network = ANYWHERE if self.settings.allow_private_http else INTERNET
        return OutgoingHttp(network, self.settings.max_output_bytes)

    @cached_property
    def surroundings(self) -> Surroundings:
        """What nodes may use."""
        from .aws.targets import AccountTargets
        from .execution.node_call import Surroundings
        from .jsonata.sandbox import Sandbox
        from .runs.sub_runs import SubRuns

        sub_runs = SubRuns(self.database, self.settings, self.workflows)
        return Surroundings(
            self.http,
            AccountTargets(self.settings).of,
            self.secrets.values,
            sub_runs,
            Sandbox(),
            self.settings.max_output_bytes,
        )

    @cached_property
    def runner(self) -> Runner:
        """Runs units of nodes."""
        from .runner import Runner

        return Runner(
            self.database,
            self._plan,
            self.step_functions,
            self.executions,
            self.dispatcher,
            self.surroundings,
        )

    @cached_property
    def trials(self) -> TrialService:
        """Trials."""
        from .trials.recordings import Recordings
        from .trials.service import TrialService

        return TrialService(self.workflows, Recordings(self.workflows, self.runs), self.surroundings, self.secrets)


@cache
def services() -> Services:
    """The services of this container."""
    from .settings import Settings

    return Services(Settings.from_environment())
