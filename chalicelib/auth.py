"""Who is asking, and what they are in a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from uuid import UUID

import jwt

from .db import Database
from .errors import ForbiddenError, NotFoundError, UnauthenticatedError

ALGORITHM = "HS256"


class Role(Enum):
    """What a user may do in a workspace; an owner may do all that a member may."""

    MEMBER = "member"
    OWNER = "owner"


class Authenticator:
    """Reads bearer tokens signed with a shared secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def user(self, headers: Mapping[str, str]) -> UUID:
        """The `sub` of the token in the Authorization header. Raises UnauthenticatedError."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError("send a token in the header `Authorization: Bearer <token>`")
        try:
            claims = jwt.decode(
                token.strip(), self._secret, algorithms=[ALGORITHM], options={"require": ["sub", "exp"]}
            )
            return UUID(claims["sub"])
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("the token has expired") from None
        except (jwt.InvalidTokenError, ValueError):
            raise UnauthenticatedError("the token is not valid") from None


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
