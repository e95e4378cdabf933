"""Real web and worker processes on the measured database, started one by one as on several machines."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator

from bench import ground


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(*commands: tuple[str, ...]) -> Iterator[None]:
    """Each command is `manage.py` arguments. Logs go to var/bench/log."""
    logs = ground.var() / "log"
    logs.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DATABASE_POOL": "14", "COUNTERSIGN_MODULES": ground.MODULES}
    started = []
    try:
        for number, command in enumerate(commands):
            with (logs / f"{number}-{command[0]}.log").open("wb") as log:
                started.append(
                    subprocess.Popen(
                        [sys.executable, str(ground.ROOT / "manage.py"), *command],
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                    )
                )
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_web(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The web process did not answer within a minute; its log is in var/bench/log.")


def session_of(username: str) -> str:
    """The session key of a new session of that person."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from config.models import User
    from config.sessions import SessionStore

    person = User.objects.get(username=username)
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "config.backends.Backend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


class Browser:
    """One kept connection of one signed-in person."""

    def __init__(self, port: int, session: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies = {"sessionid": session}

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(
                {**fields, "csrfmiddlewaretoken": self.cookies.get("csrftoken", "")}
            )
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            found = re.match(r"([^=]+)=([^;]*)", cookie)
            if found:
                self.cookies[found[1]] = found[2]
        return answer.status, text


def hidden_fields(page: str) -> dict[str, str]:
    found = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    found.pop("csrfmiddlewaretoken", None)
    return found
