"""Connections to Postgres: how they are made in an account, and what becomes of those that die."""

from __future__ import annotations

import json
import math
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread, Timer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import psutil
import psycopg
import pytest
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from chalicelib.aws.credentials import log_in, secret_text
from chalicelib.bootstrap import Services
from chalicelib.conninfo import Login, conninfo, session_settings
from chalicelib.db import Database
from chalicelib.errors import UnavailableError
from chalicelib.health.controller import get_readiness
from chalicelib.migrations import migrate
from chalicelib.pool import Pool
from chalicelib.roles import let_in
from chalicelib.settings import Settings, SettingsError
from local import postgres
from local.workspaces import token
from tests.tls import Authority, speaking_tls

REGION, HOST = "eu-central-1", "localhost"
FROZEN_SECONDS = 20
ACCOUNT: dict[str, Any] = {
    "database_host": HOST,
    "database_name": "postgres",
    "aws_region": REGION,
    "aws_account_id": "123456789012",
    "jwt_secret": "x" * 32,
    "run_unit_function": "run_unit",
    "state_machine_role_arn": "arn:aws:iam::123456789012:role/states",
    "schedule_trigger_function": "trigger",
}


def settings(**more: Any) -> Settings:
    signed = {} if "jwt_secret_arn" in more else {"jwt_secret": "s" * 32}
    return Settings(**(ACCOUNT | signed | more))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Postgres of our own that may be stopped, and asks the role `stepgraph` for its password."""
    with closing(Server(tmp_path_factory.mktemp("postgres", numbered=True) / "data")) as running:
        yield running


class Server:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()
        rules = folder / "pg_hba.conf"
        rules.write_text("local all stepgraph scram-sha-256\n" + rules.read_text())
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE rds_iam")
            connection.execute("CREATE ROLE stepgraph LOGIN PASSWORD 'first'")
            connection.execute("SELECT pg_reload_conf()")

    def start(self) -> None:
        self.url, self.close = postgres.start(self._folder)

    @property
    def path(self) -> str:
        return f"{conninfo_to_dict(self.url)['host']}/.s.PGSQL.5432"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and says nothing; after a while it does again, so that who waits for ever fails."""
        server = psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))
        processes = [server, *server.children()]

        def resume() -> None:
            for each in processes:
                each.resume()

        for each in processes:
            each.suspend()
        thaw = Timer(FROZEN_SECONDS, resume)
        thaw.start()
        try:
            yield
        finally:
            thaw.cancel()
            resume()

    def terminate(self, application: str) -> int:
        """End the connections of that name; how many there were."""
        there = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = %s"
        with psycopg.connect(self.url) as connection:
            return connection.execute(there, (application,)).rowcount


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """Four connections to that server, by a name of their own."""
    name = uuid.uuid4().hex
    with closing(Database(lambda: make_conninfo(server.url, application_name=name), 4)) as made:
        made.name = name  # type: ignore[attr-defined]
        yield made


def answer(database: Database) -> int:
    with database.connection() as connection:
        row = connection.execute("SELECT 7 AS seven").fetchone()
    assert row
    return int(row["seven"])


# Connections that die


def test_a_connection_that_was_ended_is_not_handed_out_again(database: Any, server: Server) -> None:
    with database.connection(), database.connection(), database.connection():
        assert answer(database) == 7
    assert server.terminate(database.name) == 4
    assert [answer(database) for _ in range(6)] == [7] * 6


def test_a_connection_that_works_is_used_again(database: Database) -> None:
    pids = set()
    for _ in range(3):
        with database.connection() as connection:
            pids.add(connection.info.backend_pid)
    assert len(pids) == 1


def test_a_connection_that_was_quiet_for_long_is_asked_before_it_is_used(server: Server) -> None:
    """Nothing tells of a peer that was cut off; only asking does."""
    asked = []

    class Asked(psycopg.Connection[Any]):
        def execute(self, query: Any, *more: Any, **options: Any) -> Any:
            asked.append(query)
            return super().execute(query, *more, **options)

    with closing(Pool(lambda: Asked.connect(server.url, autocommit=True), 1, 1, trusted_seconds=0)) as connections:
        for _ in range(2):
            with connections.connection() as connection:
                connection.execute("SELECT 1")
    assert asked == ["SELECT 1", "", "SELECT 1"]


def test_a_connection_that_comes_back_after_the_end_is_closed(server: Server) -> None:
    pool = Pool(lambda: psycopg.connect(server.url, autocommit=True, row_factory=dict_row), 1, 1)
    with pool.connection() as connection:
        pool.close()
        assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}
    assert connection.closed


def test_a_statement_that_is_cut_off_is_unavailable_and_the_next_one_works(database: Any, server: Server) -> None:
    with pytest.raises(UnavailableError), database.transaction() as connection:
        connection.execute(f"SELECT 1 / (1 - {server.terminate(database.name)})")
    assert answer(database) == 7


