"""gate.race: eight reviewers who decide the same 500 requests, with mixed answers: decisions per second, one winner each."""

from __future__ import annotations

import threading
import time
from collections import Counter

from bench import ground, parts

REQUESTS, REVIEWERS = 500, 8


def measure() -> None:
    from django.contrib.auth.models import Group
    from django.db import connection
    from django.utils import timezone

    from approvals.models import ApprovalRequest
    from approvals.services import sign_offs
    from bench.gate_decide import PAY, held
    from config.models import User
    from orchestrator.domain import errors

    ground.furnish()
    people = []
    for number in range(REVIEWERS):
        person, _ = User.objects.get_or_create(username=f"bench-{number}")
        person.groups.add(Group.objects.get(name="reviewer"))
        people.append(person)
    with parts.running(("worker", "--queue", "runs")):
        keys = [request for _, request in held(ground.spec("bench.payer", tools=[PAY]), REQUESTS)]
    found = {str(one.id): (one.digest, one.version) for one in ApprovalRequest.objects.filter(pk__in=keys)}
    ready, results, guard = threading.Barrier(REVIEWERS + 1), Counter[str](), threading.Lock()

    def decide(place: int) -> None:
        ready.wait()
        for turn, key in enumerate(keys):
            digest, version = found[key]
            verb = "approve" if (turn + place) % 2 else "reject"
            try:
                sign_offs.sign_off(
                    request=key,
                    by=people[place],
                    verb=verb,
                    seen_digest=digest,
                    seen_version=version,
                    reason="bench",
                    now=timezone.now(),
                )
                told = "won"
            except errors.Conflict:
                told = "lost"
            with guard:
                results[told] += 1
        connection.close()

    threads = [threading.Thread(target=decide, args=(place,)) for place in range(REVIEWERS)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    assert results == {"won": REQUESTS, "lost": REQUESTS * (REVIEWERS - 1)}, results
    ground.say("gate.race", REQUESTS / seconds, "decisions/s", reviewers=REVIEWERS, requests=REQUESTS)
    ground.say("gate.race.answers", REQUESTS * REVIEWERS / seconds, "answers/s")
