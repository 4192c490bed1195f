"""The role that the Lambdas log in as by IAM: it reads and writes rows, and changes no table."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg.sql import SQL, Identifier, Literal

IAM = "rds_iam"
"""RDS's own role; whoever has it logs in by a token of IAM
(https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html)."""


def let_in(conninfo: str, role: str, settings: Mapping[str, str]) -> None:
    """Make the role where it is missing, and let it use all tables that are there. Its sessions begin with the
    settings."""
    name = Identifier(role)
    with psycopg.connect(conninfo) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
            connection.execute(SQL("CREATE ROLE {} LOGIN").format(name))
        connection.execute(SQL("GRANT {} TO {}").format(Identifier(IAM), name))
        for key, value in settings.items():
            connection.execute(SQL("ALTER ROLE {} SET {} = {}").format(name, Identifier(key), Literal(value)))
        connection.execute(SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
        connection.execute(
            SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}").format(name)
        )
        connection.execute(SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(name))
        connection.execute(SQL("REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM {}").format(name))
