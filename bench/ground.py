"""The ground the measurements stand on: own servers and data under var/bench, or those the environment names."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = "bench.agents,orchestrator.adapters.validators"
PEERS = ROOT / "bench" / ".venv" / "bin" / "python"


def prepare() -> None:
    """Start the servers, create the database, set Django up. Call once, before anything of Django is imported."""
    os.environ.setdefault("COUNTERSIGN_VAR", str(ROOT / "var" / "bench"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["COUNTERSIGN_MODULES"] = MODULES
    from config import servers

    servers.ensure(var())
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def furnish() -> None:
    """People, policy and static files, for measurements through real web processes."""
    from django.utils import timezone

    from approvals.services import policies
    from config import preparation, roles, sign_in

    preparation.collect_static()
    roles.ensure_roles()
    sign_in.ensure_sign_ins(var=var())
    policies.ensure_shipped(now=timezone.now())


def var() -> Path:
    return Path(os.environ["COUNTERSIGN_VAR"])


def stop() -> None:
    from config import servers

    servers.stop(var())


def say(bench: str, value: float | None, unit: str, **more: Any) -> None:
    """One figure as one JSON line."""
    shown = round(value, 3) if value is not None else None
    print(json.dumps({"bench": bench, "value": shown, "unit": unit, **more}), flush=True)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spec(agent: str, *, tools: Sequence[Any] = (), turns: int = 1_000_000) -> bytes:
    """A workflow of one stage with one no-op agent, as canonical JSON."""
    import msgspec

    from orchestrator.domain import digests
    from orchestrator.domain.specs import AgentSpec, Budget, Scope, StageSpec, WorkflowSpec

    made = WorkflowSpec(
        slug="bench",
        name="Bench",
        owner="admin",
        revision=1,
        stages=(StageSpec(name="work", agent="noop"),),
        agents={
            "noop": AgentSpec(
                slug="noop",
                name="No-op",
                owner="admin",
                revision=1,
                reference=agent,
                budget=Budget(turns=turns),
                scope=Scope(tools=tuple(tool.name for tool in tools), categories=("routine", "financial")),
            )
        },
        tools={tool.name: tool for tool in tools},
    )
    return digests.canonical(msgspec.to_builtins(made))


def start(data: bytes) -> str:
    """Start one run; returns its id."""
    from django.utils import timezone

    from orchestrator.services import runs

    return runs.start_revision(spec=data, inputs={}, key=uuid.uuid4().hex, by="bench", now=timezone.now())


def peer_dsn(name: str) -> str:
    """A database of its own for a peer, on the same server."""
    import psycopg
    from django.db import connection

    connection.ensure_connection()
    info = connection.connection.info
    common = f"user={info.user} password={info.password} host={info.host} port={info.port}"
    with psycopg.connect(f"{common} dbname={info.dbname}", autocommit=True) as admin:
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname=%s", [name]).fetchone():
            admin.execute(f'CREATE DATABASE "{name}"', prepare=False)
    from urllib.parse import quote

    return f"postgresql://{quote(info.user)}:{quote(info.password)}@/{name}?host={quote(info.host)}&port={info.port}"


def peer(script: str, dsn: str, in_flight: int, runs: int) -> float | None:
    """Steps per second of a peer, in its own environment. None when it is not installed."""
    if not PEERS.exists():
        return None
    command = [str(PEERS), str(ROOT / "bench" / "peers" / script), "--dsn", dsn]
    done = subprocess.run(
        [*command, "--in-flight", str(in_flight), "--runs", str(runs)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
        return None
    return float(json.loads(done.stdout.strip().splitlines()[-1])["steps_per_second"])
