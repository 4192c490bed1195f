"""The one place that wires services together, each when first asked for, once a container."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, cached_property

from .auth import Authenticator, Membership
from .aws.credentials import log_in, secret_text
from .aws.event_rules import EventRules
from .aws.event_scheduler import EventScheduler
from .aws.secrets_manager import SecretsManager
from .aws.step_functions import StepFunctions
from .aws.targets import AccountTargets
from .compiler.node_type import HttpClient
from .conninfo import conninfo
from .db import Database
from .http.client import OutgoingHttp
from .http.connection import ANYWHERE, INTERNET
from .jsonata.sandbox import Sandbox
from .jwks import KeySet
from .node_call import Surroundings
from .runner import Runner
from .runs.decisions import DecisionService
from .runs.dispatcher import Dispatcher
from .runs.executions import Executions
from .runs.queue import Places
from .runs.reconciler import Reconciler
from .runs.service import RunService
from .runs.sub_runs import SubRuns
from .schedules.service import ScheduleService
from .schedules.sync import ScheduleSync
from .schedules.timers import TimerBackend
from .secrets.service import SecretService
from .settings import Settings
from .trials.recordings import Recordings
from .trials.service import TrialService
from .webhooks.service import WebhookService
from .workflows.service import WorkflowService


class Services:
    """Everything that is made from settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def database(self) -> Database:
        """The connections."""
        settings = self.settings
        return Database(
            self.conninfo,
            settings.database_pool_size,
            wait_seconds=settings.database_wait_seconds,
            is_proxied=settings.database_is_proxied,
        )

    def conninfo(self) -> str:
        """What a new connection is told."""
        return conninfo(self.settings, lambda: log_in(self.settings))

    @cached_property
    def authenticator(self) -> Authenticator:
        """Reads tokens."""
        settings = self.settings
        secret = settings.jwt_secret
        if settings.jwt_secret_arn:
            secret = secret_text(settings, settings.jwt_secret_arn)
        return Authenticator(secret or KeySet(settings.jwks_url), settings.jwt_issuer, settings.jwt_audiences)

    @cached_property
    def membership(self) -> Membership:
        """Reads roles."""
        return Membership(self.database)

    @cached_property
    def workflows(self) -> WorkflowService:
        """Workflows, versions, templates."""
        return WorkflowService(self.database, self.settings, self.schedule_sync.try_sync)

    @cached_property
    def step_functions(self) -> StepFunctions:
        """Executions."""
        return StepFunctions(self.settings)

    @cached_property
    def executions(self) -> Executions:
        """What runs runs."""
        return Executions(self.database, self.workflows.plan, self.step_functions)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Whose turn it is."""
        places = Places(self.settings.max_runs, self.settings.max_runs_per_workspace)
        return Dispatcher(self.database, places, self.executions)

    @cached_property
    def runs(self) -> RunService:
        """Runs."""
        return RunService(self.database, self.settings, self.workflows, self.executions, self.dispatcher)

    @cached_property
    def decisions(self) -> DecisionService:
        """Decisions that runs wait for."""
        return DecisionService(self.database, self.settings, self.workflows.plan, self.executions)

    @cached_property
    def reconciler(self) -> Reconciler:
        """Looks after runs."""
        days = self.settings.keep_runs_days
        return Reconciler(
            self.database,
            self.workflows.plan,
            self.step_functions,
            self.executions,
            self.dispatcher,
            self.runner.handle,
            check_after=timedelta(seconds=self.settings.reconcile_after_seconds),
            keep_runs=timedelta(days=days) if days else None,
        )

    @cached_property
    def schedules(self) -> ScheduleService:
        """Schedules."""
        return ScheduleService(self.database, self.runs, self.schedule_sync)

    @cached_property
    def schedule_sync(self) -> ScheduleSync:
        """Keeps timers true."""
        backends: list[TimerBackend] = [EventRules(self.settings), EventScheduler(self.settings)]
        backends.sort(key=lambda backend: backend.name != self.settings.schedule_backend)
        return ScheduleSync(self.database, backends[0], backends[1:])

    @cached_property
    def secrets(self) -> SecretService:
        """Secrets."""
        return SecretService(self.database, self.settings, SecretsManager(self.settings))

    @cached_property
    def webhooks(self) -> WebhookService:
        """Webhooks."""
        return WebhookService(self.database, self.settings, self.runs, self.secrets)

    @cached_property
    def http(self) -> HttpClient:
        """What nodes speak HTTP with."""
        network = ANYWHERE if self.settings.allow_private_http else INTERNET
        return OutgoingHttp(network, self.settings.max_output_bytes)

    @cached_property
    def surroundings(self) -> Surroundings:
        """What nodes may use."""
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
        return Runner(
            self.database,
            self.workflows.plan,
            self.step_functions,
            self.executions,
            self.dispatcher,
            self.surroundings,
        )

    @cached_property
    def trials(self) -> TrialService:
        """Trials."""
        return TrialService(self.workflows, Recordings(self.workflows, self.runs), self.surroundings)


@cache
def services() -> Services:
    """The services of this container."""
    return Services(Settings.from_environment())
