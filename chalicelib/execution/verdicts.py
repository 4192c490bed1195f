"""What the Lambda behind every Task tells Step Functions by the name of an exception; see `compiler/states.py`."""


class NodeFailed(Exception):  # noqa: N818 - the name is matched
    """A node failed for good, and the run or the item with it."""


class RetryNode(Exception):  # noqa: N818
    """An attempt failed; Step Functions makes another."""


class RunEnded(Exception):  # noqa: N818
    """The run or the item is over or gone, so nothing more is to run."""
