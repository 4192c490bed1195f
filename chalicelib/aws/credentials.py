"""Our own credentials in an account: the login of the database, and the secret that signs tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.conninfo import Login

from .clients import client, our_errors

if TYPE_CHECKING:
    from chalicelib.settings import Settings


def log_in(settings: Settings) -> Login:
    """Who logs in to the database: the user and password of its secret; without one, the user of the settings with a
    token of IAM, which opens connections for 15 minutes. Raises UnavailableError."""
    if settings.database_secret_arn:
        secret = json.loads(secret_text(settings, settings.database_secret_arn))
        return Login(secret["username"], secret["password"])
    with our_errors("IAM"):
        token = client("rds", settings).generate_db_auth_token(
            settings.database_host, settings.database_port, settings.database_user, settings.aws_region
        )
    return Login(settings.database_user, token)


def secret_text(settings: Settings, arn: str) -> str:
    """The current value of a secret. Raises UnavailableError."""
    with our_errors("Secrets Manager"):
        return str(client("secretsmanager", settings).get_secret_value(SecretId=arn)["SecretString"])