def test_a_server_that_was_a_writer_is_left_after_a_failover(database: Database) -> None:
    with database.connection() as connection:
        before = connection.info.backend_pid
        connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(UnavailableError), database.connection() as connection:
        connection.execute("CREATE TABLE t (x INT)")
    with database.connection() as connection:
        assert connection.info.backend_pid != before


def test_a_transaction_that_was_left_open_is_not_handed_to_another(database: Database) -> None:
    with database.connection() as connection:
        connection.execute("BEGIN")
    with database.connection() as connection:
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


def test_who_finds_no_free_connection_waits_for_one(server: Server) -> None:
    with closing(Database(lambda: server.url, 1)) as single:
        got: list[int] = []
        with single.connection():
            waiting = Thread(target=lambda: got.append(answer(single)))
            waiting.start()
        waiting.join()
        assert got == [7]
        single.pool.wait_seconds = 0.01
        with single.connection(), pytest.raises(UnavailableError):
            answer(single)


def test_a_server_that_is_away_is_waited_for(database: Database, server: Server) -> None:
    assert answer(database) == 7
    server.close()
    got: list[int] = []
    waiting = Thread(target=lambda: got.append(answer(database)))
    waiting.start()
    server.start()
    waiting.join()
    assert got == [7]


def test_a_server_that_stays_away_is_unavailable() -> None:
    nowhere = Database(lambda: "host=/nowhere", 1, wait_seconds=0.3)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            answer(nowhere)


def test_readiness_does_not_wait_for_a_server_that_is_away() -> None:
    tried = []

    def away() -> str:
        tried.append(1)
        return "host=/nowhere"

    with pytest.raises(UnavailableError):
        get_readiness(Database(away, 1))
    assert len(tried) < 12  # in the ten seconds of others it is fifty times


@pytest.mark.parametrize("connected", [True, False])
def test_readiness_does_not_wait_for_a_server_that_is_frozen(
    database: Database, server: Server, connected: bool
) -> None:
    if connected:
        assert answer(database) == 7
    with server.frozen(), pytest.raises(UnavailableError, match="does not answer"):
        get_readiness(database)
    assert answer(database) == 7


def test_a_statement_on_a_server_that_is_frozen_is_unavailable_and_the_next_one_works(server: Server) -> None:
    with closing(Database(lambda: server.url, 1, answer_seconds=0.5)) as impatient:
        with pytest.raises(UnavailableError), impatient.transaction() as connection, server.frozen():
            connection.execute("SELECT 1")
        assert answer(impatient) == 7


def test_a_statement_is_given_up_after_the_database_should_have_ended_it() -> None:
    made = Services(settings(database_statement_seconds=7)).database
    assert made.answer_seconds == 9
    assert Services(settings(database_statement_seconds=0)).database.answer_seconds == math.inf


# What a session is told


@pytest.fixture
def services(server: Server) -> Iterator[Services]:
    made = Services(settings(database_url=server.url, database_statement_seconds=1, database_lock_seconds=1))
    yield made
    made.database.close()


