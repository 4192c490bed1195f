"""Workspaces, users, members and tokens: what another part of a product would bring along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import psycopg

from chalicelib.auth import Role

from .data import TOKEN_DAYS


def create_workspace(database_url: str, name: str) -> UUID:
    """A new workspace without members."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("INSERT INTO workspaces (name) VALUES (%s) RETURNING id", (name,)).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def find_workspace(database_url: str, name: str) -> UUID | None:
    """The oldest workspace of that name."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT id FROM workspaces WHERE name = %s ORDER BY created_at, id LIMIT 1", (name,)
        ).fetchone()
    return row[0] if row else None


def add_member(database_url: str, workspace_id: UUID, email: str, role: Role) -> UUID:
    """Make a user, new or known by the e-mail, a member with that role; the user's id."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            """
            WITH person AS (
              INSERT INTO users (email) VALUES (%(email)s)
              ON CONFLICT (email) DO UPDATE SET email = EXCLUDED.email RETURNING id
            )
            INSERT INTO workspace_members (workspace_id, user_id, role)
            SELECT %(workspace_id)s, id, %(role)s FROM person
            ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = EXCLUDED.role
            RETURNING user_id
            """,
            {"workspace_id": workspace_id, "email": email, "role": role.value},
        ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def token(secret: str, user_id: UUID, days: int = TOKEN_DAYS) -> str:
    """A bearer token for a user."""
    claims = {"sub": str(user_id), "exp": datetime.now(UTC) + timedelta(days=days)}
    return jwt.encode(claims, secret, algorithm="HS256")
