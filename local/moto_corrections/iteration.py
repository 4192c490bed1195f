"""Corrections of moto's inline Map, and of how a program is run."""

# ruff: noqa: SLF001 - moto's insides are what this file is about

from __future__ import annotations

import contextlib
import threading
from typing import Any

from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program import program
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import inline_iteration_component
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import (
    IterationWorker,
)

_MOST_ITEMS_AT_ONCE = 40


def run_items_one_after_the_other() -> None:
    """A Map runs any number of items; moto runs each inside the one before, until RecursionError."""

    def run(self: Any) -> None:
        worker_frame = self._env.open_frame()
        job = self._job_pool.next_job()
        if job is None:
            self._env.close_frame(worker_frame)
        while job is not None:
            job = _run_item(self, worker_frame, job)

    IterationWorker.eval = run


def _run_item(worker: Any, worker_frame: Any, job: Any) -> Any:
    frame = worker_frame.open_inner_frame()
    worker._eval_job(env=frame, job=job)
    worker_frame.close_frame(frame)
    failed = isinstance(job.job_output, Exception) or worker.stopped()
    next_job = None if failed else worker._job_pool.next_job()
    if next_job is None:
        if not failed:
            worker_frame.event_history_context.source_event_id = frame.event_history_context.last_published_event_id
        # The frame is closed before the job: the Map goes on as soon as its last job is closed.
        worker._env.close_frame(worker_frame)
    worker._job_pool.close_job(job)
    return next_job


def run_forty_items_at_once_at_most() -> None:
    """An inline Map runs up to 40 items at once; moto starts a thread for each item."""
    component = inline_iteration_component.InlineIterationComponent
    iterate = component._eval_body

    def iterate_within_limit(self: Any, env: Any) -> None:
        request = env.stack[-1]
        wanted = request.max_concurrency or _MOST_ITEMS_AT_ONCE
        request.max_concurrency = min(wanted, _MOST_ITEMS_AT_ONCE, len(request.input_items))
        iterate(self, env)

    component._eval_body = iterate_within_limit


def run_a_program_unless_it_was_stopped() -> None:
    """What is stopped before its first state ends at once; moto's thread dies, and its parent waits for ever.

    A program without a timeout needs no thread of its own.
    """

    def evaluate(self: Any, env: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the environment was stopped: evaluation skips every state
            env.next_state_name = self.start_at.start_at_name
        if self.timeout_seconds is None:
            EvalComponent.eval(self, env)
            return
        thread = threading.Thread(target=EvalComponent.eval, args=(self, env), daemon=True)
        program.TMP_THREADS.append(thread)
        thread.start()
        thread.join(self.timeout_seconds.timeout_seconds)
        if thread.is_alive() and env.is_running():
            env.set_timed_out()

    program.Program.eval = evaluate


CORRECTIONS = (
    run_items_one_after_the_other,
    run_forty_items_at_once_at_most,
    run_a_program_unless_it_was_stopped,
)
