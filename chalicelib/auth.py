"""What a user is in a workspace."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from .errors import ForbiddenError, NotFoundError

if TYPE_CHECKING:
    from uuid import UUID

    from .db import Database


class Role(Enum):
    """What a user may do in a workspace; an owner may do all that a member may."""

    MEMBER = "member"
    OWNER = "owner"


class Membership:
    """Reads roles from the database, on every request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def require(self, workspace_id: UUID, user_id: UUID, role: Role) -> None:
        """Raises NotFoundError for who is no member, as if the workspace did not exist; ForbiddenError
        for a member where an owner is needed."""
        with self._database.connection() as connection:
            row = connection.execute(
                "SELECT role FROM workspace_members WHERE workspace_id = %s AND user_id = %s",
                (workspace_id, user_id),
            ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no workspace {workspace_id}")
        if role is Role.OWNER and row["role"] != Role.OWNER.value:
            raise ForbiddenError("only an owner of the workspace may do this; you are a member")
