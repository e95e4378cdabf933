"""live.event_to_browser: from an event's own time to 500 sockets that watch its run, at 20 events a second.

The sockets live in a process of their own; both share this machine's cores with the server and the database.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

from bench import ground, parts
from orchestrator import dispatch, outbox
from orchestrator.services import effects

SOCKETS = 500
SECONDS = 15.0
STEPS_PER_SECOND = 10  # two events a step


def measure() -> None:
    ground.furnish()
    dispatch.rings = False
    from monitoring import receivers

    receivers.connect()
    port = parts.free_port()
    with parts.running(("web", "--port", str(port))):
        parts.wait_for_web(port)
        for sockets in (1, SOCKETS):
            _measure(port, sockets)


def _measure(port: int, sockets: int) -> None:
    run = ground.start(ground.spec("bench.endless"))
    given = [str(port), run, str(sockets), str(SECONDS), parts.session_of("operator")]
    client = subprocess.Popen(
        [sys.executable, "-m", "bench.sockets", *given], stdout=subprocess.PIPE, text=True, cwd=ground.ROOT
    )
    assert client.stdout is not None
    assert client.stdout.readline().strip() == "joined"
    owner = outbox.Owner("bench", 16)
    held = outbox.claim(run, "bench", limit=1)[0]
    started = time.monotonic()
    steps = 0
    while (now := time.monotonic()) < started + SECONDS:
        held = effects._perform(run, held, owner)[0]
        steps += 1
        time.sleep(max(0.0, started + steps / STEPS_PER_SECOND - now))
    outbox.put_back(held.key, held.token)
    said, _ = client.communicate(timeout=60)
    found = json.loads(said)
    expected = steps * 2 * sockets
    for label in ("p50", "p99"):
        ground.say(
            f"live.event_to_browser.{sockets}.{label}",
            found[label],
            "ms",
            delivered=found["delivered"],
            expected=expected,
            aim="p50 and p99: 30 and 150 ms" if sockets == SOCKETS else "",
        )
