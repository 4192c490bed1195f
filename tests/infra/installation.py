"""An installation in the hands of its users, of AWS, and of someone in the account's console."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import boto3
import pytest

from chalicelib.bootstrap import services
from local import clock
from local.account import REGION
from local.moto_corrections.status_events import deliver_pending
from local.stack import Stack
from tests.client import Api, node, poll
from tests.upstream import Upstream

LIMIT = 30.0


def console(service: str) -> Any:
    """A client of someone who is none of our Lambdas."""
    return boto3.client(service, region_name=REGION)


def fresh() -> str:
    """A node's id that no graph had, and so no state machine."""
    return f"n{uuid.uuid4().hex}"


def asks_someone(node_id: str = "ok") -> dict[str, Any]:
    """A node that waits until someone decides."""
    return node(node_id, "approval", {"message": "Go on?"})


@dataclass(frozen=True)
class Installation:
    """All parts are real ones: Postgres, moto's account, the API over HTTP, the Lambdas behind it."""

    api: Api
    stack: Stack
    upstream: Upstream
    lambdas: Mapping[str, Callable[[Any, None], Any]]

    def call(self, function: str, event: Mapping[str, Any] | None = None) -> Any:
        """Call a Lambda as EventBridge does: for an event, or every so often."""
        sent = clock.event("aws.events", "Scheduled Event", {}) if event is None else event
        return self.lambdas[function](sent, None)

    def execute(self, workflow_id: str, run_input: Any = None) -> str:
        """The path of a run."""
        return f"/{workflow_id}/runs/{self.api.execute(workflow_id, run_input)['id']}"

    def start(self, drawn: dict[str, Any], *, waiting: int = 0) -> str:
        """The path of a run that goes on, with so many branches of it waiting for something."""
        path = self.execute(self.api.create(drawn)["id"])
        self.wait(path, waiting)
        return path

    def wait(self, path: str, branches: int) -> None:
        """Until a run has an execution, and so many of its branches wait."""
        self._execution(path)
        gates = "SELECT FROM workflow_run_gates WHERE run_id = %(id)s"
        poll(lambda: len(self.rows(gates, id=id_of(path))) == branches, LIMIT)

    def child(self, path: str) -> str:
        """The path of the run that a node of a run started, once it waits for someone."""
        (child,) = poll(lambda: self.api.get(path)["children"], LIMIT)
        found = f"/{child['workflow_id']}/runs/{child['run_id']}"
        self.wait(found, 1)
        return found

    def decide(self, path: str, node_id: str, decision: str = "approved") -> None:
        answer = self.api.send("POST", f"{path}/nodes/{node_id}/decision", {"decision": decision})
        assert answer.status == 200, answer

    def cancel(self, path: str) -> None:
        answer = self.api.send("POST", f"{path}/cancel")
        assert answer.status == 200, answer

    def end(self, path: str, status: str = "succeeded") -> dict[str, Any]:
        """A run that ended so, once its execution has ended and all events of that came."""
        _, workflow_id, _, run_id = path.split("/")
        run: dict[str, Any] = self.api.ended(workflow_id, run_id, LIMIT)
        assert run["status"] == status, run
        arn = self._execution(path)
        describe = console("stepfunctions").describe_execution
        poll(lambda: describe(executionArn=arn)["status"] != "RUNNING", LIMIT)
        assert deliver_pending(LIMIT)
        return run

    def stop_by_hand(self, path: str) -> None:
        """Someone stops a run's execution in the console."""
        console("stepfunctions").stop_execution(executionArn=self._execution(path))

    def _execution(self, path: str) -> str:
        """Of a run, once whoever started it has written it down."""
        return str(poll(lambda: self.api.get(path)["execution_arn"], LIMIT))

    def store(self, name: str, value: str) -> None:
        """Store a secret."""
        answer = self.api.of("secrets").send("PUT", f"/{name}", {"value": value})
        assert answer.status in (200, 201), answer

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with services().database.connection() as connection:
            return [dict(row) for row in connection.execute(statement, values).fetchall()]

    def change(self, statement: str, **values: Any) -> None:
        """Change what only time changes, or another product."""
        with services().database.connection() as connection:
            connection.execute(statement, values)

    def of_another_workspace(self) -> Installation:
        """The same, used by another owner."""
        workspace_id, token, _ = self.stack.workspace(uuid.uuid4().hex)
        return replace(self, api=replace(self.api, workspace_id=str(workspace_id), token=token))

    @contextmanager
    def targets(self) -> Iterator[list[tuple[str, dict[str, Any]]]]:
        """The types and configs of nodes that reach what an operator has in the account meanwhile."""
        name = f"of-an-operator-{uuid.uuid4().hex}"
        queue = console("sqs").create_queue(QueueName=name)["QueueUrl"]
        topic = console("sns").create_topic(Name=name)["TopicArn"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(self.stack.app.handler_map, name, lambda event, _context: event)
            yield [
                ("lambda", {"function_name": name}),
                ("publish_event", {"to": "eventbridge", "source": "shop", "detail_type": "sold"}),
                ("publish_event", {"to": "sns", "topic_arn": topic, "message": "sold"}),
                ("publish_event", {"to": "sqs", "queue_url": queue, "message": "sold"}),
            ]

    @contextmanager
    def without_events(self) -> Iterator[None]:
        """Meanwhile no event of Step Functions is delivered, as may be."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(self.stack.app.handler_map, "execution_status", lambda *_: None)
            yield


@contextmanager
def secret_of_account(name: str, value: str) -> Iterator[str]:
    """The ARN of a secret that the template or RDS made."""
    secret = console("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]
    try:
        yield secret
    finally:
        console("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def id_of(path: str) -> UUID:
    """Of the run of a path."""
    return UUID(path.rpartition("/")[2])
