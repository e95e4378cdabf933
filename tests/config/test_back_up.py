"""A back-up put back elsewhere is the same installation: rows, keys, files; and it overwrites nothing unasked."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from config import embedded

pytestmark = pytest.mark.processes


class Installation:
    """An installation of its own: a `var` folder with its own servers."""

    def __init__(self, var: Path) -> None:
        self.var = var
        var.mkdir()
        gone = ("DATABASE_URL", "REDIS_URL", "COUNTERSIGN_DEMO_PASSWORD")
        self.environment = {name: value for name, value in os.environ.items() if name not in gone}
        self.environment["COUNTERSIGN_VAR"] = str(var)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "config.attached", *arguments]
        return subprocess.run(
            command, cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True, check=False
        )

    def ask(self, question: str) -> list[tuple]:
        with psycopg.connect(embedded.database_url(self.var)) as session:
            return session.execute(question).fetchall()


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="cs-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def first(folder):
    """An installation with people, a key and a payment, left running."""
    here = Installation(folder / "first")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        patch.delenv("REDIS_URL", raising=False)
        embedded.ensure(here.var)
        assert here.manage("migrate", "--verbosity=0").returncode == 0
        with psycopg.connect(embedded.database_url(here.var)) as session:
            session.execute("INSERT INTO auth_group (name) VALUES ('kept')")
        (here.var / "payments").mkdir()
        (here.var / "payments" / "one.xml").write_text("<paid/>")
        yield here
        embedded.stop(here.var)


@pytest.fixture(scope="module")
def archive(first, folder):
    target = folder / "back-up.tar.gz"
    done = first.manage("back_up", str(target))
    assert done.returncode == 0, done.stderr
    return target


def test_the_archive_is_private_and_holds_what_cannot_be_made_anew(archive):
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as held:
        names = set(held.getnames())
    assert {"database.dump", "var/keys/secret_key", "var/payments/one.xml"} <= names
    assert not {name for name in names if "password" in name or "/log/" in name or "/postgres/" in name}


def test_a_second_installation_becomes_the_first(first, archive, folder):
    second = Installation(folder / "second")
    done = second.manage("restore", str(archive))
    assert done.returncode == 0, done.stderr
    try:
        embedded.ensure(second.var)
        assert second.ask("SELECT name FROM auth_group WHERE name = 'kept'") == [("kept",)]
        assert second.ask("SELECT count(*) FROM django_migrations") == first.ask(
            "SELECT count(*) FROM django_migrations"
        )
        assert (second.var / "payments" / "one.xml").read_text() == "<paid/>"
        assert embedded.secret(second.var, "secret_key") == embedded.secret(first.var, "secret_key")
        assert embedded.secret(second.var, "database_password") != embedded.secret(
            first.var, "database_password"
        )
        assert second.manage("check", "--database", "default").returncode == 0
    finally:
        embedded.stop(second.var)


def test_a_copy_of_a_stopped_installation_starts_as_it_was(first, folder):
    copy = folder / "copy"
    embedded.stop(first.var)
    subprocess.run(["cp", "-a", str(first.var), str(copy)], check=True)
    try:
        embedded.ensure(copy)
        with psycopg.connect(embedded.database_url(copy)) as session:
            assert session.execute("SELECT name FROM auth_group WHERE name = 'kept'").fetchone() == ("kept",)
    finally:
        embedded.stop(copy)
        embedded.ensure(first.var)


@pytest.mark.parametrize("content", [b"not an archive", None])
def test_what_is_not_a_back_up_is_refused_and_changes_nothing(first, folder, content):
    wrong = folder / "wrong.tar.gz"
    if content is None:
        with tarfile.open(wrong, "w:gz") as empty:
            empty.addfile(tarfile.TarInfo("var/keys/secret_key"), io.BytesIO())
    else:
        wrong.write_bytes(content)
    before = embedded.secret(first.var, "secret_key")
    done = first.manage("restore", str(wrong), "--replace")
    assert done.returncode == 1
    assert str(wrong) in done.stderr
    assert embedded.secret(first.var, "secret_key") == before


def test_an_archive_cannot_write_outside_var(first, archive, folder):
    hostile = folder / "hostile.tar.gz"
    with tarfile.open(archive) as held, tarfile.open(hostile, "w:gz") as out:
        out.addfile(held.getmember("database.dump"), held.extractfile("database.dump"))
        for name in (
            "var/../outside",
            "/var/absolute/file",
            "var/keys/../../outside",
            "var/postgres/PG_VERSION",
        ):
            member = tarfile.TarInfo(name)
            member.size = 4
            out.addfile(member, io.BytesIO(b"evil"))
    assert first.manage("restore", str(hostile), "--replace").returncode == 0
    assert not list(folder.rglob("outside"))
    assert (first.var / "postgres" / "PG_VERSION").read_text() != "evil"
