"""moto, as corrected, behaves as AWS does; and each correction is still needed.

A test that `restores` a correction is run a second time, in a process that leaves the correction out, and has
to fail there. When it passes, moto has become right: `test_moto_still_needs` says that the correction can go.
"""

from __future__ import annotations

import gc
import itertools
import json
import logging
import multiprocessing
import threading
import time
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import botocore.session
import pytest
from antlr4.atn.ParserATNSimulator import ParserATNSimulator
from antlr4.tree.Tree import TerminalNodeImpl
from botocore.exceptions import ClientError
from jsonpath_ng.parser import JsonPathParser
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core import utils as core_utils
from moto.stepfunctions.parser import models as parser_models
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from local import moto_corrections
from local.moto_corrections import on_execution_status_change, run_lambdas_with, stop_all_executions
from tests.client import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Handler = Callable[[str, dict[str, Any]], Any]

LIMIT = 5.0
NUMBERS = itertools.count()
REGION = "eu-west-3"  # no other test's, whose machines may be alive in this process
ROLE = "arn:aws:iam::123456789012:role/machine"
PASS = {"Type": "Pass", "End": True}
SUCCEED = {"Type": "Succeed"}
ALL = ["States.ALL"]


@cache
def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


class Aws:
    """Step Functions as the tests use it."""

    def __init__(self, limit: float = LIMIT) -> None:
        self.states = client("stepfunctions")
        self.limit = limit
        self.handler: Handler = lambda _name, event: event
        run_lambdas_with(self._invoke)

    def _invoke(self, name: str, event: dict[str, Any]) -> Any:
        return self.handler(name, event)

    def start(self, states: dict[str, Any], event: Any = None, **definition: Any) -> str:
        """Start an execution of a machine whose first state is the first one given."""
        machine = self.machine(states, **definition)
        return self.start_named(machine, "execution", event)

    def machine(self, states: dict[str, Any], **definition: Any) -> str:
        text = json.dumps({"StartAt": next(iter(states)), "States": states, **definition})
        name = f"machine-{next(NUMBERS)}"
        return str(self.states.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"])

    def start_named(self, machine: str, name: str, event: Any = None) -> str:
        started = self.states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(event or {}))
        return str(started["executionArn"])

    def describe(self, arn: str) -> dict[str, Any]:
        described: dict[str, Any] = self.states.describe_execution(executionArn=arn)
        return described

    def ended(self, arn: str) -> dict[str, Any]:
        """The execution as it is described after its end."""
        self.until(lambda: self.describe(arn)["status"] != "RUNNING")
        return self.describe(arn)

    def run(self, states: dict[str, Any], event: Any = None, **definition: Any) -> dict[str, Any]:
        return self.ended(self.start(states, event, **definition))

    def output(self, states: dict[str, Any], event: Any = None) -> Any:
        execution = self.run(states, event)
        assert execution["status"] == "SUCCEEDED", execution
        return json.loads(execution["output"])

    def stop(self, arn: str) -> None:
        self.states.stop_execution(executionArn=arn, error="Stopped", cause="by hand")

    def until(self, condition: Callable[[], Any]) -> None:
        assert becomes_true(condition, self.limit), "it did not come true in time"


def becomes_true(condition: Callable[[], Any], limit: float) -> bool:
    deadline = time.monotonic() + limit
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(true)


def task(**fields: Any) -> dict[str, Any]:
    parameters = {"FunctionName": "f", "Payload.$": "$"}
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": parameters,
        "End": True,
    }
    return merged(state, fields)


def token_task(**fields: Any) -> dict[str, Any]:
    parameters = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    return task(
        Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
        Parameters=parameters,
        OutputPath="$",
        **fields,
    )


def merged(state: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    if "Next" in fields:
        state.pop("End")
    return {**state, **fields}


def catch(errors: list[str], **fields: Any) -> list[dict[str, Any]]:
    return [{"ErrorEquals": errors, "Next": "Caught", **fields}]


def parallel(state: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return merged({"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": state}}], "End": True}, fields)


