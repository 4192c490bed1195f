"""AWS Secrets Manager: the values of secrets."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from .clients import client, our_errors

if TYPE_CHECKING:
    from chalicelib.settings import Settings

SERVICE = "Secrets Manager"


class SecretsManager:
    """Texts by name (https://docs.aws.amazon.com/secretsmanager/latest/apireference/)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> Any:
        return client("secretsmanager", self._settings)

    def find(self, name: str) -> str | None:
        """The current value; None where there is none, or it waits for its deletion. Raises UnavailableError."""
        missing = self._client.exceptions.ResourceNotFoundException
        deleted = self._client.exceptions.InvalidRequestException
        try:
            with our_errors(SERVICE, missing, deleted):
                value: str | None = self._client.get_secret_value(SecretId=name).get("SecretString")
        except (missing, deleted):
            return None
        return value

    def put(self, name: str, value: str) -> None:
        """Store a value, in place of the one before. Raises UnavailableError."""
        missing = self._client.exceptions.ResourceNotFoundException
        deleted = self._client.exceptions.InvalidRequestException
        with our_errors(SERVICE):
            try:
                self._client.put_secret_value(SecretId=name, SecretString=value)
            except missing:
                self._create(name, value)
            except deleted:  # someone deleted it in the account, where a deletion waits for days
                self._client.restore_secret(SecretId=name)
                self._client.put_secret_value(SecretId=name, SecretString=value)

    def _create(self, name: str, value: str) -> None:
        there = self._client.exceptions.ResourceExistsException
        try:
            self._client.create_secret(Name=name, SecretString=value, Description="A secret of a Stepgraph workspace")
        except there:  # by another call, just now
            self._client.put_secret_value(SecretId=name, SecretString=value)

    def delete(self, name: str) -> None:
        """Delete a value at once; one that is not there is no error. Raises UnavailableError."""
        missing = self._client.exceptions.ResourceNotFoundException
        try:
            with our_errors(SERVICE, missing):
                self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except missing:
            return
