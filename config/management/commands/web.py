"""Serves pages, the API and WebSockets (daphne)."""

from __future__ import annotations

import argparse
import logging
from typing import Any

from django.core.management.base import BaseCommand

from config import leaving, lifeline, preparation

log = logging.getLogger("config.web")


class Command(BaseCommand):
    help = "Serve pages and WebSockets."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        lifeline.tie_to_parent()
        from daphne.server import Server

        from config.asgi import application

        host, port = options["host"], options["port"]
        endpoint = f"tcp:port={port}:interface={host.replace(':', chr(92) + ':')}"
        server = Server(
            application,
            endpoints=[endpoint],
            server_name="countersign",
            verbosity=0,
            ready_callable=_ready,
            # An idle tab must notice a dead server soon; a dead tab must not hold a socket.
            ping_interval=10,
            ping_timeout=20,
        )
        preparation.preload()
        preparation.settle_memory()
        log.info("Serving on %s port %s", host, port)
        server.run()
        if not server.listening_addresses:
            raise SystemExit(f"Nothing can be served on {host} port {port}: it is taken or not ours to use.")


def _ready() -> None:
    leaving.answer_first()
    lifeline.report_ready()