def map_items(state: dict[str, Any], concurrency: int, **fields: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "I", "States": {"I": state}}
    items = {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": concurrency, "ItemProcessor": processor}
    return merged({**items, "End": True}, fields)


class Tokens:
    """A function that hands its task's token to the test."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.all: list[str] = []
        aws.handler = lambda _name, event: self.all.append(event["token"])

    def next(self, number: int = 1) -> str:
        self.aws.until(lambda: len(self.all) >= number)
        return self.all[number - 1]


class Fault(Exception):  # noqa: N818 - the class name is what Step Functions sees
    """What a function raises."""


RESTORES: dict[Callable[[Aws], None], tuple[str, ...]] = {}


def restores(*corrections: str) -> Callable[[Callable[[Aws], None]], Callable[[Aws], None]]:
    """Name the corrections without which the test fails."""

    def note(test: Callable[[Aws], None]) -> Callable[[Aws], None]:
        RESTORES[test] = corrections
        return test

    return note


INVOKE = "_invoke_lambda_function"


@contextmanager
def _mocked(limit: float = LIMIT) -> Iterator[Aws]:
    config = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with mock_aws(config=config):
        yield Aws(limit)


@pytest.fixture
def aws(verdicts: object) -> Iterator[Aws]:  # noqa: ARG001 - they are reached while the other tests run
    moto_corrections.apply()
    poll(lambda: stop_all_executions(LIMIT))  # where runs of other tests are stopped, those in their queue are started
    with (
        mock.patch.object(LambdaSimpleBackend, "invoke", LambdaSimpleBackend.invoke),
        mock.patch.object(lambda_eval_utils, INVOKE, getattr(lambda_eval_utils, INVOKE)),
        mock.patch.object(moto_corrections.status_events, "_callbacks", []),
        _mocked() as mocked,
    ):
        yield mocked
        assert stop_all_executions(LIMIT)


# --- speed


def test_a_task_makes_no_client(aws: Aws) -> None:
    with mock.patch.object(botocore.session.Session, "create_client") as create:
        aws.run({"A": task(Next="B"), "B": task()})
    create.assert_not_called()


@restores("load_each_service_once")
def test_the_first_calls_of_a_service_load_its_model_once(aws: Aws) -> None:  # noqa: ARG001
    together = threading.Barrier(4)

    def call() -> None:
        together.wait(LIMIT)
        core_utils.get_service_model("codeartifact")

    with mock.patch.object(core_utils, "create_loader", wraps=core_utils.create_loader) as load:
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
    load.assert_called_once()


@restores("parse_each_json_path_once")
def test_a_path_that_was_evaluated_is_not_parsed_again(aws: Aws) -> None:
    states = {"A": {**PASS, "InputPath": "$.a", "ResultPath": "$.b"}}
    aws.output(states, {"a": {}})
    with mock.patch.object(JsonPathParser, "parse") as parse:
        assert aws.output(states, {"a": {"x": 1}}) == {"a": {"x": 1}, "b": {"x": 1}}
    parse.assert_not_called()


@restores("parse_each_definition_once")
def test_starting_parses_no_definition(aws: Aws) -> None:
    machine = aws.machine({"A": PASS})
    with mock.patch.object(ASLParser, "state_machine") as parse:
        assert aws.ended(aws.start_named(machine, "one"))["status"] == "SUCCEEDED"
    parse.assert_not_called()


@restores("parse_each_definition_once")
def test_a_refused_definition_leaves_nothing_behind(aws: Aws) -> None:
    with pytest.raises(ClientError, match="InvalidDefinition"):
        aws.machine({"A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}}, QueryLanguage="JSONata")
    assert aws.output({"A": {**PASS, "InputPath": "$.x"}}, {"x": 1}) == 1


@restores("parse_without_full_context")
def test_a_definition_is_parsed_without_all_the_rules_above(aws: Aws) -> None:
    with mock.patch.object(ParserATNSimulator, "execATNWithFullContext") as decide:
        aws.machine({"A": parallel(task(Retry=[{"ErrorEquals": ALL, "MaxAttempts": 1}]))})
    decide.assert_not_called()


@restores("read_each_text_once")
def test_no_part_of_a_definition_is_read_for_each_part_round_it(aws: Aws) -> None:
    reads: Counter[Any] = Counter()

    def read(part: Any) -> str:
        reads[part] += 1
        return str(part.symbol.text)

    with mock.patch.object(TerminalNodeImpl, "getText", read):
        aws.machine({"A": parallel(parallel(parallel(task())))})
    assert max(reads.values()) <= 2  # as a part of what is round it, and by itself


def test_executions_of_one_machine_do_not_share_their_counters(aws: Aws) -> None:
    calls: list[str] = []

    def fail_once(_name: str, event: dict[str, Any]) -> None:
        calls.append(event["of"])
        raise Fault

    aws.handler = fail_once
    retry = [{"ErrorEquals": ["Fault"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    machine = aws.machine({"A": task(Retry=retry)})
    with quickly():
        arns = [aws.start_named(machine, name, {"of": name}) for name in "abc"]
        assert {aws.ended(arn)["error"] for arn in arns} == {"Fault"}
    assert sorted(calls) == ["a", "a", "b", "b", "c", "c"]


@restores("keep_failures_out_of_the_log")
def test_a_failure_is_not_logged(aws: Aws) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[assignment, method-assign]
    logging.getLogger("moto.stepfunctions").addHandler(handler)
    aws.run({"A": {"Type": "Fail", "Error": "Wrong"}})
    logging.getLogger("moto.stepfunctions").removeHandler(handler)
    assert records == []
    assert len(str(AmazonStateLanguageParser.parse(json.dumps({"StartAt": "A", "States": {"A": PASS}}))[0])) < 50


# --- errors


@restores("give_refusals_their_code")
def test_a_refused_definition_has_an_error_code(aws: Aws) -> None:
    with pytest.raises(ClientError, match="InvalidDefinition"):
        aws.machine({"A": {"Type": "Unknown"}})


@restores("let_states_errors_leave_a_branch")
def test_a_timeout_in_a_branch_is_caught(aws: Aws) -> None:
    state = token_task(TimeoutSeconds=1)
    caught = {"Caught": SUCCEED}
    by_name = aws.start({"A": parallel(state, Catch=catch(["States.Timeout"])), **caught})
    by_all = aws.start({"A": parallel(state, Catch=catch(ALL)), **caught})
    of_item = aws.start({"A": map_items(state, 1, Catch=catch(["States.Timeout"])), **caught}, {"items": [1]})
    for arn in (by_name, by_all, of_item):
        execution = aws.ended(arn)
        assert execution["status"] == "SUCCEEDED", execution
        assert json.loads(execution["output"])["Error"] == "States.Timeout"


def test_an_error_in_a_branch_fails_the_execution_with_its_name(aws: Aws) -> None:
    execution = aws.run({"A": parallel({"Type": "Fail", "Error": "Wrong", "Cause": "a test"})})
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", "Wrong", "a test")


@restores("keep_runtime_errors_from_states_all")
def test_a_runtime_error_is_not_caught_by_states_all(aws: Aws) -> None:
    missing = {"FunctionName": "f", "Payload.$": "$.missing"}
    execution = aws.run({"A": task(Parameters=missing, Catch=catch(ALL)), "Caught": SUCCEED})
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")


@restores("fail_a_choice_on_a_missing_path")
def test_a_choice_on_a_missing_path_fails(aws: Aws) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.x", "NumericEquals": 1, "Next": "B"}],
        "Default": "B",
    }
    execution = aws.run({"A": choice, "B": SUCCEED})
    assert (execution["status"], execution["error"]) == ("FAILED", "States.Runtime")
    assert "Invalid path '$.x'" in execution["cause"]


def test_a_choice_may_ask_whether_a_path_is_present(aws: Aws) -> None:
    absent = {"Variable": "$.x", "IsPresent": False, "Next": "B"}
    assert aws.output({"A": {"Type": "Choice", "Choices": [absent]}, "B": {**PASS, "Result": "absent"}}) == "absent"


# --- lambda functions, retries and catches


def test_a_function_gets_its_bare_name_and_its_event(aws: Aws) -> None:
    calls: list[Any] = []
    aws.handler = lambda name, event: calls.append((name, event)) or {"until": "noon"}
    arn = "arn:aws:lambda:eu-west-3:123456789012:function:report:live"
    state = task(Parameters={"FunctionName": arn, "Payload.$": "$"}, ResultSelector={"until.$": "$.Payload.until"})
    assert aws.output({"A": state}, {"x": 1}) == {"until": "noon"}
    assert calls == [("report", {"x": 1})]


def test_what_a_function_raises_is_a_function_error(aws: Aws) -> None:
    def fail(_name: str, _event: dict[str, Any]) -> None:
        raise Fault("no paper")

    aws.handler = fail
    answer = client("lambda").invoke(FunctionName="f")
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"]) == {"errorType": "Fault", "errorMessage": "no paper"}


def test_a_result_that_is_no_json_is_a_function_error(aws: Aws) -> None:
    aws.handler = lambda _name, _event: object()
    assert aws.run({"A": task()})["error"] == "Runtime.MarshalError"


def test_an_asynchronous_invocation_is_answered_before_the_function_runs(aws: Aws) -> None:
    go, ran = threading.Event(), threading.Event()
    aws.handler = lambda _name, _event: go.wait(LIMIT) and ran.set()
    assert client("lambda").invoke(FunctionName="f", InvocationType="Event")["StatusCode"] == 202
    go.set()
    assert ran.wait(LIMIT)


def test_a_failure_is_caught_by_class_name_next_to_the_input(aws: Aws) -> None:
    def fail(_name: str, _event: dict[str, Any]) -> None:
        raise Fault("no paper")

    aws.handler = fail
    state = task(Catch=[*catch(["Other"]), *catch(["Fault"], ResultPath="$.failure")])
    output = aws.output({"A": state, "Caught": SUCCEED}, {"x": 1})
    assert output["x"] == 1
    assert output["failure"]["Error"] == "Fault"
    assert json.loads(output["failure"]["Cause"])["errorMessage"] == "no paper"


def test_each_retrier_counts_its_own_attempts(aws: Aws) -> None:
    errors = iter([Fault(), ValueError(), Fault(), ValueError(), None])

    def fail(_name: str, _event: dict[str, Any]) -> str:
        if error := next(errors):
            raise error
        return "done"

    aws.handler = fail
    retry = [{"ErrorEquals": [name], "MaxAttempts": 2} for name in ("Fault", "ValueError")]
    with quickly():
        assert aws.output({"A": task(Retry=retry)})["Payload"] == "done"


def test_a_retrier_without_attempts_shields_from_the_next(aws: Aws) -> None:
    calls: list[str] = []

    def fail(name: str, _event: dict[str, Any]) -> None:
        calls.append(name)
        raise Fault

    aws.handler = fail
    retry = [{"ErrorEquals": ["Fault"], "MaxAttempts": 0}, {"ErrorEquals": ALL, "MaxAttempts": 9}]
    assert aws.run({"A": task(Retry=retry)})["error"] == "Fault"
    assert calls == ["f"]


def test_the_pause_of_a_retry_grows_to_its_limit_and_is_shortened_by_jitter(aws: Aws) -> None:
    def fail(_name: str, _event: dict[str, Any]) -> None:
        raise Fault

    aws.handler = fail
    retry = {
        "ErrorEquals": ALL,
        "MaxAttempts": 4,
        "IntervalSeconds": 2,
        "BackoffRate": 3,
        "MaxDelaySeconds": 7,
    }
    with quickly() as pauses:
        aws.run({"A": task(Retry=[retry])})
        assert pauses == [2, 6, 7, 7]
        pauses.clear()
        aws.run({"A": task(Retry=[{**retry, "JitterStrategy": "FULL"}])})
    assert len(pauses) == 4
    assert all(0 <= pause <= limit for pause, limit in zip(pauses, [2, 6, 7, 7], strict=True))


def test_a_null_result_path_keeps_the_input(aws: Aws) -> None:
    aws.handler = lambda _name, _event: "dropped"
    assert aws.output({"A": task(ResultPath=None)}, {"x": 1}) == {"x": 1}


@contextmanager
def quickly() -> Iterator[list[float]]:
    """Note the pauses before retries instead of making them."""
    pauses: list[float] = []
    ending = moto_corrections.waiting.Ending
    with mock.patch.object(ending, "wait", lambda _self, timeout: pauses.append(timeout)):
        yield pauses


# --- waiting


@restores("wait_for_a_timestamp_in_utc")
def test_a_wait_does_not_end_before_its_timestamp(aws: Aws) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=0.6)
    in_utc = moment.isoformat().replace("+00:00", "Z")
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat()
    wait = {"A": {"Type": "Wait", "TimestampPath": "$.until", "Next": "B"}, "B": PASS}
    for arn in [aws.start(wait, {"until": until}) for until in (in_utc, elsewhere)]:
        execution = aws.ended(arn)
        assert execution["status"] == "SUCCEEDED", execution
        assert datetime.now(UTC) >= moment


@restores("wait_until_the_moment")
def test_a_wait_for_a_fraction_of_a_second_ends(aws: Aws) -> None:
    machine = aws.machine({"A": {"Type": "Wait", "TimestampPath": "$.until", "End": True}})
    until = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
    assert aws.ended(aws.start_named(machine, "one", {"until": until}))["status"] == "SUCCEEDED"


def test_a_wait_until_a_past_timestamp_ends_at_once(aws: Aws) -> None:
    assert aws.run({"A": {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z", "End": True}})["status"] == "SUCCEEDED"


def test_a_wait_until_something_else_fails(aws: Aws) -> None:
    wait = {"A": {"Type": "Wait", "TimestampPath": "$.until", "End": True}}
    assert aws.run(wait, {"until": "tomorrow"})["error"] == "States.Runtime"


def test_a_stopped_wait_ends(aws: Aws) -> None:
    for function in ({"Seconds": 60}, {"Timestamp": "2999-01-01T00:00:00Z"}):
        arn = aws.start({"A": {"Type": "Wait", **function, "Next": "B"}, "B": PASS})
        aws.stop(arn)
        assert aws.describe(arn)["status"] == "ABORTED"
    aws.until(no_execution_thread_is_alive)


@restores("end_the_pause_of_a_retry")
def test_a_stopped_retry_ends(aws: Aws) -> None:
    failed = threading.Event()

    def fail(_name: str, _event: dict[str, Any]) -> None:
        failed.set()
        raise Fault

    aws.handler = fail
    arn = aws.start({"A": task(Retry=[{"ErrorEquals": ALL, "IntervalSeconds": 60}])})
    aws.until(failed.is_set)
    aws.until(lambda: "TaskFailed" in history(aws, arn))
    aws.stop(arn)
    aws.until(no_execution_thread_is_alive)


def no_execution_thread_is_alive() -> bool:
    return not moto_corrections.executions.live_threads()


def history(aws: Aws, arn: str) -> list[str]:
    return [event["type"] for event in aws.states.get_execution_history(executionArn=arn)["events"]]


# --- task tokens


@restores("find_a_task_by_its_token")
def test_a_token_counts_once(aws: Aws) -> None:
    tokens = Tokens(aws)
    arn = aws.start({"A": token_task(Next="B"), "B": {"Type": "Wait", "Seconds": 60, "End": True}})
    aws.states.send_task_success(taskToken=tokens.next(), output="{}")
    aws.until(lambda: "WaitStateEntered" in history(aws, arn))
    with pytest.raises(ClientError, match="TaskTimedOut"):
        aws.states.send_task_success(taskToken=tokens.next(), output="{}")
    with pytest.raises(ClientError, match="InvalidToken"):
        aws.states.send_task_failure(taskToken="nonsense")


@restores("find_a_task_by_its_token", "run_from_the_moment_of_the_start")
def test_a_token_finds_its_task_while_executions_start(aws: Aws) -> None:
    tokens = Tokens(aws)
    starting = aws.machine({"A": PASS})
    waiting = aws.machine({"A": token_task()})
    arns = [aws.start_named(waiting, str(number)) for number in range(5)]
    with mock.patch.object(ExecutionWorker, "start"):  # these are as far as the start of their thread
        for number in range(3):
            aws.start_named(starting, str(number))
    tokens.next(5)
    for token in tokens.all:
        aws.states.send_task_success(taskToken=token, output='{"sent": true}')
    assert [json.loads(aws.ended(arn)["output"]) for arn in arns] == [{"sent": True}] * 5


@restores("keep_the_cause_of_a_failed_task")
def test_a_failed_task_has_error_and_cause(aws: Aws) -> None:
    tokens = Tokens(aws)
    arn = aws.start({"A": token_task()})
    aws.states.send_task_failure(taskToken=tokens.next(), error="Refused", cause="no paper")
    execution = aws.ended(arn)
    assert (execution["status"], execution["error"], execution["cause"]) == ("FAILED", "Refused", "no paper")


@restores("give_each_attempt_its_token")
def test_a_retried_task_has_a_token_of_its_own(aws: Aws) -> None:
    tokens = Tokens(aws)
    arn = aws.start({"A": token_task(Retry=[{"ErrorEquals": ["Refused"], "IntervalSeconds": 1}])})
    aws.states.send_task_failure(taskToken=tokens.next(), error="Refused")
    aws.states.send_task_success(taskToken=tokens.next(2), output='"done"')
    assert aws.ended(arn)["output"] == '"done"'
    assert len(set(tokens.all)) == 2


@restores("remember_the_end_of_an_environment")
def test_a_stopped_wait_for_a_token_ends(aws: Aws) -> None:
    tokens = Tokens(aws)
    arn = aws.start({"A": token_task()})
    token = tokens.next()
    aws.stop(arn)
    aws.until(no_execution_thread_is_alive)
    with pytest.raises(ClientError, match="TaskTimedOut"):
        aws.states.send_task_success(taskToken=token, output="{}")


@restores("keep_the_first_end_of_an_environment")
def test_the_history_of_a_stopped_execution_ends_with_the_stop(aws: Aws) -> None:
    tokens = Tokens(aws)
    arn = aws.start({"A": token_task()})
    tokens.next()
    aws.stop(arn)
    aws.until(no_execution_thread_is_alive)
    assert history(aws, arn)[-1] == "ExecutionAborted"


def test_a_heartbeat_keeps_a_task_alive(aws: Aws) -> None:
    tokens = Tokens(aws)
    arn = aws.start({"A": token_task(HeartbeatSeconds=30)})
    aws.states.send_task_heartbeat(taskToken=tokens.next())
    aws.states.send_task_success(taskToken=tokens.next(), output="{}")
    assert aws.ended(arn)["status"] == "SUCCEEDED"


def test_a_failed_branch_ends_the_waits_of_the_others(aws: Aws) -> None:
    tokens = Tokens(aws)
    branches = [{"StartAt": "B", "States": {"B": state}} for state in (token_task(), token_task())]
    arn = aws.start({"A": {"Type": "Parallel", "Branches": branches, "End": True}})
    tokens.next(2)
    aws.states.send_task_failure(taskToken=tokens.all[0], error="Refused")
    assert aws.ended(arn)["error"] == "Refused"
    aws.until(no_execution_thread_is_alive)


# --- maps


@restores("run_items_one_after_the_other")
def test_a_map_runs_a_thousand_items_one_at_a_time(aws: Aws) -> None:
    items = list(range(1000))
    assert aws.output({"A": map_items(PASS, 1)}, {"items": items}) == items


def test_a_map_runs_a_thousand_items_ten_at_a_time(aws: Aws) -> None:
    items = list(range(1000))
    assert aws.output({"A": map_items(PASS, 10)}, {"items": items}) == items


def test_a_map_of_nothing_ends(aws: Aws) -> None:
    assert aws.output({"A": map_items(PASS, 0)}, {"items": []}) == []


@restores("run_forty_items_at_once_at_most")
def test_a_map_runs_forty_items_at_once_at_most(aws: Aws) -> None:
    go = threading.Event()
    running: list[Any] = []
    aws.handler = lambda _name, event: running.append(event) or go.wait(LIMIT)
    arn = aws.start({"A": map_items(task(), 0)}, {"items": list(range(50))})
    aws.until(lambda: len(running) >= 40)
    assert not becomes_true(lambda: len(running) > 40, 0.5)
    go.set()
    assert aws.ended(arn)["status"] == "SUCCEEDED"
    assert len(running) == 50


# --- the life of an execution


@restores("stop_at_once")
def test_stopping_waits_for_no_function_and_starts_no_state(aws: Aws) -> None:
    entered, go = threading.Event(), threading.Event()
    calls: list[str] = []

    def handle(name: str, _event: dict[str, Any]) -> None:
        calls.append(name)
        entered.set()
        go.wait(LIMIT)

    aws.handler = handle
    arn = aws.start({"A": task(Next="B"), "B": task()})
    aws.until(entered.is_set)
    aws.stop(arn)
    stopped = aws.describe(arn)
    assert (stopped["status"], stopped["error"], stopped["cause"]) == ("ABORTED", "Stopped", "by hand")
    go.set()
    aws.until(no_execution_thread_is_alive)
    assert calls == ["f"]
    assert aws.describe(arn)["stopDate"] == stopped["stopDate"]


def test_stopping_an_ended_execution_changes_nothing(aws: Aws) -> None:
    arn = aws.start({"A": PASS})
    ended = aws.ended(arn)
    aws.stop(arn)
    again = aws.describe(arn)
    assert (again["status"], again["stopDate"]) == ("SUCCEEDED", ended["stopDate"])


@restores("run_from_the_moment_of_the_start")
def test_an_execution_can_be_stopped_before_its_thread_runs(aws: Aws) -> None:
    with mock.patch.object(ExecutionWorker, "start"):
        arn = aws.start({"A": PASS})
    aws.stop(arn)
    assert aws.describe(arn)["status"] == "ABORTED"


@restores("run_a_program_unless_it_was_stopped")
def test_a_stopped_program_ends_at_once(aws: Aws) -> None:  # noqa: ARG001
    program, _ = AmazonStateLanguageParser.parse(json.dumps({"StartAt": "A", "States": {"A": PASS}}))
    environment = Environment(
        aws_execution_details=None,
        execution_type="STANDARD",
        context={"Execution": {"Input": {}}},
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    environment.next_state_name = "A"
    environment.set_stop(stop_date=datetime.now(UTC), error=None, cause=None)
    program.eval(environment)
    assert not environment.is_running()


def test_a_machine_times_out(aws: Aws) -> None:
    execution = aws.run({"A": {"Type": "Wait", "Seconds": 60, "End": True}}, TimeoutSeconds=1)
    assert execution["status"] == "TIMED_OUT"
    assert execution["stopDate"] >= execution["startDate"] + timedelta(seconds=1)


@restores("start_one_execution_of_a_name")
def test_of_equal_starts_at_once_one_starts(aws: Aws) -> None:
    machine = aws.machine({"A": {"Type": "Wait", "Seconds": 60, "End": True}})
    together = threading.Barrier(2)

    def make(**fields: Any) -> Execution:
        with suppress(threading.BrokenBarrierError):
            together.wait(0.3)  # for the other start, should it have come as far
        return Execution(**fields)

    with mock.patch.object(parser_models, "Execution", make):
        threads = [threading.Thread(target=aws.start_named, args=(machine, "one")) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
    assert len(aws.states.list_executions(stateMachineArn=machine)["executions"]) == 1


def test_a_name_counts_once(aws: Aws) -> None:
    machine = aws.machine({"A": PASS})
    aws.ended(aws.start_named(machine, "one"))
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        aws.start_named(machine, "one")


@restores("describe_outputs_as_json")
def test_an_output_is_json(aws: Aws) -> None:
    for value in ("text", None, 1, {"x": ["y"]}):
        assert aws.output({"A": {"Type": "Pass", "OutputPath": "$.value", "End": True}}, {"value": value}) == value


@restores("end_an_execution_once")
def test_a_change_of_status_is_told_to_those_who_asked(aws: Aws) -> None:
    details: list[dict[str, Any]] = []
    forget = on_execution_status_change(details.append)
    arn = aws.start({"A": {"Type": "Fail", "Error": "Wrong", "Cause": "a test"}}, {"x": 1})
    aws.until(lambda: len(details) == 2)
    forget()
    aws.ended(aws.start({"A": PASS}))
    described = aws.describe(arn)
    common = {
        "executionArn": arn,
        "stateMachineArn": described["stateMachineArn"],
        "name": "execution",
        "startDate": int(described["startDate"].timestamp() * 1000),
        "input": '{"x": 1}',
        "output": None,
    }
    stop_date = int(described["stopDate"].timestamp() * 1000)
    failed = {"status": "FAILED", "stopDate": stop_date, "error": "Wrong", "cause": "a test"}
    assert details == [
        {**common, "status": "RUNNING", "stopDate": None, "error": None, "cause": None},
        {**common, **failed},
    ]


def test_a_listener_that_fails_keeps_no_other_from_hearing(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    details: list[dict[str, Any]] = []
    forgets = [
        on_execution_status_change(lambda detail: detail["missing"]),
        on_execution_status_change(details.append),
    ]
    aws.start({"A": PASS}, {"x": 1})
    aws.until(lambda: len(details) == 2)
    for forget in forgets:
        forget()
    assert [(detail["status"], detail["output"]) for detail in details] == [
        ("RUNNING", None),
        ("SUCCEEDED", '{"x":1}'),
    ]
    assert "not delivered" in caplog.text


@restores("end_an_execution_once")
def test_an_ended_execution_is_forgotten_but_for_its_description(aws: Aws) -> None:
    machine = aws.machine({"A": PASS})
    arns = [aws.start_named(machine, str(number), {"x": number}) for number in range(130)]
    for arn in arns:
        aws.ended(arn)
    aws.until(no_execution_thread_is_alive)
    gc.collect()
    assert sum(isinstance(thing, Environment) for thing in gc.get_objects()) < 110
    assert json.loads(aws.describe(arns[0])["output"]) == {"x": 0}
    assert history(aws, arns[0]) == []
    assert "ExecutionSucceeded" in history(aws, arns[-1])


@restores("forget_ended_threads")
def test_an_ended_thread_is_forgotten(aws: Aws) -> None:
    machine = aws.machine({"A": task()})

    def run(names: str) -> int:
        for name in names:
            aws.ended(aws.start_named(machine, name))
        gc.collect()
        return sum(isinstance(thing, threading.Thread) for thing in gc.get_objects())

    first = run("a")
    assert run("bcdefg") < first + 6


def test_what_runs_at_the_end_of_a_test_can_be_stopped(aws: Aws) -> None:
    arns = [aws.start({"A": {"Type": "Wait", "Seconds": 60, "End": True}}), aws.start({"A": token_task()})]
    assert stop_all_executions(LIMIT)
    assert [aws.describe(arn)["status"] for arn in arns] == ["ABORTED", "ABORTED"]


def test_corrections_are_applied_once(aws: Aws) -> None:  # noqa: ARG001
    start = ExecutionWorker.start, Environment.__init__
    moto_corrections.apply()
    assert (ExecutionWorker.start, Environment.__init__) == start


@restores("keep_schedules_from_events")
def test_a_rule_with_a_schedule_takes_no_events(aws: Aws) -> None:  # noqa: ARG001
    events = client("events")
    name, function = f"schedule-{next(NUMBERS)}", f"arn:aws:lambda:{REGION}:123456789012:function:f"
    events.put_rule(Name=name, ScheduleExpression="cron(0 8 * * ? *)")
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": function}])
    taken = events.put_events(Entries=[{"Source": "shop", "DetailType": "ordered", "Detail": "{}"}])
    assert taken["FailedEntryCount"] == 0


# --- secrets


@restores("refuse_values_of_deleted_secrets")
def test_a_secret_that_waits_for_its_deletion_takes_no_value(aws: Aws) -> None:  # noqa: ARG001
    secrets = client("secretsmanager")
    secrets.create_secret(Name="s", SecretString="old")
    secrets.put_secret_value(SecretId="s", SecretString="new")
    secrets.delete_secret(SecretId="s")
    with pytest.raises(ClientError, match="InvalidRequestException"):
        secrets.put_secret_value(SecretId="s", SecretString="newer")


# --- the need of each correction


def _is_right_without(corrections: tuple[str, ...], test: Callable[[Aws], None]) -> bool:
    """Whether the test passes in this fresh process, from which the corrections are left out."""
    threading.excepthook = lambda _failure: None
    moto_corrections.apply(without=frozenset(corrections))
    try:
        with _mocked(limit=2.0) as aws:
            test(aws)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however it fails, the correction is needed
        return False
    return True


def _judge() -> dict[str, bool]:
    """Run each test without what it restores, each in a process of its own, forked once moto is warm."""
    with _mocked() as aws:
        aws.run({"A": task()})
    with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        cases = [(corrections, test) for test, corrections in RESTORES.items()]
        right = pool.starmap(_is_right_without, cases, chunksize=1)
    return {test.__name__: is_right for (_, test), is_right in zip(cases, right, strict=True)}


@pytest.fixture(scope="session")
def verdicts() -> Iterator[Future[dict[str, bool]]]:
    """Which tests pass without what they restore; it is found out while the other tests run."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool.submit(_judge)


@pytest.mark.parametrize("test", RESTORES, ids=lambda test: test.__name__)
def test_moto_still_needs(test: Callable[[Aws], None], verdicts: Future[dict[str, bool]]) -> None:
    is_right = verdicts.result(60)[test.__name__]
    assert not is_right, f"moto is right by itself: {' and '.join(RESTORES[test])} can go"


def test_every_correction_has_a_test() -> None:
    tested = {correction for corrections in RESTORES.values() for correction in corrections}
    assert tested == {correction.__name__ for correction in moto_corrections.CORRECTIONS}
