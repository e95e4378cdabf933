"""The servers that come along: private, found again after their starter was killed, ended for certain."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
import redis

from config import embedded, embedded_postgres, embedded_redis, processes, servers


@pytest.fixture(scope="module")
def var():
    with tempfile.TemporaryDirectory(prefix="cs-") as folder:
        os.chmod(folder, 0o755)
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("DATABASE_URL", raising=False)
            patch.delenv("REDIS_URL", raising=False)
            yield Path(folder)
            embedded.stop(Path(folder))


def ask(var: Path, question: str):
    with psycopg.connect(embedded.database_url(var)) as session:
        return session.execute(question).fetchone()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_random_kept_and_readable_by_its_owner_alone(tmp_path):
    first = embedded.secret(tmp_path, "secret_key")
    assert len(first) >= 50
    assert embedded.secret(tmp_path, "secret_key") == first
    assert embedded.secret(tmp_path, "other") != first
    assert mode(tmp_path / "keys") == 0o700
    assert {path.name: mode(path) for path in (tmp_path / "keys").iterdir()} == {
        "secret_key": 0o600,
        "other": 0o600,
    }


def test_a_chosen_secret_replaces_the_one_before_and_an_empty_one_forgets_it(tmp_path):
    embedded.keep_secret(tmp_path, "demo_password", "one")
    embedded.keep_secret(tmp_path, "demo_password", "two")
    assert embedded.kept_secret(tmp_path, "demo_password") == "two"
    assert mode(tmp_path / "keys" / "demo_password") == 0o600
    embedded.keep_secret(tmp_path, "demo_password", "")
    assert embedded.kept_secret(tmp_path, "demo_password") == ""
    assert list((tmp_path / "keys").iterdir()) == []


def test_a_folder_too_deep_for_a_socket_gets_a_short_one_of_its_own(tmp_path):
    deep, other = tmp_path / ("d" * 100), tmp_path / ("e" * 100)
    folder = embedded.socket_folder(deep)
    assert len(str(folder / ".s.PGSQL.5432.lock")) < 104
    assert folder == embedded.socket_folder(deep)
    assert folder != embedded.socket_folder(other)
    assert embedded.socket_folder(Path("/srv/var")) == Path("/srv/var/run")


def test_the_short_folder_is_found_again_under_another_temporary_folder(tmp_path, monkeypatch):
    deep, copy = tmp_path / ("d" * 100), tmp_path / ("e" * 100)
    for var in (deep, copy):
        var.mkdir()
        (var / embedded.SOCKETS_RECORD).write_text(str(embedded.socket_folder(deep)))
    before = embedded.socket_folder(deep)
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")
    assert embedded.socket_folder(deep) == before
    assert embedded.socket_folder(copy) != before


@pytest.mark.parametrize(
    ("redis_url", "broker"),
    [
        ("unix://:pw@/srv/run/redis.sock?db=0", "redis+socket://:pw@/srv/run/redis.sock?virtual_host=0"),
        ("unix:///srv/run/redis.sock", "redis+socket:///srv/run/redis.sock?virtual_host=0"),
        ("rediss://:pw@redis.internal:6379/2", "rediss://:pw@redis.internal:6379/2"),
    ],
)
def test_celery_is_told_the_same_server_in_its_own_words(redis_url, broker):
    assert embedded.celery_broker(redis_url) == broker


@pytest.mark.processes
class TestServers:
    def test_they_start_private_and_durable(self, var):
        embedded.ensure(var)
        assert ask(var, "SHOW listen_addresses") == ("",)
        assert ask(var, "SHOW fsync") == ("on",)
        assert ask(var, "SELECT current_database()") == ("countersign",)
        with redis.Redis.from_url(embedded.redis_url(var)) as server:
            assert server.config_get("port") == {"port": "0"}
        assert mode(embedded.socket_folder(var)) == 0o700
        assert mode(var / "postgres") == 0o700

    def test_nobody_enters_without_the_password(self, var):
        embedded.ensure(var)
        password = embedded.secret(var, "database_password")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(embedded.database_url(var).replace(password, "wrong"))
        with (
            redis.Redis.from_url(f"unix://{embedded.socket_folder(var) / 'redis.sock'}") as server,
            pytest.raises(redis.AuthenticationError),
        ):
            server.ping()

    def test_a_second_ensure_finds_them_and_starts_nothing(self, var):
        embedded.ensure(var)
        before = ask(var, "SELECT pg_postmaster_start_time()")
        assert embedded.ensure(var) == servers.Started(postgres=False, redis=False)
        assert ask(var, "SELECT pg_postmaster_start_time()") == before

    def test_they_outlive_a_killed_starter_and_are_found_again(self, var):
        embedded.stop(var)
        program = (
            "import os, signal, sys; from pathlib import Path; from config import embedded\n"
            "assert embedded.ensure(Path(sys.argv[1])).postgres; os.kill(os.getpid(), signal.SIGKILL)"
        )
        starter = subprocess.run([sys.executable, "-c", program, str(var)], check=False)
        assert starter.returncode == -signal.SIGKILL
        assert embedded.ensure(var) == servers.Started(postgres=False, redis=False)

    def test_killed_servers_come_back_with_what_was_committed(self, var):
        embedded.ensure(var)
        with psycopg.connect(embedded.database_url(var)) as session:
            session.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(int((var / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        os.kill(int((var / "redis" / "redis.pid").read_text()), signal.SIGKILL)
        while processes.answers(embedded_postgres.socket_path(var)) or processes.answers(
            embedded_redis.socket_path(var)
        ):
            pass
        assert embedded.ensure(var) == servers.Started(postgres=True, redis=True)
        assert ask(var, "SELECT answer FROM kept") == (42,)

    def test_stop_ends_both_and_says_so_once(self, var):
        embedded.ensure(var)
        assert embedded.stop(var) == ["PostgreSQL", "Redis"]
        assert not servers.running(var)
        assert embedded.stop(var) == []

    def test_keys_that_do_not_fit_the_data_are_named_and_nothing_is_overwritten(self, var):
        embedded.ensure(var)
        kept = embedded.secret(var, "database_password")
        embedded.keep_secret(var, "database_password", "another")
        try:
            with pytest.raises(servers.CannotStart, match="Put the matching keys folder back"):
                embedded.ensure(var)
        finally:
            embedded.keep_secret(var, "database_password", kept)
        assert ask(var, "SELECT 1") == (1,)

    def test_data_of_another_version_is_left_alone(self, var):
        embedded.ensure(var)
        embedded.stop(var)
        written_by = var / "postgres" / "PG_VERSION"
        kept = written_by.read_text()
        written_by.write_text("99\n")
        try:
            with pytest.raises(servers.CannotStart, match="written by PostgreSQL 99"):
                embedded_postgres.binaries_for(var)
        finally:
            written_by.write_text(kept)
