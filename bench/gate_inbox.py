"""gate.inbox: the reviewer's list with 5,000 pending requests, as the server makes it.

The rows are copied from one real request in the database, so that the page shows what it always shows.
"""

from __future__ import annotations

import time

from bench import ground, parts

WAITING, SAMPLES = 5000, 30
_COPY = """
INSERT INTO approvals_approvalrequest ({names})
SELECT {values} FROM approvals_approvalrequest AS one, generate_series(1, %s) AS n WHERE one.id = %s
"""
_NAMES = "SELECT column_name FROM information_schema.columns WHERE table_name='approvals_approvalrequest'"
_CHANGED = {
    "id": "gen_random_uuid()",
    "run": "gen_random_uuid()",
    "tier": "(ARRAY['low','medium','high'])[1 + mod(n, 3)]",
    "rank": "3 - mod(n, 3)",
    "target": "'payee ' || mod(n, 2500)",
    "sentence": "'Pay ' || n || '.00 EUR to payee ' || mod(n, 2500)",
    "decide_by": "now() + interval '1 day' + n * interval '1 second'",
    "opened_at": "now() - n * interval '1 second'",
}


def measure() -> None:
    from django.db import connection, transaction

    ground.furnish()
    from bench.gate_decide import PAY, held

    with parts.running(("worker", "--queue", "runs")):
        _, request = held(ground.spec("bench.payer", tools=[PAY]), 1)[0]
    with connection.cursor() as cursor:
        cursor.execute(_NAMES)
        names = [row[0] for row in cursor.fetchall()]
        values = ", ".join(_CHANGED.get(name, f'one."{name}"') for name in names)
        cursor.execute("SELECT array_agg(id) FROM approvals_approvalrequest")
        before = cursor.fetchone()[0]
        listed = ", ".join(f'"{name}"' for name in names)
        cursor.execute(_COPY.format(names=listed, values=values), [WAITING, request])
        cursor.execute("ANALYZE approvals_approvalrequest")
    try:
        _measure_pages()
    finally:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL countersign.rebuilding = on")
            cursor.execute("DELETE FROM approvals_approvalrequest WHERE NOT id = ANY(%s)", [before])


def _measure_pages() -> None:
    from django.test import Client
    from django.test.utils import override_settings

    from config.models import User

    with override_settings(ALLOWED_HOSTS=["testserver"]):
        client = Client()
        person = User.objects.get(username="reviewer")
        client.force_login(person)
        for name, path in (("page", "/inbox/"), ("all", "/inbox/?tab=all"), ("rows", "/inbox/rows/")):
            found = []
            for _ in range(SAMPLES + 3):
                began = time.perf_counter()
                answer = client.get(path)
                found.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, answer.status_code
            for share, label in ((0.5, "p50"), (0.95, "p95")):
                value = ground.percentile(found[3:], share)
                ground.say(f"gate.inbox.{name}.{label}", value, "ms", pending=WAITING, aim="150 ms")
