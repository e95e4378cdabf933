"""Back-up and restore of one installation: the database, the keys and the files under `var`, in one archive.

What can be made anew (logs, static files, sockets, the servers' own passwords) is left out.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.db import connection

from config import embedded_postgres
from config.owner import CannotStart

DUMP = "database.dump"
LEFT_OUT = {"cache", "log", "postgres", "postgres.new", "redis", "run", "static", "test"}
# They belong to the servers of an installation, not to its contents.
OWN_PASSWORDS = {"keys/database_password", "keys/redis_password"}


class CannotRestore(RuntimeError):
    """The archive was not restored; the text says why. Nothing was changed."""


def back_up(target: Path) -> int:
    """Write the archive (mode 600) beside its final name and put it in place whole; returns its size in bytes.

    Works while Countersign runs: the dump is one consistent moment.
    """
    var: Path = settings.VAR_DIR
    number, draft = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            dump = Path(folder) / DUMP
            _run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", _database())
            with os.fdopen(number, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
                archive.add(dump, DUMP)
                for path in sorted(_files(var)):
                    archive.add(path, f"var/{path.relative_to(var).as_posix()}")
        os.replace(draft, target)
    finally:
        Path(draft).unlink(missing_ok=True)
    return target.stat().st_size


def restore(source: Path, *, replace: bool) -> int:
    """Put everything back as the archive has it; returns how many files were written. Raises CannotRestore.

    An installation that already has runs is only overwritten with `replace`.
    """
    var: Path = settings.VAR_DIR
    if not replace and _has_runs():
        raise CannotRestore(
            "This installation already has runs, which a restore would overwrite. Nothing was changed. "
            "Back it up first, then say --replace."
        )
    with tempfile.TemporaryDirectory() as folder, _open(source) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        if DUMP not in {member.name for member in members}:
            raise CannotRestore(f"{source} is not a back-up of Countersign: it holds no database.")
        dump = Path(folder) / DUMP
        for member in members:
            if member.name == DUMP:
                _write(archive, member, dump)
        connection.close()
        _run(
            "pg_restore",
            "--clean",
            "--if-exists",
            "--no-owner",
            "--single-transaction",
            f"--dbname={_database()}",
            str(dump),
        )
        files = [member for member in members if _belongs(member.name)]
        for member in files:
            _write(archive, member, var / PurePosixPath(member.name).relative_to("var"))
    return len(files)


def _files(var: Path) -> list[Path]:
    return [
        path
        for path in var.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and (parts := path.relative_to(var).parts)
        and parts[0] not in LEFT_OUT
        and not parts[0].startswith("site-")
        and len(parts) > 1
        and path.relative_to(var).as_posix() not in OWN_PASSWORDS
    ]


def _belongs(name: str) -> bool:
    path = PurePosixPath(name)
    parts = path.parts
    return (
        len(parts) > 2
        and parts[0] == "var"
        and ".." not in parts
        and parts[1] not in LEFT_OUT
        and path.relative_to("var").as_posix() not in OWN_PASSWORDS
    )


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = archive.extractfile(member)
    assert content is not None
    number, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(number, "wb") as out, content:
        while block := content.read(1 << 20):
            out.write(block)
    os.replace(draft, target)


def _open(source: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(source, "r:gz")
    except (OSError, tarfile.TarError) as error:
        raise CannotRestore(
            f"{source} cannot be read as a back-up ({error}). Nothing was changed."
        ) from error


def _has_runs() -> bool:
    if "orchestrator_run" not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM orchestrator_run)")
        return bool(cursor.fetchone()[0])


def _database() -> str:
    facts = connection.settings_dict
    pairs = {"host": facts["HOST"], "port": facts["PORT"], "user": facts["USER"], "dbname": facts["NAME"]}
    return " ".join(f"{name}='{value}'" for name, value in pairs.items() if value)


def _run(program: str, *arguments: str) -> None:
    """PostgreSQL's own programs; those that came with the requirements, else the installed ones."""
    try:
        path = str(embedded_postgres.binaries_for(settings.VAR_DIR) / program)
    except CannotStart:
        path = program
    environment = {**os.environ, "PGPASSWORD": str(connection.settings_dict["PASSWORD"])}
    try:
        done = subprocess.run(
            [path, *arguments], env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise CannotRestore(
            f"{program} is not installed here. Install PostgreSQL's client programs."
        ) from error
    if done.returncode:
        raise CannotRestore(f"{program} failed; nothing was changed:\n{done.stderr.strip()}")
