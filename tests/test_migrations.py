"""Migrations: each applied once, in order, whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from chalicelib.migrations import FOLDER, MigrationError, migrate

ORIGINAL = Path(__file__).parents[2] / "shared" / "module-8.2-design.md"


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        return {row[0] for row in rows}


def test_racing_runs_apply_each_once(empty_database: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        applied = [name for names in pool.map(lambda _: migrate(empty_database), range(6)) for name in names]
    assert sorted(applied) == sorted(file.name for file in FOLDER.glob("*.sql"))
    assert {"workspaces", "workflows", "workflow_versions", "workflow_runs"} <= tables(empty_database)


def test_a_changed_file_is_noticed(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (x INT);")
    assert migrate(empty_database, tmp_path) == ["001_a.sql"]
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (x TEXT);")
    with pytest.raises(MigrationError, match=r"001_a\.sql was changed"):
        migrate(empty_database, tmp_path)


def test_a_failing_file_leaves_nothing_and_keeps_what_came_before(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("CREATE TABLE a (x INT);")
    (tmp_path / "002_b.sql").write_text("CREATE TABLE b (x INT); CREATE TABLE a (x INT);")
    with pytest.raises(MigrationError, match=r"002_b\.sql failed"):
        migrate(empty_database, tmp_path)
    assert {"a"} == tables(empty_database) - {"schema_migrations"}
    (tmp_path / "002_b.sql").write_text("CREATE TABLE b (x INT);")
    assert migrate(empty_database, tmp_path) == ["002_b.sql"]


def test_tables_of_users_that_are_there_already_are_left_alone(empty_database: str) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("CREATE TABLE users (id UUID PRIMARY KEY, nickname TEXT)")
    migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        connection.execute("SELECT nickname FROM users")


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original design is not beside the project")
def test_migration_020_is_the_originals_to_the_letter() -> None:
    original = ORIGINAL.read_text().split("```sql\n")[1].split("```")[0]
    assert (FOLDER / "020_workflows.sql").read_text() == original
