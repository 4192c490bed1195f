"""A lighter import of moto's Step Functions: half of the start-up and 100 MB went to one enum.

moto's Batch integration imports `moto.batch.utils` for the names of job states, and with it all of EC2. This
module is imported before any other of moto's Step Functions.
"""

from __future__ import annotations

import importlib
import sys
from enum import Enum
from types import ModuleType

BATCH_INTEGRATION = "moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_batch"


class JobStatus(str, Enum):  # noqa: UP042 - as moto has it
    """The states of a job of AWS Batch."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


def import_without_batch() -> None:
    """Import the integration with a stand-in for what it takes from Batch; the stand-in goes at once."""
    if BATCH_INTEGRATION in sys.modules:
        return
    package, utils = ModuleType("moto.batch"), ModuleType("moto.batch.utils")
    package.__path__ = []
    vars(utils)["JobStatus"] = JobStatus
    sys.modules.update({"moto.batch": package, "moto.batch.utils": utils})
    try:
        importlib.import_module(BATCH_INTEGRATION)
    finally:
        del sys.modules["moto.batch"], sys.modules["moto.batch.utils"]


import_without_batch()
