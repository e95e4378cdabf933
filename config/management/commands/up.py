"""The one command: prepares everything, then supervises web, workers and ticker until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config import embedded, forks, lifeline, preparation, processes, running, servers, sign_in, sign_in_links
from config.supervisor import Part, Supervisor

HOST = "127.0.0.1"
READY_SECONDS = 90.0


class Command(BaseCommand):
    help = "Start everything on this machine and keep it running until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))

    def handle(self, *args: Any, **options: Any) -> None:
        lifeline.end_with_parent()
        port: int = options["port"]
        url = f"http://{HOST}:{port}/"
        try:
            with running.alone(settings.VAR_DIR, url):
                self._refuse_a_taken_port(port)
                self._run(port, url)
        except running.AlreadyRunning as error:
            there = error.running
            where = f" at {there.url} (process {there.pid})" if there else ""
            raise CommandError(
                f"Countersign is already running{where}. Use that one, or end it with `make stop`."
            ) from None
        except servers.CannotStart as error:
            raise CommandError(str(error)) from error

    def _run(self, port: int, url: str) -> None:
        var = settings.VAR_DIR
        supervisor = Supervisor(
            _parts(port),
            logs=var / "log",
            record=var / "processes.json",
            look_after=self._look_after,
            say=self._say,
        )
        running.end_leftovers(var)
        for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(kind, supervisor.ask_to_stop)
        try:
            embedded.ensure(var)
            preparing = forks.Aside(_prepare)
            preparation.preload()
            for words in preparing.answer():
                self._say(words)
            if not supervisor.is_stopping:
                supervisor.start()
                self._announce(supervisor, url, forks.Aside(_fill).answer())
                supervisor.run()
        except forks.AsideFailed as error:
            raise CommandError(str(error)) from None
        finally:
            supervisor.stop()
            embedded.stop(var)
        self._say("Countersign has stopped.")

    def _announce(self, supervisor: Supervisor, url: str, tokens: dict[str, str]) -> None:
        late = supervisor.wait_until_ready(READY_SECONDS)
        if supervisor.is_stopping:
            return
        if late:
            words = "\n\n".join(f"{name}:\n{processes.last_words(supervisor.log_of(name))}" for name in late)
            raise CommandError(
                f"Countersign did not start: {', '.join(late)} not ready. Last words:\n\n{words}"
            )
        self._say(f"Countersign is ready at {url}")
        self._say("Sign in (each link works once, on this machine):")
        for username, token in tokens.items():
            self._say(f"  {username:<10} {url}sign-in/{token}/")
        self._say(f"Logs are in {settings.VAR_DIR / 'log'}. Ctrl-C stops everything.")

    def _look_after(self) -> None:
        """Bring back an embedded server that has died."""
        if servers.running(settings.VAR_DIR):
            return
        try:
            started = embedded.ensure(settings.VAR_DIR)
        except servers.CannotStart as error:
            self._say(str(error))
            time.sleep(2)
        else:
            for name, was in (("PostgreSQL", started.postgres), ("Redis", started.redis)):
                if was:
                    self._say(f"{name} had ended; it was started again.")

    def _refuse_a_taken_port(self, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} cannot be used ({error.strerror}). Choose another: PORT={port + 1} make run"
                ) from error

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()


def _prepare() -> list[str]:
    """Tables and static files; what had to be done, in words."""
    done = []
    if preparation.migrate():
        done.append("The tables are up to date.")
    if preparation.collect_static():
        done.append("The static files are in place.")
    return done


def _fill() -> dict[str, str]:
    """People, examples and new sign-in links; returns the links' tokens by username."""
    sign_in.ensure_sign_ins(var=settings.VAR_DIR, password=os.environ.get("COUNTERSIGN_DEMO_PASSWORD", ""))
    preparation.seed()
    names = [username for username, _first, _last, _role in sign_in.SIGN_INS]
    return sign_in_links.make_links(usernames=names, now=timezone.now())


def _parts(port: int) -> list[Part]:
    def part(name: str, *arguments: str) -> Part:
        return Part(name, lambda: call_command(*arguments))

    return [
        part("web", "web", "--host", HOST, "--port", str(port)),
        # What a decision has set free never waits behind a backlog of runs.
        part("worker-resume", "worker", "--queue", "resume"),
        part("worker-runs", "worker", "--queue", "runs,watch"),
        part("worker-isolated", "worker", "--queue", "isolated", "--processes", "--concurrency", "1"),
        part("ticker", "ticker"),
    ]
