"""SQL of workflow_run_gates: branches that wait, and the tokens by which they go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from .state import ClosedGate, Scope

if TYPE_CHECKING:
    from chalicelib.db import Connection


class GateRepository:
    """Statements on one connection; whoever opened it decides the transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(
        self,
        scope: Scope,
        gate: str,
        token: str,
        nodes: Iterable[str],
        *,
        waiting_execution: str | None = None,
        answers: str | None = None,
    ) -> None:
        """A gate that is closed; a later token of the same gate takes the place of an earlier one."""
        self._connection.execute(
            """
            INSERT INTO workflow_run_gates (run_id, path, container, gate, token, nodes, waiting_execution, answers)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (run_id, path, container, gate) DO UPDATE SET
              token = EXCLUDED.token, nodes = EXCLUDED.nodes, waiting_execution = EXCLUDED.waiting_execution
            """,
            (scope.run_id, scope.path, scope.container or "", gate, token, list(nodes), waiting_execution, answers),
        )

    def save_items_execution(self, scope: Scope, gate: str, arn: str) -> None:
        """Which execution runs items now for whom a gate waits."""
        self._connection.execute(
            """
            UPDATE workflow_run_gates SET items_execution_arn = %s
            WHERE run_id = %s AND path = %s AND container = %s AND gate = %s
            """,
            (arn, scope.run_id, scope.path, scope.container or "", gate),
        )

    def list_all(self, run_id: UUID) -> list[ClosedGate]:
        """The closed gates of a run and of all its items."""
        rows = self._connection.execute(
            """
            SELECT gate, token, nodes, path, container, waiting_execution, items_execution_arn, answers
            FROM workflow_run_gates WHERE run_id = %s ORDER BY path, container, gate
            """,
            (run_id,),
        ).fetchall()
        return [ClosedGate(**row) for row in rows]

    def list_closed(self, scope: Scope) -> list[ClosedGate]:
        """The closed gates of a run or an item."""
        rows = self._connection.execute(
            """
            SELECT gate, token, nodes FROM workflow_run_gates
            WHERE run_id = %s AND path = %s AND container = %s ORDER BY gate
            """,
            (scope.run_id, scope.path, scope.container or ""),
        ).fetchall()
        return [ClosedGate(**row) for row in rows]

    def delete(self, run_id: UUID, tokens: Iterable[str]) -> None:
        """Forget gates that were opened."""
        self._connection.execute(
            "DELETE FROM workflow_run_gates WHERE run_id = %s AND token = ANY(%s)", (run_id, list(tokens))
        )

    def delete_inside(self, scope: Scope, containers: Iterable[str]) -> None:
        """Forget the gates of a run or an item, and of the items of these containers in it."""
        self._connection.execute(
            """
            DELETE FROM workflow_run_gates
            WHERE run_id = %s AND starts_with(path, %s) AND container = ANY(%s)
            """,
            (scope.run_id, scope.path, [scope.container or "", *containers]),
        )