def test_sessions_have_limits_and_utc(services: Services) -> None:
    with services.database.connection() as connection:
        shown = {
            name: connection.execute(f"SHOW {name}".encode()).fetchone()[name]  # type: ignore[index]
            for name in ("TimeZone", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        }
    assert shown == {
        "TimeZone": "UTC",
        "statement_timeout": "1s",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "1min",
    }


def test_a_statement_over_its_time_is_unavailable(services: Services) -> None:
    with pytest.raises(UnavailableError), services.database.connection() as connection:
        connection.execute("SELECT pg_sleep(20)")


def test_behind_a_proxy_nothing_is_prepared_and_no_option_sent(server: Server) -> None:
    made = Services(settings(database_url=server.url, database_is_proxied=True))
    assert "options" not in conninfo_to_dict(made.conninfo())
    with closing(made.database) as proxied, proxied.connection() as connection:
        for _ in range(10):
            connection.execute("SELECT %s::int", (1,))
        assert connection.execute("SELECT FROM pg_prepared_statements").fetchall() == []


# Logging in


@pytest.fixture
def aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        with mock_aws():
            yield


def make_secret(**value: str) -> str:
    client = boto3.client("secretsmanager", region_name=REGION)
    return str(client.create_secret(Name=uuid.uuid4().hex, SecretString=json.dumps(value))["ARN"])


@pytest.mark.usefixtures("aws")
def test_a_rotated_password_is_read_for_the_next_connection(server: Server, tmp_path: Path) -> None:
    secret = make_secret(username="stepgraph", password="first")
    authority = Authority(tmp_path / "authority")
    with speaking_tls(authority.server(HOST), server.path) as port:
        found = settings(database_port=port, database_secret_arn=secret, database_ca_file=authority.file)
        database = Services(found).database
        assert answer(database) == 7
        with psycopg.connect(server.url) as connection:
            connection.execute("ALTER ROLE stepgraph PASSWORD 'second'")
        boto3.client("secretsmanager", region_name=REGION).put_secret_value(
            SecretId=secret, SecretString=json.dumps({"username": "stepgraph", "password": "second"})
        )
        assert server.terminate("stepgraph") == 1
        assert answer(database) == 7
        database.close()


@pytest.mark.usefixtures("aws")
def test_without_a_secret_the_password_is_a_token_of_iam() -> None:
    user, token = log_in(settings(database_host="db.cluster-x.eu-central-1.rds.amazonaws.com"))
    parts = urlsplit(f"https://{token}")
    query = {key: value[0] for key, value in parse_qs(parts.query).items()}
    assert (user, parts.netloc) == ("stepgraph", "db.cluster-x.eu-central-1.rds.amazonaws.com:5432")
    assert (query["Action"], query["DBUser"], query["X-Amz-Expires"]) == ("connect", "stepgraph", "900")
    assert f"/{REGION}/rds-db/aws4_request" in query["X-Amz-Credential"]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("trusted", ["authority", "another authority"])
@pytest.mark.parametrize("host", [HOST, "elsewhere.example"])
def test_only_a_server_whose_name_a_known_authority_signed_is_spoken_to(
    server: Server, tmp_path: Path, trusted: str, host: str
) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("ALTER ROLE stepgraph PASSWORD 'known'")
    secret = make_secret(username="stepgraph", password="known")
    authorities = {name: Authority(tmp_path / name) for name in ("authority", "another authority")}
    with speaking_tls(authorities["authority"].server(host), server.path) as port:
        found = settings(database_port=port, database_secret_arn=secret, database_ca_file=authorities[trusted].file)
        text = conninfo(found, lambda: log_in(found))
        if (trusted, host) == ("authority", HOST):
            with psycopg.connect(text) as connection:
                assert connection.execute("SELECT current_user").fetchone() == ("stepgraph",)
            return
        with pytest.raises(psycopg.OperationalError, match="certificate"):
            psycopg.connect(text)


def test_a_server_without_tls_is_not_spoken_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        refusing = Thread(target=refuse_tls, args=(plain,))
        refusing.start()
        found = settings(database_port=plain.getsockname()[1], database_secret_arn="x")
        with pytest.raises(psycopg.OperationalError, match="does not support SSL"):
            psycopg.connect(conninfo(found, lambda: Login("stepgraph", "x")))
        refusing.join()


def refuse_tls(listening: socket.socket) -> None:
    client, _ = listening.accept()
    with client:
        client.recv(8)
        client.sendall(b"N")


@pytest.mark.usefixtures("aws")
def test_an_account_is_known_by_amazons_authorities_alone() -> None:
    text = conninfo(settings(), lambda: log_in(settings()))
    told = conninfo_to_dict(text)
    assert (told["sslmode"], told["target_session_attrs"]) == ("verify-full", "read-write")
    names = Path(told["sslrootcert"]).read_text()
    assert all(f"Amazon RDS {region} Root CA RSA2048 G1" in names for region in ("us-east-1", "eu-central-1"))
    assert "Amazon Root CA 1" in names


@pytest.mark.usefixtures("aws")
def test_what_cannot_be_read_in_the_account_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        secret_text(settings(), f"arn:aws:secretsmanager:{REGION}:123456789012:secret:nothing")


@pytest.mark.usefixtures("aws")
def test_tokens_are_read_with_the_secret_of_the_account() -> None:
    secret = boto3.client("secretsmanager", region_name=REGION).create_secret(Name="jwt", SecretString="s" * 40)
    made = Services(settings(jwt_secret=None, jwt_secret_arn=secret["ARN"]))
    user = uuid.uuid4()
    assert made.authenticator.user({"authorization": f"Bearer {token('s' * 40, user)}"}) == user


def test_settings_say_which_database_is_missing() -> None:
    environment = {name.upper(): str(value) for name, value in ACCOUNT.items() if name != "database_host"}
    with pytest.raises(SettingsError, match="set DATABASE_URL, or DATABASE_HOST"):
        Settings.from_environment(environment)
    with pytest.raises(SettingsError, match=r"DATABASE_PORT: .*integer"):
        Settings.from_environment(environment | {"DATABASE_HOST": "x", "DATABASE_PORT": "y"})


# The role of the Lambdas

REFUSED = (
    "DROP TABLE workflow_runs",
    "ALTER TABLE workflows ADD x INT",
    "DELETE FROM schema_migrations",
    "CREATE TABLE x ()",
)


def test_the_role_of_the_lambdas_reads_and_writes_rows_and_changes_no_table(server: Server) -> None:
    name, role = f"db_{uuid.uuid4().hex}", f"role_{uuid.uuid4().hex}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = make_conninfo(server.url, dbname=name)
    migrate(url)
    for _ in range(2):
        let_in(url, role, session_settings(settings()))
    with psycopg.connect(make_conninfo(url, user=role), autocommit=True) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("25s",)
        assert connection.execute("SELECT pg_has_role('rds_iam', 'member')").fetchone() == (True,)
        connection.execute("INSERT INTO workspaces (name) VALUES ('a')")
        assert connection.execute("SELECT FROM schema_migrations").fetchall()  # which /ready reads
        for statement in REFUSED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
