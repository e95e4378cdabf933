"""Once: a call that is sent again under its own key gets the answer that it got the first time, and does nothing.

The answer is kept in the transaction of what it answers, so either both are there or neither is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from django.db import transaction

from orchestrator import models, sql
from orchestrator.domain import digests, errors

KEPT = dt.timedelta(days=7)
KEY_LENGTH = 200


class KeyReused(errors.Refused):
    """This idempotency key was used for another call. Use a new one for each call, the same one to repeat it."""

    status = 422


class Answer(NamedTuple):
    """A status and a JSON body; `repeated` marks one that was kept from the first time."""

    status: int
    body: dict[str, Any]
    repeated: bool = False


def once(*, token: str, key: str, asked: Any, do: Callable[[], Answer]) -> Answer:
    """Do it, unless the same caller did it under this key: then its answer. No key: do it each time.

    `asked` is everything the call says; the same key with something else raises KeyReused. What raises is not kept.
    """
    if not key:
        return do()
    fingerprint = digests.sha256(msgspec.json.encode(asked, order="sorted"))
    with transaction.atomic():
        # A second call under the same key waits here for the first one's commit.
        made = sql.run(
            'INSERT INTO "orchestrator_keptanswer" (token, key, fingerprint, status, body) '
            "VALUES ($1, $2, $3, 0, '') ON CONFLICT (token, key) DO NOTHING RETURNING id",
            [token, key[:KEY_LENGTH], fingerprint],
        )
        if not made:
            kept = models.KeptAnswer.objects.get(token=token, key=key[:KEY_LENGTH])
            if kept.fingerprint != fingerprint:
                raise KeyReused()
            return Answer(kept.status, msgspec.json.decode(kept.body), repeated=True)
        answer = do()
        models.KeptAnswer.objects.filter(pk=made[0][0]).update(
            status=answer.status, body=msgspec.json.encode(answer.body).decode()
        )
    return answer


def forget_old(now: dt.datetime) -> int:
    """Drop answers that nobody asks for again; returns how many."""
    return int(models.KeptAnswer.objects.filter(at__lt=now - KEPT).delete()[0])
