"""Corrections of moto's Secrets Manager, and secrets that outlive the process."""

from __future__ import annotations

import functools
import json
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend, secretsmanager_backends

from local.account import ACCOUNT, REGION

CHANGES = ("create_secret", "put_secret_value", "update_secret", "delete_secret", "restore_secret")

_writing = threading.RLock()


def refuse_values_of_deleted_secrets() -> None:
    """A secret that waits for its deletion takes no value (PutSecretValue, InvalidRequestException); moto stores it,
    where no one can read it."""
    put = SecretsManagerBackend.put_secret_value

    @functools.wraps(put)
    def put_if_there(self: SecretsManagerBackend, secret_id: str, *args: Any, **kwargs: Any) -> str:
        if secret_id in self.secrets and self.secrets[secret_id].is_deleted():
            raise InvalidRequestException("the secret was marked for deletion")
        return str(put(self, secret_id, *args, **kwargs))

    SecretsManagerBackend.put_secret_value = put_if_there


def keep_secrets_in(file: Path) -> Callable[[], None]:
    """Take the secrets from a file that only its owner may read, and write all changes of them back to it at once;
    gives what ends that. moto must be on already, as it forgets everything when it starts."""
    backend = secretsmanager_backends[ACCOUNT][REGION]
    for name, value in _read(file).items():
        backend.create_secret(name, value, None, None, None, None, None, [], force_overwrite=True)
    before = {change: getattr(SecretsManagerBackend, change) for change in CHANGES}
    for change, method in before.items():
        setattr(SecretsManagerBackend, change, _then_kept(method, backend, file))

    def undo() -> None:
        for change, method in before.items():
            setattr(SecretsManagerBackend, change, method)

    return undo


def _then_kept(method: Callable[..., Any], backend: SecretsManagerBackend, file: Path) -> Callable[..., Any]:
    @functools.wraps(method)
    def change(*args: Any, **kwargs: Any) -> Any:
        with _writing:
            answer = method(*args, **kwargs)
            _write(file, backend)
        return answer

    return change


def _read(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _write(file: Path, backend: SecretsManagerBackend) -> None:
    current = (secret for secret in backend.secrets.values() if not secret.is_deleted())
    values = {secret.name: secret.versions[secret.default_version_id].get("secret_string") for secret in current}
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    with os.fdopen(handle, "w") as stream:
        json.dump({name: value for name, value in values.items() if value is not None}, stream)
    Path(draft).replace(file)


CORRECTIONS = (refuse_values_of_deleted_secrets,)
