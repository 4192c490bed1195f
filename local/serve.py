"""The stack with its server in front, as `run` and `demo` use it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chalice import Chalice

from . import stack
from .address import Address
from .server import make_server

WORKSPACE = "local"
POLL_SECONDS = 0.05
"""How long a server that is stopped goes on listening at most."""


@contextmanager
def serving(data_dir: Path, port: int) -> Iterator[tuple[stack.Stack, Address]]:
    """A stack of its own that answers meanwhile, with a workspace to work in. Raises as stack.start does."""
    with closing(stack.start(data_dir)) as running, listening(running.app, port) as url:
        workspace_id, owner_token, member_token = running.workspace(WORKSPACE)
        running.add_first_workflow(workspace_id, owner_token)
        yield running, Address(url, str(workspace_id), owner_token, member_token)


@contextmanager
def listening(app: Chalice, port: int) -> Iterator[str]:
    """The URL at which the app answers meanwhile. Raises StackError for a port that can't be used."""
    try:
        server = make_server(app, port).server
    except OSError as error:
        raise stack.StackError(f"port {port} can't be used: {error.strerror}; name another with PORT=…") from None
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="server")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
