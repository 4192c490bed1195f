"""What a route declares of itself: the edge acts on it, and the API's document is made of it.

The annotations of a view say what comes in and what goes out. `query`, `headers` and `body` are models of what a
request holds; what is returned is the answer's body. They are names of the feature's controller, which is imported when
the first request comes: a Lambda that serves none does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from pydantic import BaseModel

    from .auth import Role
    from .errors import StepgraphError

PARTS = ("query", "headers", "body")


@dataclass(frozen=True)
class Endpoint:
    """A view, and who may have it."""

    view: Callable[..., Any]
    role: Role | None = None
    """In the workspace of the path; None where any user may."""
    needs_token: bool = True
    """Whether it asks who calls."""
    status: HTTPStatus = HTTPStatus.OK
    """Of an answer when all goes well."""
    or_status: HTTPStatus | None = None
    """Another one."""
    raises: Sequence[type[StepgraphError]] = ()
    """What can go wrong besides what the edge itself refuses."""
    media_type: str = "application/json"
    """Of the answer's body; what is not JSON is a text."""
    takes_anything: bool = False
    """Whether a body of any type may be sent, and is read by the feature itself."""

    @cached_property
    def takes(self) -> Mapping[str, type[BaseModel]]:
        """The models of the request's parts."""
        return {part: self._hints[part] for part in PARTS if part in self._hints}

    @property
    def gives(self) -> Any:
        """The type of the answer's body."""
        return self._hints["return"]

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        controller = import_module(f"{self.view.__module__.rpartition('.')[0]}.controller")
        return get_type_hints(self.view, localns=vars(controller), include_extras=True)
